"""What the metrics API asks of the cluster: pods and their connections, who may read them, and the certificate it serves with."""

import base64
import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from carillon_operator.kube import ApiError, Client, Conflict, Forbidden, NotFound, Unreachable
from carillon_operator.kube.kinds import ACCESS_REVIEW, API_SERVICE, CONFIG_MAP, POD, SECRET
from carillon_operator.metrics import Scraper
from carillon_operator.metricsapi import api
from carillon_operator.metricsapi.certificates import Certificate, issue, utc
from carillon_operator.metricsapi.identity import Front
from carillon_operator.resources import Object
from carillon_operator.resources.metadata import COMPONENT_LABEL, MANAGER, SERVER

log = logging.getLogger(__name__)

FRONT = ("kube-system", "extension-apiserver-authentication")
"""The ConfigMap in which the API server says how its aggregator proves itself."""


class Cluster:
    """client: writes whether this operator leads or not. service, home: by which the aggregator calls. clock: Unix time in seconds."""

    def __init__(self, client: Client, scraper: Scraper, service: str, home: str, clock: Callable[[], float]) -> None:
        self._client, self._scraper, self._service, self.home, self._clock = client, scraper, service, home, clock
        self._strangers: set[str] = set()

    # ---------------------------------------------------------------- for each question

    async def connections(self, namespace: str, pod: str, selector: str) -> Sequence[api.Value]:
        """Of servers that the selector names. Pods that leave or do not answer are left out: 0 would be a lie that takes pods away.

        Raises Rejected where the API server does not answer, or does not let us look there.
        """
        ours = ",".join(filter(None, (selector, f"{COMPONENT_LABEL}={SERVER}")))
        fields = f"status.phase=Running{'' if pod == '*' else f',metadata.name={pod}'}"
        try:
            pods = await self._client.find(POD, namespace, selector=ours, fields=fields)
        except Forbidden:
            raise api.Rejected(
                HTTPStatus.FORBIDDEN, "Forbidden", f"this operator does not serve the namespace {namespace!r} (--namespace)"
            ) from None
        except (ApiError, Unreachable) as failure:
            raise _unavailable(failure) from None
        readings = await self._scraper.read(one for one in pods if not one["metadata"].get("deletionTimestamp"))
        return [api.Value(name, one.connections) for name, one in readings.items() if one]

    async def allowed(self, review: Mapping[str, Any]) -> bool:
        """Raises Rejected where the API server does not say."""
        try:
            answer = await self._client.create({**review, "metadata": {}}, ACCESS_REVIEW)
        except (ApiError, Unreachable) as failure:
            raise _unavailable(failure) from None
        return bool((answer.get("status") or {}).get("allowed"))

    # ---------------------------------------------------------------- for the server itself

    async def front(self) -> Front:
        """Raises ValueError where the cluster has no aggregation layer."""
        return Front.read((await self._client.get(CONFIG_MAP, *FRONT)).get("data") or {})

    async def certificate(self) -> Certificate:
        """The one that all replicas serve with; a new one if there is none, or it is to end. Whoever is first makes it."""
        host, now = f"{self._service}.{self.home}.svc", utc(self._clock())
        name = f"{self._service}-tls"
        try:
            secret = await self._client.get(SECRET, self.home, name)
        except NotFound:
            return await self._store(issue(host, now), name, None)
        found = Certificate.read({key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()})
        return await self._store(issue(host, now), name, secret) if found is None or found.due(host, now) else found

    async def _store(self, made: Certificate, name: str, before: Object | None) -> Certificate:
        data = {key: base64.b64encode(value).decode() for key, value in made.data().items()}
        about = (
            before["metadata"] if before else {"name": name, "namespace": self.home, "labels": {"app.kubernetes.io/managed-by": MANAGER}}
        )
        secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": about, "data": data}
        try:
            await (self._client.replace(secret, SECRET) if before else self._client.create(secret, SECRET))
        except Conflict:
            return await self.certificate()
        return made

    async def announce(self, certificate: Certificate) -> bool:
        """Tell the aggregator which authority to believe, where the APIService is ours. A stranger's is left alone, and said once.

        False: there is no APIService yet.
        """
        missing = False
        for version in api.VERSIONS:
            name = f"{version}.{api.GROUP}"
            try:
                found = await self._client.get(API_SERVICE, "", name)
            except NotFound:
                log.warning("there is no APIService %s: nobody will ask here. The chart makes it (metricsApi.enabled).", name)
                missing = True
                continue
            await self._announce(found, name, base64.b64encode(certificate.authority).decode())
        return not missing

    async def _announce(self, found: Object, name: str, authority: str) -> None:
        service = found["spec"].get("service") or {}
        if (service.get("namespace"), service.get("name")) != (self.home, self._service):
            if name not in self._strangers:
                self._strangers.add(name)
                log.error(
                    "the APIService %s is somebody else's (%s): it is left alone, and an HPA asks there, not here", name, service or "local"
                )
            return
        self._strangers.discard(name)
        if found["spec"].get("caBundle") != authority:
            change = {"metadata": {"uid": found["metadata"]["uid"]}, "spec": {"caBundle": authority}}
            await self._client.merge(API_SERVICE, "", name, change)


def _unavailable(failure: Exception) -> api.Rejected:
    return api.Rejected(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", f"the API server did not answer as it should: {failure}")
