"""Echo servers on hublet: python on_hublet.py KIND, which prints the port and serves until it is killed."""

import sys

from hublet.core import spawn
from hublet.net import StreamServer, socket


def echo(sock, address=None):
    while data := sock.recv(65536):
        sock.sendall(data)


def stream():
    server = StreamServer(("127.0.0.1", 0), echo, backlog=4096)
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


def tls():
    from certificate import server_context

    from hublet.net import ssl

    server = StreamServer(("127.0.0.1", 0), echo, backlog=4096, ssl_context=server_context(ssl))
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


def plain():
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    while True:
        spawn(echo, listener.accept()[0])


def udp():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    print(sock.getsockname()[1], flush=True)
    while True:
        data, address = sock.recvfrom(65536)
        sock.sendto(data, address)


globals()[sys.argv[1]]()
