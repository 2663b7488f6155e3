"""What one release left in Redis, kept as JSON and put back for another to carry on.

Written anew, for a new format, by `PYTHONPATH=tests python -m harness.golden write redis://localhost:6379`.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from harness.pods import Pod, in_call
from redis.asyncio import Redis

from carillon.protocol import ResumePayload
from carillon.store.records import Ledger

FOLDER = Path(__file__).parents[1] / "server" / "service" / "golden"
CELL = "golden"
TTL = 3_600_000
"""Milliseconds."""


async def capture(redis: "Redis[bytes]", cell: str) -> dict[str, Any]:
    """All keys of a cell, named from the ledger's, with their values in hexadecimal."""
    prefix = f"{{carillon:{cell}}}:"
    return {key.decode().removeprefix(prefix): await _read(redis, key) async for key in redis.scan_iter(match=f"{prefix}*")}


async def _read(redis: "Redis[bytes]", key: bytes) -> dict[str, Any]:
    kind = (await redis.type(key)).decode()
    match kind:
        case "string":
            return {"string": (await redis.get(key)).hex()}
        case "hash":
            return {"hash": {name.hex(): value.hex() for name, value in (await redis.hgetall(key)).items()}}
        case "zset":
            return {"zset": {member.hex(): score for member, score in await redis.zrange(key, 0, -1, withscores=True)}}
        case "stream":
            entries = await redis.xrange(key)
            return {"stream": [[at.decode(), {name.hex(): value.hex() for name, value in fields.items()}] for at, fields in entries]}
    raise AssertionError(f"a key of a kind that is not used: {key!r} {kind}")


async def restore(redis: "Redis[bytes]", cell: str, kept: dict[str, Any]) -> None:
    """As if that release had run on this very Redis until now: the ledger names this server, times are moved on."""
    prefix = f"{{carillon:{cell}}}:"
    now = int(time.time() * 1e6)
    later = now - kept["at"]
    for name, record in kept["keys"].items():
        key = prefix + name
        match record:
            case {"string": value}:
                raw = bytes.fromhex(value)
                if name == "ledger":
                    run_id = (await redis.info("server"))["run_id"]
                    ledger = msgspec.msgpack.decode(raw, type=Ledger)
                    raw = msgspec.msgpack.encode(msgspec.structs.replace(ledger, run_id=run_id, tick=now, hold_until=0))
                await redis.set(key, raw)
            case {"hash": fields}:
                await redis.hset(key, mapping={bytes.fromhex(name): bytes.fromhex(value) for name, value in fields.items()})
            case {"zset": members}:
                await redis.zadd(key, {bytes.fromhex(member): score + later for member, score in members.items()})
            case {"stream": entries}:
                for at, fields in entries:
                    await redis.xadd(key, {bytes.fromhex(name): bytes.fromhex(value) for name, value in fields.items()}, id=at)
        await redis.pexpire(key, TTL)


async def scene(url: str, cell: str) -> ResumePayload:
    """A v1 caller in a call with a reference callee, the last message not yet read; both pods die. Returns the caller's resume."""
    pods = [await Pod(name, url, cell).start() for name in ("golden-0", "golden-1")]
    alice, bob = await pods[0].join("alice", v1=True), await pods[1].join("bob")
    session = await in_call(alice, bob)
    await alice.say("webrtc.offer", session_id=session, sdp="v=0", extra={"kept": [1, None]})
    await bob.heard("webrtc.offer")
    resume = alice.resume
    await bob.say("webrtc.answer", session_id=session, sdp="v=0")
    await alice.heard("webrtc.answer")
    for pod in pods:
        await pod.kill()
    assert resume is not None
    return resume


async def write(url: str) -> None:
    redis: Redis[bytes] = Redis.from_url(url)
    resume = await scene(url, CELL)
    kept = {"at": int(time.time() * 1e6), "resume": msgspec.to_builtins(resume), "keys": await capture(redis, CELL)}
    await redis.delete(*[f"{{carillon:{CELL}}}:{name}" for name in kept["keys"]])
    await redis.aclose()
    ledger = msgspec.msgpack.decode(bytes.fromhex(kept["keys"]["ledger"]["string"]), type=Ledger)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"format_{ledger.format}.json").write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    asyncio.run(write(sys.argv[2]))
