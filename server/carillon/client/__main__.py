"""`python -m carillon.client call --url ws://localhost:8080/ws`: one complete call between two users, each step with its time."""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import os
import sys
import time

from carillon.client.client import CarillonClient
from carillon.client.demo_users import DEMO_SECRET
from carillon.errors import CarillonError

CANDIDATES = 10


def sign(user_id: str, secret: str) -> str:
    """An HS256 token for an hour (RFC 7519)."""

    def part(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {"hash": user_id, "name": user_id.title(), "exp": int(time.time()) + 3600}
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return (signed + b"." + part(hmac.new(secret.encode(), signed, hashlib.sha256).digest())).decode()


def subject(token: str) -> str:
    """The user id in a token, which is not checked here. Raises ValueError."""
    body = token.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["hash"])


class Steps:
    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{(time.monotonic() - self._began) * 1000:8.1f} ms  {text}", flush=True)


async def call(url: str, caller: str, callee: str, *, v1: bool) -> None:
    """Ring, accept, negotiate both ways, hang up."""
    steps = Steps()
    callee_id = subject(callee)
    async with CarillonClient(url, caller, v1=v1) as alice, CarillonClient(url, callee, v1=v1) as bob:
        steps.say("both are connected")
        session = (await alice.start(callee_id))["session_id"]
        steps.say(f"{callee_id} is called (session {session})")
        ring = await bob.expect("call.ring")
        steps.say(f"it rings: {ring['caller_info'].get('name') or ring['caller_id']} calls")
        await bob.accept(session)
        await alice.expect("call.accepted")
        steps.say("accepted")
        await alice.send("webrtc.offer", session_id=session, sdp="v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")
        await bob.expect("webrtc.offer")
        await bob.send("webrtc.answer", session_id=session, sdp="v=0\r\no=- 3 4 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n")
        await alice.expect("webrtc.answer")
        steps.say("offer and answer went across")
        for number in range(CANDIDATES):
            candidate = f"candidate:{number} 1 UDP 2122252543 192.0.2.{number + 1} 50000 typ host"
            await alice.send("webrtc.ice", session_id=session, candidate=candidate, sdpMid="0")
            await bob.send("webrtc.ice", session_id=session, candidate=candidate, sdpMid="0")
        for _ in range(CANDIDATES):
            await bob.expect("webrtc.ice")
            await alice.expect("webrtc.ice")
        steps.say(f"{CANDIDATES} ICE candidates went each way")
        await alice.end(session)
        ended = await bob.expect("call.ended")
        steps.say(f"ended ({ended['reason']})")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m carillon.client", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("call", help="make one complete call between two users")
    one.add_argument("--url", default="ws://localhost:8080/ws")
    one.add_argument("--caller-token", help="else signed with JWT_SECRET, else with the demo secret of make run")
    one.add_argument("--callee-token")
    one.add_argument("--reference", action="store_true", help="speak the reference's protocol instead of carillon.v1")
    one.add_argument("--timeout", type=float, default=30.0, help="seconds for the whole call (30)")
    options = parser.parse_args()
    secret = os.environ.get("JWT_SECRET") or DEMO_SECRET
    caller, callee = options.caller_token or sign("alice", secret), options.callee_token or sign("bob", secret)
    began = time.monotonic()
    try:
        asyncio.run(asyncio.wait_for(call(options.url, caller, callee, v1=not options.reference), options.timeout))
    except (CarillonError, TimeoutError, ValueError) as error:
        print(f"the call failed: {error or 'no answer in time'}", file=sys.stderr)
        return 1
    print(f"a complete call in {(time.monotonic() - began) * 1000:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
