"""What comes and goes while somebody uses the page: the service, the token, devices, the way between two networks. All in words."""

import secrets

import pytest
from harness.browser import REAL, SECONDS, Balancer, People, talk
from harness.redis import RedisServer
from harness.server import ServerProcess, token
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEVICES = """{ const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.given = [];
  window.refuse = null;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    if (window.refuse) throw new DOMException('', window.refuse);
    const stream = await real(wanted);
    window.given.push(...stream.getTracks());
    return stream;
  };
  window.lose = (kind, error) => {
    window.refuse = error;
    for (const track of window.given.filter((one) => one.kind === kind)) { track.stop(); track.dispatchEvent(new Event('ended')); }
  };
  window.plug = () => {
    window.refuse = null;
    navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
  }; }"""
"""Devices that a test can take away and plug in again."""
NO_WAY = """{ const Real = RTCPeerConnection;
  window.RTCPeerConnection = class extends Real {
    constructor(options) { super({ ...options, iceServers: [], iceTransportPolicy: 'relay' }); }
  }; }"""
"""A network that lets no media through, and no TURN server."""
AWAY = "The call service does not answer yet. Check your network; this page keeps trying."


async def test_too_many_calls(browser: Browser, redis_server: RedisServer) -> None:
    limits = {**REAL, "RATE_LIMITS": "on", "LIMIT_STARTS": "1/60"}
    with ServerProcess(redis_server.url, secrets.token_hex(6), **limits) as server:
        async with People(browser, server.port) as people:
            alice, bob = await people.pair()
            await alice.dial(bob)
            await bob.press("Decline")
            await expect(alice.state).to_have_text(f"{bob.id} declined the call.")
            await alice.press("Call again")
            await expect(alice.state).to_have_text("Too many calls in a short time. Try again in a moment.")
            await alice.look("rate-limited")


async def test_a_page_of_another_place(browser: Browser, redis_server: RedisServer) -> None:
    with ServerProcess(redis_server.url, secrets.token_hex(6), **REAL, ALLOWED_ORIGINS="https://calls.example.com") as server:
        async with People(browser, server.port) as people:
            alice = await people.person("Alice")
            await alice.sign_in(people.url, token(alice.id))
            await expect(alice.banner).to_have_text("This page may not use the call service. Tell the people who run this service.")
            await expect(alice.button("Try again")).to_be_visible()
            await alice.look("origin-refused")


async def test_a_token_runs_out(browser: Browser, redis_server: RedisServer) -> None:
    """A pasted one is all there is: the page can fetch no other."""
    with ServerProcess(redis_server.url, secrets.token_hex(6), **REAL, CLOSE_ON_TOKEN_EXPIRY="true") as server:
        async with People(browser, server.port) as people:
            alice = await people.person("Alice")
            await alice.sign_in(people.url, token(alice.id, name="Alice", seconds=3))
            await expect(alice.page.locator("#me-name")).to_have_text("Alice")
            await expect(alice.banner).to_have_text("Your sign-in was not accepted. Sign in again.", timeout=2 * SECONDS)
            await alice.look("token-expired")
            await alice.press("Sign in again")
            await expect(alice.page.locator("#sign-in-title")).to_be_focused()
            await expect(alice.problem).to_have_text("Your sign-in was not accepted. Sign in again.")


async def test_the_service_is_away_at_first(server: ServerProcess, browser: Browser) -> None:
    async with Balancer(server.port) as balancer, People(browser, balancer.port) as people:
        alice = await people.person("Alice")
        await alice.own_time()
        await alice.page.goto(people.url)
        await expect(alice.page.locator("#sign-in-demo")).to_be_visible()
        balancer.refusing = True
        balancer.cut()
        await alice.page.get_by_text("Sign in with a token").click()
        await alice.page.get_by_label("Token").fill(token(alice.id, name="Alice"))
        await alice.press("Sign in")
        await expect(alice.banner).to_have_text(AWAY)
        await alice.look("service-away")
        await alice.stop_time()
        balancer.refusing = False
        await alice.press("Try now")
        await expect(alice.banner).to_be_hidden()
        await expect(alice.page.locator("#me-name")).to_have_text("Alice")


async def test_a_token_cannot_be_fetched_at_first(server: ServerProcess, browser: Browser) -> None:
    async with Balancer(server.port) as balancer, People(browser, balancer.port) as people:
        alice = await people.person("Alice")
        await alice.page.goto(people.url)
        await expect(alice.button("Alice")).to_be_visible()
        balancer.refusing = True
        balancer.cut()
        await alice.press("Alice")
        await expect(alice.banner).to_have_text(AWAY)
        balancer.refusing = False
        await expect(alice.banner).to_be_hidden(timeout=2 * SECONDS)
        await expect(alice.page.locator("#me-name")).to_have_text("Alice")
        await expect(alice.page.locator("#problem")).to_be_hidden()


