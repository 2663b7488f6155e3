"""How much one user, address or connection may ask for."""

from dataclasses import dataclass

from carillon.config.declare import setting
from carillon.config.values import Rate, rate


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Limits

    Rates are written COUNT/SECONDS: so many at once, and on average so many in that time; `off` is no limit. A user has one live call at a
    time, so rings in flight need no limit of their own.
    """

    enabled: bool = setting(
        "RATE_LIMITS",
        True,
        why="`off` turns off all rates and limits per address, for benchmarks; the bounds in bytes stay.",
    )
    accepts: Rate | None = setting(
        "LIMIT_ACCEPTS",
        Rate(1000, 1.0),
        parse=rate,
        unit="connections",
        why="New connections of this process: about what a core can do, so that a storm does not starve the calls that are on.",
    )
    accept_wait: float = setting(
        "LIMIT_ACCEPT_WAIT",
        4.0,
        unit="s",
        least=0,
        most=60,
        why="Connections above that rate wait their turn so long; then they are refused with a retry hint. "
        "Less than clients wait for an answer (5 s): turns that come after they have gone keep out those who come again, for good.",
    )
    unauthenticated: Rate | None = setting(
        "LIMIT_UNAUTHENTICATED",
        Rate(300, 60.0),
        parse=rate,
        unit="connections",
        why="Refused tokens per address: checking one costs 0.1 ms, guessing them must not be free.",
    )
    connects_per_user: Rate | None = setting(
        "LIMIT_CONNECTS_PER_USER",
        Rate(60, 60.0),
        parse=rate,
        unit="connections",
        why="Each replaces the last one of the user; two devices that kick each other in turn would go on for ever.",
    )
    connections_per_address: int = setting(
        "LIMIT_CONNECTIONS_PER_ADDRESS",
        10_000,
        unit="connections",
        least=0,
        most=10_000_000,
        why="Half of MAX_CONNECTIONS: one address (IPv6: one /64) cannot take a whole pod, an office can come in. "
        "0: no limit, where a proxy hides addresses.",
    )
    max_connections: int = setting(
        "MAX_CONNECTIONS",
        20_000,
        unit="connections",
        least=1,
        most=10_000_000,
        why="Of this process: some 600 MiB at 28 KiB each, and far above what one core keeps busy.",
    )
    starts: Rate | None = setting(
        "LIMIT_STARTS", Rate(120, 60.0), parse=rate, unit="calls", why="Calls started per user: no person dials faster, a script does."
    )
    pushes_per_caller: Rate | None = setting(
        "LIMIT_PUSHES_PER_CALLER", Rate(30, 60.0), parse=rate, unit="pushes", why="Pushes that one caller causes: each wakes a phone."
    )
    pushes_per_token: Rate | None = setting(
        "LIMIT_PUSHES_PER_TOKEN",
        Rate(10, 60.0),
        parse=rate,
        unit="pushes",
        why="Pushes to one device, whoever calls: providers throttle devices that get more.",
    )
    messages: Rate | None = setting(
        "LIMIT_MESSAGES",
        Rate(1000, 10.0),
        parse=rate,
        unit="messages",
        why="Per connection: a call set-up sends some hundred messages within a second, then next to none.",
    )
    bytes: Rate | None = setting(
        "LIMIT_BYTES",
        Rate(8_388_608, 10.0),
        parse=rate,
        unit="bytes",
        why="Per connection: sixteen of the largest frames at once; a session description has 3 to 20 KiB.",
    )
    frame_bytes: int = setting(
        "MAX_FRAME_BYTES", 524_288, unit="bytes", least=16_384, most=16_777_216, why="The reference's bound on one message (512 KiB)."
    )
    token_bytes: int = setting(
        "MAX_TOKEN_BYTES",
        4096,
        unit="bytes",
        least=256,
        most=8000,
        why="Longer tokens are refused in words. Proxies commonly cut request lines and headers off at 8 KiB.",
    )
    head_bytes: int = setting(
        "MAX_HEAD_BYTES",
        16_384,
        unit="bytes",
        least=12_288,
        most=1_048_576,
        why="Request line and headers together; more is answered with 431. Above MAX_TOKEN_BYTES, so that a long token is refused as one.",
    )
    backlog_bytes: int = setting(
        "BACKLOG_BYTES",
        1_048_576,
        unit="bytes",
        least=65_536,
        most=268_435_456,
        why="A client that reads so far behind is disconnected (4409): it would only fall further back, at the memory of all others.",
    )
    queue_bytes: int = setting(
        "QUEUE_BYTES",
        1_048_576,
        unit="bytes",
        least=65_536,
        most=268_435_456,
        why="Messages of one connection that wait for Redis; above it nothing more is read from that socket.",
    )
    queue_seconds: float = setting(
        "QUEUE_SECONDS",
        15.0,
        unit="s",
        least=1,
        most=60,
        why="A message that has waited so long fails with its error: its sender has given it up.",
    )
    control_frames: int = setting(
        "MAX_CONTROL_FRAMES",
        1000,
        unit="frames",
        least=10,
        most=1_000_000,
        why="Pings, pongs and fragments of one connection within PING_INTERVAL; they cost as much as messages and count as none.",
    )
    redis_queue_bytes: int = setting(
        "REDIS_QUEUE_BYTES",
        67_108_864,
        unit="bytes",
        least=1_048_576,
        most=1_073_741_824,
        why="Commands of this process that wait for an absent Redis; above it they fail at once.",
    )
