"""What uvicorn carries to each connection for us."""

from dataclasses import dataclass
from typing import Any

import uvicorn

from carillon.ws.keepalive import Wheel


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one connection. head, frame, queue, backlog: bytes. request, close: seconds.

    trifles: frames that are no message (pings, pongs, fragments), between two visits of the keepalive.
    """

    head: int = 16_384
    frame: int = 524_288
    queue: int = 1_048_576
    backlog: int = 1_048_576
    trifles: int = 1_000
    request: float = 10.0
    close: float = 5.0


class SignalingConfig(uvicorn.Config):
    """uvicorn's configuration, which it hands to every protocol object, with ours beside it."""

    def __init__(self, app: Any, *, bounds: Bounds, wheel: Wheel, **options: Any) -> None:
        super().__init__(app, **options)
        self.bounds, self.wheel = bounds, wheel
