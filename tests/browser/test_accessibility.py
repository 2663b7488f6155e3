"""axe-core finds nothing in any state of the page, in light and dark, wide and at 320 px, where nothing overflows either."""

from typing import Any

import pytest
from harness.browser import People, Person
from playwright.async_api import expect

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOOKS: dict[str, dict[str, Any]] = {
    "wide-light": {"viewport": {"width": 1200, "height": 800}},
    "narrow-dark": {"viewport": {"width": 320, "height": 640}, "color_scheme": "dark"},
}


async def inspect(person: Person, name: str) -> None:
    assert await person.violations() == [], name
    width, least = await person.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= least, f"{name} overflows: {width} px of {least}"
    await person.look(name)


@pytest.mark.parametrize("look", LOOKS)
async def test_every_state(people: People, look: str) -> None:
    alice = await people.person("Alice", **LOOKS[look])
    await alice.page.goto(people.url)
    await expect(alice.button("Alice")).to_be_visible()
    await inspect(alice, f"{look}-1-sign-in")
    await alice.sign_in(people.url)
    await alice.page.locator("#settings summary").click()
    await inspect(alice, f"{look}-2-desk")
    bob = await people.signed_in("Bob")
    await alice.dial(bob, "video")
    await expect(alice.state).to_have_text("Ringing …")
    await inspect(alice, f"{look}-3-ringing")
    await alice.press("Cancel")
    await bob.press("Call back")
    await alice.rings(bob)
    await inspect(alice, f"{look}-4-incoming")
    await alice.press("Accept")
    await alice.connected()
    await alice.hears_more("video")
    await alice.press("Mute")
    await inspect(alice, f"{look}-5-connected")
    await bob.press("Hang up")
    await expect(alice.state).to_contain_text("Bob hung up.")
    await bob.dial(alice)
    await alice.rings(bob)
    await bob.press("Cancel")
    await expect(alice.state).to_have_text("You missed a call from Bob.")
    await alice.dial("nobody")
    await expect(alice.state).to_contain_text("cannot be reached right now")
    await alice.page.context.set_offline(True)
    await expect(alice.banner).to_contain_text("You are offline.")
    await inspect(alice, f"{look}-6-ended-and-offline")
