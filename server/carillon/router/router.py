"""Turns events into what a connection is sent, in one order per user, and eats the pod's channel.

A v1 user's order is `seq`: an event goes out when it is the next; when some are missing before it, they are fetched from the inbox.
A reference user's order is the revision of their call: one not above that of the last message delivered is dropped, and a relayed
message of a revision not yet delivered waits, with all after it, until the difference is fetched.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from carillon.call import Call, Kind
from carillon.errors import Close
from carillon.hub import Attached, Hub
from carillon.router.render import render
from carillon.store.records import NOWHERE, Event, Head, Place, Relayed, Told, encode_user, frame, frames, pack, read_event

log = logging.getLogger(__name__)


class Upstairs(Protocol):
    """What the router asks of the service."""

    def mend(self, attached: Attached) -> None:
        """Something is missing for this user: fetch it, then call `Router.mended`."""

    def rang(self, attached: Attached, call: Call, caller: Place) -> None:
        """A ring went out to this connection."""

    def reclaim(self, attached: Attached) -> None:
        """The connection that took this one's place died while attaching: this one attaches again."""

    def over(self, call: Call) -> None:
        """A user of this pod has been told that their call has ended."""

    def look_again(self, attached: Attached) -> None:
        """What Redis holds of this user was changed by somebody's registration."""

    def absent(self, user_id: str, generation: int, event: Event) -> None:
        """An event for a connection that this pod does not have, though Redis says so."""

    def echoed(self) -> None:
        """The pod's own tick came back through its channel."""


class Router:
    def __init__(self, hub: Hub, publish: Callable[[str, bytes], None], call_soon: Callable[[Callable[[], None]], object]) -> None:
        self._hub, self._publish, self._call_soon = hub, publish, call_soon
        self._outbox: dict[str, list[bytes]] = {}
        self.upstairs: Upstairs

    # ---------------------------------------------------------------- to users of this pod

    def deliver(self, to: Attached, event: Event, *, seq: int = 0, revision: int, peer: Place | None = None) -> None:
        """Send an event to its user, now or in its turn. seq: for v1. peer: where the other user is, where known."""
        if to.held is not None:
            to.held.append((seq, revision, event, peer or to.peer))
            return
        if to.v1:
            if seq <= to.seq:
                return
            if seq != to.seq + 1:
                self._hold(to, seq, revision, event, peer)
                return
            to.seq = seq
        elif isinstance(event, Relayed):
            if revision < to.revision:
                return
            if revision > to.revision:
                self._hold(to, seq, revision, event, peer)
                return
        elif isinstance(event, Told) and not self._newer(to, event):
            return
        self._send(to, event, seq, peer)

    @staticmethod
    def _newer(to: Attached, told: Told) -> bool:
        if told.kind is Kind.ALERTING:
            return told.call.revision == to.revision
        if to.call is not None and to.call.id == told.call.id and not to.call.live:
            return False
        return told.call.revision > to.revision

    def _hold(self, to: Attached, seq: int, revision: int, event: Event, peer: Place | None) -> None:
        to.held = [(seq, revision, event, peer or to.peer)]
        self.upstairs.mend(to)

    def _send(self, to: Attached, event: Event, seq: int, peer: Place | None) -> None:
        if isinstance(event, Told):
            self.note(to, event.call, peer)
            if not event.call.live:
                self.upstairs.over(event.call)
        data = render(event, to.user_id, v1=to.v1, seq=seq)
        if data is None:
            return
        to.connection.send(data)
        if isinstance(event, Told) and event.kind is Kind.RING:
            to.ring_seq = seq
            self.upstairs.rang(to, event.call, to.peer)
        elif isinstance(event, Told) and event.kind is Kind.ACCEPTED and not to.v1:
            to.probed = event.call.revision
            to.connection.probe()

    def note(self, to: Attached, call: Call, peer: Place | None = None) -> None:
        """The user now knows of this state of their call."""
        if call.revision < to.revision:
            return
        if to.call is None or to.call.id != call.id:
            to.named, to.peer, to.leased = True, NOWHERE, call.id
        to.revision = call.revision
        to.call = call
        if not call.live:
            self._hub.tombstones[call.id] = call
        if peer is not None and peer.generation >= to.peer.generation:
            to.peer = peer

    def mended(self, to: Attached, events: list[tuple[int, int, Event]]) -> None:
        """What was missing, in order, is here (or is nothing): send it, then what has come since it was asked for."""
        held, to.held = to.held or [], None
        for seq, revision, event in events:
            self.deliver(to, event, seq=seq, revision=revision)
        for seq, revision, event, peer in held:
            if to.held is None and not to.v1 and isinstance(event, Relayed) and revision != to.revision:
                continue
            self.deliver(to, event, seq=seq, revision=revision, peer=peer)

    # ---------------------------------------------------------------- to other pods

    def post(self, place: Place, user_id: str, event: Event, revision: int, sender: Place) -> None:
        """Leave an event for a user of the reference's protocol at their pod; all of one tick travels in one message."""
        head = Head("e", encode_user(user_id), place.generation, 0, revision, sender.pod, sender.generation, sender.kind)
        self._enqueue(place.pod, frame(head, pack(event)))

    def kick(self, place: Place, user_id: str) -> None:
        """Close the connection that another has replaced."""
        if place.pod == self._hub.pod:
            self._kick(user_id, place.generation)
        else:
            self._enqueue(place.pod, frame(Head("k", encode_user(user_id), place.generation, 0, 0, "", 0, "")))

    def _enqueue(self, pod: str, data: bytes) -> None:
        if not self._outbox:
            self._call_soon(self.flush)
        self._outbox.setdefault(pod, []).append(data)

    def flush(self) -> None:
        """What is said next to Redis must not overtake what was left for other pods."""
        outbox, self._outbox = self._outbox, {}
        for pod, parts in outbox.items():
            self._publish(pod, b"".join(parts))

    # ---------------------------------------------------------------- from the channel

    def on_message(self, data: bytes) -> None:
        """One message of this pod's channel."""
        try:
            for head, body in frames(data):
                self.on_frame(head, body)
        except Exception:
            log.exception("a message of the pod's channel could not be read")

    def on_frame(self, head: Head, body: bytes) -> None:
        if head.kind == "t":
            self.upstairs.echoed()
            return
        if head.kind == "k":
            self._kick(head.user_id, head.generation)
            return
        if self._hub.park(head, body):
            return
        to = self._hub.get(head.user_id)
        if to is None and head.kind == "e":
            self.upstairs.absent(head.user_id, head.generation, read_event(body))
        if to is None or to.generation != head.generation:
            return
        match head.kind:
            case "e":
                self.deliver(to, read_event(body), seq=head.seq, revision=head.revision, peer=head.place)
            case "p" if head.revision >= to.revision:  # an older one may be of another call, and is known by what was told since
                to.peer = head.place
            case "l":
                self.upstairs.look_again(to)
            case "u":
                self.upstairs.reclaim(to)

    def _kick(self, user_id: str, generation: int) -> None:
        to = self._hub.get(user_id)
        if to is not None and to.generation == generation:
            self._hub.remove(to)
            to.connection.close(Close.NORMAL)
