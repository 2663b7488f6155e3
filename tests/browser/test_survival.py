"""Calls go on when servers, pages and networks do not."""

import asyncio
import re
import secrets

import pytest
from harness.browser import REAL, Balancer, People, Person, talk
from harness.redis import RedisServer
from harness.server import ServerProcess
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_killed_server_ends_no_call(browser: Browser, redis_server: RedisServer) -> None:
    """Two servers behind one address: the one that both people use is killed while they talk."""
    cell = secrets.token_hex(6)
    with ServerProcess(redis_server.url, cell, **REAL) as doomed, ServerProcess(redis_server.url, cell, **REAL) as other:
        async with Balancer(doomed.port) as balancer, People(browser, balancer.port) as people:
            alice, bob = await people.call()
            balancer.upstream_port = other.port
            doomed.kill()
            for person in (alice, bob):
                await person.hears_more()
                await expect(person.banner).to_be_hidden()
                await person.connected()
            await alice.press("Mute")
            await bob.press("Hang up")
            await expect(alice.state).to_contain_text("Bob hung up.")


async def test_a_lost_server_is_said_while_the_call_goes_on(browser: Browser, redis_server: RedisServer) -> None:
    with ServerProcess(redis_server.url, secrets.token_hex(6), **REAL) as server:
        async with People(browser, server.port) as people:
            alice, bob = await people.call()
            server.kill()
            await expect(alice.banner).to_contain_text("The call service cannot be reached. Check your network.")
            await expect(alice.state).to_have_text("Connected. The call service is being reconnected; you can talk on.")
            await alice.look("server-gone")
            await bob.hears_more()
            await alice.press("Hang up")
            await expect(alice.state).to_contain_text("You hung up.")


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_reload_ends_no_call(people: People, who: str) -> None:
    alice, bob = await people.call("video")
    gone, stays = (alice, bob) if who == "caller" else (bob, alice)
    await gone.page.reload()
    for person in (gone, stays):
        await person.connected()
        await person.hears_more("audio")
        await person.hears_more("video")
    await gone.press("Hang up")
    await expect(stays.state).to_contain_text(f"{gone.name} hung up.")


async def test_a_call_outlives_ten_seconds_without_network(people: People) -> None:
    alice, bob = await people.pair()
    network = await alice.page.context.new_cdp_session(alice.page)
    conditions = {"latency": 1, "downloadThroughput": -1, "uploadThroughput": -1}
    await network.send("Network.enable")
    # Conditions other than the default must be there before the RTCPeerConnection: only then are they of any effect on it later.
    await network.send("Network.emulateNetworkConditions", {"offline": False, **conditions})
    await talk(alice, bob)
    await network.send("Network.emulateNetworkConditions", {"offline": True, **conditions})
    await expect(alice.banner).to_have_text("You are offline. Check your network; this page reconnects by itself.")
    await expect(bob.state).to_contain_text("Reconnecting …")
    await alice.look("offline")
    await asyncio.sleep(10)
    await network.send("Network.emulateNetworkConditions", {"offline": False, **conditions})
    for person in (alice, bob):
        await person.connected()
        await person.hears_more()
    await expect(alice.banner).to_be_hidden()
    await alice.press("Hang up")
    await expect(bob.state).to_contain_text("Alice hung up.")


async def test_a_closed_tab_leaves_its_call_to_another(people: People) -> None:
    alice, bob = await people.pair()
    tab: Person = await people.signed_in("Bob", beside=bob)
    await alice.dial(bob)
    await bob.press("Accept")
    await bob.connected()
    await bob.page.close()
    await tab.press("Take the call here")
    await tab.connected()
    await tab.hears_more()
    await alice.hears_more()
    await expect(alice.state).to_have_text(re.compile("Connected"))
