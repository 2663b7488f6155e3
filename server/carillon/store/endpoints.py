"""Where the primary is: standalone, behind Sentinel, or the node of a Cluster that serves the one slot."""

import ssl
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError

SCHEMES = ("redis", "rediss", "unix", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
CONNECT_TIMEOUT = 2.0
"""Seconds for one attempt; the link tries again by itself."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A parsed REDIS_URL. Never printed: it holds the password."""

    mode: str
    tls: bool
    hosts: tuple[tuple[str, int], ...]
    path: str = ""
    username: str | None = None
    password: str | None = None
    database: int = 0
    service: str = ""
    sentinel_password: str | None = None

    def __repr__(self) -> str:
        return f"Endpoint({self.mode}, tls={self.tls}, hosts={self.hosts or self.path})"


def parse(url: str) -> Endpoint:
    """Read a REDIS_URL. Raises ValueError in words that do not quote it (it may hold a password).

    redis[s]://[user:password@]host[:port][/database], unix:///path, redis[s]+sentinel://[user:password@]host:port,.../service,
    redis[s]+cluster://[user:password@]host:port,...
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ValueError(f"the scheme must be one of {', '.join(SCHEMES)}")
    _, at, after = parts.netloc.rpartition("@")
    hosts = tuple(_host(one, 26379 if "sentinel" in parts.scheme else 6379) for one in after.split(",") if one)
    credentials = parts.netloc[: -len(after) - 1] if at else ""
    user, _, password = credentials.partition(":")
    mode = {"unix": "unix", "redis+sentinel": "sentinel", "redis+cluster": "cluster"}.get(
        parts.scheme.replace("rediss", "redis"), "standalone"
    )
    path = parts.path.strip("/")
    if mode != "unix" and not hosts:
        raise ValueError("it names no host")
    if mode == "sentinel" and not path:
        raise ValueError("the Sentinel service name is missing: redis+sentinel://host:port/SERVICE")
    if mode in ("standalone",) and path and not path.isdigit():
        raise ValueError("the database must be a number")
    return Endpoint(
        mode=mode,
        tls=parts.scheme.startswith("rediss"),
        hosts=hosts,
        path=parts.path if mode == "unix" else "",
        username=unquote(user) or None,
        password=unquote(password) or None,
        database=int(path) if mode == "standalone" and path else 0,
        service=path if mode == "sentinel" else "",
        sentinel_password=next(iter(parse_qs(parts.query).get("sentinel_password", [])), None),
    )


def _host(text: str, default: int) -> tuple[str, int]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if port and not port.isdigit():
        raise ValueError("a port is not a number")
    return host, int(port) if port else default


class Connector:
    """Makes connections to the primary of `slot_key`'s slot; asks anew each time where that is."""

    def __init__(
        self,
        endpoint: Endpoint,
        slot_key: str,
        *,
        ca_file: str = "",
        cert: tuple[str, str] | None = None,
    ) -> None:
        self._endpoint, self._slot = endpoint, key_slot(slot_key.encode())
        self._ca_file, self._cert = ca_file, cert
        self._turn = 0

    @property
    def clustered(self) -> bool:
        return self._endpoint.mode == "cluster"

    async def __call__(self) -> AbstractConnection:
        """A connected, authenticated connection. Raises OSError or RedisError."""
        endpoint = self._endpoint
        match endpoint.mode:
            case "unix":
                connection: AbstractConnection = UnixDomainSocketConnection(path=endpoint.path, **self._options())
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
        return self._endpoint.hosts[self._turn % len(self._endpoint.hosts)]

    def _options(self) -> dict[str, Any]:
        endpoint = self._endpoint
        options: dict[str, Any] = {
            "username": endpoint.username,
            "password": endpoint.password,
            "db": endpoint.database,
            "socket_connect_timeout": CONNECT_TIMEOUT,
            "socket_timeout": None,
            "retry": Retry(NoBackoff(), 0),
            "client_name": "carillon",
            "driver_info": None,
            "protocol": 2,
        }
        return options

    def _tls(self) -> dict[str, Any]:
        options: dict[str, Any] = {"ssl_ca_certs": self._ca_file or None, "ssl_min_version": ssl.TLSVersion.TLSv1_2}
        if self._cert:
            options |= {"ssl_certfile": self._cert[0], "ssl_keyfile": self._cert[1]}
        return options

    def _make(self, host: str, port: int) -> AbstractConnection:
        if self._endpoint.tls:
            return SSLConnection(host=host, port=port, **self._options(), **self._tls())
        return Connection(host=host, port=port, **self._options())

    async def _master(self) -> tuple[str, int]:
        options: dict[str, Any] = {"socket_timeout": CONNECT_TIMEOUT, "socket_connect_timeout": CONNECT_TIMEOUT}
        if self._endpoint.sentinel_password:
            options["password"] = self._endpoint.sentinel_password
        if self._endpoint.tls:
            options |= {"ssl": True, **self._tls()}
        sentinel: Any = cast("Any", Sentinel)(list(self._endpoint.hosts), **options)
        try:
            host, port = await sentinel.discover_master(self._endpoint.service)
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
