"""One process of the service: everything that stands between Redis and its sockets, put together."""

import asyncio
import logging
import secrets
import time

from carillon.app.rebalance import Rebalancer
from carillon.call import SECOND, Rules
from carillon.config import Settings
from carillon.errors import Close, StoreError
from carillon.hub import Attached, Hub
from carillon.protocol import GoingAway, GoingAwayPayload, encode
from carillon.push import CallPusher, PushSender
from carillon.router.router import Router
from carillon.service.attach import Greet
from carillon.service.engine import Engine
from carillon.service.ports import Limiter, Watcher
from carillon.store.endpoints import Connector
from carillon.store.link import RedisLink
from carillon.store.publisher import Publisher
from carillon.store.results import Renewed
from carillon.store.store import Keeping, Store
from carillon.store.subscriber import Subscriber
from carillon.sweeper import Pace, Sweeper
from carillon.telemetry import Telemetry, watch_loop
from carillon.ws.pulse import Pulse

log = logging.getLogger(__name__)


class Pod:
    """Names itself by a fresh id each time it starts: a restarted pod is another one."""

    def __init__(
        self, settings: Settings, *, sender: PushSender, limiter: Limiter, watcher: Watcher, greet: Greet, telemetry: Telemetry
    ) -> None:
        clock = time.monotonic
        self.settings, self._sender, self._telemetry = settings, sender, telemetry
        self._tasks: list[asyncio.Task[None]] = []
        self.id = f"{settings.server.server_id}-{secrets.token_hex(4)}"
        self.rules = rules_of(settings)
        connector = Connector(settings.redis, f"{{carillon:{settings.redis.cell}}}")
        self.link = RedisLink(connector, queue_bytes=settings.limits.redis_queue_bytes)
        self.hub = Hub(self.id)
        keeping = Keeping(
            ended_ttl=int(settings.calls.tombstone * 1000),
            inbox_entries=settings.calls.inbox_entries,
            inbox_bytes=settings.calls.inbox_bytes,
        )
        self.store = Store(
            self.link,
            cell=settings.redis.cell,
            pod=self.id,
            rules=self.rules,
            keeping=keeping,
            monotonic=clock,
            timeout=settings.calls.command_timeout,
            tracer=telemetry.tracer,
            metrics=telemetry.metrics,
        )
        publish = Publisher(self.link, self.store, self.hub.forget_pod, settings.calls.command_timeout)
        self.router = Router(self.hub, publish, lambda work: asyncio.get_running_loop().call_soon(work))
        self.engine = Engine(
            self.store,
            self.hub,
            self.router,
            self.rules,
            greet=greet,
            pusher=CallPusher(sender, self.store.now, self.store.look),
            limiter=limiter,
            watcher=watcher,
            tracer=telemetry.tracer,
            renewed=self._renewed,
            clock=clock,
            hurry=settings.calls.start_timeout,
            patience=settings.calls.command_timeout,
        )
        self.subscriber = Subscriber(connector, self.store.channel, self.router.on_message, self._subscribed)
        calls = settings.calls
        pace = Pace(lease=calls.pod_lease, renew=calls.pod_renewal, sweep=calls.sweep, attend=calls.renewal, outage=calls.outage_notice)
        engine = self.engine
        self.sweeper = Sweeper(
            self.store, self.hub, engine.comparer, engine.registrar, engine.deadlines, pace, self.subscriber.restart, clock
        )
        self.sweeper.on_outage = self._outage
        self.engine.echo = self.sweeper.echoed
        self._rebalancer = Rebalancer(
            self.hub,
            above=settings.server.rebalance_above,
            rate=settings.server.rebalance_rate,
            now=self.store.now,
            clock=clock,
            ask=self._suggest_another,
        )
        self.sweeper.on_renewal = self._learned
        self.link.on_up = self._up
        self.pulse = Pulse(clock)
        self._held = False
        self.draining = False
        """SIGTERM has come: load balancers are to take this pod out."""
        self.leaving = False
        """Nobody is taken in any more."""

    # ---------------------------------------------------------------- what the parts ask of each other

    def _subscribed(self) -> None:
        self.sweeper.subscribed()

    async def _renewed(self, within: float) -> None:
        await self.sweeper.renewed(within)

    def _up(self) -> None:
        """A fresh connection: the lease renewal goes out first, for it notices another Redis."""
        asyncio.get_running_loop().create_task(self.sweeper.renew(), name="first renewal")

    def _learned(self, renewed: Renewed) -> None:
        held, self._held = self._held, self.store.holding
        if self._held and not held:
            self._telemetry.metrics.holds.inc()
            left = (renewed.hold_until - self.store.now()) / SECOND
            log.warning(
                "Redis was away or lost data: for a while no call ends because somebody is absent", extra={"seconds": round(left, 1)}
            )
        if not self.draining and not self.store.holding and self._rebalancer.learned(renewed.connections, renewed.pods):
            log.info("idle clients were asked to try a pod that has fewer", extra={"connections": len(self.hub), "pods": renewed.pods})

    @staticmethod
    def _suggest_another(attached: Attached) -> None:
        attached.connection.send(encode(GoingAway(GoingAwayPayload("rebalance", True, 5.0))))

    # ---------------------------------------------------------------- life

    async def start(self) -> None:
        """Begin; does not wait for Redis, without which connections are refused with a retry hint."""
        self.link.start()
        self.subscriber.start()
        self.sweeper.start()
        self._tasks.append(asyncio.get_running_loop().create_task(watch_loop(self._telemetry.metrics.loop_lag, time.monotonic)))
        self._tasks.append(asyncio.get_running_loop().create_task(self.pulse.keep()))
        self._telemetry.metrics.redis_up.follow(lambda: int(self.sweeper.renewing and self.subscriber.subscribed.is_set()))
        self._telemetry.metrics.draining.follow(lambda: int(self.draining))

    async def healthy(self, timeout: float = 2.0) -> bool:
        """Whether Redis answers now."""
        try:
            return bool(await self.link.command("PING", timeout=timeout) == b"PONG")
        except StoreError:
            return False

    def _outage(self) -> None:
        log.warning("Redis has been away for a while: v1 clients are told that another server may do better")
        self.send_away("outage", within=5.0, optional=True)

    def say_goodbye(self, within: float) -> None:
        """From now on nobody is taken in, and v1 clients are asked to move within so many seconds."""
        self.leaving = True
        self.send_away("shutdown", within=within)

    def send_away(self, reason: str, *, within: float, optional: bool = False) -> None:
        """Ask v1 clients to move: they open a socket elsewhere before they close this one."""
        message = encode(GoingAway(GoingAwayPayload(reason, optional, within)))
        for attached in self.hub:
            if attached.v1:
                attached.connection.send(message)

    async def stop(self) -> None:
        """The sockets are closed: finish what they left to do, and leave Redis."""
        for attached in self.hub:
            attached.connection.close(Close.RESTART)
        await self.engine.background.finish(2.0)
        await self.sweeper.stop()
        await self.subscriber.close()
        await self.link.close()
        await self._sender.close()
        for task in self._tasks:
            task.cancel()
        await self._telemetry.close()


def rules_of(settings: Settings) -> Rules:
    calls = settings.calls

    def micros(seconds: float) -> int:
        return int(seconds * SECOND)

    return Rules(
        ring=micros(calls.ring_timeout),
        grace=micros(calls.grace),
        lease=micros(calls.lease),
        confirm=micros(calls.ring_confirm),
        merge=micros(calls.glare_window),
        reattach=micros(calls.return_window),
        push_retry=micros(settings.push.retry),
        hide_offline=calls.offline_policy == "ring",
    )
