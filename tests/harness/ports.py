"""Where test servers listen."""

import random
import secrets
import socket


def free_port() -> int:
    """Below those that the system gives to outgoing connections, one of which could take it before it is used."""
    while True:
        port = random.randrange(12_000, 30_000)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def loopback_net() -> str:
    """Three of four numbers of addresses of this machine that nobody else is likely to take."""
    return f"127.{secrets.randbelow(250) + 2}.{secrets.randbelow(250) + 2}"
