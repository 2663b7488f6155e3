"""What the service is made of."""

from collections.abc import Callable
from dataclasses import dataclass

from carillon.router.router import Router
from carillon.service.background import Background
from carillon.service.ports import Limiter, Pusher, Watcher
from carillon.service.relay import Relayer
from carillon.service.ring import Ring
from carillon.service.transact import Transactor
from carillon.telemetry import Tracer


@dataclass(frozen=True, slots=True)
class Parts:
    transactor: Transactor
    relayer: Relayer
    ring: Ring
    router: Router
    pusher: Pusher
    background: Background
    limiter: Limiter
    watcher: Watcher
    tracer: Tracer
    now: Callable[[], int]
    """Redis time in microseconds."""
    clock: Callable[[], float]
    """Monotonic seconds."""
    hurry: float = 3.0
    """Seconds that starts and checks wait for Redis: a person waits for them."""
    patience: float = 15.0
    """Seconds that all else waits: better late than lost."""
