"""People with the web client open in a real browser. They find things as people do: by role and name."""

import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from harness.faults import FaultProxy
from harness.server import token
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

FAKE_MEDIA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
HIDING = ["--disable-back-forward-cache", "--disable-background-timer-throttling", "--disable-renderer-backgrounding"]
HIDING += ["--disable-backgrounding-occluded-windows"]
"""Playwright's own arguments that would hide how browsers treat pages that nobody looks at."""

REAL = {"DEMO": "true", "RATE_LIMITS": "off", "GRACE_PERIOD": "30", "ATTENDANCE_RENEWAL": "10", "PING_INTERVAL": "10", "PING_TIMEOUT": "10"}
REAL |= {"POD_LEASE": "10", "POD_RENEWAL": "2"}
"""The durations that users live with; the harness's own are shorter."""

SECONDS = 15_000
"""ms. For a condition to come about on a busy machine."""

expect.set_options(timeout=SECONDS)


def noting(kind: str, place: str) -> str:
    """A script for pages: all that is made of a class of the browser is kept, in the order of its making."""
    kept = f"window.{place}"
    remember = f"constructor(...options) {{ super(...options); {kept}.push(this); }}"
    return f"(() => {{ const Real = {kind}; {kept} = []; window.{kind} = class extends Real {{ {remember} }}; }})();"


WATCH_MEDIA = noting("RTCPeerConnection", "connections")
DIALLED = noting("WebSocket", "dialled")
DIALLING_ENDS = """() => Promise.all(
  dialled
    .filter((socket) => socket.readyState === WebSocket.CONNECTING)
    .map((socket) => new Promise((over) => ["open", "close"].forEach((event) => socket.addEventListener(event, over)))),
)"""
FLOW = """async () => {
  const sum = { audio: 0, video: 0 };
  for (const connection of window.connections) {
    if (connection.connectionState === "closed") continue;
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      if (report.kind === "video") sum.video += report.framesDecoded ?? 0;
      else sum.audio += (report.totalSamplesReceived ?? 0) - (report.concealedSamples ?? 0);
    }
  }
  return sum;
}"""
"""Frames decoded, and samples of sound that came from the other side rather than from concealment."""
PLAYED = "(id) => document.getElementById(id).currentTime"

ASKS = """{ const { mediaDevices } = navigator;
  const real = mediaDevices.getUserMedia.bind(mediaDevices);
  window.given = [];
  mediaDevices.getUserMedia = async (wanted) => {
    await new Promise((answer) => (window.allow = answer));
    const stream = await real(wanted);
    window.given.push(...stream.getTracks());
    return stream;
  }; }"""
"""A browser that asks for the microphone until `allow()`."""
SOUNDS = """{ const real = AudioContext.prototype.createOscillator;
  window.notes = 0;
  AudioContext.prototype.createOscillator = function () { window.notes++; return real.call(this); }; }"""
"""`notes`: how many tones the page has played."""


