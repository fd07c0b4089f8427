"""A hundred clients say hello to the echo server, all at once.

python examples/echo_client.py 7007
"""

import sys

from hublet.core import joinall, spawn
from hublet.net import socket


def talk(name: str) -> str:
    """Say hello and return the answer."""
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
        connection.sendall(f"hello from {name}\n".encode())
        return connection.makefile().readline()


clients = [spawn(talk, f"client {number}") for number in range(1, 101)]
joinall(clients)
answers = [client.get() for client in clients]
print(len(answers), "answers, of which the last is:", answers[-1], end="")
