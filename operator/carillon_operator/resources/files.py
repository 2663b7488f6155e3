"""Secrets that reach the server as files, which it reads again when they change. Never by subPath: such mounts are not renewed."""

from dataclasses import dataclass

from carillon_operator.resources.inputs import Cluster, Object
from carillon_operator.resources.metadata import keyring_name
from carillon_operator.spec import Spec

ROOT = "/etc/carillon"
KEYRING_KEY = "keyring.json"


@dataclass(frozen=True, slots=True)
class Mounted:
    """A Secret or ConfigMap at ROOT/place. items: key → file; variables: name → file that it is to name."""

    place: str
    source: str
    items: dict[str, str]
    variables: dict[str, str]
    config_map: bool = False

    def volume(self) -> Object:
        items = [{"key": key, "path": path} for key, path in self.items.items()]
        named = {"name": self.source} if self.config_map else {"secretName": self.source}
        return {"name": self.place, ("configMap" if self.config_map else "secret"): named | {"items": items, "defaultMode": 0o440}}

    def mount(self) -> Object:
        return {"name": self.place, "mountPath": f"{ROOT}/{self.place}", "readOnly": True}


def mounted(cluster: Cluster) -> list[Mounted]:
    return [*_keyring(cluster), *_push(cluster.spec), *_redis(cluster.spec)]


def variables(cluster: Cluster) -> dict[str, str]:
    return {name: f"{ROOT}/{one.place}/{file}" for one in mounted(cluster) for name, file in one.variables.items()}


def generates_keyring(spec: Spec) -> bool:
    return not spec.auth.existing_secret and not spec.auth.jwks


def _keyring(cluster: Cluster) -> list[Mounted]:
    existing = cluster.spec.auth.existing_secret
    source = (keyring_name(cluster), KEYRING_KEY) if generates_keyring(cluster.spec) else None
    if existing and existing.format == "Keyring":
        source = (existing.name, existing.key)
    if source is None:
        return []
    return [Mounted("jwt", source[0], {source[1]: KEYRING_KEY}, {"JWT_KEYRING_FILE": KEYRING_KEY})]


def _push(spec: Spec) -> list[Mounted]:
    found = []
    if fcm := spec.push.fcm:
        file = "service-account.json"
        found.append(Mounted("fcm", fcm.secret.name, {fcm.secret.key: file}, {"FCM_SERVICE_ACCOUNT_FILE": file}))
    if apns := spec.push.apns:
        for secret, variable, file in (
            (apns.key_secret, "APNS_KEY_PATH", "key.p8"),
            (apns.certificate_secret, "APNS_CERT_PATH", "voip.p12"),
        ):
            if secret:
                found.append(Mounted("apns", secret.name, {secret.key: file}, {variable: file}))
    return found


def _redis(spec: Spec) -> list[Mounted]:
    tls = spec.redis.external.tls if spec.redis and spec.redis.external else None
    if tls is None:
        return []
    found = []
    if authority := tls.ca_secret or tls.ca_config_map:
        is_map = tls.ca_secret is None
        found.append(Mounted("redis-ca", authority.name, {authority.key: "ca.crt"}, {"REDIS_CA_FILE": "ca.crt"}, config_map=is_map))
    if tls.client_certificate:
        pair = {"tls.crt": "tls.crt", "tls.key": "tls.key"}
        named = {"REDIS_CERT_FILE": "tls.crt", "REDIS_KEY_FILE": "tls.key"}
        found.append(Mounted("redis-tls", tls.client_certificate.name, pair, named))
    return found
