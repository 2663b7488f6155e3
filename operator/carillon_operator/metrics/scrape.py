"""The metrics of the server's pods, asked for directly, without Prometheus. A pod that does not answer is unknown, never zero."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from carillon_operator.resources import Object
from carillon_operator.resources.environment import METRICS_PORT

PATIENCE = 3.0
"""Seconds for one pod's answer."""
AT_ONCE = 32
WANTED = ("carillon_connections", "carillon_messages", "carillon_redis_up", "carillon_keyring", "process_cpu_seconds")


@dataclass(frozen=True, slots=True)
class Reading:
    """messages, cpu (seconds): since the pod started. keyring: checksum of the JWT keyring it has loaded; empty: none."""

    connections: int
    messages: float = 0.0
    cpu: float = 0.0
    redis_up: bool = True
    keyring: str = ""


def parse(text: str) -> Reading:
    """Prometheus' text. Raises ValueError for what is none, or not a server's."""
    lines = "\n".join(line for line in text.splitlines() if line.startswith(WANTED)) + "\n"
    totals: dict[str, float] = {}
    keyring = ""
    for family in text_string_to_metric_families(lines):
        for sample in family.samples:
            totals[sample.name] = totals.get(sample.name, 0.0) + sample.value
            if sample.name == "carillon_keyring" and sample.value:
                keyring = sample.labels.get("checksum", "")
    if "carillon_connections" not in totals:
        raise ValueError("no carillon_connections: this is no server of ours")
    return Reading(
        int(totals["carillon_connections"]),
        totals.get("carillon_messages_total", 0.0),
        totals.get("process_cpu_seconds_total", 0.0),
        totals.get("carillon_redis_up", 1.0) > 0,
        keyring,
    )


class Scraper:
    """port: of the pods' metrics."""

    def __init__(self, port: int = METRICS_PORT) -> None:
        self._port = port
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=PATIENCE), connector=aiohttp.TCPConnector(force_close=True)
        )

    async def close(self) -> None:
        await self._session.close()

    async def read(self, pods: Iterable[Object]) -> dict[str, Reading | None]:
        """By name of the pod; None: it could not be asked."""
        asked = list(pods)
        return dict(zip((one["metadata"]["name"] for one in asked), await asyncio.gather(*map(self._one, asked)), strict=True))

    async def _one(self, pod: Object) -> Reading | None:
        address = (pod.get("status") or {}).get("podIP")
        if not address:
            return None
        host = f"[{address}]" if ":" in address else address
        try:
            async with self._gate, self._session.get(f"http://{host}:{self._port}/metrics") as answer:
                return parse(await answer.text()) if answer.status == 200 else None
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return None