async def test_the_service_goes_and_returns_in_a_call(server: ServerProcess, browser: Browser) -> None:
    async with Balancer(server.port) as balancer, People(browser, balancer.port) as people:
        alice = await people.person("Alice")
        await alice.own_time()
        await alice.sign_in(people.url)
        bob = await people.signed_in("Bob")
        await talk(alice, bob)
        balancer.refusing = True
        balancer.cut()
        for person in (alice, bob):
            await expect(person.banner).to_contain_text("The call service cannot be reached. Check your network.")
            await expect(person.state).to_have_text("Connected. The call service is being reconnected; you can talk on.")
            await person.hears_more()
        await alice.stop_time()
        balancer.refusing = False
        await alice.press("Try now")
        await expect(alice.banner).to_be_hidden()
        await alice.page.clock.resume()
        for person in (alice, bob):
            await expect(person.banner).to_be_hidden(timeout=2 * SECONDS)  # attempts are up to 15 s apart
            await person.connected()
        await bob.press("Hang up")
        await expect(alice.state).to_contain_text("Bob hung up.")


async def test_a_microphone_is_lost_and_plugged_in(people: People) -> None:
    alice, bob = await people.signed_in("Alice", script=DEVICES), await people.signed_in("Bob")
    await talk(alice, bob)
    await alice.page.evaluate("window.lose('audio', 'NotFoundError')")
    await expect(alice.problem).to_have_text("The microphone stopped working. Plug it in again, or choose another.")
    await expect(alice.notes).to_have_text("No microphone was found: Bob cannot hear you. Plug one in, then press Unmute.")
    await expect(bob.notes).to_have_text("Alice has no microphone, so you hear nothing. Alice hears you.")
    await alice.look("microphone-lost")
    await alice.page.evaluate("window.plug()")
    await expect(alice.notes).to_be_hidden()
    await expect(alice.problem).to_be_hidden()
    await expect(bob.notes).to_be_hidden()
    await bob.hears_more()


async def test_a_camera_is_lost(people: People) -> None:
    alice, bob = await people.signed_in("Alice", script=DEVICES), await people.signed_in("Bob")
    await alice.dial(bob, "video")
    await bob.press("Accept")
    await bob.hears_more("video")
    await alice.page.evaluate("window.lose('video', 'NotAllowedError')")
    await expect(alice.problem).to_have_text("The camera stopped working. The call goes on without video.")
    await expect(alice.notes).to_have_text(
        "Your camera is blocked. Allow it for this page in the browser's address bar, then press Turn camera on."
    )
    await expect(bob.page.locator("#remote-blank")).to_have_text("Alice's camera is off.")
    await bob.hears_more()


async def test_no_sound_gets_through(people: People) -> None:
    alice, bob = await people.person("Alice", script=NO_WAY), await people.signed_in("Bob")
    await alice.page.clock.install()
    await alice.sign_in(people.url)
    await alice.dial(bob)
    await bob.press("Accept")
    await expect(alice.state).to_have_text("Connecting …")
    await alice.page.clock.fast_forward(9000)
    await expect(alice.state).to_contain_text(
        "Connecting takes longer than usual. If you hear nothing soon, hang up and try another network."
    )
    await alice.look("connecting-slow")
    await alice.page.clock.fast_forward(60_000)
    await expect(alice.state).to_have_text("No sound gets through to Bob. Try another network.")
    await expect(bob.state).to_contain_text("Alice hung up.")


async def test_a_call_is_taken_over_by_another_device(people: People) -> None:
    alice, bob = await people.call()
    there = await people.elsewhere(alice)
    await expect(alice.state).to_contain_text("The call goes on where you signed in last.")
    await there.press("Take the call here")
    await there.connected()
    await bob.hears_more()
    await there.hears_more()


@pytest.mark.parametrize(
    "script",
    [
        "navigator.locks.request = async () => { throw new DOMException('', 'SecurityError'); };",
        "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });",
        "delete window.BroadcastChannel;",
        "for (const name of ['localStorage', 'sessionStorage']) "
        "Object.defineProperty(window, name, { get() { throw new DOMException('', 'SecurityError'); } });",
    ],
    ids=["locks-denied", "no-locks", "no-channels", "no-storage"],
)
async def test_a_browser_that_denies_what_tabs_share(people: People, script: str) -> None:
    alice, bob = await people.signed_in("Alice", script=script), await people.signed_in("Bob")
    await talk(bob, alice)
    await alice.press("Hang up")
    await expect(bob.state).to_contain_text("Alice hung up.")
