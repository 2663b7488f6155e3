"""Where the primary is: standalone, behind Sentinel, or the node of a Cluster that serves the one slot."""

import asyncio
import re
import ssl
from typing import Any, Protocol, cast

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from carillon.config import RedisSettings
from carillon.store.wire import Server, Wire

Address = tuple[str, int]


class Endpoint(Protocol):
    """What the link and the subscriber connect to."""

    @property
    def clustered(self) -> bool: ...

    async def __call__(self) -> Wire: ...

    def moved(self, reply: str) -> None: ...


class Connector:
    """Makes connections to the primary of `slot_key`'s slot; asks anew each time where that is.

    slot_key: any key of the slot, as `{carillon:default}`; only Cluster looks at it.
    """

    def __init__(self, settings: RedisSettings, slot_key: str) -> None:
        self._settings, self._target = settings, settings.target
        self._slot = key_slot(slot_key.encode())
        self._nodes: list[Address] = list(self._target.hosts)
        self._sentinel: Any = None
        self._asking = asyncio.Lock()
        self._hint: Address | None = None
        self._turn = 0

    @property
    def clustered(self) -> bool:
        return self._target.mode == "cluster"

    async def __call__(self) -> Wire:
        """A connection that is up, authenticated, and to a primary that has its data. Raises OSError, TimeoutError or RedisError."""
        match self._target.mode:
            case "unix":
                wire = await self._open(self._target.path, self._unix())
            case "sentinel":
                wire = await self._reach(await self._master())
            case "cluster":
                wire = await self._reach(await self._owner())
            case _:
                wire = await self._reach(self._target.hosts[0])
        if wire.server.primary and not wire.server.loading:
            return wire
        await wire.close()
        raise RedisConnectionError(f"{wire.address} is {'loading its data' if wire.server.primary else 'a replica'}")

    def moved(self, reply: str) -> None:
        """Redis answered `MOVED slot host:port`: gossip may be slower than this hint, so it is where the next connection goes."""
        found = re.match(r"MOVED \d+ (.*):(\d+)$", reply)
        if found and found[1] and self.clustered:
            self._hint = (found[1], int(found[2]))

    # ---------------------------------------------------------------- connections

    async def _reach(self, address: Address) -> Wire:
        return await self._open(f"{address[0]}:{address[1]}", self._tcp(address))

    async def _open(self, address: str, connection: AbstractConnection) -> Wire:
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await cast("Any", connection).connect()
                server = Server.parse(await self._ask(connection, "INFO"))
                await self._name(connection)
                return Wire(connection, server, address)
        except BaseException:
            await connection.disconnect(nowait=True)
            raise

    @staticmethod
    async def _ask(connection: Any, *words: str) -> Any:
        await connection.send_command(*words)
        return await connection.read_response()

    async def _name(self, connection: AbstractConnection) -> None:
        """For CLIENT LIST; an ACL user may not be allowed to, which costs only the name."""
        try:
            await self._ask(connection, "CLIENT", "SETNAME", "carillon")
        except ResponseError:
            return

    def _options(self) -> dict[str, Any]:
        return {
            "username": self._target.username or None,
            "password": self._target.password or None,
            "db": self._target.database,
            "socket_connect_timeout": self._settings.connect_timeout,
            "socket_timeout": None,
            "retry": Retry(NoBackoff(), 0),
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

    def _tcp(self, address: Address) -> AbstractConnection:
        host, port = address
        if self._target.tls:
            return SSLConnection(host=host, port=port, **self._options(), **self._tls())
        return Connection(host=host, port=port, **self._options())

    def _unix(self) -> AbstractConnection:
        return UnixDomainSocketConnection(path=self._target.path, **self._options())

    # ---------------------------------------------------------------- discovery

    async def _master(self) -> Address:
        """Asks the sentinels in turn, the one that answered last time first."""
        if self._sentinel is None:
            wait = self._settings.connect_timeout
            options = self._options() | {"db": 0, "socket_timeout": wait, "socket_connect_timeout": wait}
            options |= {"username": self._target.sentinel_username or None, "password": self._target.sentinel_password or None}
            if self._target.tls:
                options |= {"ssl": True, **self._tls()}
            self._sentinel = cast("Any", Sentinel)(list(self._target.hosts), sentinel_kwargs=options)
        async with self._asking:
            try:
                host, port = await self._sentinel.discover_master(self._target.service)
            finally:
                await self._sentinel.aclose()
        return str(host), int(port)

    async def _owner(self) -> Address:
        """Asks one node after the other, those of the settings and those heard of since, for the node that serves the slot."""
        if self._hint:
            hint, self._hint = self._hint, None
            return hint
        self._turn += 1
        asked = self._nodes[self._turn % len(self._nodes)]
        connection: Any = self._tcp(asked)
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                await connection.connect()
                ranges = await self._ask(connection, "CLUSTER", "SLOTS")
        finally:
            await connection.disconnect(nowait=True)
        serving: list[Address] = []
        heard: list[Address] = []
        for low, high, *nodes in ranges:
            # A node that does not know its own address leaves it empty: it is the one that was asked.
            addresses = [(host.decode() if host else asked[0], int(port)) for host, port, *_ in nodes]
            heard += addresses
            if low <= self._slot <= high:
                serving = addresses
        self._nodes = list(dict.fromkeys((*self._target.hosts, *heard)))
        if not serving:
            raise RedisError("no node of the cluster serves the slot")
        return serving[0]
