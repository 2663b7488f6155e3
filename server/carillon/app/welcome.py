"""The first message of a v1 connection."""

import time
from collections.abc import Callable

from carillon.config import Settings
from carillon.hub import Attached
from carillon.protocol import Bounds, IceServer, Welcome, WelcomePayload, encode
from carillon.router.render import current_call
from carillon.store.results import AttachResult


class Greeter:
    """Says where things stand, what this server takes, and through which ICE servers media may go."""

    def __init__(self, settings: Settings, ice_servers: Callable[[str, float], list[IceServer]]) -> None:
        self._settings, self._ice_servers = settings, ice_servers
        limits = settings.limits
        rate = limits.messages
        self._bounds = Bounds(limits.frame_bytes, rate.count / rate.seconds if rate and limits.enabled else 0.0)

    def __call__(self, attached: Attached, result: AttachResult) -> None:
        if not attached.v1:
            return
        now = time.time()
        payload = WelcomePayload(
            session=result.session,
            epoch=result.epoch,
            seq=result.seq,
            n=result.n,
            recovered=result.recovered,
            user=attached.user,
            grace=self._settings.calls.grace,
            ring_timeout=self._settings.calls.ring_timeout,
            limits=self._bounds,
            server_time=now,
            call=current_call(attached.call, attached.user_id),
            ice_servers=self._ice_servers(attached.user_id, now) or None,
            expires_at=attached.connection.expires_at or None,
        )
        attached.connection.send(encode(Welcome(payload)))
