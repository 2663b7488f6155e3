"""The managed Redis: one replica. Without storage a Deployment, which moves off a dead node; with storage a StatefulSet, which does not."""

from carillon_operator.resources.digest import digest
from carillon_operator.resources.environment import PASSWORD_KEY, REDIS_PORT, redis_password
from carillon_operator.resources.inputs import Cluster, Object, Observed
from carillon_operator.resources.metadata import REDIS, child, labels, redis_name, selector
from carillon_operator.resources.pods import CONTAINER_SECURITY, from_secret, plain, pod_security, schedule
from carillon_operator.spec.pods import Scheduling
from carillon_operator.spec.quantity import amount
from carillon_operator.spec.redis import ManagedRedis, Storage

USER = 999
"""`redis` in Redis' official images."""
CONFIG_FILE, LOGIN_FILE = "redis.conf", "auth.conf"
CONFIG_PLACE, LOGIN_PLACE, DATA_PLACE = "/etc/carillon/redis", "/etc/carillon/redis-auth", "/data"
HEADROOM = 1.5
"""Memory of the container over maxMemory: fragmentation, buffers of clients, and the copy that rewrites the append-only file."""


def redis(cluster: Cluster, observed: Observed) -> list[Object]:
    """All of it but the password; nothing where Redis is external."""
    managed = cluster.spec.managed_redis
    if managed is None:
        return []
    return [_config(cluster, managed), _service(cluster), _workload(cluster, managed, observed)]


def configuration(managed: ManagedRedis) -> str:
    """noeviction: a full Redis refuses new calls, any other policy would forget some that are on."""
    lines = [
        f"port {REDIS_PORT}",
        "bind * -::*",
        f"dir {DATA_PLACE}",
        f"maxmemory {amount(managed.max_memory)}",
        "maxmemory-policy noeviction",
        'save ""',
        f"appendonly {'yes' if managed.storage else 'no'}",
        "appendfsync everysec",
        # A pod that reads this far behind is cut off; it then compares its users with what Redis holds.
        "client-output-buffer-limit pubsub 64mb 32mb 60",
        f"include {LOGIN_PLACE}/{LOGIN_FILE}",
    ]
    return "\n".join(lines) + "\n"


def _config(cluster: Cluster, managed: ManagedRedis) -> Object:
    return child(cluster, "v1", "ConfigMap", redis_name(cluster), REDIS) | {"data": {CONFIG_FILE: configuration(managed)}}


def _service(cluster: Cluster) -> Object:
    found = child(cluster, "v1", "Service", redis_name(cluster), REDIS)
    port = {"name": "redis", "port": REDIS_PORT, "targetPort": "redis", "protocol": "TCP"}
    found["spec"] = {"type": "ClusterIP", "selector": selector(cluster, REDIS), "ports": [port]}
    return found


def _workload(cluster: Cluster, managed: ManagedRedis, observed: Observed) -> Object:
    kind = "StatefulSet" if managed.storage else "Deployment"
    found = child(cluster, "apps/v1", kind, redis_name(cluster), REDIS)
    found["spec"] = {
        "replicas": 1,
        "revisionHistoryLimit": 1,
        "selector": {"matchLabels": selector(cluster, REDIS)},
        "template": _template(cluster, managed, observed),
    }
    if managed.storage:
        found["spec"] |= {
            "serviceName": redis_name(cluster),
            # The one pod is replaced even if it never became ready: else a bad change could not be taken back (kubernetes#67250).
            "podManagementPolicy": "Parallel",
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"},
            "volumeClaimTemplates": [_claim(cluster, managed.storage)],
        }
    else:
        # Two at once would be two truths.
        found["spec"]["strategy"] = {"type": "Recreate"}
    return found


def _template(cluster: Cluster, managed: ManagedRedis, observed: Observed) -> Object:
    overrides = managed.pod or Scheduling()
    volumes: list[Object] = [
        {"name": "config", "configMap": {"name": redis_name(cluster), "defaultMode": 0o440}},
        {
            "name": "login",
            "secret": {"secretName": redis_name(cluster), "items": [{"key": LOGIN_FILE, "path": LOGIN_FILE}], "defaultMode": 0o440},
        },
    ]
    if not managed.storage:
        volumes.append({"name": "data", "emptyDir": {}})
    pod: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 30,
        "securityContext": pod_security(USER),
        "containers": [_container(cluster, managed)],
        "volumes": volumes,
    }
    if cluster.spec.image.pull_secrets:
        pod["imagePullSecrets"] = [plain(one) for one in cluster.spec.image.pull_secrets]
    password = redis_password(cluster)
    started_with = [configuration(managed), observed.checksums.get(f"{password.name}/{password.key}")]
    annotations = overrides.annotations | {"carillon.dev/config-checksum": digest(started_with)}
    return {"metadata": {"labels": overrides.labels | labels(cluster, REDIS), "annotations": annotations}, "spec": schedule(pod, overrides)}


def _container(cluster: Cluster, managed: ManagedRedis) -> Object:
    answer = {"exec": {"command": ["redis-cli", "-e", "ping"]}, "timeoutSeconds": 5}
    return {
        "name": "redis",
        "image": managed.image or cluster.defaults.redis_image,
        "imagePullPolicy": managed.pull_policy,
        # Not the image's entry point, which starts as root.
        "command": ["redis-server", f"{CONFIG_PLACE}/{CONFIG_FILE}"],
        "env": [from_secret("REDISCLI_AUTH", redis_name(cluster), PASSWORD_KEY)],
        "ports": [{"name": "redis", "containerPort": REDIS_PORT, "protocol": "TCP"}],
        "readinessProbe": answer | {"periodSeconds": 2, "failureThreshold": 3},
        "livenessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        "resources": _resources(managed),
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_PLACE, "readOnly": True},
            {"name": "login", "mountPath": LOGIN_PLACE, "readOnly": True},
            {"name": "data", "mountPath": DATA_PLACE},
        ],
    }


def _resources(managed: ManagedRedis) -> Object:
    if managed.resources:
        found: Object = plain(managed.resources)
        return found
    memory = str(int(amount(managed.max_memory) * HEADROOM))
    return {"requests": {"cpu": "100m", "memory": memory}, "limits": {"memory": memory}}


def _claim(cluster: Cluster, storage: Storage) -> Object:
    spec: Object = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": str(storage.size)}}}
    if storage.storage_class_name:
        spec["storageClassName"] = storage.storage_class_name
    return {"metadata": {"name": "data", "labels": selector(cluster, REDIS)}, "spec": spec}
