"""Where the state of the calls is kept."""

from typing import Annotated

from msgspec import Meta

from carillon_operator.spec.declare import Part, Rule, about
from carillon_operator.spec.image import PullPolicy, Reference
from carillon_operator.spec.pods import Resources, Scheduling
from carillon_operator.spec.values import LocalName, Name, Quantity, SecretKey

_PORT = r"([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_NODE = rf"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:{_PORT})?"
_DATABASE = r"(/[0-9]{1,4})?"
REDIS_URL = (
    rf"^(rediss?://{_NODE}{_DATABASE}|rediss?\+sentinel://{_NODE}(,{_NODE})*/[^/?#@,\s]+{_DATABASE}|rediss?\+cluster://{_NODE}(,{_NODE})*)$"
)
"""What the server understands (carillon.config.redis), without credentials."""
CELL = r"^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$"


class Storage(Part, frozen=True, kw_only=True):
    """A volume for Redis' append-only file."""

    size: Annotated[Quantity, about("Size of the volume. It cannot be changed later: the status says so and nothing is re-created.")] = (
        "1Gi"
    )
    storage_class_name: (
        Annotated[
            Name,
            about(
                "Storage class; absent: the cluster's default.",
                rules=(Rule("self == oldSelf", "a volume cannot change its storage class"),),
            ),
        ]
        | None
    ) = None


class ManagedRedis(Part, frozen=True, kw_only=True):
    """One Redis run by the operator: one replica, its password generated, no failover."""

    image: Annotated[Reference, about("Redis' image; absent: the one that the operator was released with.")] | None = None
    pull_policy: Annotated[PullPolicy, about("When the image is pulled.")] = "IfNotPresent"
    max_memory: Annotated[
        Quantity,
        about("What Redis may fill, some 2 KiB a user and 10 KiB a call. When full it refuses new calls and forgets nothing."),
    ] = "256Mi"
    resources: (
        Annotated[Resources, about("What the container reserves and may take; absent: memory by maxMemory and a half more.")] | None
    ) = None
    storage: (
        Annotated[
            Storage,
            about("A volume, so that calls survive a restart of Redis. Without one Redis moves to another node within a minute, empty."),
        ]
        | None
    ) = None
    pod: Annotated[Scheduling, about("Where its pod runs.")] | None = None


class RedisTls(Part, frozen=True, kw_only=True):
    """TLS to Redis; the URL begins with rediss."""

    rules = (Rule("!(has(self.caSecret) && has(self.caConfigMap))", "only one of caSecret and caConfigMap"),)
    ca_secret: Annotated[SecretKey, about("Certificates that vouch for Redis, in a Secret.")] | None = None
    ca_config_map: Annotated[SecretKey, about("Certificates that vouch for Redis, in a ConfigMap.")] | None = None
    client_certificate: Annotated[LocalName, about("A Secret of type kubernetes.io/tls, where Redis demands a certificate.")] | None = None


class SentinelLogin(Part, frozen=True, kw_only=True):
    """Who the sentinels know us as."""

    username: Annotated[str, about("ACL user of the sentinels.", longest=128)] = ""
    password_secret: Annotated[SecretKey, about("Password of the sentinels.")] | None = None


class ExternalRedis(Part, frozen=True, kw_only=True):
    """A Redis of yours: one server, Sentinel or Cluster."""

    rules = (
        Rule("has(self.url) != has(self.urlSecret)", "exactly one of url and urlSecret"),
        Rule("!has(self.tls) || !has(self.url) || self.url.startsWith('rediss')", "tls needs a url that begins with rediss"),
    )
    url: (
        Annotated[
            str,
            about(
                "redis://HOST[:PORT][/DB], redis+sentinel://HOST[:PORT],.../SERVICE[/DB] or redis+cluster://HOST[:PORT],...; "
                "rediss for TLS. Without credentials: anybody who may read this resource could read them.",
                longest=1024,
                pattern=REDIS_URL,
            ),
        ]
        | None
    ) = None
    url_secret: Annotated[SecretKey, about("The same URL in a Secret, credentials and all.")] | None = None
    username: Annotated[str, about("ACL user.", longest=128)] = ""
    password_secret: Annotated[SecretKey, about("Password of that user.")] | None = None
    sentinel: Annotated[SentinelLogin, about("Credentials of the sentinels, which have users of their own.")] | None = None
    tls: Annotated[RedisTls, about("Certificates; the system's authorities vouch where none is given.")] | None = None
    cell: (
        Annotated[
            Annotated[str, Meta(min_length=1, max_length=63, pattern=CELL)],
            about(
                "Keeps clusters apart that share one Redis; absent: made of namespace and name. "
                "Two that name the same cell serve the same users.",
                rules=(Rule("self == oldSelf", "another cell would forget all calls that are on"),),
            ),
        ]
        | None
    ) = None


class Redis(Part, frozen=True, kw_only=True):
    """Exactly one of managed and external."""

    rules = (Rule("has(self.managed) != has(self.external)", "exactly one of managed and external"),)
    managed: Annotated[ManagedRedis, about("One Redis run by the operator: one replica, its password generated, no failover.")] | None = (
        None
    )
    external: Annotated[ExternalRedis, about("A Redis of yours: one server, Sentinel or Cluster.")] | None = None
