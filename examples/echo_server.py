"""Send back whatever comes in, to any number of clients at once.

python examples/echo_server.py 7007
"""

import sys

from hublet.core import spawn
from hublet.net import socket


def echo(connection: socket.socket) -> None:
    """Serve one client until it has no more to say."""
    with connection:
        while received := connection.recv(4096):
            connection.sendall(received)


listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening on port", listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    spawn(echo, connection)
