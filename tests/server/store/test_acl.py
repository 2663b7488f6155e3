"""What operations.md tells to grant to the Redis user is what a pod needs: all of it, and nothing more."""

import re
from pathlib import Path

from harness.links import ACL_RULES
from harness.pods import Client, Pod, healthy, in_call
from harness.redis import RedisServer
from harness.waiting import until

from carillon.protocol import ResumePayload

ROOT = Path(__file__).parents[3]
COMMANDS = {rule.removeprefix("+") for rule in ACL_RULES if rule.startswith("+")}
CLUSTER = {"cluster|slots", "spublish", "ssubscribe"}


def test_the_documented_rights_are_those_that_are_tested() -> None:
    line = (ROOT / "docs/operations.md").read_text().partition("user carillon on")[2].partition("```")[0]
    documented = set(re.findall(r"\+([a-z|]+)", line))
    assert documented - CLUSTER == COMMANDS - CLUSTER
    assert documented >= CLUSTER


async def test_two_pods_use_all_their_rights_and_lack_none(own_redis: RedisServer, cell: str) -> None:
    """Everything that pods do with Redis, as its user; what was called is compared with what was granted."""
    own_redis.ask("ACL", "SETUSER", "carillon", "reset", "on", ">acl-password", *ACL_RULES)
    url = own_redis.url.replace("redis://", "redis://carillon:acl-password@").removesuffix("0") + "3"
    own_redis.ask("CONFIG RESETSTAT")
    pods = [await Pod(f"pod-{number}", url, cell).start() for number in range(2)]
    try:
        await pods[0].link.command("PING", timeout=5)
        alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob", v1=True)
        await talk_and_resume(pods, alice, bob)
        own_redis.ask("FLUSHALL")
        await healthy(pods)
        carol = await pods[0].join("carol")
        await carol.say("call.start", callee_id="bob")
        await carol.heard("call.ended")
        await pods[0].join("bob")
        assert await pods[0].store.look("none") is None
        await pods[0].store.touch(["carol"])
        await pods[0].store.leave()
    finally:
        for pod in pods:
            await pod.kill()
    assert own_redis.ask("ACL LOG") == []
    called = {name.removeprefix("cmdstat_") for name in own_redis.ask("INFO", "COMMANDSTATS")}
    if "client|setname" not in called and "client" in called:
        called.add("client|setname")  # Redis 6.2 counts by command alone
    assert COMMANDS - CLUSTER - called == set()


async def talk_and_resume(pods: list[Pod], alice: Client, bob: Client) -> None:
    session = await in_call(alice, bob)
    for _ in range(2):
        await alice.say("webrtc.offer", session_id=session, sdp="x" * 400_000)  # more than half of an inbox
    await bob.heard("webrtc.offer", 2)
    await bob.lose()
    back = await pods[0].join("bob", v1=True, resume=ResumePayload(bob.attached.session, bob.attached.epoch, 0, 0))
    await back.say("call.end", session_id=session)
    await alice.heard("call.ended")
    await until(lambda: alice.attached.live_call is None)
