"""Say hello over HTTP, after a second; a thousand clients at once wait no longer than one.

python examples/wsgi_hello.py 8080
"""

import sys
from collections.abc import Callable
from typing import Any

from hublet.core import sleep
from hublet.net.wsgi import WSGIServer


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Greet whoever the path names."""
    sleep(1)
    name = environ["PATH_INFO"].strip("/") or "world"
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"Hello, {name}!\n".encode("latin-1")]


server = WSGIServer(("127.0.0.1", int(sys.argv[1])), application)
server.start()
print("listening on port", server.server_port, flush=True)
server.serve_forever()
