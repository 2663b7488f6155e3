"""Settings that are right alone and wrong together."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from carillon.config.auth import ASYMMETRIC, SYMMETRIC, AuthSettings
from carillon.config.calls import CallSettings
from carillon.config.limits import LimitSettings
from carillon.config.push import PushSettings
from carillon.config.redis import RedisSettings
from carillon.config.server import ServerSettings
from carillon.config.turn import TurnSettings

if TYPE_CHECKING:
    from carillon.config.settings import Settings

RECONNECT = 5.0
"""Seconds a client needs to connect anew once it has noticed: name look-up, TLS and one failed attempt."""
SHORT_SECRET = 32
"""Bytes below which an HS256 secret can be guessed off line (RFC 7518 §3.2)."""
PUBLISHED = ("dev-secret-change-in-production", "your-secret-key")
"""Secrets that stand in the reference's documentation."""


def conflicts(settings: "Settings", unread: frozenset[str]) -> list[str]:
    """One sentence per conflict. unread: variables that could not be read, about which enough has been said."""
    found = [
        *_auth(settings.auth, unread),
        *_redis(settings.redis, unread),
        *_times(settings.calls, settings.server),
        *_push(settings.push, unread),
        *_turn(settings.turn, unread),
        *_limits(settings.limits, settings.calls),
    ]
    if settings.telemetry.metrics_port and settings.telemetry.metrics_port == settings.server.port:
        found.append("METRICS_PORT is the same as PORT. Choose another: metrics are served apart, so that the public cannot read them.")
    if settings.server.demo and not settings.auth.secret and "JWT_SECRET" not in unread:
        found.append("DEMO signs tokens for its users and needs JWT_SECRET. Set it, or turn DEMO off.")
    return found


def _auth(auth: AuthSettings, unread: frozenset[str]) -> Iterator[str]:
    sources = {"JWT_SECRET", "JWT_KEYRING_FILE", "JWT_JWKS_URL"}
    shared = bool(auth.secret or auth.keyring_file)
    if not shared and not auth.jwks_url and not sources & unread:
        yield (
            "JWT_SECRET is missing: without it no token can be checked. Set JWT_SECRET to the secret your backend signs with, "
            "or JWT_KEYRING_FILE, or JWT_JWKS_URL."
        )
    if auth.secret and auth.keyring_file:
        yield "JWT_SECRET and JWT_KEYRING_FILE are both set, and a changed keyring would not revoke the secret. Keep one of them."
    if sources & unread:
        return
    for name in auth.algorithms:
        if name in SYMMETRIC and not shared:
            yield f"JWT_ALGORITHMS has {name}, which needs JWT_SECRET or JWT_KEYRING_FILE. Set one, or take {name} out."
        if name in ASYMMETRIC and not auth.jwks_url:
            yield f"JWT_ALGORITHMS has {name}, which needs JWT_JWKS_URL. Set it, or take {name} out."


def _redis(redis: RedisSettings, unread: frozenset[str]) -> Iterator[str]:
    if bool(redis.cert_file) != bool(redis.key_file) and not {"REDIS_CERT_FILE", "REDIS_KEY_FILE"} & unread:
        yield "REDIS_CERT_FILE and REDIS_KEY_FILE belong together, and only one is set. Set both or none."
    if (redis.ca_file or redis.cert_file) and not redis.target.tls and "REDIS_URL" not in unread:
        yield "REDIS_CA_FILE or REDIS_CERT_FILE is set, but the connection is not encrypted. Begin REDIS_URL with rediss, or unset them."


def _times(calls: CallSettings, server: ServerSettings) -> Iterator[str]:
    if calls.pod_lease < 3 * calls.pod_renewal:
        yield (
            f"POD_LEASE ({calls.pod_lease:g} s) is less than three times POD_RENEWAL ({calls.pod_renewal:g} s): "
            "two slow answers of Redis would make a living pod pass for dead. Raise the one or lower the other."
        )
    if calls.outage_notice < 2 * calls.pod_renewal:
        yield (
            f"OUTAGE_NOTICE ({calls.outage_notice:g} s) is less than twice POD_RENEWAL ({calls.pod_renewal:g} s): between two renewals "
            "that succeed, clients would be told that Redis is away. Raise the first or lower the other."
        )
    if calls.grace < calls.pod_lease + 2 * calls.pod_renewal:
        yield (
            f"GRACE_PERIOD ({calls.grace:g} s) is less than POD_LEASE plus twice POD_RENEWAL "
            f"({calls.pod_lease + 2 * calls.pod_renewal:g} s): after Redis lost its data, calls would be given up before all pods "
            "have named their users again. Raise the first or lower the others."
        )
    noticed = server.ping_interval + server.ping_timeout + RECONNECT
    if calls.grace < noticed:
        yield (
            f"GRACE_PERIOD ({calls.grace:g} s) is less than PING_INTERVAL + PING_TIMEOUT + {RECONNECT:g} ({noticed:g} s): a client whose "
            "server died without a word would notice too late to save its call. Raise the first or lower the others."
        )
    if calls.ring_confirm >= calls.ring_timeout:
        yield "RING_CONFIRM is not less than RING_TIMEOUT: no push would ever be sent to a phone that sleeps. Lower it."
    if calls.glare_window > calls.ring_timeout:
        yield "GLARE_WINDOW is greater than RING_TIMEOUT: there is no ring to merge with by then. Lower it."
    if calls.start_timeout > calls.command_timeout:
        yield "START_TIMEOUT is greater than COMMAND_TIMEOUT: who waits at the screen would wait longest. Lower the first."


