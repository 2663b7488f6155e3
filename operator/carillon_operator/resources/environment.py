"""The server's environment, rendered from the resource. `python -m carillon.config.docs` lists what each variable does."""

from carillon_operator.resources import files
from carillon_operator.resources.digest import digest
from carillon_operator.resources.inputs import Cluster, Object
from carillon_operator.resources.metadata import redis_name
from carillon_operator.resources.pods import from_secret, merged_by_name, plain, variables
from carillon_operator.spec import Spec
from carillon_operator.spec.auth import Auth
from carillon_operator.spec.redis import ExternalRedis
from carillon_operator.spec.telemetry import Otlp
from carillon_operator.spec.values import SecretKey

PORT, METRICS_PORT = 8080, 9090
REDIS_PORT = 6379
PASSWORD_KEY = "password"  # noqa: S105 - the name of a key
LONGEST_CELL = 63
"""Characters of a cell's name, as the server bounds it."""


def environment(cluster: Cluster) -> list[Object]:
    """Every variable of the server's container; those of the resource's own list go before."""
    spec = cluster.spec
    own = [
        {"name": "SERVER_ID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        *variables(_server(spec) | _calls(spec) | _limits(spec)),
        *_auth(spec.auth),
        *_redis(cluster),
        *_push(spec),
        *_turn(spec),
        *_telemetry(cluster),
    ]
    return merged_by_name([*own, *variables(files.variables(cluster))], (plain(one) for one in spec.pod.env))


def knows_addresses(spec: Spec) -> bool:
    """Whether the server sees clients' own addresses, so that limits per address hit nobody else."""
    direct = spec.service.external_traffic_policy == "Local" and not spec.ingress and not spec.route
    return direct or bool(spec.access.trusted_proxies)


def cell(cluster: Cluster) -> str:
    """The part of Redis' keys that keeps clusters apart which share one Redis."""
    external = cluster.spec.redis.external if cluster.spec.redis else None
    if external is None:
        return "default"
    derived = f"{cluster.namespace}.{cluster.name}"
    if len(derived) > LONGEST_CELL:
        derived = f"{cluster.name}.{digest(derived)}"
    return external.cell or derived


def unreloadable(cluster: Cluster) -> list[SecretKey]:
    """Secrets that reach the server as variables: pods restart when they change."""
    spec = cluster.spec
    found = [spec.push.apns.passphrase_secret] if spec.push.apns else []
    if spec.auth.existing_secret and spec.auth.existing_secret.format == "Secret":
        found.append(SecretKey(name=spec.auth.existing_secret.name, key=spec.auth.existing_secret.key))
    if spec.redis and (external := spec.redis.external):
        found += [external.url_secret, external.password_secret, external.sentinel.password_secret if external.sentinel else None]
    if spec.managed_redis:
        found.append(redis_password(cluster))
    found.append(spec.turn.secret if spec.turn else None)
    found.append(spec.telemetry.otlp.headers_secret if spec.telemetry.otlp else None)
    return [one for one in found if one]


def redis_password(cluster: Cluster) -> SecretKey:
    """Of the managed Redis. It and the server's pods read it when they start: both are replaced when it changes."""
    return SecretKey(name=redis_name(cluster), key=PASSWORD_KEY)


def _server(spec: Spec) -> dict[str, str]:
    return {
        "PORT": str(PORT),
        "METRICS_PORT": str(METRICS_PORT),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": spec.telemetry.log_level,
        "ALLOWED_ORIGINS": ",".join(spec.access.allowed_origins),
        "TRUSTED_PROXIES": ",".join(spec.access.trusted_proxies),
        "DRAIN_DELAY": str(spec.drain_delay_seconds),
        "DRAIN_SECONDS": str(spec.drain_seconds),
        **_rebalance(spec),
    }


def _rebalance(spec: Spec) -> dict[str, str]:
    rebalance = spec.autoscaling.rebalance if spec.autoscaling else None
    if rebalance is None:
        return {}
    return {"REBALANCE_ABOVE": str(rebalance.above_percent), "REBALANCE_RATE": str(rebalance.percent_per_second)}


def _calls(spec: Spec) -> dict[str, str]:
    return {
        "RING_TIMEOUT": str(spec.calls.ring_timeout_seconds),
        "GRACE_PERIOD": str(spec.calls.grace_seconds),
        "OFFLINE_POLICY": spec.calls.offline_policy.lower(),
        "TOMBSTONE_TTL": str(spec.calls.tombstone_seconds),
        "PUSH_CANCEL": _switch(spec.push.cancel),
    }


def _limits(spec: Spec) -> dict[str, str]:
    limits, known = spec.limits, knows_addresses(spec)
    return {
        "RATE_LIMITS": limits.rates.lower(),
        "MAX_CONNECTIONS": str(limits.max_connections),
        "LIMIT_ACCEPTS": limits.accepts,
        "LIMIT_CONNECTIONS_PER_ADDRESS": str(limits.connections_per_address if known else 0),
        "LIMIT_UNAUTHENTICATED": limits.unauthenticated if known else "off",
        "LIMIT_CONNECTS_PER_USER": limits.connects_per_user,
        "LIMIT_STARTS": limits.starts,
        "LIMIT_PUSHES_PER_CALLER": limits.pushes_per_caller,
        "LIMIT_PUSHES_PER_TOKEN": limits.pushes_per_token,
        "LIMIT_MESSAGES": limits.messages,
        "LIMIT_BYTES": limits.bytes,
        "MAX_FRAME_BYTES": str(limits.frame_bytes),
    }


def _auth(auth: Auth) -> list[Object]:
    found = {
        "JWT_ALGORITHMS": ",".join(auth.algorithms),
        "JWT_AUDIENCE": auth.audience,
        "JWT_ISSUER": auth.issuer,
        "JWT_USER_CLAIM": auth.user_claim,
        "JWT_LEEWAY": str(auth.leeway_seconds),
        "CLOSE_ON_TOKEN_EXPIRY": _switch(auth.close_on_expiry),
    }
    if auth.jwks:
        found |= {
            "JWT_JWKS_URL": auth.jwks.url,
            "JWT_JWKS_REFETCH": str(auth.jwks.refetch_seconds),
            "JWT_JWKS_LIFETIME": str(auth.jwks.lifetime_seconds),
        }
    secret = auth.existing_secret
    shared = [from_secret("JWT_SECRET", secret.name, secret.key)] if secret and secret.format == "Secret" else []
    return variables(found) + shared


def _redis(cluster: Cluster) -> list[Object]:
    external = cluster.spec.redis.external if cluster.spec.redis else None
    if external:
        return [*variables({"CELL": cell(cluster)}), *_external(external)]
    name = redis_name(cluster)
    address = f"{name}.{cluster.namespace}.svc:{REDIS_PORT}"
    return [*variables({"CELL": cell(cluster), "REDIS_ADDR": address}), from_secret("REDIS_PASSWORD", name, PASSWORD_KEY)]


def _external(redis: ExternalRedis) -> list[Object]:
    sentinel = redis.sentinel
    plain_ones = {
        "REDIS_URL": redis.url or "",
        "REDIS_USERNAME": redis.username,
        "REDIS_SENTINEL_USERNAME": sentinel.username if sentinel else "",
    }
    secret_ones = {
        "REDIS_URL": redis.url_secret,
        "REDIS_PASSWORD": redis.password_secret,
        "REDIS_SENTINEL_PASSWORD": sentinel.password_secret if sentinel else None,
    }
    return variables(plain_ones) + [from_secret(name, one.name, one.key) for name, one in secret_ones.items() if one]


def _push(spec: Spec) -> list[Object]:
    fcm, apns = spec.push.fcm, spec.push.apns
    found = {"FCM_PROJECT_ID": fcm.project_id} if fcm else {}
    if apns is None:
        return variables(found)
    found |= {
        "APNS_KEY_ID": apns.key_id or "",
        "APNS_TEAM_ID": apns.team_id or "",
        "APNS_BUNDLE_ID": apns.bundle_id,
        "APNS_PRODUCTION": _switch(apns.environment == "Production"),
    }
    opens = apns.passphrase_secret
    return variables(found) + ([from_secret("APNS_CERT_PASSPHRASE", opens.name, opens.key)] if opens else [])


def _turn(spec: Spec) -> list[Object]:
    turn = spec.turn
    if turn is None:
        return []
    found = variables({"TURN_URLS": ",".join(turn.urls), "TURN_TTL": str(turn.ttl_seconds)})
    return found + ([from_secret("TURN_SECRET", turn.secret.name, turn.secret.key)] if turn.secret else [])


def _telemetry(cluster: Cluster) -> list[Object]:
    otlp = cluster.spec.telemetry.otlp
    return _otlp(cluster, otlp) if otlp else []


def _otlp(cluster: Cluster, otlp: Otlp) -> list[Object]:
    attributes = {"k8s.namespace.name": cluster.namespace, "k8s.pod.name": "$(SERVER_ID)", "carillon.cluster": cluster.name}
    found = variables(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": otlp.protocol or "",
            "OTEL_METRICS_EXPORTER": "otlp" if otlp.metrics else "none",
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": f"{otlp.sampling_percent / 100:g}",
            "OTEL_RESOURCE_ATTRIBUTES": ",".join(f"{name}={value}" for name, value in attributes.items()),
        }
    )
    headers = otlp.headers_secret
    return found + ([from_secret("OTEL_EXPORTER_OTLP_HEADERS", headers.name, headers.key)] if headers else [])


def _switch(on: bool) -> str:
    return "on" if on else "off"
