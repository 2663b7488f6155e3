"""The server's pods, and the revision that their template makes."""

from carillon_operator.resources import files
from carillon_operator.resources.digest import digest
from carillon_operator.resources.environment import METRICS_PORT, PORT, environment, unreloadable
from carillon_operator.resources.inputs import ROLLING, Cluster, Object, Observed
from carillon_operator.resources.metadata import LED, LED_LABEL, REVISION_LABEL, SERVER, labels, selector
from carillon_operator.resources.pods import CONTAINER_SECURITY, plain, pod_security, schedule

CONTAINER = "server"
USER = 65_532
"""The image's user; as a number, since `runAsNonRoot` cannot judge names."""
CONFIG_ANNOTATION = "carillon.dev/config-checksum"
RESTARTED_ANNOTATION = "kubectl.kubernetes.io/restartedAt"
USUAL_DELAY, MARGIN = 5, 15
"""Seconds of `drainDelaySeconds` that the margin after `drainSeconds` has room for, and that margin."""
RESOURCES: Object = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
"""20,000 connections take some 600 MiB; no CPU limit, since throttling would delay everybody's calls."""


def grace_period(cluster: Cluster) -> int:
    """`terminationGracePeriodSeconds`: after it the kubelet kills what still drains."""
    return cluster.spec.drain_seconds + MARGIN + max(0, cluster.spec.drain_delay_seconds - USUAL_DELAY)


def revision(cluster: Cluster, observed: Observed) -> str:
    """A short name of all that running pods cannot take over: another one means other pods."""
    if cluster.spec.update.strategy == "Rolling":
        return ROLLING
    return digest(_template(cluster, observed))


def template(cluster: Cluster, observed: Observed) -> Object:
    """A pod template with the labels of its revision."""
    found = _template(cluster, observed)
    found["metadata"]["labels"][REVISION_LABEL] = revision(cluster, observed)
    spread = found["spec"]["topologySpreadConstraints"]
    for one in spread:
        one["labelSelector"] = {"matchLabels": selector(cluster, SERVER, revision(cluster, observed))}
    return found


def _template(cluster: Cluster, observed: Observed) -> Object:
    spec, overrides = cluster.spec, cluster.spec.pod
    mounts = files.mounted(cluster)
    annotations = dict(overrides.annotations)
    used = {f"{one.name}/{one.key}" for one in unreloadable(cluster)}
    if known := {name: value for name, value in observed.checksums.items() if name in used}:
        annotations[CONFIG_ANNOTATION] = digest(known)
    if observed.restarted_at:
        annotations[RESTARTED_ANNOTATION] = observed.restarted_at
    pod: Object = {
        "serviceAccountName": overrides.service_account_name or cluster.name,
        "automountServiceAccountToken": False,
        # Off: a Service called `metrics` would set METRICS_PORT to an address.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace_period(cluster),
        "securityContext": pod_security(USER),
        "topologySpreadConstraints": _spread(cluster),
        "containers": [_container(cluster, mounts)],
        "volumes": [*(one.volume() for one in mounts), {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}],
    }
    if spec.image.pull_secrets:
        pod["imagePullSecrets"] = [plain(one) for one in spec.image.pull_secrets]
    if overrides.runtime_class_name:
        pod["runtimeClassName"] = overrides.runtime_class_name
    metadata: Object = {"labels": dict(overrides.labels) | labels(cluster, SERVER) | {LED_LABEL: LED}}
    if annotations:
        metadata["annotations"] = annotations
    return {"metadata": metadata, "spec": schedule(pod, overrides)}


def _container(cluster: Cluster, mounts: list[files.Mounted]) -> Object:
    resources = cluster.spec.pod.resources
    return {
        "name": CONTAINER,
        "image": cluster.spec.image.reference or cluster.defaults.server_image,
        "imagePullPolicy": cluster.spec.image.pull_policy,
        "env": environment(cluster),
        "ports": [
            {"name": "signaling", "containerPort": PORT, "protocol": "TCP"},
            {"name": "metrics", "containerPort": METRICS_PORT, "protocol": "TCP"},
        ],
        "startupProbe": _probe("/livez", every=1, failures=60),
        "livenessProbe": _probe("/livez", every=10, failures=6),
        "readinessProbe": _probe("/readyz", every=2, failures=2),
        "resources": plain(resources) if resources else RESOURCES,
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [*(one.mount() for one in mounts), {"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own
    }


def _probe(path: str, every: int, failures: int) -> Object:
    """every: seconds. A pod that is busy for seconds is not restarted: that would lose all its sockets."""
    return {"httpGet": {"path": path, "port": "signaling"}, "periodSeconds": every, "timeoutSeconds": 5, "failureThreshold": failures}


def _spread(cluster: Cluster) -> list[Object]:
    """Over nodes, as far as possible. The selector is added once the revision is known.

    Not over zones as well: nodes that lack one of the labels are left out of account, so that where there are no zones nothing was spread.
    """
    given = cluster.spec.pod.topology_spread_constraints
    if given:
        return [{"maxSkew": one.max_skew, "whenUnsatisfiable": one.when_unsatisfiable} | plain(one) for one in given]
    return [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}]
