"""What a connection's messages do."""

import contextlib
import secrets
from dataclasses import dataclass, replace

from carillon import protocol
from carillon.call import (
    Accept,
    Check,
    Command,
    End,
    Found,
    Kind,
    Outcome,
    Refusal,
    Reject,
)
from carillon.errors import ErrorCode, ProtocolError, Refused, StoreError, StoreUnavailable
from carillon.hub import Attached
from carillon.protocol import Ack, AckPayload, CheckResult, CheckResultPayload, encode
from carillon.router.render import render_error
from carillon.service.ask import Ask, OutOfSequence, StaleConnection
from carillon.service.parts import Parts
from carillon.service.start import start_call
from carillon.store.records import FORMAT, Answered, Told


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A numbered message of a v1 client that cannot be read: its refusal is committed, or the number would be missing for ever."""

    n: int
    why: str


class Service:
    """Handles the messages of all connections of this pod; those of one connection strictly in turn."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    # ---------------------------------------------------------------- messages

    def may_relay_at_once(self, sender: Attached, data: bytes) -> bool:
        """Whether `relay_at_once` will most likely do; costs next to nothing."""
        return data.startswith(b'{"type":"webrtc.') and self._parts.relayer.direct(sender)

    def relay_at_once(self, sender: Attached, data: bytes) -> bool:
        """Relay, or do nothing and return False: then it is for `handle_now`. Raises nothing."""
        began = self._parts.clock()
        try:
            message = protocol.decode(data)
            if not isinstance(message, protocol.Offer | protocol.Answer | protocol.Ice) or not self._relay_now(sender, message, began):
                return False
        except (ProtocolError, StaleConnection):
            return False
        self._parts.watcher.message(message.__class__.__name__)
        return True

    def _relay_now(self, sender: Attached, message: protocol.Relay, began: float) -> bool:
        session_id, name = protocol.relay_session(message), _NAMES[type(message)]
        path = self._parts.relayer.at_once(sender, session_id, name, bytes(message.payload))
        if not path or sender.call is None:
            return False
        self._parts.watcher.relayed(sender.call, name, path, self._parts.clock() - began)
        return True

    def handle_now(self, sender: Attached, data: bytes) -> protocol.ClientMessage | Unreadable | None:
        """Do what needs no waiting; returns the message where there is more to do (see `handle`)."""
        began = self._parts.clock()
        try:
            message = protocol.decode(data)
            self._parts.watcher.message(message.__class__.__name__)
            match message:
                case protocol.Offer() | protocol.Answer() | protocol.Ice():
                    if self._relay_now(sender, message, began):
                        return None
                case protocol.Ping(payload) if sender.v1:
                    sender.connection.send(encode(protocol.Pong(payload)))
                    return None
                case protocol.Pong() if sender.v1:
                    return None
                case protocol.Resume() if sender.v1:
                    return None  # too late: the welcome has said where things stand
                case protocol.Received(payload) if sender.v1:
                    self._parts.ring.received(sender, payload.seq)
                    return None
                case protocol.Check(n=int(number)) if sender.v1:
                    return Unreadable(number, "A question takes no number: send call.check without n")
                case protocol.Resume() | protocol.Ping() | protocol.Pong() | protocol.Received():  # a reference client's
                    raise ProtocolError("Unknown message type")
        except ProtocolError as error:
            n = protocol.number_of(data) if sender.v1 else None
            if n is not None:
                return Unreadable(n, str(error))
            self.refuse(sender, ErrorCode.INVALID_MESSAGE, str(error))
            return None
        return message

    async def handle(self, sender: Attached, message: protocol.ClientMessage | Unreadable) -> None:
        """Carry one message out and answer it. Raises StaleConnection when the connection has been replaced."""
        n = getattr(message, "n", None) if sender.v1 else None
        try:
            match message:
                case protocol.Start(payload):
                    call_id, outcome = await start_call(self._parts, sender, payload, n)
                    self._answer(sender, outcome, n, call_id)
                case protocol.Accept(payload):
                    await self._command(sender, self._accept(sender, payload.session_id), payload.session_id, n)
                case protocol.Reject(payload):
                    await self._command(sender, Reject(sender.user), payload.session_id, n)
                case protocol.End(payload):
                    await self._command(sender, End(sender.user), payload.session_id, n)
                case protocol.Check(payload):
                    await self._check(sender, payload.session_id)
                case protocol.Offer() | protocol.Answer() | protocol.Ice():
                    await self._relay(sender, message, n)
                case Unreadable(number, why):
                    await self._settle(sender, ErrorCode.INVALID_MESSAGE, why, number)
        except OutOfSequence as gap:
            self.refuse(sender, ErrorCode.OUT_OF_SEQUENCE, n=n, expected=gap.expected)
        except StoreUnavailable:
            self.refuse(sender, ErrorCode.UNAVAILABLE, n=n, retry_after=5.0)
        except Refused as refused:
            self.refuse(sender, refused.code, refused.message, n=n, retry_after=refused.retry_after)

    async def failed(self, sender: Attached, n: int | None) -> None:
        """The server itself failed on a message. Its number is used up where that can be stored: sent again it would fail again."""
        if n is not None and sender.v1:
            with contextlib.suppress(StoreError, Refused, OutOfSequence):
                await self._settle(sender, ErrorCode.INTERNAL_ERROR, ErrorCode.INTERNAL_ERROR.spec.message, n)
                return
        self.refuse(sender, ErrorCode.INTERNAL_ERROR, n=n)

    async def _settle(self, sender: Attached, code: ErrorCode, message: str, n: int, session_id: str | None = None) -> None:
        self._parts.watcher.error(code.value)
        await self._parts.transactor.answer(sender, Answered(FORMAT, code, message, n, None, session_id))

    def refuse(
        self,
        to: Attached,
        code: ErrorCode,
        message: str | None = None,
        *,
        n: int | None = None,
        expected: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        self._parts.watcher.error(code.value)
        to.connection.send(render_error(code, message, v1=to.v1, n=n, expected=expected, retry_after=retry_after))

    @staticmethod
    def _accept(sender: Attached, session_id: str) -> Accept:
        return Accept(sender.user, sender.v1, armed=not sender.renews or sender.leased != session_id)

    async def _command(self, sender: Attached, command: Command, session_id: str, n: int | None) -> None:
        held = sender.live_call
        trace = held.trace if held is not None and held.id == session_id else ""
        commit_id = secrets.token_hex(8)
        try:
            with self._parts.tracer.child(_SPANS[type(command)], trace):
                outcome = await self._parts.transactor.run(
                    Ask(command, session_id, sender, n, patience=self._parts.patience, commit_id=commit_id)
                )
        except Refused as refused:
            if refused.code is not ErrorCode.UNAVAILABLE or not isinstance(command, End | Reject):
                raise
        except StoreUnavailable:
            pass  # sent: whatever it is, it may have happened
        else:
            self._answer(sender, outcome, n, session_id)
            return
        self._parts.background.spawn(self._keep_saying(sender, command, session_id, n, commit_id))

    async def _keep_saying(self, sender: Attached, command: Command, session_id: str, n: int | None, commit_id: str) -> None:
        """Redis did not take a hang-up, or did not say whether it took this: nothing is renewed for an end that was asked for, and it is
        said until it is taken."""
        call = sender.live_call
        if call is not None and call.id == session_id and isinstance(command, End | Reject):
            sender.call = None
        ask = Ask(command, session_id, sender, n, known=call, commit_id=commit_id)
        try:
            outcome = await self._parts.transactor.settle(ask)
        except OutOfSequence as gap:
            self.refuse(sender, ErrorCode.OUT_OF_SEQUENCE, n=n, expected=gap.expected)
            if isinstance(command, End | Reject):  # which does not wait for the message before it: its sender may never come back
                await self._parts.transactor.settle(replace(ask, number=None))
        else:
            if outcome is not None:
                self._answer(sender, outcome, n, session_id)

    def _answer(self, sender: Attached, outcome: Outcome, n: int | None, session_id: str) -> None:
        if not isinstance(outcome, Refusal):
            self._acknowledge(sender, n)
            return
        if n is None:
            self.refuse(sender, outcome.code, outcome.message)
        else:
            sender.n = max(sender.n, n)  # the refusal is an entry of the inbox
        call = sender.live_call
        if outcome.restate and call is not None:
            told = Told(FORMAT, Kind.RING, call)
            sender.revision = call.revision - 1
            self._parts.router.deliver(sender, told, seq=0, revision=call.revision)

    @staticmethod
    def _acknowledge(sender: Attached, n: int | None) -> None:
        if n is not None:
            sender.n = max(sender.n, n)
            sender.connection.send(encode(Ack(AckPayload(n))))

    async def _check(self, sender: Attached, session_id: str) -> None:
        outcome = await self._parts.transactor.run(Ask(Check(sender.user_id), session_id, sender, patience=self._parts.hurry))
        assert isinstance(outcome, Found)
        call = outcome.call
        if call is None:
            payload = CheckResultPayload(session_id, False)
        else:
            sender.named = True
            payload = CheckResultPayload(session_id, True, call.state.value, call.caller.user_id)
        sender.connection.send(encode(CheckResult(payload)))

    async def _relay(self, sender: Attached, message: protocol.Relay, n: int | None) -> None:
        session_id, name = protocol.relay_session(message), _NAMES[type(message)]
        began = self._parts.clock()
        try:
            call = await self._parts.relayer.relay(sender, session_id, name, bytes(message.payload), n)
            self._parts.watcher.relayed(call, name, "inbox", self._parts.clock() - began)
        except Refused as refused:
            if n is None or refused.code is ErrorCode.UNAVAILABLE:
                raise
            await self._settle(sender, refused.code, refused.message, n, session_id)
            return
        self._acknowledge(sender, n)


_SPANS: dict[type[Command], str] = {Accept: "call.accept", Reject: "call.end", End: "call.end"}
_NAMES = {protocol.Offer: "webrtc.offer", protocol.Answer: "webrtc.answer", protocol.Ice: "webrtc.ice"}
