"""Users of a server, and pairs of them in a call."""

import json
from collections.abc import Callable, Sequence
from functools import partial

from carillon_bench.load import Client, Load
from carillon_bench.wire import frame, handshake, message

SETTLE = 1.0
"""Seconds."""


class User:
    """A client with an id. v1 users number what they send."""

    __slots__ = ("client", "id", "n", "v1")

    def __init__(self, client: Client, user_id: str, *, v1: bool) -> None:
        self.client, self.id, self.v1, self.n = client, user_id, v1, 0

    def say(self, kind: str, **payload: object) -> None:
        if self.v1:
            self.n += 1
        self.client.send(frame(message(kind, payload, self.n if self.v1 else None)))


def settle(load: Load) -> None:
    """Wait until those who came in can be reached, which the reference does not promise with its answer."""
    load.wait(SETTLE)


def join(load: Load, ports: Sequence[int], prefix: str, count: int, *, v1: bool = False, at_once: int = 100) -> list[User]:
    """So many users, in turn on each of the ports. Raises RuntimeError where one is not let in."""
    ids = [f"{prefix}-{number}" for number in range(count)]
    places = [ports[number % len(ports)] for number in range(count)]
    requests = [handshake(port, user_id, v1=v1) for port, user_id in zip(places, ids, strict=True)]
    clients = load.join([partial(Client, port, request) for port, request in zip(places, requests, strict=True)], at_once)
    users = [User(client, user_id, v1=v1) for client, user_id in zip(clients, ids, strict=True)]
    if v1:
        welcomed: list[bytes] = []
        for user in users:
            user.client.on_text = welcomed.append
            user.client.send(frame(message("session.resume", {"session": None, "epoch": None, "last_seq": None})))
        if not load.run(lambda: len(welcomed) >= count, 30):
            raise RuntimeError(f"{count - len(welcomed)} of {count} v1 users got no session.welcome")
    return users


class Pair:
    """Two users, of whom the first calls the second, who accepts."""

    def __init__(self, caller: User, callee: User) -> None:
        self.caller, self.callee = caller, callee
        self.session_id = ""
        self.error = ""
        self.listen()

    def listen(self) -> None:
        self.caller.client.on_text = self._to_caller
        self.callee.client.on_text = self._to_callee

    def start(self) -> None:
        self.caller.say("call.start", callee_id=self.callee.id)

    def _to_caller(self, data: bytes) -> None:
        self.hear(self.caller, json.loads(data))

    def _to_callee(self, data: bytes) -> None:
        self.hear(self.callee, json.loads(data))

    def hear(self, user: User, heard: dict[str, object]) -> None:
        payload = heard["payload"]
        assert isinstance(payload, dict)
        match heard["type"]:
            case "call.ring":
                if user.v1:
                    user.client.send(frame(message("received", {"seq": heard["seq"]})))
                user.say("call.accept", session_id=payload["session_id"])
            case "call.accepted" if user is self.caller:
                self.session_id = str(payload["session_id"])
                self.accepted()
            case "error":
                self.error = str(payload)

    def accepted(self) -> None:
        """The call is on."""


def pairs_of(users: Sequence[User], make: "Callable[[User, User], Pair]" = Pair) -> list[Pair]:
    return [make(caller, callee) for caller, callee in zip(users[::2], users[1::2], strict=True)]
