"""The floor: what uvloop and the kernel alone cost for a WebSocket message that comes in and goes out.

    python -m carillon_bench.floor PORT

An echo of whole masked text frames, which trusts its client and does nothing else.
"""

import asyncio
import base64
import hashlib
import struct
import sys
from typing import cast

import uvloop
from websockets.utils import apply_mask

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Echo(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self.open = False
        self.rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        data = self.rest + data
        if not self.open:
            if b"\r\n\r\n" not in data:
                self.rest = data
                return
            self.answer(data)
            data = data.partition(b"\r\n\r\n")[2]
        at, end = 0, len(data)
        while end - at >= 8:
            length, begin = data[at + 1] & 0x7F, at + 6
            if length == 126:
                length, begin = data[at + 2] << 8 | data[at + 3], at + 8
            after = begin + length
            if after > end:
                break
            if data[at] != 0x81:
                self.transport.close()
                return
            head = bytes((0x81, length)) if length < 126 else struct.pack("!BBH", 0x81, 126, length)
            self.transport.write(head + apply_mask(data[begin:after], data[begin - 4 : begin]))
            at = after
        self.rest = data[at:]

    def answer(self, request: bytes) -> None:
        self.open = True
        key = next(line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key"))
        accept = base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n" % accept
        )


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
