"""What one attached connection says, message by message, until it ends."""

import logging
import time

from carillon import protocol
from carillon.auth import Authenticator
from carillon.errors import AuthError, Close, CloseCode, ErrorCode, KeysUnavailable, Refused
from carillon.hub import Attached
from carillon.protocol import encode
from carillon.service.ask import StaleConnection
from carillon.service.service import Service
from carillon.ws.expiry import Expiry
from carillon.ws.ports import Meter, SocketSettings
from carillon.ws.pulse import Pulse
from carillon.ws.socket import Closed, Message, Socket, queued

log = logging.getLogger(__name__)


class Conversation:
    __slots__ = ("_attached", "_authenticator", "_began", "_expiry", "_meter", "_pulse", "_service", "_settings", "_socket")

    def __init__(
        self,
        socket: Socket,
        attached: Attached,
        meter: Meter,
        service: Service,
        authenticator: Authenticator,
        pulse: Pulse,
        settings: SocketSettings,
    ) -> None:
        self._socket, self._attached, self._meter = socket, attached, meter
        self._service, self._authenticator, self._pulse, self._settings = service, authenticator, pulse, settings
        self._began = time.monotonic()
        self._expiry = Expiry(attached, attached.connection.expires_at) if settings.close_on_expiry else None

    async def hold(self, first: Message | Closed | None) -> Closed:
        """Take messages until the end, and return it. first: what was received already."""
        socket = self._socket
        socket.at_once = self._at_once
        try:
            while True:
                item = first or await socket.receive()
                first = None
                if isinstance(item, Closed):
                    return item
                code = Close.RESTART if self._stood_still() else await self._take(item)
                if code is not None:
                    return self._close(code)
        except StaleConnection:
            return self._close(Close.NORMAL)
        finally:
            socket.at_once = queued  # else socket and conversation would hold each other
            if self._expiry:
                self._expiry.cancel()

    def _close(self, code: CloseCode) -> Closed:
        self._socket.close(code, code.reason)
        return Closed(code, "", clean=False)

    def _stood_still(self) -> bool:
        """For so long that nothing of what waited counts any more."""
        return self._pulse.stood(self._began, self._settings.freeze)

    # ---------------------------------------------------------------- messages

    def _at_once(self, item: Message) -> bool:
        """A relay that needs no waiting is done before this connection's task wakes, which costs a third more. All else is left to it."""
        attached = self._attached
        if self._stood_still() or not self._service.may_relay_at_once(attached, item.data):
            return False
        try:
            if self._meter(len(item.data)) is not None:
                return False
        except Refused as refused:
            self._service.refuse(attached, refused.code, refused.message, retry_after=refused.retry_after)
            return True
        return self._service.relay_at_once(attached, item.data)

    async def _take(self, item: Message) -> CloseCode | None:
        """Carry one message out. Returns the code to close with, where there were far too many."""
        attached = self._attached
        try:
            too_many = self._meter(len(item.data))
        except Refused as refused:
            n = protocol.number_of(item.data) if attached.v1 else None
            self._service.refuse(attached, refused.code, refused.message, n=n, retry_after=refused.retry_after)
            return None
        if too_many is not None:
            return too_many
        message = self._service.handle_now(attached, item.data)
        if isinstance(message, protocol.RefreshToken):
            await self._refresh(message)
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

    async def _refresh(self, message: protocol.RefreshToken) -> None:
        """A newer token, of the same user only."""
        attached = self._attached
        if not attached.v1:
            self._service.refuse(attached, ErrorCode.INVALID_MESSAGE, "Unknown message type")
            return
        try:
            identity = await self._authenticator.authenticate(message.payload.token, time.time())
        except KeysUnavailable as error:
            self._service.refuse(attached, ErrorCode.UNAVAILABLE, str(error))
            return
        except AuthError as error:
            self._service.refuse(attached, ErrorCode.UNAUTHORIZED, str(error))
            return
        if identity.user.user_id != attached.user_id:
            self._service.refuse(attached, ErrorCode.UNAUTHORIZED, "The token is another user's")
            return
        attached.user = identity.user
        attached.connection.expires_at = identity.expires_at
        if self._expiry:
            self._expiry.renew(identity.expires_at)
        attached.connection.send(encode(protocol.TokenRefreshed(protocol.RefreshedPayload(identity.expires_at))))
