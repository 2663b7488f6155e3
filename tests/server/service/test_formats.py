"""A rollout runs two releases on the same keys: what an older one left is carried on by this one."""

import json
from typing import Any

import pytest
from harness.golden import FOLDER, restore
from harness.pods import Pod
from harness.redis import RedisServer
from harness.waiting import until
from redis.asyncio import Redis

from carillon.protocol import ResumePayload
from carillon.store.records import FORMAT

KEPT = {path.stem: json.loads(path.read_bytes()) for path in FOLDER.glob("format_*.json")}


def test_the_present_format_is_kept() -> None:
    assert f"format_{FORMAT}" in KEPT


@pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)
async def test_a_call_of_an_older_release_goes_on(redis_server: RedisServer, cell: str, kept: dict[str, Any]) -> None:
    redis: Redis[bytes] = Redis.from_url(redis_server.url)
    await restore(redis, cell, kept)
    await redis.aclose()
    pod = await Pod("newer", redis_server.url, cell).start()
    try:
        alice = await pod.join("alice", v1=True, resume=ResumePayload(**kept["resume"]))
        welcome = alice.connection.messages[0]["payload"]
        assert welcome["recovered"] is True
        session = welcome["call"]
        assert alice.connection.of("webrtc.answer") == [{"session_id": session, "sdp": "v=0"}]
        bob = await pod.join("bob")
        await bob.say("webrtc.ice", session_id=session, candidate="from bob")
        await alice.heard("webrtc.ice")
        await alice.say("webrtc.ice", session_id=session, candidate="from alice")
        await bob.heard("webrtc.ice")
        await alice.say("call.end", session_id=session)
        assert (await bob.heard("call.ended"))["reason"] == "ended_by_user"
        await until(lambda: bob.attached.live_call is None)
    finally:
        await pod.kill()
