"""`python -m carillon.client call --url ws://localhost:8080/ws`: one complete call between two users, each step with its time."""

import argparse
import asyncio
import os
import sys
import time

from carillon.client.client import CarillonClient
from carillon.client.tokens import signer, subject
from carillon.errors import CarillonError

CANDIDATES = 10


class Steps:
    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{(time.monotonic() - self._began) * 1000:8.1f} ms  {text}", flush=True)


async def call(url: str, caller: str, callee: str, callee_id: str, *, v1: bool, timeout: float) -> None:
    """One call between the users of two tokens. timeout: seconds for all of it. Raises TimeoutError, saying what stood in the way."""
    steps, alice, bob = Steps(), CarillonClient(url, caller, v1=v1), CarillonClient(url, callee, v1=v1)
    try:
        async with asyncio.timeout(timeout), alice, bob:
            await talk(alice, bob, callee_id, steps)
    except TimeoutError as late:
        why = [str(late) or f"not done within {timeout:g} s", alice.problem or bob.problem]
        raise TimeoutError("; ".join(part for part in why if part)) from None


async def talk(alice: CarillonClient, bob: CarillonClient, callee_id: str, steps: Steps) -> None:
    """Ring, accept, negotiate both ways, hang up."""
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
    one.add_argument("--url", default="ws://localhost:8080/ws", help="of the server's /ws (ws://localhost:8080/ws)")
    one.add_argument("--caller", default="alice", help="user id for whom a token is signed by the server's variables JWT_* (alice)")
    one.add_argument("--callee", default="bob", help="the same for who is called (bob)")
    one.add_argument("--caller-token", default=os.environ.get("CALLER_TOKEN"), help="a token of yours instead; or set CALLER_TOKEN")
    one.add_argument("--callee-token", default=os.environ.get("CALLEE_TOKEN"), help="likewise; or set CALLEE_TOKEN")
    one.add_argument("--reference", action="store_true", help="speak the reference's protocol instead of carillon.v1")
    one.add_argument("--timeout", type=float, default=30.0, help="seconds for the whole call (30)")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        keys = signer(os.environ)
        caller, callee = options.caller_token or keys.sign(options.caller), options.callee_token or keys.sign(options.callee)
        one_call = call(options.url, caller, callee, subject(callee, keys.user_claim), v1=not options.reference, timeout=options.timeout)
        asyncio.run(one_call)
    except (CarillonError, TimeoutError, ValueError, OSError) as error:
        print(f"the call failed: {error}", file=sys.stderr)
        return 1
    print(f"a complete call in {(time.monotonic() - began) * 1000:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
