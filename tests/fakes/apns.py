"""Apple Push Notification service as its documentation describes it, strict about everything a provider sends.

Sources: Apple, "Sending notification requests to APNs", "Handling notification responses from APNs", "Establishing a token-based
connection to APNs".
"""

import asyncio
import json
import re
import ssl
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from fakes.h2server import Action, H2Server, Reply, Request

BUNDLE_ID = "com.example.app"
DEVICE = "c0ffee" * 10 + "beef"
"""A device token that is registered."""
KEY_ID, TEAM_ID = "ABC123DEFG", "DEF123GHIJ"


def refusal(status: int, reason: str, **more: Any) -> Reply:
    return Reply(status, {"reason": reason, **more})


class FakeApns:
    """actions: what it does next, instead of answering properly. accepted: payloads it took, requests: all it was sent."""

    def __init__(
        self, tls: ssl.SSLContext, *, key: ec.EllipticCurvePublicKey | None = None, now: Callable[[], float] = time.time, streams: int = 100
    ) -> None:
        """key: of the provider tokens it accepts; None: the client certificate is enough."""
        self._key, self._now = key, now
        self.server = H2Server(tls, self._handle, streams)
        self.actions: deque[Action] = deque()
        self.always: Action | None = None
        self.requests: list[Request] = []
        self.accepted: list[dict[str, Any]] = []
        self.arrived = asyncio.Event()

    async def _handle(self, request: Request) -> Action:
        self.requests.append(request)
        self.arrived.set()
        refused = self._check(request)
        if refused is not None:
            return refused
        action = self.actions.popleft() if self.actions else self.always
        if action is None:
            self.accepted.append(json.loads(request.body))
            return Reply(200, headers={"apns-id": request.header("apns-id")})
        return action

    def _check(self, request: Request) -> Reply | None:
        return self._check_path(request) or self._check_identity(request) or self._check_headers(request) or self._check_body(request)

    def _check_path(self, request: Request) -> Reply | None:
        if request.method != "POST":
            return refusal(405, "MethodNotAllowed")
        match = re.fullmatch(r"/3/device/([^/?#]*)", request.path)
        if match is None:
            return refusal(404, "BadPath")
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", match[1]):
            return refusal(400, "BadDeviceToken")
        return None

    def _check_identity(self, request: Request) -> Reply | None:
        if self._key is None:
            # With a certificate the header must not be there: which of the two holds would be open.
            return refusal(403, "BadCertificate") if request.certificate is None or request.header("authorization") else None
        scheme, _, token = request.header("authorization").partition(" ")
        if scheme != "bearer":
            return refusal(403, "MissingProviderToken")
        try:
            options = {"require": ["iss", "iat"], "verify_iat": False}
            claims = jwt.decode(token, self._key, algorithms=["ES256"], options=options)
        except jwt.PyJWTError:
            return refusal(403, "InvalidProviderToken")
        if jwt.get_unverified_header(token).get("kid") != KEY_ID or claims["iss"] != TEAM_ID or set(claims) != {"iss", "iat"}:
            return refusal(403, "InvalidProviderToken")
        if not 0 <= self._now() - claims["iat"] + 1 < 3600:
            return refusal(403, "ExpiredProviderToken")
        return None

    def _check_headers(self, request: Request) -> Reply | None:
        names = [name for name, _ in request.headers]
        if len(names) != len(set(names)):
            return refusal(400, "DuplicateHeaders")
        if request.header("apns-topic") != f"{BUNDLE_ID}.voip":
            return refusal(400, "BadTopic" if request.header("apns-topic") else "MissingTopic")
        if request.header("apns-push-type") != "voip":
            return refusal(400, "InvalidPushType")
        if request.header("apns-priority") != "10":
            return refusal(400, "BadPriority")
        expiration = request.header("apns-expiration")
        if not expiration.isdigit() or (int(expiration) and not 0 < int(expiration) - self._now() < 3600):
            return refusal(400, "BadExpirationDate")
        try:
            canonical = str(uuid.UUID(request.header("apns-id"))) == request.header("apns-id")
        except ValueError:
            canonical = False
        if not canonical:
            return refusal(400, "BadMessageId")
        if not 0 < len(request.header("apns-collapse-id").encode()) <= 64:
            return refusal(400, "BadCollapseId")
        return None

    def _check_body(self, request: Request) -> Reply | None:
        if len(request.body) > 5120:
            return refusal(413, "PayloadTooLarge")
        try:
            content = json.loads(request.body.decode())
        except ValueError:
            return refusal(400, "PayloadEmpty")
        return None if isinstance(content, dict) and isinstance(content.get("aps"), dict) else refusal(400, "PayloadEmpty")
