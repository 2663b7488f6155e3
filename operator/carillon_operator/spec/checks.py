"""What the schema cannot say, or says only to those who write no null: checked again before anything is built.

Without it pods of a new revision would refuse to start, and their log would be the only place to learn why.
"""

from collections.abc import Iterator
from ipaddress import ip_network

from carillon_operator.spec.auth import Auth
from carillon_operator.spec.cluster import Spec
from carillon_operator.spec.push import Apns
from carillon_operator.spec.quantity import number
from carillon_operator.spec.redis import ExternalRedis
from carillon_operator.spec.schedule import problem


def problems(spec: Spec) -> list[str]:
    """One sentence each, beginning with the field; nothing wrong: none."""
    found = [*_auth(spec.auth), *_networks("access.trustedProxies", spec.access.trusted_proxies)]
    if spec.autoscaling and spec.autoscaling.min_replicas > spec.autoscaling.max_replicas:
        found.append("autoscaling: minReplicas is greater than maxReplicas. Raise the one or lower the other.")
    if spec.autoscaling and spec.autoscaling.cpu_per_pod is not None and not number(spec.autoscaling.cpu_per_pod):
        found.append("autoscaling.cpuPerPod: nothing is no target. Give a CPU, as in 700m, or leave it out.")
    if spec.autoscaling:
        found += [f"autoscaling.schedules: {wrong}" for wrong in map(problem, spec.autoscaling.schedules) if wrong]
    if spec.redis and spec.redis.external:
        found += _external(spec.redis.external)
        if spec.redis.managed:
            found.append("redis: managed and external are both set. Keep one of them.")
    if spec.push.apns:
        found += _apns(spec.push.apns)
    if spec.turn and any(url.startswith("turn") for url in spec.turn.urls) != bool(spec.turn.secret):
        found.append("turn: TURN URLs need a secret, and a secret TURN URLs. Give both or none.")
    burst = spec.limits.bytes.partition("/")[0]
    if burst != "off" and int(burst) < spec.limits.frame_bytes:
        found.append("limits.bytes allows less at once than limits.frameBytes: the longest messages could never be sent. Raise it.")
    return found + list(_networks("service.loadBalancerSourceRanges", spec.service.load_balancer_source_ranges))


def _auth(auth: Auth) -> Iterator[str]:
    for name in auth.algorithms:
        if name.startswith("HS") and auth.jwks and not auth.existing_secret:
            yield f"auth.algorithms: {name} needs existingSecret. Give one, or take {name} out."
        if not name.startswith("HS") and not auth.jwks:
            yield f"auth.algorithms: {name} needs jwks. Give it, or take {name} out."


def _external(redis: ExternalRedis) -> Iterator[str]:
    if bool(redis.url) == bool(redis.url_secret):
        yield "redis.external: give exactly one of url and urlSecret."
    tls = redis.tls
    if tls and redis.url and not redis.url.startswith("rediss"):
        yield "redis.external.tls needs a url that begins with rediss."
    if tls and tls.ca_secret and tls.ca_config_map:
        yield "redis.external.tls: give only one of caSecret and caConfigMap."


def _apns(apns: Apns) -> Iterator[str]:
    if bool(apns.key_secret) == bool(apns.certificate_secret):
        yield "push.apns: give exactly one of keySecret and certificateSecret."
    if apns.key_secret and not (apns.key_id and apns.team_id):
        yield "push.apns.keySecret needs keyId and teamId: they stand beside the key in Apple's developer account."
    if apns.passphrase_secret and not apns.certificate_secret:
        yield "push.apns.passphraseSecret opens a certificateSecret, and there is none."


def _networks(field: str, texts: tuple[str, ...]) -> Iterator[str]:
    for text in texts:
        try:
            ip_network(text)
        except ValueError:
            yield f"{field}: {text} is no network, as in 10.0.0.0/8 or fd00::/8 (host bits zero)."
