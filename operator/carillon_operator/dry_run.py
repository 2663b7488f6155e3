"""`--dry-run`: what would be applied, for people to read. Nothing is written, and no Secret's content is shown."""

import sys
import time

import msgspec
import yaml

from carillon_operator.kube import Access, Client
from carillon_operator.kube.kinds import RESOURCE
from carillon_operator.metrics import Own
from carillon_operator.options import Options
from carillon_operator.process import check, settled
from carillon_operator.reconciler import secrets
from carillon_operator.reconciler.passes import previous, situate
from carillon_operator.reconciler.world import observe
from carillon_operator.resources import Cluster, Object, desired, generated
from carillon_operator.spec import decode, problems


async def show(options: Options, access: Access) -> None:
    """Prints YAML, a document for each object. Raises CannotStart."""
    options = settled(options, access)
    client = Client(access, lambda: False, Own().count)
    try:
        await check(client, options.namespaces)
        for namespace in options.namespaces or (None,):
            for resource in await client.find(RESOURCE, namespace):
                sys.stdout.write(await _one(client, options, resource))
    finally:
        await client.close()


async def _one(client: Client, options: Options, resource: Object) -> str:
    about = resource["metadata"]
    head = f"# SignalingCluster {about['namespace']}/{about['name']}"
    try:
        spec = decode({"spec": resource.get("spec") or {}}).spec
    except msgspec.ValidationError as wrong:
        return f"{head} cannot be read: {wrong}\n"
    if wrongs := problems(spec):
        return f"{head}: nothing would be done. {' '.join(wrongs)}\n"
    cluster = Cluster(about["name"], about["namespace"], about["uid"], spec, options.defaults())
    world = await observe(client, cluster.namespace, cluster.name, secrets.wanted(cluster))
    _, observed, _ = situate(cluster, world, previous(resource), spec.replicas, time.time())
    made = sorted(name for name in generated(cluster) if name not in world.secrets)
    lines = [f"{head}{', paused: nothing would be done now' if spec.paused else ''}"]
    if made:
        lines.append(f"# Secrets that would be made: {', '.join(made)}")
    return "\n".join(lines) + "\n" + yaml.safe_dump_all(desired(cluster, observed), sort_keys=False, width=140, explicit_start=True)
