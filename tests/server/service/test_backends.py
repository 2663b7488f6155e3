"""The same calls on every kind of Redis, and across a failover of Sentinel."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest
from harness.pods import Pod, healthy, in_call, until
from harness.redis_groups import RedisCluster, RedisSentinel

MakePods = Callable[[str, int], Awaitable[list[Pod]]]


@pytest.fixture
def sentinel() -> Iterator[RedisSentinel]:
    group = RedisSentinel().start()
    yield group
    group.remove()


@pytest.fixture(params=["redis_cluster", "sentinel"])
def url(request: pytest.FixtureRequest) -> str:
    group: RedisCluster | RedisSentinel = request.getfixturevalue(request.param)
    return group.url


@pytest.mark.parametrize("v1", [False, True])
async def test_a_call_across_two_pods(url: str, pods_on: MakePods, v1: bool) -> None:
    pods = await pods_on(url, 2)
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    for number in range(5):
        await alice.say("webrtc.ice", session_id=session, candidate=str(number))
        await bob.say("webrtc.ice", session_id=session, candidate=str(number))
    await bob.heard("webrtc.ice", 5)
    await alice.heard("webrtc.ice", 5)
    await bob.lose()
    back = await pods[0].join("bob", v1=v1, resume=bob.resume)
    await back.say("call.end", session_id=session)
    await alice.heard("call.ended")


@pytest.mark.parametrize("v1", [False, True])
async def test_calls_survive_a_failover(sentinel: RedisSentinel, pods_on: MakePods, v1: bool) -> None:
    pods = await pods_on(sentinel.url, 2)
    alice, bob = await pods[0].join("alice", v1=v1), await pods[1].join("bob", v1=v1)
    session = await in_call(alice, bob)
    await asyncio.to_thread(sentinel.primary.kill)
    await until(lambda: all(not pod.sweeper.renewing for pod in pods))
    await until(lambda: all(pod.sweeper.renewing for pod in pods), within=30)
    await healthy(pods)
    await asyncio.sleep(2)  # longer than hold and grace: a lease that fired would show
    await alice.say("webrtc.ice", session_id=session, candidate="after the failover")
    await bob.heard("webrtc.ice")
    assert "call.ended" not in alice.connection.types + bob.connection.types
