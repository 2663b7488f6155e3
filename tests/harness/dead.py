"""A machine without power, as far as one that connects to it can tell."""

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def dead_machine(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    """At an address of this machine, and a port, which is returned; 0: a free one."""
    with contextlib.ExitStack() as sockets:
        dead = sockets.enter_context(socket.socket())
        dead.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        dead.bind((address, port))
        dead.listen(0)
        for _ in range(4):  # more than wait in its queue: whoever comes now gets no answer
            caller = sockets.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(dead.getsockname())
        yield dead.getsockname()[1]
