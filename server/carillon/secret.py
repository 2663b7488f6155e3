"""`python -m carillon.secret keyring|redis NAME`: makes a Secret once, from inside a pod. A chart cannot: it would make another each time.

One that is there is kept, whatever it holds: neither an upgrade nor an installation over what an earlier one left changes a key.
"""

import argparse
import base64
import json
import os
import secrets
import ssl
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx

from carillon.errors import CarillonError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts a pod's token, namespace and the authority of the API server."""
ENTROPY = 32
"""Bytes of a generated secret: the length of SHA-256's output, below which HS256 keys should not go (RFC 7518 §3.2)."""
PATIENCE, PAUSE = 60.0, 1.0
"""Seconds that the API server is given, and between two attempts; rights that were just granted take a moment to count."""
LATER = {401, 403, 408, 429, *range(500, 600)}


class NotMade(CarillonError):
    """The API server does not take the Secret."""


def content(kind: str, text: str) -> dict[str, str]:
    """What a Secret of that kind holds. text: the generated secret."""
    if kind == "redis":
        return {"password": text, "auth.conf": f"requirepass {text}\n"}
    return {"keyring.json": json.dumps({"keys": [{"kid": "0", "secret": text, "use": "sign"}]})}


def manifest(kind: str, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    data = content(kind, secrets.token_urlsafe(ENTROPY))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": dict(labels)},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def create(api: httpx.Client, namespace: str, secret: Mapping[str, Any], pause: Callable[[], bool]) -> bool:
    """False: there is one already. pause: waits before another attempt; False when there shall be none. Raises NotMade."""
    while True:
        try:
            answer = api.post(f"/api/v1/namespaces/{namespace}/secrets", json=secret)
            if answer.status_code in (201, 409):
                return answer.status_code == 201
            said, final = f"{answer.status_code} {_message(answer)}", answer.status_code not in LATER
        except httpx.TransportError as error:
            said, final = f"the API server does not answer: {error}", False
        if final or not pause():
            raise NotMade(said)


def _message(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["message"])
    except (ValueError, TypeError, KeyError):
        return answer.reason_phrase


def _inside() -> tuple[httpx.Client, str]:
    """The API server as this pod reaches it, and the pod's namespace. Raises NotMade outside a pod."""
    try:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        token, namespace = ((ACCOUNT / name).read_text().strip() for name in ("token", "namespace"))
    except (KeyError, OSError) as error:
        raise NotMade(f"this is no pod with a service account: {error}") from None
    address = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    authority = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=address, headers=headers, verify=authority, timeout=10, trust_env=False), namespace


def _label(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m carillon.secret", description=__doc__)
    parser.add_argument("kind", choices=["keyring", "redis"], help="keys of tokens, or the password of a Redis")
    parser.add_argument("name", help="name of the Secret")
    parser.add_argument("--label", action="append", default=[], type=_label, metavar="NAME=VALUE", help="a label of the Secret")
    options = parser.parse_args(arguments)
    deadline = time.monotonic() + PATIENCE

    def pause() -> bool:
        time.sleep(PAUSE)
        return time.monotonic() < deadline

    try:
        api, namespace = _inside()
        with api:
            made = create(api, namespace, manifest(options.kind, options.name, dict(options.label)), pause)
    except NotMade as error:
        print(f"the Secret {options.name} was not made: {error}", file=sys.stderr)
        return 1
    print(f"the Secret {options.name} {'was made' if made else 'is there already and was kept'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
