"""Which nodes are silent, and whose pods users are led to meanwhile.

Kubernetes gives a dead node up after 40 to 50 s, and leads its share of all new connections there until then: longer than a call waits for
its people (30 s). Asking the nodes finds it in under ten.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

MISSES = 2
"""Looks in a row without an answer that make a node silent: in one of them packets may have been lost."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """missed: looks in a row that each node left unanswered. silent: nodes that users are led around."""

    missed: Mapping[str, int] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()

    def answers(self, node: str) -> bool:
        """One that was not asked yet is neither silent nor known to answer."""
        return self.missed.get(node) == 0

    @property
    def doubtful(self) -> bool:
        """Another look is worth hurrying for."""
        return any(0 < count < MISSES for count in self.missed.values())


@dataclass(frozen=True, slots=True)
class Standing:
    """A ready server pod. led: whether the Service leads users to it."""

    name: str
    uid: str
    revision: str
    node: str
    address: str
    led: bool


def judge(before: Nodes, answered: Mapping[str, bool]) -> Nodes:
    """After another look. answered: by node.

    Where more nodes are silent than are not, it is rather we who are cut off: no further one is held to be silent then.
    """
    missed = {node: 0 if heard else before.missed.get(node, 0) + 1 for node, heard in answered.items()}
    silent = frozenset(node for node, count in missed.items() if count >= MISSES)
    if 2 * len(silent) > len(missed):
        silent &= before.silent
    return Nodes(missed, silent)


def detours(nodes: Nodes, pods: Sequence[Standing]) -> list[Standing]:
    """Pods of one resource for which it changes whether users are led there. Where no other pod of a revision is left, nothing does."""
    reached = {one.revision for one in pods if one.node not in nodes.silent}
    away = [one for one in pods if one.led and one.node in nodes.silent and one.revision in reached]
    back = [one for one in pods if not one.led and nodes.answers(one.node)]
    return away + back