def _push(push: PushSettings, unread: frozenset[str]) -> Iterator[str]:
    fcm, apns = push.fcm, push.apns
    if fcm.service_account_json and fcm.service_account_file:
        yield "FCM_SERVICE_ACCOUNT_JSON and FCM_SERVICE_ACCOUNT_FILE are both set. Keep one of them."
    if fcm.project_id and not fcm.configured and not {"FCM_SERVICE_ACCOUNT_JSON", "FCM_SERVICE_ACCOUNT_FILE"} & unread:
        yield "FCM_PROJECT_ID is set without a key to it. Set FCM_SERVICE_ACCOUNT_JSON or FCM_SERVICE_ACCOUNT_FILE, or unset it."
    if apns.cert_path and apns.key_path:
        yield "APNS_CERT_PATH and APNS_KEY_PATH are both set. Keep the certificate (.p12) or the key (.p8)."
    if apns.key_path:
        for name, value in (("APNS_KEY_ID", apns.key_id), ("APNS_TEAM_ID", apns.team_id)):
            if not value:
                yield f"{name} is missing: APNS_KEY_PATH needs it. It stands beside the key in Apple's developer account."
    paths = {"APNS_CERT_PATH", "APNS_KEY_PATH"}
    if apns.configured and not apns.bundle_id:
        yield "APNS_BUNDLE_ID is missing: pushes to iOS go to the topic BUNDLE_ID.voip. Set it to the app's bundle id."
    if apns.bundle_id and not apns.configured and not paths & unread:
        yield "APNS_BUNDLE_ID is set without a certificate or key. Set APNS_CERT_PATH or APNS_KEY_PATH, or unset it."


def _turn(turn: TurnSettings, unread: frozenset[str]) -> Iterator[str]:
    relays = any(url.startswith("turn") for url in turn.urls)
    if relays and not turn.secret:
        yield "TURN_SECRET is missing: the credentials of TURN_URLS are made with it. Set it to coturn's static-auth-secret."
    if turn.secret and not relays and "TURN_URLS" not in unread:
        yield "TURN_SECRET is set, but TURN_URLS has no TURN server. Set TURN_URLS, or unset the secret."


def _limits(limits: LimitSettings, calls: CallSettings) -> Iterator[str]:
    for name, value in (("BACKLOG_BYTES", limits.backlog_bytes), ("QUEUE_BYTES", limits.queue_bytes), ("INBOX_BYTES", calls.inbox_bytes)):
        if value < 2 * limits.frame_bytes:
            yield (
                f"{name} ({value}) is less than two of the largest messages (MAX_FRAME_BYTES, {limits.frame_bytes}): "
                "one message could fill it. Raise it, or lower MAX_FRAME_BYTES."
            )
    if limits.bytes is not None and limits.bytes.count < limits.frame_bytes:
        yield "LIMIT_BYTES allows less at once than MAX_FRAME_BYTES: the largest messages could never be sent. Raise its first number."


def remarks(settings: "Settings") -> list[str]:
    said = []
    secret = settings.auth.secret
    if secret in PUBLISHED and not settings.server.demo:
        said.append("JWT_SECRET is one that is printed in public documentation: anybody can sign tokens with it. Change it.")
    elif 0 < len(secret.encode()) < SHORT_SECRET:
        said.append(f"JWT_SECRET is shorter than {SHORT_SECRET} bytes and can be guessed from one token (RFC 7518 §3.2). Use a longer one.")
    if settings.server.demo:
        said.append("DEMO is on: everybody can be any demo user.")
    return said
