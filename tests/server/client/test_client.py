"""The client and its command against the real server."""

import asyncio
import sys
from collections.abc import Iterator

import pytest
from harness.dead import dead_machine
from harness.faults import FaultProxy
from harness.links import until
from harness.redis import RedisServer
from harness.server import SECRET, ServerProcess, token

from carillon.client import CallRefused, CarillonClient, dial
from carillon.errors import AuthError, CarillonError, Close


@pytest.fixture
def server(redis_server: RedisServer, cell: str) -> Iterator[ServerProcess]:
    with ServerProcess(redis_server.url, cell) as running:
        yield running


@pytest.mark.parametrize("v1", [False, True])
async def test_a_call(server: ServerProcess, v1: bool) -> None:
    async with CarillonClient(server.url, token("alice"), v1=v1) as alice, CarillonClient(server.url, token("bob"), v1=v1) as bob:
        session = (await alice.start("bob"))["session_id"]
        assert (await bob.expect("call.ring"))["session_id"] == session
        await bob.accept(session)
        await alice.expect("call.accepted")
        await alice.end(session)
        assert (await bob.expect("call.ended"))["reason"] == "ended_by_user"


async def test_what_is_too_much_at_once_arrives_later_in_order_and_once(redis_server: RedisServer, cell: str) -> None:
    with ServerProcess(redis_server.url, cell, LIMIT_MESSAGES="30/1") as server:
        async with CarillonClient(server.url, token("alice")) as alice, CarillonClient(server.url, token("bob")) as bob:
            session = (await alice.start("bob"))["session_id"]
            await bob.expect("call.ring")
            await bob.accept(session)
            await alice.expect("call.accepted")
            for number in range(100):
                await alice.send("webrtc.ice", session_id=session, candidate=str(number))
            heard = [(await bob.expect("webrtc.ice"))["candidate"] for _ in range(100)]
            assert heard == [str(number) for number in range(100)]


async def test_a_machine_that_is_dead_does_not_keep_a_client_from_the_next(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "OPEN_TIMEOUT", 600.0)
    with dead_machine() as port:
        ways = iter([f"ws://127.0.0.1:{port}/ws"])
        async with asyncio.timeout(120), CarillonClient(lambda: next(ways, server.url), token("alice")) as alice:
            assert alice.connects == 1


async def test_a_network_that_falls_silent_is_noticed_and_another_way_taken(server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dial, "PING_INTERVAL", 1.5)
    monkeypatch.setattr(dial, "PING_TIMEOUT", 1.5)
    async with (
        FaultProxy(server.port) as proxy,
        CarillonClient(server.url, token("bob")) as bob,
        CarillonClient(f"ws://127.0.0.1:{proxy.port}/ws", token("alice")) as alice,
    ):
        session = (await alice.start("bob"))["session_id"]
        proxy.silence()
        await bob.accept(session)
        await alice.expect("call.accepted", 30)
        assert alice.connects == 2


async def test_a_leaving_server_is_left_for_another_before_it_closes(redis_server: RedisServer, cell: str) -> None:
    with ServerProcess(redis_server.url, cell, DRAIN_SECONDS="4") as leaving, ServerProcess(redis_server.url, cell) as staying:
        urls = [leaving.url]
        async with CarillonClient(lambda: urls[-1], token("alice")) as alice, CarillonClient(staying.url, token("bob")) as bob:
            session = (await alice.start("bob"))["session_id"]
            urls.append(staying.url)
            leaving.terminate()
            assert await asyncio.to_thread(leaving.wait) == 0
            await bob.expect("call.ring")
            await bob.accept(session)
            await alice.expect("call.accepted")
            assert alice.connects == 2
        assert f'"code": {Close.RESTART}' not in leaving.log


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b""])
async def test_who_is_asked_to_move_and_taken_by_nobody_stays(redis_server: RedisServer, cell: str, answer: bytes) -> None:
    tried = asyncio.Event()

    async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()
        tried.set()

    nobody = await asyncio.start_server(refuse, "127.0.0.1", 0)
    with ServerProcess(redis_server.url, cell, DRAIN_SECONDS="4") as leaving:
        urls = [leaving.url]
        async with nobody, CarillonClient(lambda: urls[-1], token("alice")) as alice:
            urls.append(f"ws://127.0.0.1:{nobody.sockets[0].getsockname()[1]}/ws")
            leaving.terminate()
            await asyncio.wait_for(tried.wait(), 20)
            with pytest.raises(CallRefused):
                await alice.start("bob")
            assert alice.connects == 1


