"""A command on its way, and why it may come to nothing."""

from dataclasses import dataclass

from carillon.call import Call, Command
from carillon.hub import Attached


class StaleConnection(Exception):
    """Another connection has taken this one's place: nothing that it sends counts any more."""


class OutOfSequence(Exception):
    def __init__(self, expected: int) -> None:
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Ask:
    """A command with who asks and how long they wait. number: of the v1 message; claim: (zset, member, score) of a deadline."""

    command: Command
    call_id: str
    actor: Attached | None = None
    number: int | None = None
    claim: tuple[str, str, int] | None = None
    known: Call | None = None
    patience: float = 15.0
    commit_id: str = ""
