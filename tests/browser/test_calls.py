"""Calls between real pages: what both people see and hear."""

import re

import pytest
from harness.browser import People
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_audio_call_from_ring_to_history(people: People) -> None:
    alice, bob = await people.pair()
    await alice.dial(bob)
    await expect(alice.title).to_have_text(bob.id)
    await expect(alice.state).to_have_text("Ringing …")
    await bob.rings(alice)
    await expect(bob.state).to_have_text("Audio call")
    await expect(bob.page).to_have_title(re.compile("Alice"))
    await expect(bob.page.locator("#assertive")).to_have_text("Alice is calling. Audio call.")
    await alice.look("ringing")
    await bob.look("incoming")
    await bob.press("Accept")
    for person in (alice, bob):
        await person.connected()
        await person.hears_more()
        await expect(person.page.locator("#call-quality")).to_have_text("Good connection")
    await expect(alice.title).to_have_text("Bob")
    await alice.look("connected")
    await bob.press("Hang up")
    await expect(alice.state).to_have_text(re.compile(r"^Bob hung up\. You talked for \d+ s\.$"))
    await alice.look("hung-up")
    await expect(alice.page.locator("#history li")).to_have_text(re.compile(r"Bob.*Outgoing call, \d+ s"))
    await expect(bob.page.locator("#history li")).to_have_text(re.compile(r"Alice.*Incoming call, \d+ s"))
    await expect(bob.page.locator("#call")).to_be_hidden()


async def test_a_video_call_with_camera_off_and_on(people: People) -> None:
    alice, bob = await people.pair()
    await alice.dial(bob, "video")
    await expect(bob.state).to_have_text("Video call")
    await bob.press("Accept")
    for person in (alice, bob):
        await person.connected()
        await person.hears_more("audio")
        await person.hears_more("video")
        await expect(person.page.locator("#remote-video")).to_be_visible()
        await expect(person.page.locator("#local-video")).to_be_visible()
    await alice.look("video")
    await alice.press("Turn camera off")
    await expect(bob.page.locator("#remote-video")).to_be_hidden()
    await expect(bob.page.locator("#remote-blank")).to_have_text("Alice's camera is off.")
    await bob.look("camera-off")
    await alice.press("Turn camera on")
    await expect(bob.page.locator("#remote-video")).to_be_visible()
    await bob.hears_more("video")


async def test_video_is_turned_on_in_an_audio_call(people: People) -> None:
    alice, bob = await people.call()
    await alice.press("Turn camera on")
    await expect(bob.page.locator("#remote-video")).to_be_visible()
    await bob.hears_more("video")
    await alice.hears_more("audio")


async def test_mute_is_shown_to_both(people: People) -> None:
    alice, bob = await people.call()
    await alice.press("Mute")
    await expect(alice.notes).to_have_text("You are muted: Bob cannot hear you.")
    await expect(bob.notes).to_have_text("Alice is muted.")
    await alice.press("Unmute")
    await expect(alice.notes).to_be_hidden()
    await expect(bob.notes).to_be_hidden()


async def test_four_pages_hold_two_calls(people: People) -> None:
    first = await people.call("video")
    second = await people.call("video")
    for person in (*first, *second):
        await person.hears_more("audio")
        await person.hears_more("video")


async def test_both_call_each_other_at_once(people: People) -> None:
    alice, bob = await people.pair()
    for person, other in ((alice, bob), (bob, alice)):
        await person.page.locator("#other summary").click()
        await person.page.get_by_label("User id").fill(other.id)
    for person in (alice, bob):
        await person.page.evaluate("setTimeout(() => document.querySelector('#dial button').click(), 300)")
    for person in (alice, bob):
        await person.connected()
        await person.hears_more()


async def test_two_tabs_ring_and_one_answers(people: People) -> None:
    alice, bob = await people.pair()
    tab = await people.signed_in("Bob", beside=bob)
    await alice.dial(bob)
    await bob.rings(alice)
    await tab.rings(alice)
    await tab.press("Accept")
    await tab.connected()
    await tab.hears_more()
    await expect(bob.state).to_have_text("The call is in another tab of this browser.")
    await bob.look("another-tab")
    await bob.press("Hang up")
    await expect(tab.page.locator("#mute")).to_be_hidden()
    await expect(alice.state).to_contain_text("Bob hung up.")


async def test_a_cancelled_call_is_a_missed_one(people: People) -> None:
    alice, bob = await people.pair()
    await alice.dial(bob)
    await bob.rings(alice)
    await alice.press("Cancel")
    await expect(alice.state).to_have_text("You cancelled the call.")
    await expect(bob.state).to_have_text("You missed a call from Alice.")
    await expect(bob.page.locator("#missed")).to_have_text("1 missed")
    await expect(bob.page).to_have_title("(1) Carillon")
    await expect(bob.page.locator("#history li")).to_contain_text("Missed call")
    await bob.look("missed")
    await bob.press("Call back")
    await alice.rings(bob)
    await alice.press("Decline")
    await expect(bob.state).to_have_text("Alice declined the call.")
    await expect(alice.state).to_have_text("You declined the call.")


async def test_the_keyboard_is_enough(people: People) -> None:
    alice, bob = await people.pair()
    await alice.page.locator("#other summary").focus()
    await alice.page.keyboard.press("Enter")
    await alice.page.get_by_label("User id").focus()
    await alice.page.keyboard.type(bob.id)
    await alice.page.keyboard.press("Enter")
    await bob.rings(alice)
    await expect(bob.title).to_be_focused()
    await bob.page.keyboard.press("Tab")
    await expect(bob.button("Accept")).to_be_focused()
    await bob.page.keyboard.press("Enter")
    await bob.connected()
    await bob.button("Hang up").focus()
    await bob.page.keyboard.press("Space")
    await expect(alice.state).to_contain_text("Bob hung up.")


async def test_a_ring_does_not_take_the_focus_of_somebody_who_types(people: People) -> None:
    alice, bob = await people.pair()
    await bob.page.locator("#other summary").click()
    await bob.page.get_by_label("User id").focus()
    await alice.dial(bob)
    await bob.rings(alice)
    await expect(bob.page.get_by_label("User id")).to_be_focused()


async def test_demo_users_see_who_is_there(people: People) -> None:
    alice, bob = await people.person("Alice"), await people.person("Bob")
    await alice.page.goto(people.url)
    await alice.look("sign-in")
    await alice.press("Alice")
    await expect(alice.page.locator("#alone")).to_contain_text("Nobody else is here yet.")
    await alice.look("alone")
    await bob.page.goto(f"{people.url}?user=bob")
    await expect(bob.page.locator("#me-name")).to_have_text("Bob")
    entry = alice.page.locator("#contacts li", has_text="Bob")
    await expect(entry).to_contain_text("Here")
    await alice.press("Call Bob")
    await bob.rings(alice)
    await expect(bob.page.locator("#call-picture img")).to_have_attribute("src", "/pictures/alice.svg")
    await bob.press("Accept")
    await bob.connected()
    await expect(entry).to_contain_text("In a call")
    await bob.press("Hang up")
    await bob.press("Sign out")
    await expect(bob.page.locator("#sign-in-title")).to_be_focused()
    await expect(entry).to_contain_text("Not here")
