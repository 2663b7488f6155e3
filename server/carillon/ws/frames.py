"""WebSocket frames (RFC 6455 §5), as far as whole text messages go; the websockets library is the judge of all others.

The library reads byte by byte through nested generators and writes through BytesIO. Nearly all that a signaling server reads is one whole,
masked text frame, and all that it writes but pings and closes is one, too: these are handled here, in a third of the time.
"""

import struct

from websockets.frames import Opcode
from websockets.utils import apply_mask

TEXT = 0x80 | Opcode.TEXT
"""First byte of a text message in one frame, without extensions."""

_SHORT = [bytes((TEXT, length)) for length in range(126)]
_MEDIUM, _LONG = struct.Struct("!BBH").pack, struct.Struct("!BBQ").pack


def text_frame(data: bytes) -> bytes:
    """A whole text message as a server sends it, unmasked."""
    length = len(data)
    if length < 126:
        return _SHORT[length] + data
    return (_MEDIUM(TEXT, 126, length) if length < 65_536 else _LONG(TEXT, 127, length)) + data


class Cut(Exception):
    """A frame that no client may send, or one above the limit: not to be waited for."""


def frame_bounds(data: bytes | bytearray, at: int, most: int) -> tuple[int, int]:
    """Where the payload of the client's frame that begins at `at` begins and ends, the mask being the four bytes before it.

    The end may lie beyond the data: then there is more to come. (0, 0): too little to know. most: bytes of payload.
    Raises Cut.
    """
    left = len(data) - at
    if left < 2:
        return 0, 0
    second = data[at + 1]
    if not second & 0x80:
        raise Cut
    length = second & 0x7F
    begin = at + 6
    if length == 126:
        if left < 4:
            return 0, 0
        length = data[at + 2] << 8 | data[at + 3]
        begin = at + 8
    elif length == 127:
        if left < 10:
            return 0, 0
        length = int.from_bytes(data[at + 2 : at + 10], "big")
        begin = at + 14
    if length > most:
        raise Cut
    return begin, begin + length


__all__ = ["TEXT", "Cut", "apply_mask", "frame_bounds", "text_frame"]
