"""What a pod believes of the users and the call of a command: what it holds, until Redis says otherwise."""

from dataclasses import dataclass

from carillon.call import Call, Command, Party, Start, World
from carillon.hub import Attached, Hub
from carillon.service.ask import Ask
from carillon.store.records import Place
from carillon.store.results import Conflict


@dataclass(slots=True)
class Belief:
    world: World
    proven: bool = False
    """Whether Redis has just said so."""


def believe(ask: Ask, hub: Hub) -> Belief:
    """Of users attached here what was delivered to them; others are free and have a place until the commit tells otherwise."""
    actor_id = ask.actor.user_id if ask.actor else ""
    call = ask.known
    held = ask.actor.live_call if ask.actor else None
    if call is None and held is not None and held.id == ask.call_id:
        call = held
    return Belief(World(_party(hub, actor_id), _party(hub, _peer_id(ask.command, call, actor_id)), call))


def learn(ask: Ask, conflict: Conflict) -> Belief:
    """What Redis said instead."""
    parties = {party.id: party for party in conflict.parties}
    actor_id = ask.actor.user_id if ask.actor else ""
    call = conflict.call
    if isinstance(ask.command, Start) and call is not None and call.id != ask.command.call_id:
        call = None
    peer_id = _peer_id(ask.command, call, actor_id)
    world = World(parties.get(actor_id, Party(actor_id)), parties.get(peer_id, Party(peer_id)), call)
    return Belief(world, proven=True)


def place_of(user: Attached, hub: Hub) -> Place:
    return Place(hub.pod, user.generation, "v" if user.v1 else "r")


def _peer_id(command: Command, call: Call | None, actor_id: str) -> str:
    if isinstance(command, Start):
        return command.callee_id
    return call.peer_of(actor_id) if call else ""


def _party(hub: Hub, user_id: str) -> Party:
    here = hub.get(user_id)
    return Party(user_id, here.revision, here.live_call) if here else Party(user_id)
