"""Redis servers that belong together: three masters of a Cluster; a primary with a replica and a sentinel."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import redis
from harness.ports import free_port
from harness.redis import RedisServer, binary, die_with_parent, wait_for
from redis.crc import key_slot

SLOTS = 16_384


class RedisCluster:
    """Three masters, each with a third of the slots. Built by commands, without redis-cli."""

    def __init__(self, *options: str, password: str = "", program: str = "") -> None:
        self._options, self._password, self._program = options, password, program
        self.nodes = [self._node() for _ in range(3)]

    def _node(self) -> RedisServer:
        # The bus is at the port + 10,000.
        settings = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000", *self._options)
        return RedisServer(*settings, password=self._password, program=self._program)

    @property
    def url(self) -> str:
        secret = f":{self._password}@" if self._password else ""
        return f"redis+cluster://{secret}" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def start(self) -> "RedisCluster":
        for index, node in enumerate(self.nodes):
            node.start()
            first, last = index * SLOTS // 3, (index + 1) * SLOTS // 3
            node.ask("CLUSTER ADDSLOTS", *range(first, last))
            node.ask("CLUSTER SET-CONFIG-EPOCH", index + 1)
        for node in self.nodes[1:]:
            node.ask("CLUSTER MEET", "127.0.0.1", self.nodes[0].port)
        self._settle(3)
        return self

    def _settle(self, size: int) -> None:
        def known() -> bool:
            infos = [node.ask("CLUSTER INFO") for node in self.nodes]
            return all(info["cluster_state"] == "ok" and int(info["cluster_known_nodes"]) == size for info in infos)

        wait_for(known, "a cluster that is ok")

    def owner(self, key: str) -> RedisServer:
        """The node that serves a key's slot now, by its own word."""
        slot = key_slot(key.encode())
        return next(node for node in self.nodes if slot in self._slots(node))

    @staticmethod
    def _slots(node: RedisServer) -> set[int]:
        me = next(fields for fields in _nodes(node) if "myself" in fields[2])
        if "master" not in me[2]:
            return set()
        ranges = [word.split("-") for word in me[8:] if not word.startswith("[")]
        return {slot for ends in ranges for slot in range(int(ends[0]), int(ends[-1]) + 1)}

    def move(self, key: str, to: RedisServer) -> None:
        """Reshard: the key's slot, with all in it, goes to another master."""
        slot, source = key_slot(key.encode()), self.owner(key)
        ids = {node: str(node.ask("CLUSTER MYID")) for node in (source, to)}
        to.ask("CLUSTER SETSLOT", slot, "IMPORTING", ids[source])
        source.ask("CLUSTER SETSLOT", slot, "MIGRATING", ids[to])
        while keys := source.ask("CLUSTER GETKEYSINSLOT", slot, 100):
            auth = ("AUTH", self._password) if self._password else ()
            source.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, *auth, "KEYS", *keys)
        for node in (to, source, *(other for other in self.nodes if other not in (to, source))):
            node.ask("CLUSTER SETSLOT", slot, "NODE", ids[to])

    def add_replica(self, of: RedisServer) -> RedisServer:
        replica = self._node().start()
        replica.ask("CLUSTER MEET", "127.0.0.1", of.port)
        self.nodes.append(replica)
        self._settle(len(self.nodes))
        replica.ask("CLUSTER REPLICATE", of.ask("CLUSTER MYID"))
        wait_for(lambda: replica.ask("INFO")["master_link_status"] == "up", "a replica that follows")
        name = str(replica.ask("CLUSTER MYID"))
        # A master that has not heard of it ignores its wish to take over.
        wait_for(lambda: all(_flags(node, name) & {"slave"} for node in self.nodes), "a replica that all know of")
        return replica

    def remove(self) -> None:
        for node in self.nodes:
            node.remove()


def _nodes(server: RedisServer) -> list[list[str]]:
    with redis.Redis(port=server.port, password=server.password or None, protocol=2, decode_responses=True) as client:
        client.response_callbacks.clear()
        text = client.execute_command("CLUSTER NODES")
    return [line.split(" ") for line in str(text).splitlines()]


def _flags(server: RedisServer, name: str) -> set[str]:
    """What a server thinks of the node of that id."""
    return next((set(fields[2].split(",")) for fields in _nodes(server) if fields[0] == name), set())


class RedisSentinel:
    """A primary, a replica and one sentinel that decides alone, a second after the primary fell silent."""

    SERVICE = "calls"

    def __init__(self, *, password: str = "", sentinel_password: str = "") -> None:
        self.servers = [RedisServer(password=password) for _ in range(2)]
        self.sentinel_password = sentinel_password
        self._password = password
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="carillon-sentinel-"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        secret = f":{self._password}@" if self._password else ""
        return f"redis+sentinel://{secret}127.0.0.1:{self.port}/{self.SERVICE}"

    def start(self) -> "RedisSentinel":
        primary, replica = (server.start() for server in self.servers)
        replica.ask("REPLICAOF", "127.0.0.1", primary.port)
        wait_for(lambda: replica.ask("INFO")["master_link_status"] == "up", "a replica that follows")
        path = self._folder / "sentinel.conf"
        path.write_text(self._configuration(primary))
        self._process = subprocess.Popen(
            [binary(), str(path), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent
        )
        wait_for(lambda: self._knows_replica, "a sentinel that knows the replica")
        return self

    def _configuration(self, primary: RedisServer) -> str:
        lines = [f"port {self.port}", "bind 127.0.0.1", f"dir {self._folder}"]
        lines += [f"sentinel monitor {self.SERVICE} 127.0.0.1 {primary.port} 1", f"sentinel down-after-milliseconds {self.SERVICE} 1000"]
        lines += [f"sentinel failover-timeout {self.SERVICE} 5000"]
        if self._password:
            lines.append(f"sentinel auth-pass {self.SERVICE} {self._password}")
        if self.sentinel_password:
            lines.append(f"requirepass {self.sentinel_password}")
        return "\n".join(lines) + "\n"

    def ask(self, *words: str) -> Any:
        with redis.Redis(port=self.port, password=self.sentinel_password or None, protocol=2, decode_responses=True) as client:
            client.response_callbacks.clear()
            return client.execute_command(*words)

    @property
    def _knows_replica(self) -> bool:
        found = [dict(zip(one[::2], one[1::2], strict=True)) for one in self.ask("SENTINEL", "REPLICAS", self.SERVICE)]
        return any(one["flags"] == "slave" and one["master-link-status"] == "ok" for one in found)

    @property
    def primary(self) -> RedisServer:
        """As the sentinel has it now."""
        port = int(self.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.SERVICE)[1])
        return next(server for server in self.servers if server.port == port)

    def remove(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        for server in self.servers:
            server.remove()
        shutil.rmtree(self._folder, ignore_errors=True)
