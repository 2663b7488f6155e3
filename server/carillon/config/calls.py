"""How long things last in a call, and how much is kept of it."""

from dataclasses import dataclass
from typing import Literal

from carillon.config.declare import setting


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Calls"""

    ring_timeout: float = setting(
        "RING_TIMEOUT",
        60.0,
        unit="s",
        least=5,
        most=600,
        why="What telephones and other signaling servers use; above ten minutes the call's key in Redis could expire first.",
    )
    grace: float = setting(
        "GRACE_PERIOD",
        30.0,
        unit="s",
        least=5,
        most=600,
        why="A call waits so long for a participant whose connection was lost: "
        "enough for a change of network, a reload or the death of a pod.",
    )
    renewal: float = setting(
        "ATTENDANCE_RENEWAL",
        10.0,
        unit="s",
        least=1,
        most=60,
        why="How often a pod says that its users are still in their calls; a lease lasts this long plus the grace.",
    )
    pod_lease: float = setting(
        "POD_LEASE",
        10.0,
        unit="s",
        least=3,
        most=60,
        why="A pod silent for longer is dead; shorter ones would take a slow Redis for a dead pod.",
    )
    pod_renewal: float = setting(
        "POD_RENEWAL",
        2.0,
        unit="s",
        least=0.2,
        most=20,
        why="A fifth of the lease; a pod also learns within this time that Redis lost its data.",
    )
    sweep: float = setting(
        "SWEEP_INTERVAL",
        0.5,
        unit="s",
        least=0.05,
        most=2,
        why="Deadlines are looked at this often, by every pod, so that each fires within a second.",
    )
    ring_confirm: float = setting(
        "RING_CONFIRM",
        1.5,
        unit="s",
        least=0.2,
        most=30,
        why="No sign of life from the callee's app within this time: a push is sent as well. "
        "A suspended phone never answers, a living one does at once.",
    )
    glare_window: float = setting(
        "GLARE_WINDOW",
        5.0,
        unit="s",
        least=0,
        most=30,
        why="Two people who call each other within it are put into one call; later it is no coincidence.",
    )
    return_window: float = setting(
        "RETURN_WINDOW",
        5.0,
        unit="s",
        least=0,
        most=30,
        why="A start to someone whose connection was lost less than this ago waits for their return: clients reconnect within seconds.",
    )
    start_timeout: float = setting(
        "START_TIMEOUT",
        3.0,
        unit="s",
        least=0.5,
        most=15,
        why="A start or check that Redis leaves unanswered fails then: a person is waiting for it.",
    )
    command_timeout: float = setting(
        "COMMAND_TIMEOUT",
        15.0,
        unit="s",
        least=1,
        most=60,
        why="Accepts, ends and relays wait so long for Redis: better late than lost, and longer than a failover of Sentinel takes.",
    )
    outage_notice: float = setting(
        "OUTAGE_NOTICE",
        5.0,
        unit="s",
        least=1,
        most=60,
        why="Without Redis for so long, a pod advises its v1 clients to try another one: shorter outages are nobody's business.",
    )
    offline_policy: Literal["reveal", "ring"] = setting(
        "OFFLINE_POLICY",
        "reveal",
        why="`reveal` answers user_offline as the reference does; `ring` lets every call ring, and tells no v1 caller `call.alerting`, "
        "so that nobody can find out who is online.",
    )
    inbox_entries: int = setting(
        "INBOX_ENTRIES",
        256,
        unit="messages",
        least=16,
        most=10_000,
        why="Kept for a v1 user who is away, in each of two streams: several calls' worth of ICE candidates.",
    )
    inbox_bytes: int = setting(
        "INBOX_BYTES",
        1_048_576,
        unit="bytes",
        least=65_536,
        most=67_108_864,
        why="The same bound in memory of Redis, of each stream: some hundred session descriptions.",
    )
    tombstone: float = setting(
        "TOMBSTONE_TTL",
        14_400.0,
        unit="s",
        least=900,
        most=604_800,
        why="`python -m carillon why ID` can tell for so long why a call ended: a working half-day, at about 1 KiB a call.",
    )

    @property
    def lease(self) -> float:
        """Seconds an attendance lease lasts: a pod that dies just before renewing leaves its users the whole grace."""
        return self.grace + self.renewal

    @property
    def freeze(self) -> float:
        """Seconds of a standing event loop after which a pod closes all its sockets: others are about to take it for dead."""
        return self.pod_lease - self.pod_renewal