async def test_refusals_are_errors(server: ServerProcess) -> None:
    async with CarillonClient(server.url, token("alice")) as alice:
        with pytest.raises(CallRefused) as refused:
            await alice.start("nobody")
        assert refused.value.code == "user_offline"


async def test_a_token_that_cannot_be_fetched_is_fetched_again(server: ServerProcess) -> None:
    tries = 0

    async def fetch() -> str:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise LookupError("whatever the app's own client raises")
        return token("alice")

    async with asyncio.timeout(30), CarillonClient(server.url, fetch) as alice:
        assert (alice.connects, tries) == (1, 2)


@pytest.mark.parametrize("v1", [False, True])
async def test_a_refused_token_is_final(server: ServerProcess, v1: bool) -> None:
    with pytest.raises(AuthError, match="Token expired"):
        async with CarillonClient(server.url, token("alice", seconds=-100), v1=v1):
            pass


@pytest.mark.parametrize("v1", [False, True])
async def test_who_was_replaced_is_told_so_whatever_they_say(server: ServerProcess, v1: bool) -> None:
    async with (
        CarillonClient(server.url, token("alice"), v1=v1) as here,
        CarillonClient(server.url, token("alice"), v1=v1),
        asyncio.timeout(20),
    ):
        with pytest.raises(CarillonError, match="replaced"):
            await here.expect("call.ring")
        for saying in (here.start("bob"), here.check("none"), here.end("none")):
            with pytest.raises(CarillonError, match="replaced"):
                await saying


async def test_who_gave_up_connecting_takes_nobodys_place_later(server: ServerProcess) -> None:
    async with FaultProxy(server.port) as proxy:
        proxy.refusing = True
        gave_up = CarillonClient(f"ws://127.0.0.1:{proxy.port}/ws", token("alice"))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), gave_up:
                pass
        proxy.refusing = False
        before = proxy.accepted
        async with CarillonClient(server.url, token("alice")) as alice:
            await asyncio.sleep(1.0)  # for another attempt, which would be wrong
            assert (proxy.accepted, gave_up.connects) == (before, 0)
            assert await alice.check("none") == {"session_id": "none", "exists": False}


async def test_who_call_each_other_at_once_are_in_one_call(server: ServerProcess) -> None:
    async with CarillonClient(server.url, token("alice")) as alice, CarillonClient(server.url, token("bob")) as bob:
        first = await alice.start("bob")
        second = await bob.start("alice")
        assert first["session_id"] == second["session_id"]
        for one in (alice, bob):
            assert (await one.expect("call.accepted"))["session_id"] == first["session_id"]


async def test_what_is_no_url_is_an_error() -> None:
    with pytest.raises(CarillonError, match="InvalidURI"):
        async with asyncio.timeout(10), CarillonClient("http://127.0.0.1:1/ws", token("alice")):
            pass


@pytest.mark.parametrize("arguments", [[], ["--reference"]])
async def test_the_command_makes_one_call(server: ServerProcess, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "carillon.client", "call", "--url", server.url, *arguments]
    process = await asyncio.create_subprocess_exec(*command, env={"JWT_SECRET": SECRET}, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0
    lines = out.decode().splitlines()
    assert lines[-1].startswith("a complete call in")
    assert any("ended" in line for line in lines)


async def test_the_command_says_what_went_wrong() -> None:
    command = [sys.executable, "-m", "carillon.client", "call", "--url", "ws://127.0.0.1:1/ws", "--timeout", "1"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    _, error = await process.communicate()
    assert process.returncode == 1
    assert b"the call failed: not done within 1 s; " in error
    assert b"refused" in error.lower() or b"Connect call failed" in error
    assert b"Traceback" not in error


async def test_a_way_on_which_nobody_answers_is_left_for_the_next_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many attempts as these, with pauses that grow, would take more than a minute."""
    monkeypatch.setattr(dial, "OPEN_TIMEOUT", 0.05)
    tried = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal tried
        tried += 1
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as listener:
        alice = CarillonClient(f"ws://127.0.0.1:{listener.sockets[0].getsockname()[1]}/ws", token("alice"))
        entering = asyncio.create_task(alice.__aenter__())
        await until(lambda: tried == 20)
        entering.cancel()
        await alice.close()
