"""The Secrets of a resource: generated ones are made once and kept; the keyring among them is rotated; named ones are judged."""

import base64
import secrets as entropy
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from carillon_operator.credentials import complaints, named, value
from carillon_operator.keyring import BadKeyring, Step, advance, checksum, parse, render
from carillon_operator.kube import Client, Conflict, Forbidden, Invalid
from carillon_operator.kube.kinds import POD, SECRET
from carillon_operator.reconciler.apply import Report
from carillon_operator.reconciler.pods import leaving
from carillon_operator.reconciler.world import World, owner
from carillon_operator.resources import Cluster, Object, generated, new_secret
from carillon_operator.resources.digest import digest
from carillon_operator.resources.environment import unreloadable
from carillon_operator.resources.files import KEYRING_KEY, generates_keyring, mounted
from carillon_operator.resources.metadata import keyring_name
from carillon_operator.resources.secrets import ENTROPY
from carillon_operator.spec import Spec
from carillon_operator.spec.status import KeyringStatus
from carillon_operator.status import Finding

HURRY = "carillon.dev/secrets"
"""Annotation of pods: a change of it makes kubelet renew what is mounted within half a second, instead of up to 72."""


def wanted(cluster: Cluster) -> set[str]:
    """Names of all Secrets that matter."""
    return {*generated(cluster), *references(cluster.spec)}


def references(spec: Spec) -> set[str]:
    """Names of the user's own."""
    return {one.secret for one in named(spec)}


async def generate(client: Client, cluster: Cluster, world: World, report: Report) -> None:
    """Makes those that are missing, and adds them to the world. What is there is kept, whatever is in it."""
    for name in generated(cluster):
        live = world.secrets.get(name)
        if live is None:
            try:
                live = await client.create(new_secret(cluster, name, entropy.token_bytes(ENTROPY)), SECRET)
                report.written += 1
            except Conflict:
                live = await client.get(SECRET, cluster.namespace, name)
            except (Invalid, Forbidden) as refusal:
                if refusal.namespace_ends:
                    raise
                report.refused.append(f"Secret {name}: {refusal.message}")
                continue
            world.secrets[name] = live
        if owner(live) not in ("", cluster.uid):
            report.foreign.append(f"Secret {name} exists and is not this resource's: it is used as it is and left alone.")


def judge(cluster: Cluster, world: World, now: float) -> Finding:
    """now: Unix time in seconds."""
    found = complaints(cluster.spec, world.secrets, now) + _own(cluster, world)
    if not found:
        return Finding(True, "AllThere")
    return Finding(False, found[0][0], " ".join(said for _, said in found))


def _own(cluster: Cluster, world: World) -> list[tuple[str, str]]:
    """Of the generated keyring, which somebody may have edited."""
    name = keyring_name(cluster)
    if not generates_keyring(cluster.spec):
        return []
    try:
        _keyring(world.secrets.get(name))
    except BadKeyring as wrong:
        return [("SecretInvalid", f"Secret {name} is no keyring any more: {wrong}. Restore it, or delete it to have a new one made.")]
    return []


def _keyring(secret: Object | None) -> tuple[str, Any]:
    """Its text, and what it says. Raises BadKeyring."""
    content = value(secret or {}, KEYRING_KEY)
    if content is None:
        raise BadKeyring(f"it has no key {KEYRING_KEY}")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise BadKeyring("it is no text") from None
    return text, parse(text)


def checksums(cluster: Cluster, world: World) -> dict[str, str]:
    """See `resources.Observed`."""
    found = {}
    for one in unreloadable(cluster):
        content = value(world.secrets.get(one.name) or {}, one.key)
        if content is not None:
            found[f"{one.name}/{one.key}"] = digest(base64.b64encode(content).decode(), 16)
    return found


@dataclass(frozen=True, slots=True)
class Turned:
    """What a rotation came to. status: None where the keyring is not ours to rotate."""

    status: KeyringStatus | None = None
    said: str = ""
    again: float | None = None


async def rotate(
    client: Client,
    cluster: Cluster,
    world: World,
    before: KeyringStatus | None,
    loaded: Mapping[str, str | None],
    now: float,
    report: Report,
) -> Turned:
    """loaded: the checksum of the keyring that each server pod says it has; None: it could not be asked."""
    name = keyring_name(cluster)
    live = world.secrets.get(name)
    if not generates_keyring(cluster.spec) or live is None:
        return Turned()
    if owner(live) != cluster.uid:
        if cluster.spec.auth.rotation:
            report.foreign.append(
                f"Secret {name} is not this resource's: its keys are not rotated. Do it by hand, or name it in existingSecret."
            )
        return Turned()
    try:
        text, keys = _keyring(live)
    except BadKeyring:
        return Turned(before)
    everywhere = bool(loaded) and all(one == checksum(text) for one in loaded.values())
    auth = cluster.spec.auth
    step: Step = advance(
        keys, auth.rotation, before or KeyringStatus(), everywhere, auth.max_token_lifetime_seconds, entropy.token_bytes(ENTROPY), now
    )
    if step.keys is not None:
        content = base64.b64encode(render(step.keys).encode()).decode()
        # All of it, and only if nobody wrote since: a merge could keep a key that should be gone.
        changed = {**live, "data": {**live["data"], KEYRING_KEY: content}}
        world.secrets[name] = await client.replace(changed, SECRET)
        report.written += 1
    return Turned(step.status, step.said, step.again)


async def hurry(client: Client, cluster: Cluster, world: World, pods: list[Object], report: Report) -> None:
    """Annotates the pods that were there before a mounted Secret last changed."""
    sources = [one.source for one in mounted(cluster) if not one.config_map]
    present = [world.secrets[name] for name in sources if name in world.secrets]
    if not present:
        return
    mark = digest([one["metadata"]["resourceVersion"] for one in present], 16)
    changed = max(map(_written, present))
    for pod in pods:
        about = pod["metadata"]
        if leaving(pod) or (about.get("annotations") or {}).get(HURRY) == mark or about["creationTimestamp"] > changed:
            continue
        await client.merge(POD, cluster.namespace, about["name"], {"metadata": {"uid": about["uid"], "annotations": {HURRY: mark}}})
        report.written += 1


def _written(secret: Object) -> str:
    """When it was last written by anybody, as far as is known; RFC 3339."""
    about = secret["metadata"]
    times = [one.get("time") for one in about.get("managedFields") or []]
    found: str = max([about["creationTimestamp"], *(one for one in times if one)], key=datetime.fromisoformat)
    return found
