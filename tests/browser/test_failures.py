"""Whatever goes wrong, the page says what happened and what to do."""

import re
import secrets

import pytest
from harness.browser import FAKE_MEDIA, REAL, People, chromium
from harness.redis import RedisServer
from harness.server import ServerProcess, token
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

NO_MICROPHONE = "The microphone is blocked. Allow it for this page in the browser's address bar, then try again."


def refusing(error: str) -> str:
    """A browser that cannot give the microphone."""
    return f"navigator.mediaDevices.getUserMedia = async () => {{ throw new DOMException('', '{error}'); }};"


async def test_busy(people: People) -> None:
    alice, _ = await people.call()
    carol = await people.signed_in("Carol")
    await carol.dial(alice)
    await expect(carol.state).to_have_text("Alice is in another call. Try again later.".replace("Alice", alice.id))
    await carol.look("busy")


async def test_offline(people: People) -> None:
    alice = await people.signed_in("Alice")
    await alice.dial("nobody-" + secrets.token_hex(4))
    await expect(alice.state).to_have_text(re.compile(r"cannot be reached right now\. Try again later\.$"))
    await expect(alice.button("Call again")).to_be_visible()


async def test_self_call(people: People) -> None:
    alice = await people.signed_in("Alice")
    await alice.dial(alice)
    await expect(alice.state.or_(alice.problem).filter(visible=True)).to_have_text("You cannot call yourself.")


async def test_second_call(people: People) -> None:
    alice, _ = await people.call()
    await alice.dial("carol")
    await expect(alice.problem).to_have_text("You are already in a call. Hang up first.")
    await alice.connected()


async def test_nobody_answers(browser: Browser, redis_server: RedisServer) -> None:
    with ServerProcess(redis_server.url, secrets.token_hex(6), **REAL, RING_TIMEOUT="5") as server:
        async with People(browser, server.port) as people:
            alice, bob = await people.pair()
            await alice.dial(bob)
            await bob.rings(alice)
            await expect(alice.state).to_have_text(f"{bob.id} did not answer.")
            await expect(bob.state).to_have_text("You missed a call from Alice.")


async def test_microphone_refused_to_the_caller(people: People) -> None:
    alice, bob = await people.signed_in("Alice", script=refusing("NotAllowedError")), await people.signed_in("Bob")
    await alice.dial(bob)
    await expect(alice.state).to_have_text(NO_MICROPHONE)
    await alice.look("microphone-refused")
    await alice.press("Call and only listen")
    await bob.rings(alice)
    await bob.press("Accept")
    await bob.connected()
    await alice.hears_more()
    await expect(bob.notes).to_contain_text("so you hear nothing. Alice hears you.")


async def test_microphone_refused_to_the_callee(people: People) -> None:
    alice, bob = await people.signed_in("Alice"), await people.signed_in("Bob", script=refusing("NotAllowedError"))
    await alice.dial(bob)
    await bob.rings(alice)
    await bob.press("Accept")
    await expect(bob.notes).to_have_text(NO_MICROPHONE)
    await expect(alice.state).to_have_text("Ringing …")
    await bob.look("accept-refused")
    await bob.press("Accept and only listen")
    await alice.connected()
    await bob.hears_more()
    await expect(alice.notes).to_contain_text("so you hear nothing. Bob hears you.")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("NotFoundError", "No microphone was found. Plug one in, then try again."),
        ("NotReadableError", "Another program uses the microphone. Close it, then try again."),
    ],
)
async def test_no_usable_microphone(people: People, error: str, text: str) -> None:
    alice, bob = await people.signed_in("Alice", script=refusing(error)), await people.signed_in("Bob")
    await alice.dial(bob)
    await expect(alice.state).to_have_text(text)


async def test_camera_missing_makes_an_audio_call(people: People) -> None:
    script = """{ const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wanted) => {
        if (wanted.video) throw new DOMException('', 'NotFoundError');
        return real(wanted);
      }; }"""
    alice, bob = await people.signed_in("Alice", script=script), await people.signed_in("Bob")
    await alice.dial(bob, "video")
    await bob.press("Accept")
    await bob.connected()
    await bob.hears_more()
    await expect(alice.notes).to_have_text("No camera was found. Plug one in, then press Turn camera on.")
    await alice.press("Turn camera on")
    await expect(alice.problem).to_contain_text("The call goes on without video.")
    await alice.connected()


