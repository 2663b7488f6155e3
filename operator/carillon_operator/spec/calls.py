"""How long things last in a call, and how much anybody may ask for."""

from typing import Annotated, Literal

from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.values import RateText


class Calls(Part, frozen=True, kw_only=True):
    """Times of a call."""

    ring_timeout_seconds: Annotated[int, about("An unanswered call ends after this time.", least=5, most=600)] = 60
    grace_seconds: Annotated[
        int,
        about(
            "A call waits so long for a participant whose connection was lost. 25 is what noticing a dead server takes.", least=25, most=600
        ),
    ] = 30
    offline_policy: Annotated[
        Literal["Reveal", "Ring"],
        about("Reveal: callers are told that someone is offline. Ring: every call rings, so that nobody finds out who is online."),
    ] = "Reveal"
    tombstone_seconds: Annotated[int, about("So long can be told why a call ended.", least=900, most=604_800)] = 14_400


class Limits(Part, frozen=True, kw_only=True):
    """Rates are COUNT/SECONDS: so many at once, and on average so many in that time; off is no limit."""

    rules = (
        Rule(
            "self.bytes == 'off' || int(self.bytes.split('/')[0]) >= self.frameBytes",
            "bytes allows less at once than frameBytes: the longest messages could never be sent",
        ),
    )
    rates: Annotated[Literal["On", "Off"], about("Off turns off all rates and limits per address, for benchmarks.")] = "On"
    max_connections: Annotated[int, about("Connections of one pod.", least=1, most=10_000_000)] = 20_000
    accepts: Annotated[RateText, about("New connections of one pod; more wait their turn.")] = "1000/1"
    connections_per_address: Annotated[
        int, about("Connections of one address and pod, where addresses are known.", least=0, most=10_000_000)
    ] = 10_000
    unauthenticated: Annotated[RateText, about("Refused tokens of one address, where addresses are known.")] = "300/60"
    connects_per_user: Annotated[RateText, about("Connections that one user opens.")] = "60/60"
    starts: Annotated[RateText, about("Calls that one user starts.")] = "120/60"
    pushes_per_caller: Annotated[RateText, about("Pushes that one caller causes.")] = "30/60"
    pushes_per_token: Annotated[RateText, about("Pushes to one device.")] = "10/60"  # noqa: S105 - no password
    messages: Annotated[RateText, about("Messages on one connection.")] = "1000/10"
    bytes: Annotated[RateText, about("Bytes on one connection.")] = "8388608/10"
    frame_bytes: Annotated[int, about("The longest message.", least=16_384, most=524_288)] = 524_288
