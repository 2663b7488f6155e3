"""How fast calls are between two real pages: `make bench-browser` (CALLS, 50 by default).

Each figure is what a person sees: from a click to a change on a screen.
"""

import asyncio
import gzip
import os
import secrets
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from axe_playwright_python.async_playwright import Axe
from harness.browser import FAKE_MEDIA, REAL, Balancer, People, Person, chromium
from harness.redis import RedisServer
from harness.server import ServerProcess

CALLS = int(os.environ.get("CALLS", "50"))
ROOT = Path(__file__).parents[1]
SDK = ROOT / "clients/web"

STAMP = """([id, text]) => new Promise((resolve) => {
  const look = () => {
    const element = document.getElementById(id);
    if (!element.textContent.startsWith(text) || element.closest('[hidden]')) return false;
    resolve(performance.timeOrigin + performance.now());
    return true;
  };
  if (!look()) {
    const observer = new MutationObserver(() => look() && observer.disconnect());
    observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  }
})"""
CLICK = "(id) => { document.getElementById(id).click(); return performance.timeOrigin + performance.now(); }"


async def one_call(alice: Person, bob: Person) -> tuple[float, float]:
    """ms: click → ring shown; accept → media flowing on both sides."""
    await alice.page.get_by_label("User id").fill(bob.id)
    rings = asyncio.create_task(bob.page.evaluate(STAMP, ["call-title", f"{alice.name} is calling"]))
    await asyncio.sleep(0)
    clicked = await alice.page.evaluate(
        "() => { document.querySelector('#dial button').click(); return performance.timeOrigin + performance.now(); }"
    )
    rung = await rings - clicked
    flows = [asyncio.create_task(person.page.evaluate(STAMP, ["call-state", "Connected"])) for person in (alice, bob)]
    await asyncio.sleep(0)
    accepted = await bob.page.evaluate(CLICK, "accept")
    flowing = max(await asyncio.gather(*flows)) - accepted
    await bob.press("Hang up")
    await alice.page.wait_for_function("() => document.getElementById('call-state').textContent.includes('hung up')")
    await alice.press("Close")
    await bob.press("Close")
    return rung, flowing


async def resume(people: People, balancer: Balancer, other: ServerProcess, doomed: ServerProcess) -> float:
    """ms from the kill of the server until both pages are connected to the other one; the sound never stops."""
    alice, bob = await people.call()
    balancer.upstream_port = other.port
    doomed.kill()
    begun = time.perf_counter()
    back = "() => document.getElementById('connection').hidden && document.getElementById('call-state').textContent === 'Connected'"
    await asyncio.gather(*(person.page.get_by_text("reconnected; you can talk on").wait_for(timeout=5000) for person in (alice, bob)))
    await asyncio.gather(*(person.page.wait_for_function(back, polling="raf") for person in (alice, bob)))
    took = time.perf_counter() - begun
    await asyncio.gather(alice.hears_more(), bob.hears_more())
    return took * 1000


async def accessibility(person: Person) -> str:
    """Of the page with the settings open: what axe-core finds, and the share of its rules that hold, of 100."""
    await person.page.locator("#settings summary").click()
    found = (await Axe().run(person.page)).response
    passed, failed = len(found["passes"]), [one["id"] for one in found["violations"]]
    return f"axe-core: {len(failed)} violations {failed}, score {100 * passed / (passed + len(failed)):.0f} ({passed} rules apply and hold)"


def bundle() -> str:
    """The SDK as bundlers would ship it."""
    if not (SDK / "node_modules/terser").is_dir():
        return "the SDK: not measured, needs npm ci in clients/web"
    minified = subprocess.run(["npm", "run", "--silent", "minify"], cwd=SDK, capture_output=True, check=True).stdout
    return f"the SDK: {len(gzip.compress(minified, 9))} bytes minified and gzipped"


def show(name: str, values: list[float]) -> None:
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    print(f"{name}: p50 {cuts[49]:.0f} ms, p95 {cuts[94]:.0f} ms (n={len(values)})", flush=True)


async def main() -> None:
    redis = RedisServer().start()
    cell = secrets.token_hex(6)
    try:
        with ServerProcess(redis.url, cell, **REAL) as doomed, ServerProcess(redis.url, cell, **REAL) as other:
            async with Balancer(doomed.port) as balancer, chromium(*FAKE_MEDIA) as browser, People(browser, balancer.port) as people:
                alice, bob = await people.pair()
                await alice.page.locator("#other summary").click()
                measured = [await one_call(alice, bob) for _ in range(CALLS)]
                show("click → ring shown", [rung for rung, _ in measured])
                show("accept → media flowing on both sides", [flowing for _, flowing in measured])
                print(f"server killed → both pages connected again: {await resume(people, balancer, other, doomed):.0f} ms")
                print(await accessibility(alice))
    finally:
        redis.remove()
    page = [path for path in (ROOT / "examples/web-client").rglob("*") if path.suffix in {".js", ".css", ".html"}]
    weight = sum(len(gzip.compress(path.read_bytes())) for path in page)
    print(bundle())
    print(f"the page: {weight / 1000:.1f} kB gzipped, as served in {len(page)} files without a build")


if __name__ == "__main__":
    asyncio.run(main())
