"""Echo servers on asyncio: python on_asyncio.py KIND [uvloop], which prints the port and serves until it is killed."""

import asyncio
import sys


async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class EchoDatagrams(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)


def context():
    import ssl

    from certificate import server_context

    return server_context(ssl)


async def streams(**options):
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=4096, **options)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def protocol(**options):
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=4096, **options)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def streams_tls():
    await streams(ssl=context())


async def protocol_tls():
    await protocol(ssl=context())


async def udp():
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(EchoDatagrams, ("127.0.0.1", 0))
    print(transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.Event().wait()


if sys.argv[2:] == ["uvloop"]:
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
asyncio.run(globals()[sys.argv[1]]())
