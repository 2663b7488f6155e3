"""The state of a v1 client session: numbering, resending, in-order receipt. Pure: messages in, messages and events out."""

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
UNANSWERED = ("unavailable", "rate_limited", "out_of_sequence")
"""Error codes that use up no `n`."""


@dataclass
class Session:
    """What survives a lost socket. Feed it every message; send what it returns, and everything in `outbox` after each welcome."""

    session: str | None = None
    epoch: str | None = None
    seq: int = 0
    answered: int = 0
    """The highest `n` the server has answered."""
    outbox: list[Json] = field(default_factory=list)
    """Numbered messages without an answer yet."""
    again: float | None = None
    """Set by `receive`: seconds after which everything in `outbox` is to be sent once more."""
    _n: int = 0
    _resent: int = 0
    """The `n` from which the outbox was sent anew because of a gap; each later message in flight reports the same gap."""

    def resume(self) -> str:
        """The first message on a fresh socket."""
        return encode("session.resume", session=self.session, epoch=self.epoch, last_seq=self.seq, n=self.answered)

    def number(self, kind: str, payload: Json) -> str:
        """Number a message and keep it until it is answered."""
        message = {"type": kind, "payload": payload, "n": self._n + 1}
        text = json.dumps(message)  # may raise: then it has no number
        self._n += 1
        self.outbox.append(message)
        return text

    @property
    def last(self) -> int:
        """The `n` of the message that was numbered last."""
        return self._n

    def since(self, n: int) -> list[str]:
        """What was numbered after that one, and is still to be answered."""
        return [json.dumps(message) for message in self.outbox if message["n"] > n]

    def receive(self, message: Json) -> tuple[list[str], bool]:
        """(replies to send, whether the message is news). Raises ValueError on a gap: drop the socket and resume."""
        kind, payload = message["type"], message["payload"]
        if "seq" in message:
            if message["seq"] <= self.seq:
                return [], False
            if message["seq"] != self.seq + 1:
                raise ValueError(f"message {message['seq']} after {self.seq}")
            self.seq = message["seq"]
        match kind:
            case "session.welcome":
                return self._welcomed(payload), True
            case "error" if "n" in payload and payload["code"] in UNANSWERED:
                return self._unanswered(payload)
            case "ack" | "error" if "n" in payload:
                self._settle(payload["n"])
            case "call.ring" if "seq" in message:
                return [encode("received", seq=message["seq"])], True
            case "session.ping":
                return [encode("session.pong", **payload)], False
        return [], True

    def _unanswered(self, payload: Json) -> tuple[list[str], bool]:
        """A refusal that uses up no number: the message is still to be answered, or given up if it was not even looked at."""
        code, n = payload["code"], payload["n"]
        if code == "out_of_sequence":
            expected = payload["expected"]
            if expected == self._resent or not self.outbox or self.outbox[0]["n"] != expected:
                return [], False
            self._resent = expected
            return [json.dumps(message) for message in self.outbox], False
        if code == "rate_limited" and [message["n"] for message in self.outbox] == [n]:
            self.outbox.clear()
            self._n = n - 1
            return [], True
        self._resent, self.again = 0, payload.get("retry_after", 1.0)
        return [], False

    def _welcomed(self, payload: Json) -> list[str]:
        if payload["session"] != self.session:
            self.outbox.clear()
            self._n = self.answered = payload["n"]
        self.session, self.epoch = payload["session"], payload["epoch"]
        if not payload["recovered"]:
            self.seq = payload["seq"]
        self._settle(payload["n"])
        self._resent = 0
        return [json.dumps(message) for message in self.outbox]

    def _settle(self, n: int) -> None:
        self.answered = max(self.answered, n)
        self.outbox = [message for message in self.outbox if message["n"] > self.answered]


def encode(kind: str, **payload: Any) -> str:
    return json.dumps({"type": kind, "payload": payload})