def program() -> str | None:
    """CHROMIUM, else the system's own Chromium or Chrome."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return os.environ.get("CHROMIUM") or next(filter(None, found), None)


@contextlib.asynccontextmanager
async def chromium(*arguments: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program(), args=["--no-sandbox", *arguments], ignore_default_args=[*HIDING, "--mute-audio"]
        )
        try:
            yield browser
        finally:
            await browser.close()


class Person:
    """One user in one page."""

    def __init__(self, page: Page, user_id: str, name: str) -> None:
        self.page, self.id, self.name = page, user_id, name
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda message: self.complaints.append(message.text) if "Content Security" in message.text else None)

    @property
    def title(self) -> Locator:
        return self.page.locator("#call-title")

    @property
    def state(self) -> Locator:
        return self.page.locator("#call-state")

    @property
    def notes(self) -> Locator:
        return self.page.locator("#call-notes")

    @property
    def problem(self) -> Locator:
        return self.page.locator("#problem-text")

    @property
    def banner(self) -> Locator:
        return self.page.locator("#connection-text")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def press(self, name: str) -> None:
        await self.button(name).click()

    async def sign_in(self, url: str, bearer: str | None = None) -> "Person":
        """With a pasted token."""
        await self.page.goto(url)
        await self.page.get_by_text("Sign in with a token").click()
        await self.page.get_by_label("Token").fill(bearer or token(self.id, name=self.name))
        await self.press("Sign in")
        if bearer is None:
            await expect(self.page.locator("#me-name")).to_have_text(self.name)
            await expect(self.banner).to_be_hidden()
        return self

    async def own_time(self) -> None:
        """Before the page is opened: for `stop_time`."""
        await self.page.clock.install()
        await self.page.add_init_script(DIALLED)

    async def stop_time(self) -> None:
        """What the page would do by itself waits, until `page.clock.resume`; an attempt to connect that had begun is over.

        Chromium dials later than it was told once WebSockets have failed: such an attempt would reach a service that returned meanwhile.
        """
        await self.page.clock.pause_at(await self.page.evaluate("Date.now()") / 1000 + 0.1)
        await self.page.evaluate(DIALLING_ENDS)

    async def dial(self, other: "Person | str", media: str = "audio") -> None:
        fold = self.page.locator("#other")
        if await fold.get_attribute("open") is None:
            await fold.locator("summary").click()
        await self.page.get_by_label("User id").fill(other if isinstance(other, str) else other.id)
        await self.press("Audio call" if media == "audio" else "Video call")

    async def rings(self, caller: "Person") -> None:
        await expect(self.title).to_have_text(f"{caller.name} is calling")

    async def connected(self) -> None:
        await expect(self.state).to_have_text("Connected")
        await expect(self.page.get_by_role("timer")).to_be_visible()

    async def flow(self) -> dict[str, int]:
        measured: dict[str, int] = await self.page.evaluate(FLOW)
        return measured

    async def hears_more(self, kind: str = "audio") -> None:
        """New sound or frames of the other side arrive from now on."""
        before = (await self.flow())[kind]
        least = 4000 if kind == "audio" else 5
        await self.page.wait_for_function(f"async () => (await ({FLOW})())['{kind}'] > {before + least}", timeout=2 * SECONDS, polling=200)
        played = await self.page.evaluate(PLAYED, f"remote-{kind}")
        await self.page.wait_for_function(f"([id, played]) => ({PLAYED})(id) > played", arg=[f"remote-{kind}", played], timeout=SECONDS)

    async def look(self, name: str) -> None:
        """A picture for whoever set SCREENSHOTS to a folder."""
        if folder := os.environ.get("SCREENSHOTS"):
            await self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    async def violations(self) -> list[str]:
        """What axe-core finds, in words."""
        found = await Axe().run(self.page)
        return [f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes']]}" for one in found.response["violations"]]


class People:
    """Makes persons, each in a context (a profile) of their own unless told otherwise, and closes them: `async with People(...)`.

    port: of the server whose page they open.
    """

    def __init__(self, browser: Browser, port: int) -> None:
        self.browser, self.url = browser, f"http://127.0.0.1:{port}/"
        self.contexts: list[BrowserContext] = []
        self.persons: list[Person] = []

    async def person(self, name: str, *, beside: Person | None = None, script: str = "", **context: Any) -> Person:
        """Not signed in. beside: in another tab of the same browser, as the same user."""
        if beside is None:
            self.contexts.append(await self.browser.new_context(**context))
            await self.contexts[-1].add_init_script(WATCH_MEDIA)
        page = await (beside.page.context if beside else self.contexts[-1]).new_page()
        if script:
            await page.add_init_script(script)
        self.persons.append(Person(page, beside.id if beside else f"{name.lower()}-{secrets.token_hex(4)}", name))
        return self.persons[-1]

    async def signed_in(self, name: str, **options: Any) -> Person:
        return await (await self.person(name, **options)).sign_in(self.url)

    async def elsewhere(self, person: Person) -> Person:
        """The same user signed in once more, in a browser of its own."""
        there = await self.person(person.name)
        there.id = person.id
        return await there.sign_in(self.url)

    async def pair(self, **options: Any) -> tuple[Person, Person]:
        return await self.signed_in("Alice", **options), await self.signed_in("Bob", **options)

    async def call(self, media: str = "audio", **options: Any) -> tuple[Person, Person]:
        """Two people who talk."""
        alice, bob = await self.pair(**options)
        await talk(alice, bob, media)
        return alice, bob

    async def __aenter__(self) -> "People":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for context in self.contexts:
            await context.close()
        for person in self.persons:
            assert kind or not person.complaints, f"{person.name}'s page: {person.complaints}"


async def talk(alice: Person, bob: Person, media: str = "audio") -> None:
    await alice.dial(bob, media)
    await bob.rings(alice)
    await bob.press("Accept")
    for person in (alice, bob):
        await person.connected()
        await person.hears_more("audio")


class Balancer(FaultProxy):
    """One address before several servers; new connections go to `upstream_port`, which a test may change."""
