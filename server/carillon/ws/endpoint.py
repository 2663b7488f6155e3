"""`/ws`: who may come in, and the life of one connection.

A raw ASGI callable: each WebSocket costs one task and no framework object. The handshake is answered only once the user's place is
theirs (a v1 client's at once: it sees HTTP errors as an unexplained 1006, and must be told in a close code).
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from carillon import protocol
from carillon.auth import Authenticator, Identity
from carillon.errors import Close, ProtocolError, Refused
from carillon.hub import Attached
from carillon.protocol import SUBPROTOCOL, ResumePayload, encode
from carillon.service.attach import Attacher
from carillon.service.service import Service
from carillon.ws.connection import SocketConnection
from carillon.ws.conversation import Conversation
from carillon.ws.identify import identify
from carillon.ws.ports import Door, Observer, Refusal, SocketSettings
from carillon.ws.pulse import UNATTACHED, Pulse
from carillon.ws.socket import Closed, Message, Socket

HEARTBEAT = encode(protocol.Ping())
"""Goes to silent v1 clients. In a hidden page timers run once a minute, messages at once; a browser pongs for a dead page, too."""

_STOOD_STILL = Refusal(503, "This server stood still", Close.RESTART, 1.0)


class Endpoint:
    def __init__(
        self,
        *,
        authenticator: Authenticator,
        attacher: Attacher,
        service: Service,
        pong: Callable[[Attached], None],
        door: Door,
        observer: Observer,
        settings: SocketSettings,
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
            self._observer.turned_away(refusal, scope["client"][0] if scope["client"] else "")
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
            socket.reject(refusal.status, refusal.text.encode(), list(refusal.headers.items()))

    async def _admit(self, socket: Socket, scope: dict[str, Any], v1: bool) -> None:
        if self._leaving():
            raise Refusal(503, "This server is leaving", Close.RESTART, 1.0)
        peer = scope["client"][0] if scope["client"] else ""
        address = self._door.knock(peer, scope["headers"])
        identity = await identify(self._authenticator, self._door, address, scope["headers"], scope["subprotocols"], socket.query)
        await self._door.enter(address, identity.user.user_id)
        try:
            await self._live(socket, identity, v1, address)
        finally:
            self._door.leave(address, identity.user.user_id)

    # ---------------------------------------------------------------- one connection

    async def _live(self, socket: Socket, identity: Identity, v1: bool, address: str) -> None:
        connection = SocketConnection(socket, identity.expires_at)
        resume: ResumePayload | None = None
        first: Message | Closed | None = None
        came = time.monotonic()
        if v1:
            connection.open(SUBPROTOCOL)
            resume, first = await self._hello(socket)
            if isinstance(first, Closed):
                return
        attached = await self._attach(connection, socket, identity, resume, v1=v1, came=came)
        if attached is None:
            return
        connection.listen(lambda: self._pong(attached))
        if v1:
            socket.heartbeat = HEARTBEAT
        recovered = attached.recovered if resume is not None and resume.session else None
        self._observer.opened(attached.user_id, address, v1=v1, recovered=recovered, replayed=attached.replayed)
        await self._converse(socket, attached, first)

    async def _attach(
        self, connection: SocketConnection, socket: Socket, identity: Identity, resume: ResumePayload | None, *, v1: bool, came: float
    ) -> Attached | None:
        """Make this the user's connection and answer it. None: it is gone meanwhile. Raises Refusal where Redis is away."""

        def answer() -> None:
            if self._pulse.stood(came, UNATTACHED):
                self._refuse(socket, _STOOD_STILL, v1)
            elif not v1:
                connection.open(None)

        try:
            return await self._attacher.attach(
                connection, identity.user, v1=v1, resume=resume, answer=answer, patience=self._settings.attach
            )
        except Refused as refused:
            raise Refusal(503, refused.message, Close.TRY_AGAIN, refused.retry_after) from None

    async def _converse(self, socket: Socket, attached: Attached, first: Message | Closed | None) -> None:
        """Until the end, which Redis and the observer are told of whatever it is."""
        began = time.monotonic()
        closed = Closed(Close.INTERNAL, "", clean=False)
        conversation = Conversation(socket, attached, self._door.meter(), self._service, self._authenticator, self._pulse, self._settings)
        try:
            closed = await conversation.hold(first)
        finally:
            self._observer.closed(
                attached.user_id,
                v1=attached.v1,
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
            async with asyncio.timeout(self._settings.hello):
                first = await socket.receive()
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
