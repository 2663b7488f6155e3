"""Where Redis is: one server, Sentinel or Cluster, by one URL."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from carillon.config.declare import setting

SCHEMES = ("redis", "rediss", "redis+sentinel", "rediss+sentinel", "redis+cluster", "rediss+cluster")
FORMS = (
    "redis://[user:password@]host[:6379][/db], redis+sentinel://[user:password@]host[:26379],.../master-name[/db] "
    "or redis+cluster://[user:password@]host[:6379],...; rediss for TLS"
)


@dataclass(frozen=True, slots=True)
class RedisTarget:
    """A Redis URL taken apart. nodes: the server itself, the sentinels, or some nodes of the cluster."""

    mode: Literal["standalone", "sentinel", "cluster"]
    nodes: tuple[tuple[str, int], ...]
    tls: bool = False
    username: str = ""
    password: str = ""
    master: str = ""
    db: int = 0

    def __repr__(self) -> str:
        return f"RedisTarget({self.mode}, {self.nodes}, tls={self.tls}, master={self.master!r}, db={self.db})"


def parse_url(url: str) -> RedisTarget:
    """Raises ValueError with the forms that are understood; the text quotes nothing of the URL, which may hold a password."""
    parts = urlsplit(url)
    family, _, kind = parts.scheme.partition("+")
    if parts.scheme not in SCHEMES or parse_qsl(parts.query) or parts.query or parts.fragment:
        raise ValueError(FORMS)
    mode: Literal["standalone", "sentinel", "cluster"] = "sentinel" if kind == "sentinel" else "cluster" if kind else "standalone"
    credentials, _, hosts = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    nodes = tuple(_node(one, 26_379 if kind == "sentinel" else 6379) for one in hosts.split(","))
    path = [unquote(part) for part in parts.path.split("/") if part]
    master = path.pop(0) if mode == "sentinel" and path else ""
    db = path.pop(0) if mode != "cluster" and path else "0"
    one_only = mode == "standalone" and len(nodes) != 1
    if path or one_only or (mode == "sentinel" and not master) or not re.fullmatch(r"[0-9]{1,4}", db):
        raise ValueError(FORMS)
    return RedisTarget(mode, nodes, family == "rediss", unquote(username), unquote(password), master, int(db))


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

    `REDIS_URL` is `redis://[user:password@]host[:6379][/db]` for one server,
    `redis+sentinel://[user:password@]host[:26379],.../master-name[/db]` for Sentinel and
    `redis+cluster://[user:password@]host[:6379],...` for Cluster; `rediss` instead of `redis` for TLS. User and password are those of Redis
    itself, percent-encoded; outside the URL (`REDIS_USERNAME`, `REDIS_PASSWORD`) they are taken as they are, and go before.
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
        return RedisTarget(
            target.mode,
            target.nodes,
            target.tls,
            self.username or target.username,
            self.password or target.password,
            target.master,
            target.db,
        )
