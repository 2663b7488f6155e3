"""What a socket needs of the protocol class below it."""

from collections.abc import Sequence
from typing import Protocol

Headers = Sequence[tuple[str, str]]


class Wire(Protocol):
    """Nothing here waits."""

    def write_accept(self, subprotocol: str | None) -> None: ...

    def write_response(self, status: int, body: bytes, headers: Headers) -> None: ...

    def write_text(self, data: bytes) -> None: ...

    def write_ping(self, payload: bytes) -> None: ...

    def write_close(self, code: int, reason: str) -> None: ...

    def abort(self) -> None: ...

    def buffered(self) -> int: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


class Gone:
    """The wire of a connection that is lost: a socket that still held the real one would be garbage in a circle."""

    def nothing(self, *_: object) -> None:
        return

    write_accept = write_response = write_text = write_ping = write_close = abort = pause = resume = nothing

    def buffered(self) -> int:
        return 0


GONE = Gone()
