"""The operator as a process: what is put together, and how it ends."""

import asyncio
import contextlib
import logging
import secrets
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from carillon_operator import ports
from carillon_operator.handlers import Kopf, registry
from carillon_operator.kube import CHILDREN, Access, Client, Forbidden, NotFound, Throttled, Unreachable, Watch
from carillon_operator.kube.client import WRITE_SECONDS
from carillon_operator.kube.errors import ApiError
from carillon_operator.kube.kinds import POD, RESOURCE, SECRET
from carillon_operator.leader import Leader
from carillon_operator.metrics import Own, Scraper
from carillon_operator.metricsapi import Cluster, Serving
from carillon_operator.options import Options
from carillon_operator.reconciler import Applier, Key, Lookout, Loop, Queue, Reconciler, Scaler
from carillon_operator.resources.metadata import CLUSTER_LABEL

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """Why, and what to do, in words."""


def settled(options: Options, access: Access) -> Options:
    """With what only the surroundings tell."""
    identity = options.identity or f"{socket.gethostname()}-{secrets.token_hex(3)}"
    return replace(options, home=options.home or access.namespace, identity=identity)


async def check(client: Client, namespaces: tuple[str, ...]) -> None:
    """Raises CannotStart unless resources can be listed, in one namespace at least: one that was deleted took its Role along, and must
    not take the others. Waits for an API server that does not answer.
    """
    refusals = [found for one in namespaces or (None,) if (found := await _refusal(client, one))]
    if len(refusals) == max(len(namespaces), 1):
        raise CannotStart(" ".join(refusals))
    for one in refusals:
        log.error("%s The other namespaces are served.", one)


async def _refusal(client: Client, namespace: str | None) -> str:
    """Why resources cannot be listed there, in words; empty: they can. Raises CannotStart where there is no such kind."""
    while True:
        try:
            await client.find(RESOURCE, namespace, metadata=True)
            return ""
        except NotFound:
            raise CannotStart(
                f"The API server knows no {RESOURCE.plural}.{RESOURCE.group}. Install the CustomResourceDefinition: "
                "kubectl apply --server-side -k manifests/crd, or by the chart (crds.enabled)."
            ) from None
        except Forbidden as refusal:
            where = f"in namespace {namespace}" if namespace else "in all namespaces: with --namespace a Role is enough"
            return f"{RESOURCE.plural} cannot be listed {where}. {refusal.message}"
        except (ApiError, Unreachable) as failure:
            log.warning("the API server does not answer yet: %s", failure)
            await asyncio.sleep(failure.after if isinstance(failure, Throttled) else 2.0)


@dataclass(frozen=True, slots=True)
class Parts:
    """What runs."""

    own: Own
    loop: Loop
    watches: tuple[Watch, ...]
    leader: Leader
    known: dict[Key, str]


async def run(options: Options, access: Access) -> None:
    """Until SIGTERM or SIGINT. Raises CannotStart."""
    options = settled(options, access)
    own = Own()
    async with contextlib.AsyncExitStack() as stack:
        # A connection of its own, and no long wait on a dead one: a renewal must neither stand behind other calls nor lose the lead.
        lease = Client(access, lambda: True, own.count, read_seconds=WRITE_SECONDS)
        stack.push_async_callback(lease.close)
        leader = Leader(lease, options.home, options.lease, options.identity)
        client = Client(access, (lambda: leader.leads) if options.lease else (lambda: True), own.count)
        stack.push_async_callback(client.close)
        await check(client, options.namespaces)
        scraper = Scraper()
        stack.push_async_callback(scraper.close)
        parts = _assemble(options, client, scraper, leader, own)
        if options.metrics_port:
            runner = await ports.serve(
                options.metrics_port, own, lambda: parts.loop.stuck, lambda: all(one.synced.is_set() for one in parts.watches)
            )
            stack.push_async_callback(runner.cleanup)
        serving: tuple[Serving, ...] = ()
        if options.metrics_api:
            cluster = Cluster(lease, scraper, options.metrics_api, options.home, time.time)
            serving = (Serving(cluster, options.metrics_api_port),)
        await _until_told(options, access, parts, serving)


def _assemble(options: Options, client: Client, scraper: Scraper, leader: Leader, own: Own) -> Parts:
    queue, known = Queue(), dict[Key, str]()
    lookout = Lookout(own, queue.add)
    reconciler = Reconciler(client, Applier(client), Scaler(client, scraper), lookout, options.defaults(), options.identity, time.time)
    loop = Loop(client, reconciler, lookout, queue, own, options.namespaces, known)
    return Parts(own, loop, tuple(_watches(options, client, loop)), leader, known)


def _watches(options: Options, client: Client, loop: Loop) -> Iterator[Watch]:
    for namespace in options.namespaces or (None,):
        for kind in (*CHILDREN, POD):
            yield Watch(client, kind, namespace, loop.child_changed, loop.kind_appeared, selector=CLUSTER_LABEL)
        # All of them, since those that people made carry no label of ours; Helm's releases are many and long.
        without_helm = "type!=helm.sh/release.v1"
        yield Watch(client, SECRET, namespace, loop.secret_changed, loop.kind_appeared, selector="", fields=without_helm)


async def _until_told(options: Options, access: Access, parts: Parts, serving: tuple[Serving, ...]) -> None:
    """Whatever ends first ends the process; the Lease is given back in any case."""
    stop = asyncio.Event()
    resources = Kopf(registry(access, parts.known, parts.loop.resource_changed), options.namespaces, options.identity)
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    leading = asyncio.create_task(_lead(options, parts))
    stopped = asyncio.create_task(stop.wait())
    others = [asyncio.create_task(one.run()) for one in parts.watches]
    others += [asyncio.create_task(one.run()) for one in serving]
    others.append(asyncio.create_task(resources.run()))
    try:
        done, _ = await asyncio.wait([leading, stopped, *others], return_when=asyncio.FIRST_COMPLETED)
    finally:
        # The Lease first: the sooner it is free, the sooner somebody writes again.
        for group in ([leading], [stopped, *others]):
            for task in group:
                task.cancel()
            await asyncio.gather(*group, return_exceptions=True)
    for task in done - {stopped}:
        task.result()
        raise RuntimeError("a part of the operator ended by itself")


async def _lead(options: Options, parts: Parts) -> None:
    async def work() -> None:
        parts.own.leading.set(1)
        try:
            await parts.loop.lead(options.workers)
        finally:
            parts.own.leading.set(0)

    if options.lease:
        await parts.leader.run(work, parts.loop.stand_by)
    else:
        await work()
