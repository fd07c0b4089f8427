"""Questions about names: answered from the cache, by a flight that is under way, or by a name server."""

from __future__ import annotations

from collections.abc import Sequence

from ._answers import HOST_NOT_FOUND, TRY_AGAIN, Answer
from ._cache import Cache, CacheInfo
from ._flights import Flights
from ._questions import Sender
from ._resolv_conf import ResolvConf, Settings

__all__ = ["Names"]

_SILENCE = Answer(TRY_AGAIN, is_timeout=True)


class Names:
    """Asks through *sender* whom *resolv_conf* says, and keeps at most *cache_size* answers.  Used by one thread."""

    def __init__(self, resolv_conf: ResolvConf, sender: Sender, cache_size: int) -> None:
        self._resolv_conf = resolv_conf
        self._sender = sender
        self._flights = Flights(sender, self._keep)
        self._cache: Cache[Answer] = Cache(cache_size)
        self._settings: Settings | None = None  # those by which the answers in the cache were found
        self._is_closed = False

    def settings(self) -> Settings:
        """Return how to ask now.  Never switches."""
        settings = self._resolv_conf.get()
        if settings is not self._settings:
            self._settings = settings
            self._cache.clear()  # other servers may know other things
        return settings

    def ask(self, name: str, kinds: Sequence[str], settings: Settings) -> list[Answer]:
        """Return one answer for each of *kinds* ("A", "AAAA", "PTR") of record that *name*, a complete name, may have.

        *settings* are those that hold now.  Parks if a name server must be asked.  Never raises for what servers or
        networks do.
        """
        key = name.lower()
        found = []
        missing = []
        for kind in kinds:
            answer = self._cache.get((key, kind))
            if answer is None:
                missing.append(kind)
            else:
                found.append(answer)
        if not missing:
            return found
        if not found:
            return self._ask_for(key, name, kinds, settings)
        # There are two kinds at most.
        asked = self._ask_for(key, name, missing, settings)
        return [*found, *asked] if missing[0] == kinds[-1] else [*asked, *found]

    def _ask_for(self, key: str, name: str, kinds: Sequence[str], settings: Settings) -> list[Answer]:
        if key.endswith("onion") and key.rpartition(".")[2] == "onion":
            return [Answer(HOST_NOT_FOUND)] * len(kinds)  # RFC 7686 section 2: never asked for
        if self._is_closed:
            return [_SILENCE] * len(kinds)
        return self._flights.ask(key, name, kinds, settings)

    def _keep(self, key: str, kind: str, answer: Answer) -> None:
        self._cache.put((key, kind), answer, answer.ttl)

    def cache_info(self) -> CacheInfo:
        """Return what became of the questions so far.  Never switches."""
        cache = self._cache
        return CacheInfo(cache.hits, cache.misses, self._flights.shared, cache.size, len(cache))

    def cache_clear(self) -> None:
        """Forget all answers.  Never switches."""
        self._cache.clear()

    def close(self) -> None:
        """End what is under way, which fails, and forget all answers.  May be called twice.  Never switches."""
        self._is_closed = True
        self._flights.end_all()
        self._sender.close()
        self._cache.clear()
