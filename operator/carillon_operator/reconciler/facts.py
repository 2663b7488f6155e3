"""What a pass found and did, as the status is made of it."""

from carillon_operator import rollout
from carillon_operator import status as saying
from carillon_operator.kube.kinds import SERVICE
from carillon_operator.reconciler import pods, secrets
from carillon_operator.reconciler.apply import Report
from carillon_operator.reconciler.scaling import Basis, Scaled
from carillon_operator.reconciler.world import World
from carillon_operator.resources import ROLLING, Cluster, endpoint
from carillon_operator.resources.metadata import REDIS, SERVER, selector_text
from carillon_operator.spec.status import KeyringStatus


def facts(basis: Basis, plan: rollout.Plan, target: str, scaled: Scaled, keyring: KeyringStatus | None, report: Report) -> saying.Facts:
    """target: the revision that the resource now makes."""
    cluster, world = basis.cluster, basis.world
    deployments, servers = world.deployments(cluster.uid), world.component(SERVER)
    by_name = {one.name: one for one in pods.revisions(deployments, servers, basis.now)}
    serving, aimed, reported = (by_name.get(name, rollout.Revision(name)) for name in (plan.serving, target, plan.reported))
    return saying.Facts(
        generation=basis.resource["metadata"]["generation"],
        wanted=scaled.replicas,
        serving_ready=serving.ready,
        target_ready=aimed.ready,
        reported_pods=reported.pods,
        reported_ready=reported.ready,
        selector=selector_text(cluster, plan.reported),
        endpoint=endpoint(cluster, _balancer(world, cluster)),
        redis=scaled.redis or pods.managed_redis(cluster, world.component(REDIS), basis.now),
        secrets=secrets.judge(cluster, world, basis.now),
        rollout=plan.status,
        in_place=target == ROLLING,
        progress_deadline=cluster.spec.update.progress_deadline_seconds,
        waiting=pods.waiting([one for one in servers if pods.revision_of(one) == target], deployments.values()),
        paused=cluster.spec.paused,
        scaler=scaled.status,
        conflict=scaled.conflict,
        keyring=keyring,
        problems=report.problems,
        foreign=tuple(report.foreign),
        refused=tuple(report.refused),
        unchangeable=tuple(report.unchangeable),
    )


def _balancer(world: World, cluster: Cluster) -> str:
    """Name or address that the Service's load balancer was given."""
    service = world.children.get((SERVICE, cluster.name)) or {}
    given = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return str(given[0].get("hostname") or given[0].get("ip") or "") if given else ""
