"""Where the server listens and how it leaves."""

import socket
from dataclasses import dataclass

from carillon.config.declare import setting
from carillon.config.values import Network, networks, origins


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Server"""

    host: str = setting(
        "HOST",
        "",
        shown="all interfaces",
        example="127.0.0.1",
        why="Probes, Services and people reach a pod by its address, IPv4 or IPv6.",
    )
    port: int = setting("PORT", 8080, least=0, most=65_535, why="The reference's port. 0 takes a free one and logs it.")
    server_id: str = setting(
        "SERVER_ID",
        socket.gethostname(),
        shown="hostname",
        example="server-1",
        why="Names this process in logs, traces and tombstones; in Kubernetes the host name is the pod's name.",
    )
    allowed_origins: tuple[str, ...] = setting(
        "ALLOWED_ORIGINS",
        (),
        parse=origins,
        shown="any",
        example="https://app.example.com",
        why="Web pages that may connect. Any by default, as in the reference: the token, not a cookie, authorizes. "
        "Apps send no Origin and always may.",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "TRUSTED_PROXIES",
        (),
        parse=networks,
        shown="none",
        example="10.0.0.0/8",
        why="Networks whose X-Forwarded-For is believed; anybody could write one, so none is by default.",
    )
    demo: bool = setting(
        "DEMO",
        False,
        hidden=True,
        why="Serves demo users and their tokens to everybody; `make run` sets it. Never where others can reach it.",
    )
    ping_interval: float = setting(
        "PING_INTERVAL",
        10.0,
        unit="s",
        least=1,
        most=300,
        why="A silent connection is probed this often, so that both ends notice a dead network well within the grace.",
    )
    ping_timeout: float = setting(
        "PING_TIMEOUT",
        10.0,
        unit="s",
        least=1,
        most=300,
        why="A probe unanswered for so long means that the connection is lost: phones wake their radio in a few seconds.",
    )
    request_timeout: float = setting(
        "REQUEST_TIMEOUT",
        10.0,
        unit="s",
        least=1,
        most=300,
        why="A connection that has not sent its whole HTTP request by then is cut off: nobody answers for what it costs.",
    )
    close_timeout: float = setting(
        "CLOSE_TIMEOUT",
        5.0,
        unit="s",
        least=0.5,
        most=60,
        why="A peer has so long to read what was sent before a close frame and to answer it; then the connection is cut off.",
    )
    hello_timeout: float = setting(
        "HELLO_TIMEOUT",
        5.0,
        unit="s",
        least=0.1,
        most=30,
        why="A v1 client that has not said `session.resume` by then begins a fresh session: a busy one would lose what it meant to resume.",
    )
    attach_timeout: float = setting(
        "ATTACH_TIMEOUT",
        10.0,
        unit="s",
        least=1,
        most=60,
        why="A new connection waits so long for Redis before it is refused with a retry hint.",
    )
    drain_delay: float = setting(
        "DRAIN_DELAY",
        5.0,
        unit="s",
        least=0,
        most=300,
        why="After SIGTERM the server serves on until load balancers have taken it out; slow cloud ones need more.",
    )
    drain: float = setting(
        "DRAIN_SECONDS",
        25.0,
        unit="s",
        least=0,
        most=86_400,
        why="Then clients are sent away, spread over this time, so that they do not return all at once. "
        "terminationGracePeriodSeconds must exceed DRAIN_DELAY + DRAIN_SECONDS by some seconds.",
    )
    rebalance_above: int = setting(
        "REBALANCE_ABOVE",
        0,
        unit="%",
        least=0,
        most=1000,
        why="A pod with so many more connections than the mean of all asks idle v1 clients to try another one, so that new pods fill. "
        "0: never; clients then move only when they reconnect.",
    )
    rebalance_rate: int = setting(
        "REBALANCE_RATE",
        1,
        unit="% a second",
        least=1,
        most=100,
        why="So many of its idle v1 clients an overfull pod asks each second: a move costs a reconnect, so it is spread over minutes.",
    )
