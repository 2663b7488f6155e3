"""The HTTPS server that the aggregator asks. All replicas of the operator serve, whether they lead or not."""

import json
import logging
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from carillon_operator.metricsapi import api, identity
from carillon_operator.metricsapi.certificates import Certificate

log = logging.getLogger(__name__)

REMEMBERED = 10.0
"""Seconds for which the API server's yes to a caller is believed; a no is asked again each time."""


class Backend(Protocol):
    """What is asked of the cluster."""

    async def connections(self, namespace: str, pod: str, selector: str) -> Sequence[api.Value]:
        """Of the server pods that the selector names, without those that terminate or cannot be reached. pod: `*` for all."""

    async def allowed(self, review: Mapping[str, Any]) -> bool:
        """The API server's answer to a SubjectAccessReview."""


class MetricsServer:
    """Serves until it is stopped; certificates can be exchanged meanwhile."""

    def __init__(
        self,
        backend: Backend,
        front: identity.Front,
        certificate: Certificate,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._backend, self._front, self._clock = backend, front, clock
        self._allowed: dict[tuple[identity.User, str, str], float] = {}
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=front.authority)
        # Optional, since kubelet's probes and people bring none; without one nothing but /livez is answered.
        self._context.verify_mode = ssl.CERT_OPTIONAL
        self._runner: web.AppRunner | None = None
        self.port = 0
        self.renew(certificate)

    def renew(self, certificate: Certificate) -> None:
        """Use another certificate from the next connection on."""
        with tempfile.TemporaryDirectory() as folder:
            # The ssl module reads keys from files only; this one is gone at once and readable by nobody else.
            path = Path(folder, "serving.pem")
            path.touch(mode=0o600)
            path.write_bytes(certificate.key + certificate.certificate)
            self._context.load_cert_chain(path)

    async def start(self, host: str | None, port: int) -> None:
        """host: None for all interfaces. port: 0 for a free one; `self.port` tells which."""
        app = web.Application()
        app.router.add_get("/livez", self._alive)
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=self._context)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _alive(self, _: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            user = self._user(request)
            found = api.parse(request.path, request.query)
            if isinstance(found, api.Query):
                await self._check(user, found)
                values = await self._backend.connections(found.namespace, found.pod, found.selector)
                found = api.answer(found, values, self._clock())
        except api.Rejected as rejected:
            return _json(api.failure(rejected), rejected.status)
        return _json(found, HTTPStatus.OK)

    def _user(self, request: web.Request) -> identity.User:
        certificate = request.transport.get_extra_info("peercert") if request.transport else None
        user = identity.identify(self._front, certificate, request.headers.items())
        if user is None:
            raise api.Rejected(HTTPStatus.UNAUTHORIZED, "Unauthorized", "ask through the API server, which vouches for callers")
        return user

    async def _check(self, user: identity.User, query: api.Query) -> None:
        key, now = (user, query.namespace, query.version), self._clock()
        if self._allowed.get(key, 0.0) > now:
            return
        if not await self._backend.allowed(identity.review(user, query.namespace, api.GROUP, query.version, api.METRIC)):
            text = f"{user.name!r} may not get pods/{api.METRIC} of {api.GROUP} in the namespace {query.namespace!r}"
            raise api.Rejected(HTTPStatus.FORBIDDEN, "Forbidden", text)
        self._allowed = {other: until for other, until in self._allowed.items() if until > now} | {key: now + REMEMBERED}


def _json(body: Mapping[str, Any], status: HTTPStatus) -> web.Response:
    return web.Response(text=json.dumps(body), status=int(status), content_type="application/json")
