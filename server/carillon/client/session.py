"""The state of a v1 client session: numbering, resending, in-order receipt. Pure: messages in, messages and events out."""

import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


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
    _n: int = 0

    def resume(self) -> str:
        """The first message on a fresh socket."""
        return encode("session.resume", session=self.session, epoch=self.epoch, last_seq=self.seq, n=self.answered)

    def number(self, kind: str, payload: Json) -> str:
        """Number a message and keep it until it is answered."""
        self._n += 1
        message = {"type": kind, "payload": payload, "n": self._n}
        self.outbox.append(message)
        return json.dumps(message)

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
            case "ack" | "error" if "n" in payload and payload.get("code") not in ("unavailable", "rate_limited", "out_of_sequence"):
                self._settle(payload["n"])
            case "call.ring" if "seq" in message:
                return [encode("received", seq=message["seq"])], True
            case "session.ping":
                return [encode("session.pong", **payload)], False
        return [], True

    def _welcomed(self, payload: Json) -> list[str]:
        if payload["session"] != self.session:
            self.outbox.clear()
            self._n = payload["n"]
        self.session, self.epoch = payload["session"], payload["epoch"]
        if not payload["recovered"]:
            self.seq = payload["seq"]
        self._settle(payload["n"])
        return [json.dumps(message) for message in self.outbox]

    def _settle(self, n: int) -> None:
        self.answered = max(self.answered, n)
        self.outbox = [message for message in self.outbox if message["n"] > self.answered]


def encode(kind: str, **payload: Any) -> str:
    return json.dumps({"type": kind, "payload": payload})
