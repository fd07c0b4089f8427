"""Search domains: what a name may stand for, and which of several failures is told."""

from __future__ import annotations

import pytest

from hublet.dns._answers import FOUND, HOST_NOT_FOUND, NO_DATA, NO_RECOVERY, TRY_AGAIN, Answer, LookupFailed
from hublet.dns._hostname import is_hostname, plain_name
from hublet.dns._resolv_conf import Settings
from hublet.dns._search import search

FOUND_IT = Answer(FOUND, "name", (), ("192.0.2.1",), is_final=True)
LEADS_NOWHERE = Answer(NO_DATA, is_final=True)
SILENCE = Answer(TRY_AGAIN, is_timeout=True)


@pytest.fixture
def look_up():
    """Return a function that searches for a name among given answers, and returns the names asked for and the outcome."""

    def look_up(name, answers, domains=("one", "two"), ndots=1):
        asked = []

        class Asker:
            def ask(self, complete, kinds, settings):
                asked.append(complete)
                answer = answers.get(complete, HOST_NOT_FOUND)
                return [answer if isinstance(answer, Answer) else Answer(answer)]

        try:
            outcome = search(name, Settings((), domains, ndots), Asker(), ("A",))[0].status
        except LookupFailed as failed:
            outcome = failed.status
        return asked, outcome

    return look_up


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("host", {}, ["host.one", "host.two", "host"]),
        ("a.host", {}, ["a.host", "a.host.one", "a.host.two"]),
        ("a.host", {"ndots": 2}, ["a.host.one", "a.host.two", "a.host"]),
        ("host", {"ndots": 0}, ["host", "host.one", "host.two"]),
        ("host.", {}, ["host"]),
        ("a.host.", {"ndots": 5}, ["a.host"]),
        ("host", {"domains": ()}, ["host"]),
        ("host", {"domains": ("one", "")}, ["host.one", "host"]),
    ],
)
def test_what_a_name_may_stand_for_is_tried_in_this_order(look_up, name, options, expected):
    assert look_up(name, {}, **options) == (expected, HOST_NOT_FOUND)


def test_the_first_that_is_found_ends_the_search(look_up):
    assert look_up("host", {"host.two": FOUND_IT, "host": FOUND_IT}) == (["host.one", "host.two"], FOUND)


@pytest.mark.parametrize("failure", [HOST_NOT_FOUND, NO_DATA, TRY_AGAIN])
def test_these_failures_do_not_end_the_search(look_up, failure):
    assert look_up("host", {"host.one": failure, "host.two": FOUND_IT})[1] == FOUND


@pytest.mark.parametrize("failure", [SILENCE, NO_RECOVERY])
def test_after_these_failures_only_the_name_as_it_is_is_tried(look_up, failure):
    assert look_up("host", {"host.one": failure, "host": FOUND_IT}) == (["host.one", "host"], FOUND)


@pytest.mark.parametrize("domain", ["#", "o!d", "-x", "a\\b", "\xe4" * 31])
def test_a_domain_that_no_host_can_have_does_not_end_the_search(look_up, domain):
    assert look_up("host", {"host.two": FOUND_IT}, (domain, "two")) == (["host.two"], FOUND)


@pytest.mark.parametrize("domain", ["a..b", "x" * 64, "\xe4" * 32, ".".join(["x" * 62] * 4), ".".join(["!" * 62] * 4)])
def test_after_a_domain_of_which_no_question_can_be_made_only_the_name_as_it_is_is_tried(look_up, domain):
    assert look_up("host", {"host.two": FOUND_IT}, (domain, "two")) == (["host"], HOST_NOT_FOUND)


def test_an_alias_that_leads_nowhere_ends_the_search(look_up):
    assert look_up("host", {"host.one": LEADS_NOWHERE, "host.two": FOUND_IT}) == (["host.one"], HOST_NOT_FOUND)


@pytest.mark.parametrize(
    ("name", "answers", "expected"),
    [
        ("host", {"host.one": NO_DATA}, NO_DATA),
        ("host", {"host.two": NO_DATA, "host": TRY_AGAIN}, NO_DATA),
        ("host", {"host.one": TRY_AGAIN}, TRY_AGAIN),
        ("host", {"host": NO_RECOVERY}, NO_RECOVERY),
        ("a.host", {"a.host": NO_DATA}, NO_DATA),
        ("a.host", {"a.host": TRY_AGAIN}, TRY_AGAIN),
        ("a.host", {"a.host.one": NO_DATA}, HOST_NOT_FOUND),
    ],
)
def test_the_failure_that_says_most_is_told(look_up, name, answers, expected):
    assert look_up(name, answers)[1] == expected


@pytest.mark.parametrize("name", ["a", "a.b", "a.b.", "under_score.test", "ends-.test", "1.2.3.4.5", "x" * 63])
def test_names_of_hosts(name):
    assert is_hostname(name)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a..b", ".a", "-a", "a.-b", "a b", "a!b", "a\\.b", "\xe4", "\u0661", "x" * 64, ".".join(["x" * 60] * 5)],
)
def test_what_is_no_name_of_a_host(name):
    assert not is_hostname(name)


@pytest.mark.parametrize("name", ["a", "a.b", "a.b.", "1.2.a", "under_score", "x" * 63, b"a.b", "0x.f", ".".join(["x" * 62] * 4)])
def test_what_is_plainly_a_name(name):
    assert plain_name(name) == (name if isinstance(name, str) else name.decode())


@pytest.mark.parametrize(
    "name",
    ["1", "1.2", "0x7f.1", "a.1", "a.0x1", "::1", "1.2.3.4.", "", ".", "a..b", "a\0", "\xe4", b"\xe4", None, 5, ("a",)],
)
def test_what_may_be_an_address_or_anything_else(name):
    assert plain_name(name) is None


def test_a_name_that_only_acts_like_a_string_is_looked_at_more_closely():
    class Name(str):
        pass

    assert plain_name(Name("a.b")) is None
