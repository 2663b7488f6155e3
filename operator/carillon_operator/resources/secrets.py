"""Secrets that the operator generates: made once by POST, kept whatever comes (a 409 means keep what is there)."""

import base64
import json

from carillon_operator.resources.environment import PASSWORD_KEY
from carillon_operator.resources.files import KEYRING_KEY, generates_keyring
from carillon_operator.resources.inputs import Cluster, Object
from carillon_operator.resources.metadata import REDIS, SERVER, child, keyring_name, redis_name
from carillon_operator.resources.redis import LOGIN_FILE

ENTROPY = 32
"""Bytes of a generated secret: the length of SHA-256's output, below which HS256 keys should not go (RFC 7518 §3.2)."""


def generated(cluster: Cluster) -> dict[str, str]:
    """Names of the Secrets that must exist, each with its component."""
    found = {keyring_name(cluster): SERVER} if generates_keyring(cluster.spec) else {}
    return found | ({redis_name(cluster): REDIS} if cluster.spec.managed_redis else {})


def new_secret(cluster: Cluster, name: str, entropy: bytes) -> Object:
    """One of `generated`, with its first content. entropy: ENTROPY random bytes. Raises ValueError for fewer, KeyError for another name."""
    if len(entropy) < ENTROPY:
        raise ValueError(f"{ENTROPY} bytes of entropy are needed, got {len(entropy)}")
    component = generated(cluster)[name]
    text = base64.urlsafe_b64encode(entropy).decode().rstrip("=")
    if component == REDIS:
        data = {PASSWORD_KEY: text, LOGIN_FILE: f"requirepass {text}\n"}
    else:
        data = {KEYRING_KEY: json.dumps({"keys": [{"kid": "0", "secret": text, "use": "sign"}]})}
    found = child(cluster, "v1", "Secret", name, component)
    return found | {"type": "Opaque", "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}}
