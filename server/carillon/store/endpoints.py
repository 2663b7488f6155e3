"""Where the primary is: standalone, behind Sentinel, or the node of a Cluster that serves the one slot."""

import ssl
from typing import Any, cast

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError

from carillon.config import RedisSettings


class Connector:
    """Makes connections to the primary of `slot_key`'s slot; asks anew each time where that is."""

    def __init__(self, settings: RedisSettings, slot_key: str) -> None:
        self._settings, self._target = settings, settings.target
        self._slot = key_slot(slot_key.encode())
        self._turn = 0

    @property
    def clustered(self) -> bool:
        return self._target.mode == "cluster"

    async def __call__(self) -> AbstractConnection:
        """A connected, authenticated connection. Raises OSError or RedisError."""
        match self._target.mode:
            case "unix":
                connection: AbstractConnection = UnixDomainSocketConnection(path=self._target.path, **self._options())
            case "sentinel":
                connection = self._make(*await self._master())
            case "cluster":
                connection = self._make(*await self._node())
            case _:
                connection = self._make(*self._next_host())
        await cast("Any", connection).connect()
        return connection

    def _next_host(self) -> tuple[str, int]:
        self._turn += 1
        return self._target.hosts[self._turn % len(self._target.hosts)]

    def _options(self) -> dict[str, Any]:
        return {
            "username": self._target.username or None,
            "password": self._target.password or None,
            "db": self._target.database,
            "socket_connect_timeout": self._settings.connect_timeout,
            "socket_timeout": None,
            "retry": Retry(NoBackoff(), 0),
            "client_name": "carillon",
            "driver_info": None,
            "protocol": 2,
        }

    def _tls(self) -> dict[str, Any]:
        settings = self._settings
        options: dict[str, Any] = {"ssl_min_version": ssl.TLSVersion.TLSv1_2}
        if settings.ca_file:
            options["ssl_ca_certs"] = str(settings.ca_file)
        if settings.cert_file and settings.key_file:
            options |= {"ssl_certfile": str(settings.cert_file), "ssl_keyfile": str(settings.key_file)}
        return options

    def _make(self, host: str, port: int) -> AbstractConnection:
        if self._target.tls:
            return SSLConnection(host=host, port=port, **self._options(), **self._tls())
        return Connection(host=host, port=port, **self._options())

    async def _master(self) -> tuple[str, int]:
        wait = self._settings.connect_timeout
        options: dict[str, Any] = {"socket_timeout": wait, "socket_connect_timeout": wait}
        options |= {"username": self._target.sentinel_username or None, "password": self._target.sentinel_password or None}
        if self._target.tls:
            options |= {"ssl": True, **self._tls()}
        sentinel: Any = cast("Any", Sentinel)(list(self._target.hosts), **options)
        try:
            host, port = await sentinel.discover_master(self._target.service)
        finally:
            for client in sentinel.sentinels:
                await client.aclose()
        return str(host), int(port)

    async def _node(self) -> tuple[str, int]:
        host, port = self._next_host()
        connection: Any = self._make(host, port)
        await connection.connect()
        try:
            await connection.send_command("CLUSTER", "SLOTS")
            for low, high, primary, *_ in await connection.read_response():
                if low <= self._slot <= high:
                    address = primary[0].decode() if isinstance(primary[0], bytes) else primary[0]
                    return address or host, int(primary[1])
        finally:
            await connection.disconnect(nowait=True)
        raise RedisConnectionError("no node of the cluster serves the slot")
