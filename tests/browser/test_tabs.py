"""Tabs of one browser: one of them holds the connection, and all of them show the same."""

import secrets

import pytest
from harness.browser import REAL, SECONDS, People, Person
from harness.redis import RedisServer
from harness.server import ServerProcess, token
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

ELSEWHERE = "You are signed in somewhere else now. Connect again to use calls here."
REFUSED = "Your sign-in was not accepted. Sign in again."
HOLD = """{ const { mediaDevices } = navigator;
  const real = mediaDevices.getUserMedia.bind(mediaDevices);
  window.given = [];
  mediaDevices.getUserMedia = async (wanted) => {
    await new Promise((answer) => (window.allow = answer));
    const stream = await real(wanted);
    window.given.push(...stream.getTracks());
    return stream;
  }; }"""
"""A browser that asks for the microphone until `allow()`."""
LET_GO = "() => window.given.length && window.given.every((track) => track.readyState === 'ended')"
CONNECT = """async (bearer) => {
  const { CarillonClient } = await import('/sdk/carillon.js');
  const client = new CarillonClient({ url: `${location.origin}/ws`, getToken: () => bearer });
  return client.connect().then(() => 'online', ({ code }) => code);
}"""


async def test_signed_in_elsewhere_and_taken_back_in_either_tab(people: People) -> None:
    bob = await people.signed_in("Bob")
    tab = await people.signed_in("Bob", beside=bob)
    there: Person = await people.person("Bob")
    there.id = bob.id
    await there.sign_in(people.url)
    for person in (tab, bob):
        for one in (bob, tab):
            await expect(one.banner).to_have_text(ELSEWHERE)
        await person.press("Use calls here")
        for one in (bob, tab):
            await expect(one.banner).to_be_hidden()
        await expect(there.banner).to_have_text(ELSEWHERE)
        await there.press("Use calls here")


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
    alice, bob = await people.signed_in("Alice"), await people.signed_in("Bob", script=HOLD)
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
