"""`/ws`: who may come in, and the life of one connection.

A raw ASGI callable: each WebSocket costs one task and no framework object. The handshake is answered only once the user's place is
theirs (a v1 client's at once: it sees HTTP errors as an unexplained 1006, and must be told in a close code).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from carillon import protocol
from carillon.auth import Authenticator, Identity, credentials
from carillon.errors import AuthError, Close, CloseCode, ErrorCode, ProtocolError, Refused, TokenExpired
from carillon.hub import Attached
from carillon.protocol import SUBPROTOCOL, ResumePayload, encode
from carillon.service.ask import StaleConnection
from carillon.service.attach import Attacher
from carillon.service.service import Service
from carillon.ws.connection import SocketConnection
from carillon.ws.pulse import UNATTACHED, Pulse
from carillon.ws.socket import Closed, Message, Socket, queued

log = logging.getLogger(__name__)

HEARTBEAT = encode(protocol.Ping())
"""Goes to silent v1 clients. In a hidden page timers run once a minute, messages at once; a browser pongs for a dead page, too."""


class Refusal(Exception):
    """A connection that is not let in: HTTP status for clients of the reference's protocol, close code for v1."""

    def __init__(self, status: int, text: str, code: CloseCode, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.code, self.retry_after = status, text, code, retry_after


_STOOD_STILL = Refusal(503, "This server stood still", Close.RESTART, 1.0)

Meter = Callable[[int], CloseCode | None]
"""Told of each message by its size in bytes: the code to close with if there were far too many. Raises Refused for one too many."""


class Door(Protocol):
    """Origin, rates and numbers of connections."""

    def knock(self, peer: str, headers: list[tuple[bytes, bytes]]) -> str:
        """Before any token is read; returns the client's address. Raises Refusal."""

    async def enter(self, address: str, user_id: str) -> None:
        """For an authenticated user, waits its turn. Raises Refusal."""

    def leave(self, address: str, user_id: str) -> None: ...

    def refused(self, address: str) -> None:
        """A token was not accepted."""

    def meter(self) -> Meter:
        """For one connection."""


class Observer(Protocol):
    def opened(self, user_id: str, address: str, *, v1: bool, recovered: bool | None) -> None: ...

    def closed(self, user_id: str, *, v1: bool, code: int, clean: bool, seconds: float, received: int, sent: int) -> None: ...

    def turned_away(self, why: str, address: str, status: int) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    hello: float
    """Seconds a v1 client has to say `session.resume`."""
    attach: float
    close_on_expiry: bool
    queue: float
    """Seconds that a message may wait for those before it."""
    freeze: float
    """Seconds of a standing event loop after which nothing that queued up meanwhile counts."""


class Endpoint:
    def __init__(
        self,
        authenticator: Authenticator,
        attacher: Attacher,
        service: Service,
        pong: Callable[[Attached], None],
        door: Door,
        observer: Observer,
        settings: Settings,
        leaving: Callable[[], bool],
        pulse: Pulse,
    ) -> None:
        self._authenticator, self._attacher, self._service, self._pong, self._door = authenticator, attacher, service, pong, door
        self._observer, self._settings, self._leaving, self._pulse = observer, settings, leaving, pulse

    async def __call__(self, scope: dict[str, Any], receive: object, send: object) -> None:
        socket: Socket = scope["extensions"]["carillon.socket"]
        v1 = SUBPROTOCOL in scope["subprotocols"]
        try:
            await self._admit(socket, scope, v1)
        except Refusal as refusal:
            self._observer.turned_away(refusal.text, scope["client"][0] if scope["client"] else "", refusal.status)
            self._refuse(socket, refusal, v1)

    @staticmethod
    def _refuse(socket: Socket, refusal: Refusal, v1: bool) -> None:
        if socket.closed:
            return
        if v1:
            if not socket.accepted:
                socket.accept(SUBPROTOCOL)
            after = f"; retry after {refusal.retry_after:g} s" if refusal.retry_after is not None else ""
            socket.close(refusal.code, refusal.text + after)
        elif socket.accepted:
            socket.close(refusal.code, refusal.text)
        else:
            headers = [("Retry-After", f"{refusal.retry_after:.0f}")] if refusal.retry_after is not None else []
            socket.reject(refusal.status, refusal.text.encode(), headers)

    async def _admit(self, socket: Socket, scope: dict[str, Any], v1: bool) -> None:
        if self._leaving():
            raise Refusal(503, "This server is leaving", Close.RESTART, 1.0)
        peer = scope["client"][0] if scope["client"] else ""
        address = self._door.knock(peer, scope["headers"])
        identity = await self._identify(socket, scope, address)
        await self._door.enter(address, identity.user.user_id)
        try:
            await self._live(socket, identity, v1, address)
        finally:
            self._door.leave(address, identity.user.user_id)

    async def _identify(self, socket: Socket, scope: dict[str, Any], address: str) -> Identity:
        try:
            found = credentials(scope["headers"], scope["subprotocols"], socket.query)
            return await self._authenticator.authenticate(found.token, time.time())
        except AuthError as error:
            self._door.refused(address)
            code = Close.TOKEN_EXPIRED if isinstance(error, TokenExpired) else Close.UNAUTHORIZED
            raise Refusal(401, str(error), code) from None

    # ---------------------------------------------------------------- one connection

    async def _live(self, socket: Socket, identity: Identity, v1: bool, address: str) -> None:
        connection, came = SocketConnection(socket, identity.expires_at), time.monotonic()
        first: Message | Closed | None = None
        resume = None
        if v1:
            connection.open(SUBPROTOCOL)
            resume, first = await self._hello(socket)
            if isinstance(first, Closed):
                return

        def answer() -> None:
            if self._pulse.stood(came, UNATTACHED):
                self._refuse(socket, _STOOD_STILL, v1)
            elif not v1:
                connection.open(None)

        try:
            attached = await self._attacher.attach(
                connection,
                identity.user,
                v1=v1,
                resume=resume,
                answer=answer,
                patience=self._settings.attach,
            )
        except Refused as refused:
            raise Refusal(503, refused.message, Close.TRY_AGAIN, refused.retry_after) from None
        if attached is None:
            return
        connection.listen(lambda: self._pong(attached))
        if v1:
            socket.heartbeat = HEARTBEAT
        began = time.monotonic()
        recovered = attached.recovered if resume is not None and resume.session else None
        self._observer.opened(identity.user.user_id, address, v1=v1, recovered=recovered)
        closed = Closed(Close.INTERNAL, "", clean=False)
        try:
            closed = await self._serve(socket, attached, identity, first)
        finally:
            self._observer.closed(
                identity.user.user_id,
                v1=v1,
                code=closed.code,
                clean=closed.clean,
                seconds=time.monotonic() - began,
                received=socket.received,
                sent=socket.sent,
            )
            left = closed.clean and closed.code in (1000, 1005)
            await asyncio.shield(self._attacher.detach(attached, left=left, note=f"close code {closed.code}"))

    async def _hello(self, socket: Socket) -> tuple[ResumePayload | None, Message | Closed | None]:
        """What a v1 client resumes, and its first message if that is another."""
        try:
            first = await asyncio.wait_for(socket.receive(), self._settings.hello)
        except TimeoutError:
            return None, None
        if isinstance(first, Message):
            try:
                match protocol.decode(first.data):
                    case protocol.Resume(payload):
                        return payload, None
            except ProtocolError:
                return None, first
        return None, first

    async def _serve(self, socket: Socket, attached: Attached, identity: Identity, first: Message | Closed | None) -> Closed:
        expiry, meter, began = None, self._door.meter(), time.monotonic()
        if self._settings.close_on_expiry:
            expiry = _Expiry(attached, identity.expires_at)
        socket.at_once = partial(self._at_once, attached, meter, began)
        try:
            while True:
                item = first or await socket.receive()
                first = None
                if isinstance(item, Closed):
                    return item
                if self._pulse.stood(began, self._settings.freeze):
                    socket.close(Close.RESTART, Close.RESTART.reason)
                    return Closed(Close.RESTART, "", clean=False)
                code = await self._take(attached, item, expiry, meter)
                if code is not None:
                    socket.close(code, code.reason)
                    return Closed(code, "", clean=False)
        except StaleConnection:
            socket.close(Close.NORMAL, Close.NORMAL.reason)
            return Closed(Close.NORMAL, "", clean=False)
        finally:
            socket.at_once = queued  # else socket and connection would hold each other
            if expiry:
                expiry.cancel()

    def _at_once(self, attached: Attached, meter: Meter, began: float, item: Message) -> bool:
        """A relay that needs no waiting is done before this connection's task wakes, which costs a third more. All else is left to it."""
        if self._pulse.stood(began, self._settings.freeze) or not self._service.may_relay_at_once(attached, item.data):
            return False
        try:
            if meter(len(item.data)) is not None:
                return False
        except Refused as refused:
            self._service.refuse(attached, refused.code, refused.message, retry_after=refused.retry_after)
            return True
        return self._service.relay_at_once(attached, item.data)

    async def _take(self, attached: Attached, item: Message, expiry: "_Expiry | None", meter: Meter) -> CloseCode | None:
        try:
            too_many = meter(len(item.data))
        except Refused as refused:
            n = protocol.number_of(item.data) if attached.v1 else None
            self._service.refuse(attached, refused.code, refused.message, n=n, retry_after=refused.retry_after)
            return None
        if too_many is not None:
            return too_many
        message = self._service.handle_now(attached, item.data)
        if isinstance(message, protocol.RefreshToken):
            await self._refresh(attached, message, expiry)
        elif message is not None and self._late(item) and not isinstance(message, protocol.End | protocol.Reject):
            self._service.refuse(attached, ErrorCode.UNAVAILABLE, n=getattr(message, "n", None), retry_after=5.0)
        elif message is not None:
            try:
                await self._service.handle(attached, message)
            except StaleConnection:
                raise
            except Exception:
                log.exception("a message could not be handled", extra={"kind": type(message).__name__})
                await self._service.failed(attached, getattr(message, "n", None))
        return None

    def _late(self, item: Message) -> bool:
        return time.monotonic() - item.at > self._settings.queue

    async def _refresh(self, attached: Attached, message: protocol.RefreshToken, expiry: "_Expiry | None") -> None:
        """A newer token, of the same user only."""
        if not attached.v1:
            self._service.refuse(attached, ErrorCode.INVALID_MESSAGE, "Unknown message type")
            return
        try:
            identity = await self._authenticator.authenticate(message.payload.token, time.time())
        except AuthError as error:
            self._service.refuse(attached, ErrorCode.UNAUTHORIZED, str(error))
            return
        if identity.user.user_id != attached.user_id:
            self._service.refuse(attached, ErrorCode.UNAUTHORIZED, "The token is another user's")
            return
        attached.user = identity.user
        attached.connection.expires_at = identity.expires_at
        if expiry:
            expiry.renew(identity.expires_at)
        attached.connection.send(encode(protocol.TokenRefreshed(protocol.RefreshedPayload(identity.expires_at))))


class _Expiry:
    """Closes a connection when its token expires, but never in a call: then when the call is over."""

    AGAIN = 5.0
    """Seconds between looks while a call goes on."""

    def __init__(self, attached: Attached, expires_at: float) -> None:
        self._attached = attached
        self._timer: asyncio.TimerHandle
        self.renew(expires_at, fresh=True)

    def renew(self, expires_at: float, *, fresh: bool = False) -> None:
        if not fresh:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(max(0.0, expires_at - time.time()), self._expire)

    def cancel(self) -> None:
        self._timer.cancel()

    def _expire(self) -> None:
        if self._attached.live_call is not None:
            self._timer = asyncio.get_running_loop().call_later(self.AGAIN, self._expire)
        else:
            self._attached.connection.close(Close.TOKEN_EXPIRED)
