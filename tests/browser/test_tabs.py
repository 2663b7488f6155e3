"""Tabs of one browser: one of them holds the connection, and all of them show the same."""

import secrets

import pytest
from harness.browser import ASKS, REAL, SECONDS, SOUNDS, Balancer, People, talk
from harness.redis import RedisServer
from harness.server import ServerProcess, token
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELSEWHERE = "You are signed in somewhere else now. Connect again to use calls here."
REFUSED = "Your sign-in was not accepted. Sign in again."
LET_GO = "() => window.given.length && window.given.every((track) => track.readyState === 'ended')"
HEARD = """() => Math.max(
  ...Object.entries(localStorage).map(([key, value]) => (key.startsWith('carillon:') && JSON.parse(value).seq) || 0),
)"""
"""The number of the last message that this browser's user heard, over all who were signed in here."""
CONNECT = """async (bearer) => {
  const { CarillonClient } = await import('/sdk/carillon.js');
  const client = new CarillonClient({ url: `${location.origin}/ws`, getToken: () => bearer });
  return client.connect().then(() => 'online', ({ code }) => code);
}"""


async def test_signed_in_elsewhere_and_taken_back_in_either_tab(people: People) -> None:
    bob = await people.signed_in("Bob")
    tab = await people.signed_in("Bob", beside=bob)
    there = await people.elsewhere(bob)
    for person in (tab, bob):
        for one in (bob, tab):
            await expect(one.banner).to_have_text(ELSEWHERE)
        await person.press("Use calls here")
        for one in (bob, tab):
            await expect(one.banner).to_be_hidden()
        await expect(there.banner).to_have_text(ELSEWHERE)
        await there.press("Use calls here")


async def test_a_tab_that_is_left_takes_nothing_from_where_its_user_is_signed_in_now(people: People) -> None:
    bob = await people.signed_in("Bob")
    tab = await people.signed_in("Bob", beside=bob)
    there = await people.elsewhere(bob)
    await expect(tab.banner).to_have_text(ELSEWHERE)
    attempts: list[str] = []
    tab.page.on("websocket", lambda socket: attempts.append(socket.url))
    await bob.page.close()
    await tab.page.wait_for_timeout(1000)  # for an attempt, which would be wrong
    assert attempts == []
    await expect(there.banner).to_be_hidden()
    await tab.press("Use calls here")
    await expect(tab.banner).to_be_hidden()
    await expect(there.banner).to_have_text(ELSEWHERE)


async def test_either_tab_tries_now(server: ServerProcess, browser: Browser) -> None:
    async with Balancer(server.port) as balancer, People(browser, balancer.port) as people:
        bob = await people.person("Bob")
        await bob.own_time()
        await bob.sign_in(people.url)
        tab = await people.signed_in("Bob", beside=bob)
        balancer.refusing = True
        balancer.cut()
        for one in (bob, tab):
            await expect(one.banner).to_contain_text("The call service cannot be reached.")
        await bob.stop_time()
        balancer.refusing = False
        await tab.press("Try now")
        for one in (bob, tab):
            await expect(one.banner).to_be_hidden()


async def test_a_tab_that_held_the_connection_leaves_what_was_heard_since_alone(people: People) -> None:
    alice, bob = await people.pair()
    tab = await people.signed_in("Bob", beside=bob)
    await alice.dial(bob)
    await tab.press("Accept")
    await tab.connected()
    heard = await tab.page.evaluate(HEARD)
    await bob.page.goto("about:blank")
    assert await tab.page.evaluate(HEARD) >= heard > 0


async def test_a_call_that_ends_is_heard_to_end_where_it_was(people: People) -> None:
    alice, bob = await people.signed_in("Alice"), await people.signed_in("Bob", script=SOUNDS)
    tab = await people.signed_in("Bob", beside=bob, script=SOUNDS)
    await talk(alice, bob)
    before = [await one.page.evaluate("window.notes") for one in (bob, tab)]
    await alice.press("Hang up")
    for one in (bob, tab):
        await expect(one.state).to_contain_text("Alice hung up.")
    after = [await one.page.evaluate("window.notes") for one in (bob, tab)]
    assert after[0] > before[0]
    assert after[1] == before[1]


async def test_a_tab_signs_in_anew_where_the_token_of_another_one_was_refused(browser: Browser, redis_server: RedisServer) -> None:
    with ServerProcess(redis_server.url, secrets.token_hex(6), **REAL, CLOSE_ON_TOKEN_EXPIRY="true") as server:
        async with People(browser, server.port) as people:
            bob = await people.person("Bob")
            await bob.sign_in(people.url, token(bob.id, name="Bob", seconds=15))
            await expect(bob.page.locator("#me-name")).to_have_text("Bob")
            await expect(bob.banner).to_have_text(REFUSED, timeout=3 * SECONDS)
            await people.signed_in("Bob", beside=bob)
            await expect(bob.banner).to_be_hidden()


async def test_tabs_with_bad_tokens_do_not_take_the_place_from_each_other_for_ever(people: People) -> None:
    bob = await people.person("Bob")
    tab = await people.person("Bob", beside=bob)
    bad = token(bob.id, secret="another secret, thirty-two bytes too")
    attempts: list[str] = []
    for person in (bob, tab):
        person.page.on("websocket", lambda socket: attempts.append(socket.url))
        await person.page.goto(people.url)
        assert await person.page.evaluate(CONNECT, bad) == "token_refused"
    await bob.page.wait_for_timeout(1000)  # for another attempt, which would be wrong
    assert len(attempts) == 2


async def test_a_microphone_that_is_allowed_once_another_tab_has_the_call_is_let_go(people: People) -> None:
    alice, bob = await people.signed_in("Alice"), await people.signed_in("Bob", script=ASKS)
    tab = await people.signed_in("Bob", beside=bob)
    await alice.dial(bob)
    await tab.rings(alice)
    await bob.press("Accept")
    await bob.page.wait_for_function("() => Boolean(window.allow)", polling=200)
    await tab.press("Accept")
    await tab.connected()
    made = await bob.page.evaluate("window.connections.length")
    await bob.page.evaluate("window.allow()")
    await bob.page.wait_for_function(LET_GO, polling=200)
    assert await bob.page.evaluate("window.connections.length") == made
    await tab.hears_more()
    await alice.hears_more()


async def test_both_tabs_show_that_a_call_was_cancelled(people: People) -> None:
    alice, bob = await people.pair()
    tab = await people.signed_in("Bob", beside=bob)
    await alice.dial(bob)
    for person in (bob, tab):
        await person.rings(alice)
    await alice.press("Cancel")
    for person in (bob, tab):
        await expect(person.state).to_have_text("You missed a call from Alice.")
        await expect(person.button("Accept")).to_be_hidden()
