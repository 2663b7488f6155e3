"""What the page itself makes of a call: its devices, its rings, its notifications, its history."""

import json

import pytest
from harness.browser import ASKS, SECONDS, SOUNDS, People, talk
from harness.server import token
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADSET = """{ const { mediaDevices } = navigator;
  localStorage.setItem("carillon.page.audioinput", JSON.stringify("headset"));
  const devices = [{ kind: "audioinput", deviceId: "built-in", label: "Built-in" }];
  window.asked = [];
  mediaDevices.enumerateDevices = async () => devices;
  const real = mediaDevices.getUserMedia.bind(mediaDevices);
  mediaDevices.getUserMedia = ({ audio, video }) => {
    window.asked.push(audio?.deviceId?.ideal ?? "");
    return real({ audio: Boolean(audio), video: Boolean(video) });
  };
  window.plug = () => {
    devices.push({ kind: "audioinput", deviceId: "headset", label: "Headset" });
    mediaDevices.dispatchEvent(new Event("devicechange"));
  }; }"""
"""A browser whose user chose a headset on an earlier visit, and plugs it in with `plug()`."""
NOTIFICATIONS = """{
  window.shown = [];
  document.hasFocus = () => false;
  window.Notification = class {
    static permission = "granted";
    constructor(text) { this.text = text; window.shown.push(text); }
    close() { window.shown = window.shown.filter((text) => text !== this.text); }
  }; }"""
"""`shown`: the texts of the system's notifications that are on the screen, as if somebody looked elsewhere."""


async def test_a_device_that_is_shown_as_chosen_is_the_one_in_use(people: People) -> None:
    alice, bob = await people.signed_in("Alice", script=HEADSET), await people.signed_in("Bob")
    await talk(alice, bob)
    chosen = alice.page.get_by_label("Microphone")
    assert await chosen.input_value() != "headset"
    await alice.page.evaluate("plug()")
    await expect(chosen).to_have_value("headset")
    await alice.page.wait_for_function("() => window.asked.at(-1) === 'headset'", timeout=SECONDS, polling=200)
    await bob.hears_more()


@pytest.mark.parametrize("image", ["http://", "//", "http://a b/c", "no address"])
async def test_a_picture_that_is_no_address_hinders_nobody(people: People, image: str) -> None:
    alice, bob = await people.person("Alice"), await people.signed_in("Bob")
    await alice.sign_in(people.url, token(alice.id, name="Alice", image_profile=image))
    await expect(alice.page.locator("#me-name")).to_have_text("Alice")
    await talk(alice, bob)
    await bob.press("Hang up")
    await expect(bob.page.locator("#history li")).to_contain_text("Alice")


async def test_the_tab_that_can_be_heard_rings(people: People) -> None:
    alice, bob = await people.signed_in("Alice"), await people.signed_in("Bob", script=SOUNDS)
    # Whom nobody has clicked since it was opened is not heard, and holds the connection.
    await bob.page.reload()
    await expect(bob.page.locator("#me-name")).to_have_text("Bob")
    await expect(bob.banner).to_be_hidden()
    tab = await people.person("Bob", beside=bob, script=SOUNDS)
    await tab.sign_in(people.url)
    await alice.dial(bob)
    await tab.rings(alice)
    await tab.page.wait_for_function("() => window.notes > 0", timeout=SECONDS, polling=200)
    assert await bob.page.evaluate("window.notes") == 0


async def test_a_click_lets_a_silent_page_ring(people: People) -> None:
    alice, bob = await people.signed_in("Alice"), await people.signed_in("Bob", script=SOUNDS)
    await bob.page.reload()
    await expect(bob.banner).to_be_hidden()
    await alice.dial(bob)
    await bob.rings(alice)
    assert await bob.page.evaluate("window.notes") == 0
    await bob.title.click()
    await bob.page.wait_for_function("() => window.notes > 0", timeout=SECONDS, polling=200)


async def test_who_signs_out_in_a_call_leaves_nothing_but_its_entry(people: People) -> None:
    alice, bob = await people.call()
    await alice.press("Sign out")
    await expect(bob.state).to_contain_text("Alice hung up.")
    await expect(alice.page.locator("#sign-in-title")).to_be_visible()
    await expect(alice.page.locator("#call")).to_be_hidden()
    await expect(alice.page.locator("#problem")).to_be_hidden()
    assert await alice.page.locator("#history li").count() == 0
    await alice.sign_in(people.url)
    await expect(alice.page.locator("#history li")).to_contain_text("Outgoing call")


async def test_a_name_is_said_as_it_is(people: People) -> None:
    alice = await people.signed_in("Alice")
    call = {"state": "ringing", "alerting": "failed", "here": True, "peer": {"name": "A$$AP $&"}}
    text = await alice.page.evaluate(f"import('/src/words.js').then(({{ callState }}) => callState({json.dumps(call)}, 'online'))")
    assert text == "A$$AP $&'s device could not be woken. Ringing on in case A$$AP $& comes back …"


async def test_a_notification_goes_when_the_call_is_answered(people: People) -> None:
    alice, bob = await people.signed_in("Alice"), await people.signed_in("Bob", script=NOTIFICATIONS)
    await alice.dial(bob)
    await bob.rings(alice)
    assert await bob.page.evaluate("window.shown") == ["Alice is calling"]
    await bob.press("Accept")
    await bob.connected()
    assert await bob.page.evaluate("window.shown") == []


async def test_a_tab_that_signs_out_while_it_rings_leaves_no_notification(people: People) -> None:
    alice, bob = await people.signed_in("Alice"), await people.signed_in("Bob")
    tab = await people.signed_in("Bob", beside=bob, script=NOTIFICATIONS)
    await alice.dial(bob)
    await tab.rings(alice)
    assert await tab.page.evaluate("window.shown") == ["Alice is calling"]
    await tab.press("Sign out")
    await tab.page.wait_for_function("() => window.shown.length === 0", timeout=SECONDS, polling=200)
    await bob.rings(alice)


async def test_a_call_that_came_while_another_one_began_rings_on_when_that_is_cancelled(people: People) -> None:
    alice = await people.signed_in("Alice", script=ASKS + NOTIFICATIONS)
    bob, carol = await people.signed_in("Bob"), await people.signed_in("Carol")
    await alice.dial(bob)
    await alice.page.wait_for_function("() => Boolean(window.allow)", polling=200)
    await carol.dial(alice)
    await expect(carol.state).to_have_text("Ringing …")
    await alice.press("Cancel")
    await alice.rings(carol)
    assert await alice.page.evaluate("window.shown") == ["Carol is calling"]
    await alice.page.evaluate("window.allow()")
    await alice.press("Decline")
    await expect(carol.state).to_contain_text("declined the call.")


async def test_who_calls_again_where_they_were_replaced_is_told_why_not(people: People) -> None:
    alice, _ = await people.call()
    await people.elsewhere(alice)
    for _ in range(2):
        await alice.press("Call again")
        await expect(alice.problem).to_have_text("You are signed in somewhere else now. Connect again to use calls here.")
        await alice.press("Dismiss")
