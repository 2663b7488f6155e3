"""Keeps the metrics API served: with a certificate that is valid, for the aggregator as it proves itself now."""

import asyncio
import logging

from carillon_operator.kube import ApiError, Unreachable
from carillon_operator.metricsapi.certificates import Certificate
from carillon_operator.metricsapi.cluster import Cluster
from carillon_operator.metricsapi.identity import Front
from carillon_operator.metricsapi.server import MetricsServer

log = logging.getLogger(__name__)

LOOK, AGAIN = 60.0, 5.0
"""Seconds between two looks at what is served with; after a failure."""


class Serving:
    """port: 0 for a free one; `server.port` tells which."""

    def __init__(self, cluster: Cluster, port: int) -> None:
        self._cluster, self._port = cluster, port
        self._front: Front | None = None
        self._certificate: Certificate | None = None
        self.server: MetricsServer | None = None

    async def run(self) -> None:
        """For ever. The operator does its work whether this one can be done or not, so that failures are said and tried again."""
        try:
            while True:
                pause = LOOK if await self._look() else AGAIN
                await asyncio.sleep(pause)
        finally:
            if self.server:
                await self.server.stop()

    async def _look(self) -> bool:
        try:
            front, certificate = await self._cluster.front(), await self._cluster.certificate()
            await self._serve(front, certificate)
            return await self._cluster.announce(certificate)
        except (ApiError, Unreachable, ValueError, OSError) as failure:
            log.warning("the metrics API cannot be served as it should: %s", failure)
            return False

    async def _serve(self, front: Front, certificate: Certificate) -> None:
        if self.server is None or front != self._front:
            if self.server:
                await self.server.stop()
            self.server = MetricsServer(self._cluster, front, certificate)
            await self.server.start(None, self._port)
        elif certificate != self._certificate:
            self.server.renew(certificate)
        self._front, self._certificate = front, certificate
