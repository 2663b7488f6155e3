"""Where Redis is: one server, Sentinel or Cluster, by one URL."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from carillon.config.declare import setting

FORMS = (
    "redis://[user:password@]host[:6379][/db], unix:///path/of.sock, "
    "redis+sentinel://[user:password@]host[:26379],.../service[/db] or redis+cluster://[user:password@]host[:6379],...; rediss for TLS"
)
_MODES: dict[str, Literal["standalone", "sentinel", "cluster"]] = {"": "standalone", "sentinel": "sentinel", "cluster": "cluster"}


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """A Redis URL taken apart. hosts: the server itself, the sentinels, or some nodes of the cluster; empty for a Unix socket at `path`."""

    mode: Literal["standalone", "sentinel", "cluster", "unix"]
    hosts: tuple[tuple[str, int], ...] = ()
    tls: bool = False
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    database: int = 0
    service: str = ""
    path: str = ""
    sentinel_username: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)

    def __str__(self) -> str:
        """Without credentials, for people."""
        if self.mode == "unix":
            return f"unix://{self.path}"
        kind = "" if self.mode == "standalone" else f"+{self.mode}"
        hosts = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in self.hosts)
        return f"{'rediss' if self.tls else 'redis'}{kind}://{hosts}" + "".join(
            f"/{part}" for part in (self.service, self.database) if part
        )


def parse_url(url: str) -> RedisTarget:
    """Raises ValueError with the forms that are understood; the text quotes nothing of the URL, which may hold a password."""
    # Not urlsplit: it refuses several hosts of which one is an IPv6 address.
    match = re.fullmatch(r"(unix|rediss?)(?:\+(sentinel|cluster))?://(?:([^@/?#]*)@)?([^@/?#]*)(/[^?#]*)?", url)
    if match is None:
        raise ValueError(FORMS)
    scheme, kind, credentials, hosts, path = (group or "" for group in match.groups())
    username, _, password = (unquote(part) for part in credentials.partition(":"))
    if scheme == "unix":
        if kind or hosts or len(path) < 2:
            raise ValueError(FORMS)
        return RedisTarget("unix", username=username, password=password, path=unquote(path))
    mode = _MODES[kind]
    nodes = tuple(_node(one, 26_379 if mode == "sentinel" else 6379) for one in hosts.split(","))
    rest = [unquote(part) for part in path.split("/") if part]
    service = rest.pop(0) if mode == "sentinel" and rest else ""
    database = rest.pop(0) if mode != "cluster" and rest else "0"
    crowded = mode == "standalone" and len(nodes) > 1
    if rest or crowded or (mode == "sentinel" and not service) or not re.fullmatch(r"[0-9]{1,4}", database):
        raise ValueError(FORMS)
    return RedisTarget(mode, nodes, scheme == "rediss", username, password, int(database), service)


def _node(text: str, default_port: int) -> tuple[str, int]:
    """`host`, `host:port` or `[address]:port`."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]/@]+))(?::([0-9]{1,5}))?", text)
    port = int(match[3] or default_port) if match else 0
    if match is None or not 0 < port < 65_536:
        raise ValueError(FORMS)
    return match[1] or match[2], port


def _url(text: str) -> str:
    parse_url(text)
    return text


def _address(text: str) -> str:
    try:
        _node(text, 6379)
    except ValueError:
        raise ValueError("host:port, as in localhost:6379") from None
    return text


def _cell(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", text):
        raise ValueError("at most 63 letters, digits, dots, dashes and underscores")
    return text


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Redis

    `REDIS_URL` is one of

    - `redis://[user:password@]host[:6379][/db]` for one server, `unix:///path/of.sock` for one on this machine;
    - `redis+sentinel://[user:password@]host[:26379],.../service[/db]` for Sentinel, with the name of the service it watches;
    - `redis+cluster://[user:password@]host[:6379],...` for Cluster, with some of its nodes;

    and `rediss` instead of `redis` for TLS. User and password are those of Redis itself, percent-encoded. `REDIS_USERNAME` and
    `REDIS_PASSWORD` are taken as they are and go before those in the URL.
    """

    url: str = setting(
        "REDIS_URL",
        "",
        secret=True,
        parse=_url,
        shown="redis://REDIS_ADDR",
        example="redis://localhost:6379",
        why="Says in one place where Redis is and of which kind; it goes before REDIS_ADDR.",
    )
    addr: str = setting("REDIS_ADDR", "localhost:6379", parse=_address, why="The reference's variable, for one server without TLS.")
    username: str = setting(
        "REDIS_USERNAME", "", shown="none", example="carillon", why="An ACL user; the rights it needs are in docs/operations.md."
    )
    password: str = setting(
        "REDIS_PASSWORD", "", secret=True, shown="none", why="The reference's variable; a Secret can hold it apart from the URL."
    )
    sentinel_username: str = setting(
        "REDIS_SENTINEL_USERNAME", "", shown="none", why="For the sentinels themselves, which have users of their own."
    )
    sentinel_password: str = setting("REDIS_SENTINEL_PASSWORD", "", secret=True, shown="none", why="For the sentinels themselves.")
    ca_file: Path | None = setting(
        "REDIS_CA_FILE",
        None,
        shown="the system's",
        example="/etc/carillon/redis/ca.crt",
        why="Certificates that vouch for Redis; managed Redis often has its own.",
    )
    cert_file: Path | None = setting(
        "REDIS_CERT_FILE", None, example="/etc/carillon/redis/tls.crt", why="Client certificate, where Redis demands one."
    )
    key_file: Path | None = setting(
        "REDIS_KEY_FILE", None, example="/etc/carillon/redis/tls.key", why="The client certificate's private key."
    )
    connect_timeout: float = setting(
        "REDIS_CONNECT_TIMEOUT",
        2.0,
        unit="s",
        least=0.1,
        most=30,
        why="A server that does not answer by then is tried anew: after a failover another one will.",
    )
    cell: str = setting(
        "CELL",
        "default",
        parse=_cell,
        why="Deployments that share one Redis keep apart by it: all keys of one begin with {carillon:CELL} and lie in one slot.",
    )

    @property
    def target(self) -> RedisTarget:
        """Where to connect, credentials included. Raises ValueError on a URL that `Settings.from_env` would refuse."""
        target = parse_url(self.url or f"redis://{self.addr}")
        return replace(
            target,
            username=self.username or target.username,
            password=self.password or target.password,
            sentinel_username=self.sentinel_username,
            sentinel_password=self.sentinel_password,
        )
