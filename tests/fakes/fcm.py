"""Firebase Cloud Messaging (HTTP v1) and Google's token endpoint as documented, strict about everything a sender says.

Sources: Google, "FCM REST v1 projects.messages", "FCM error codes", "Using OAuth 2.0 for server to server applications".
"""

import asyncio
import json
import re
import secrets
import ssl
import urllib.parse
from collections import deque
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from fakes.h2server import Action, H2Server, Reply, Request

DEVICE = "dGVzdA:APA91b" + "x" * 140
"""A registration token that is registered."""
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
AUDIENCE = "https://oauth2.googleapis.com/token"


def error(status: int, name: str, code: str = "", *, message: str = "", violations: tuple[str, ...] = (), **headers: str) -> Reply:
    """google.rpc.Status as Google's JSON has it; the message repeats what was sent, as Google's do."""
    details: list[dict[str, Any]] = []
    if code:
        details.append({"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": code})
    if violations:
        fields = [{"field": one, "description": "invalid"} for one in violations]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields})
    content = {"error": {"code": status, "message": message or f"refused: {DEVICE}", "status": name, "details": details}}
    return Reply(status, content, {key.replace("_", "-"): value for key, value in headers.items()})


class FakeFcm:
    """actions, token_actions: what it does next instead of answering properly. accepted: messages it took. tokens: those it gave out."""

    def __init__(self, tls: ssl.SSLContext, account: dict[str, Any], key: rsa.RSAPublicKey) -> None:
        self._account, self._key = account, key
        self.server = H2Server(tls, self._handle)
        self.actions: deque[Action] = deque()
        self.token_actions: deque[Action] = deque()
        self.always: Action | None = None
        self.requests: list[Request] = []
        self.accepted: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.lifetime = 3599
        self.arrived = asyncio.Event()

    @property
    def sends(self) -> list[Request]:
        return [request for request in self.requests if request.path != "/token"]

    @property
    def fetches(self) -> int:
        return len(self.requests) - len(self.sends)

    async def _handle(self, request: Request) -> Action:
        self.requests.append(request)
        self.arrived.set()
        if request.path == "/token":
            return self.token_actions.popleft() if self.token_actions else self._token(request)
        refused = self._check(request)
        if refused is not None:
            return refused
        action = self.actions.popleft() if self.actions else self.always
        if action is None:
            message = json.loads(request.body)["message"]
            self.accepted.append(message)
            return Reply(200, {"name": f"projects/{self._account['project_id']}/messages/1"})
        return action

    def _token(self, request: Request) -> Reply:
        form = urllib.parse.parse_qs(request.body.decode())
        refused = Reply(400, {"error": "invalid_grant", "error_description": "Invalid JWT"})
        if request.method != "POST" or request.header("content-type") != "application/x-www-form-urlencoded":
            return refused
        if form.get("grant_type") != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
            return Reply(400, {"error": "unsupported_grant_type"})
        try:
            claims = jwt.decode(form["assertion"][0], self._key, algorithms=["RS256"], audience=AUDIENCE)
        except (jwt.PyJWTError, KeyError):
            return refused
        if claims["iss"] != self._account["client_email"] or claims["scope"] != SCOPE or claims["exp"] - claims["iat"] > 3600:
            return refused
        self.tokens.append(f"ya29.{secrets.token_hex(8)}")
        return Reply(200, {"access_token": self.tokens[-1], "expires_in": self.lifetime, "token_type": "Bearer"})

    def revoke(self) -> None:
        """The tokens given out are good no more."""
        self.tokens.append("revoked")

    def _check(self, request: Request) -> Reply | None:
        if request.method != "POST" or request.path != f"/v1/projects/{self._account['project_id']}/messages:send":
            return Reply(404, b"<html>not found</html>")
        if not self.tokens or request.header("authorization") != f"Bearer {self.tokens[-1]}":
            return error(401, "UNAUTHENTICATED")
        if not re.fullmatch(r"application/json(; charset=utf-8)?", request.header("content-type")):
            return error(400, "INVALID_ARGUMENT", violations=("content-type",))
        try:
            content = json.loads(request.body.decode())
        except ValueError:
            return error(400, "INVALID_ARGUMENT", violations=("body",))
        return _check_message(content)


def _check_message(content: dict[str, Any]) -> Reply | None:
    message = content.get("message")
    if set(content) != {"message"} or not isinstance(message, dict) or set(message) != {"token", "data", "android"}:
        return error(400, "INVALID_ARGUMENT", violations=("message",))
    for key, value in message["data"].items():
        if not isinstance(value, str):
            return error(400, "INVALID_ARGUMENT", violations=(f"message.data[{key}].value",))
        if key in ("from", "message_type", "notification") or key.startswith(("google", "gcm")):
            return error(400, "INVALID_ARGUMENT", violations=(f"message.data[{key}]",))
    if sum(len(key.encode()) + len(value.encode()) for key, value in message["data"].items()) > 4096:
        return error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", message="Message too big")
    android = message["android"]
    if set(android) != {"priority", "ttl"} or android["priority"] != "high" or not re.fullmatch(r"[0-9]{1,7}s", android["ttl"]):
        return error(400, "INVALID_ARGUMENT", violations=("message.android",))
    if message["token"] != DEVICE:
        return error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT")
    return None
