"""Nodes that live and nodes that do not, at addresses of this machine."""

import asyncio
from collections.abc import Iterator

import pytest
from harness.dead import dead_machine
from harness.ports import free_port

from carillon_operator.metrics import Own
from carillon_operator.reconciler import Key, Lookout, lookout
from carillon_operator.silence import Standing

KEY: Key = ("ns", "calls")


def pods(*nodes: tuple[str, str]) -> tuple[Standing, ...]:
    return tuple(Standing(f"pod-{index}", f"uid-{index}", "x", node, address, True) for index, (node, address) in enumerate(nodes))


@pytest.fixture
def port() -> Iterator[int]:
    """At 127.0.0.9 nothing answers, at other addresses of this machine connections are refused."""
    with dead_machine("127.0.0.9", free_port()) as found:
        yield found


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookout, "PATIENCE", 0.3)


async def test_a_dead_node_is_found_and_whose_users_go_there_is_told(port: int) -> None:
    changed: list[Key] = []
    own = Own()
    found = Lookout(own, changed.append, port)
    found.know("uid", KEY, pods(("living", "127.0.0.1"), ("dead", "127.0.0.9")))
    found.know("elsewhere", ("ns", "others"), pods(("living", "127.0.0.1")))
    await found.look()
    assert (found.nodes.silent, found.nodes.doubtful, changed) == (frozenset(), True, [])
    await found.look()
    assert (found.nodes.silent, changed) == ({"dead"}, [KEY])
    assert b"carillon_operator_silent_nodes 1.0" in own.text()


async def test_a_node_lives_while_any_pod_of_any_resource_on_it_answers(port: int) -> None:
    found = Lookout(Own(), lambda key: None, port)
    found.know("uid", KEY, pods(("one", "127.0.0.1"), ("two", "127.0.0.9")))
    found.know("other", ("ns", "others"), pods(("two", "127.0.0.2")))
    for _ in range(3):
        await found.look()
    assert found.nodes.silent == frozenset()
    found.forget("other")
    for _ in range(2):
        await found.look()
    assert found.nodes.silent == {"two"}


async def test_who_begins_to_lead_begins_anew(port: int) -> None:
    found = Lookout(Own(), lambda key: None, port)
    found.know("uid", KEY, pods(("living", "127.0.0.1"), ("dead", "127.0.0.9")))
    for _ in range(2):
        await found.look()
    task = asyncio.create_task(found.run())
    await asyncio.sleep(0)
    assert found.nodes.silent == frozenset()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