async def test_an_insecure_page_cannot_call(people: People) -> None:
    script = "Object.defineProperty(Navigator.prototype, 'mediaDevices', { get: () => undefined });"
    alice, bob = await people.signed_in("Alice", script=script), await people.signed_in("Bob")
    await alice.dial(bob)
    await expect(alice.state).to_have_text("Calls need a secure page. Open this page with https.")


async def test_what_is_no_token(people: People) -> None:
    alice = await people.person("Alice")
    await alice.sign_in(people.url, "hello")
    await expect(alice.problem).to_have_text("This is not a token: a JWT has three parts with dots between them. Copy the whole of it.")


@pytest.mark.parametrize("bearer", [token("alice", secret="another"), token("alice", seconds=-100)])
async def test_a_refused_token(people: People, bearer: str) -> None:
    alice = await people.person("Alice")
    await alice.sign_in(people.url, bearer)
    await expect(alice.problem).to_have_text("Your sign-in was not accepted. Sign in again.")
    await expect(alice.page.locator("#sign-in-title")).to_be_visible()
    await alice.look("token-refused")


async def test_signed_in_elsewhere(people: People) -> None:
    here = await people.signed_in("Alice")
    there = await people.elsewhere(here)
    await expect(here.banner).to_have_text("You are signed in somewhere else now. Connect again to use calls here.")
    await here.look("replaced")
    await here.press("Use calls here")
    await expect(here.banner).to_be_hidden()
    await expect(there.banner).to_contain_text("signed in somewhere else")


async def test_the_service_does_not_answer(browser: Browser, redis_server: RedisServer) -> None:
    with ServerProcess(redis_server.url, secrets.token_hex(6), **REAL) as server:
        async with People(browser, server.port) as people:
            alice = await people.signed_in("Alice")
            server.kill()
            await expect(alice.banner).to_contain_text("The call service cannot be reached. Check your network.")
            await expect(alice.button("Try now")).to_be_visible()


async def test_the_peer_is_gone_for_good(redis_server: RedisServer) -> None:
    """Its browser is killed with everything; after the grace the other side is told."""
    with ServerProcess(redis_server.url, secrets.token_hex(6), DEMO="true") as server:
        async with chromium(*FAKE_MEDIA) as one, chromium(*FAKE_MEDIA) as two, People(one, server.port) as mine:
            theirs = People(two, server.port)
            alice, bob = await mine.signed_in("Alice"), await theirs.signed_in("Bob")
            await alice.dial(bob)
            await bob.press("Accept")
            await alice.connected()
            await bob.page.close()
            await expect(alice.state).to_contain_text("The connection to Bob was lost.", timeout=30_000)


async def test_sound_held_back_by_the_browser(people: People) -> None:
    script = """{ const real = HTMLMediaElement.prototype.play; let held = true;
      HTMLMediaElement.prototype.play = async function () {
        if (this.id !== 'remote-audio' || !held) return real.call(this);
        held = false;
        throw new DOMException('', 'NotAllowedError');
      }; }"""
    alice, bob = await people.signed_in("Alice", script=script), await people.signed_in("Bob")
    await alice.dial(bob)
    await bob.press("Accept")
    await expect(alice.notes).to_contain_text("The browser holds the sound back until you press a button.")
    await alice.press("Turn the sound on")
    await expect(alice.notes).to_be_hidden()


async def test_a_broken_page_says_so(people: People) -> None:
    alice = await people.signed_in("Alice")
    await alice.page.evaluate("setTimeout(() => { throw new Error('provoked'); })")
    await expect(alice.problem).to_have_text("Something in this page went wrong. Reload it: a call that is on survives that.")
    alice.complaints.clear()
    await alice.press("Dismiss")
    await expect(alice.problem).to_be_hidden()
