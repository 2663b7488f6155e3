"""What Redis holds and what travels between pods, as types. Lua reads the same arrays (see lua/_prelude.lua for their places).

Every record begins with a format number: during a rollout two releases share the keys.
"""

import struct
from collections.abc import Iterator
from urllib.parse import quote, unquote

import msgspec
from msgspec import Struct

from carillon.call import Call, Kind

FORMAT = 1

_pack = msgspec.msgpack.Encoder().encode


class Reservation(Struct, frozen=True, array_like=True):
    """The call that holds a user, or the revision they were freed at."""

    format: int
    call_id: str
    revision: int
    owed: str = ""


class Presence(Struct, frozen=True, array_like=True):
    """A user's current connection; `pod` is empty once it is gone."""

    format: int
    ledger: str
    pod: str
    generation: int
    kind: str
    attach_id: str
    lost_at: int
    told: int = 0
    """Revision of the accept that the connection before, or this one once it is gone, is known to have been told of; -1: unknown."""
    pod_before: str = ""
    generation_before: int = 0


class ClientSession(Struct, frozen=True, array_like=True):
    """A v1 user's inbox counter and the numbering of their own messages. Marks bound the inboxes in bytes."""

    format: int
    epoch: str
    seq: int
    session: str
    n: int
    control_mark: int
    control_bytes: int
    relay_mark: int
    relay_bytes: int
    sender_attached: int = 0
    """When the connection of the reference's protocol attached whose relay came last, and the relay's number within it."""
    sender_count: int = 0


class CallHeader(Struct, frozen=True, array_like=True):
    """What Lua must see of a call; it stands before the call itself. `ids`: the last commit of caller, callee and sweeper."""

    format: int
    revision: int
    state: str
    caller: str
    callee: str
    ids: tuple[str, str, str] = ("", "", "")


class Ledger(Struct, frozen=True, array_like=True):
    """Names the data in Redis. Another id: what was there is gone. Until `hold_until` no absence proves anything."""

    format: int
    id: str
    run_id: str
    tick: int
    hold_until: int
    unsaid_until: int = 0
    """After a loss: until then what is not found may only not have been said again yet."""


class Place(Struct, frozen=True, array_like=True):
    """Where a user can be reached. An empty pod: nowhere."""

    pod: str
    generation: int
    kind: str

    @property
    def v1(self) -> bool:
        return self.kind == "v"


NOWHERE = Place("", 0, "")


class Told(Struct, frozen=True, array_like=True, tag="t"):
    """A transition of a call, for one user; rendered by the pod that delivers it."""

    format: int
    kind: Kind
    call: Call


class Relayed(Struct, frozen=True, array_like=True, tag="r"):
    """A WebRTC message from the peer, its payload the very bytes that came."""

    format: int
    name: str
    revision: int
    payload: bytes


class Answered(Struct, frozen=True, array_like=True, tag="a"):
    """An error that answers the v1 message `n`; kept in the inbox so that it survives the socket."""

    format: int
    code: str
    message: str
    n: int
    retry_after: float | None
    session_id: str | None


Event = Told | Relayed | Answered


class Head(Struct, frozen=True, array_like=True):
    """Head of a frame on a pod's channel. Kinds: e(vent), k(ick), p(lace of the peer), t(ick), u(ndo),
    l(ook again)."""

    kind: str
    user: str
    generation: int
    seq: int
    revision: int
    pod: str
    peer_generation: int
    peer_kind: str

    @property
    def user_id(self) -> str:
        return decode_user(self.user)

    @property
    def place(self) -> Place:
        return Place(self.pod, self.peer_generation, self.peer_kind)


_call = msgspec.msgpack.Decoder(Call)
_reservation = msgspec.msgpack.Decoder(Reservation)
_presence = msgspec.msgpack.Decoder(Presence)
_session = msgspec.msgpack.Decoder(ClientSession)
_ledger = msgspec.msgpack.Decoder(Ledger)
_event = msgspec.msgpack.Decoder(Event)
_head = msgspec.msgpack.Decoder(Head)

pack = _pack


def encode_user(user_id: str) -> str:
    """A user id as it stands in key names and frames."""
    return quote(user_id, safe="@+=,")


def decode_user(user: str) -> str:
    return unquote(user) if "%" in user else user


def call_record(call: Call) -> bytes:
    """A call as its key holds it, without the ids of commits."""
    caller, callee = call.users
    header = _pack(CallHeader(FORMAT, call.revision, call.state.value, encode_user(caller), encode_user(callee)))
    return struct.pack(">I", len(header)) + header + _pack(call)


def read_call(raw: bytes | None) -> Call | None:
    if not raw:
        return None
    (length,) = struct.unpack_from(">I", raw)
    return _call.decode(memoryview(raw)[4 + length :])


def read_reservation(raw: bytes | None) -> Reservation:
    return _reservation.decode(raw) if raw else Reservation(FORMAT, "", 0)


def read_presence(raw: bytes | None) -> Presence | None:
    return _presence.decode(raw) if raw else None


def read_place(raw: bytes | None, alive: bool) -> Place:
    """Where a presence says that its user is, if that pod lives."""
    presence = read_presence(raw)
    return Place(presence.pod, presence.generation, presence.kind) if presence and alive else NOWHERE


def read_session(raw: bytes | None) -> ClientSession | None:
    return _session.decode(raw) if raw else None


def read_ledger(raw: bytes | None) -> Ledger | None:
    return _ledger.decode(raw) if raw else None


def read_event(raw: bytes) -> Event:
    event: Event = _event.decode(raw)
    return event


def frame(head: Head, body: bytes = b"") -> bytes:
    packed = _pack(head)
    return struct.pack(">I", len(packed)) + packed + struct.pack(">I", len(body)) + body


def frames(data: bytes) -> Iterator[tuple[Head, bytes]]:
    """The frames of one channel message, in order."""
    at, end = 0, len(data)
    while at < end:
        (length,) = struct.unpack_from(">I", data, at)
        head = _head.decode(memoryview(data)[at + 4 : at + 4 + length])
        at += 4 + length
        (length,) = struct.unpack_from(">I", data, at)
        yield head, data[at + 4 : at + 4 + length]
        at += 4 + length
