"""A signaling service on a cluster, however it was installed, as tests reach it and hold crowds against it."""

import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from harness.crowd import Crowd
from harness.figures import Figures
from harness.kube import Json, Kube, eventually
from harness.living_nodes import LivingNodes
from harness.people import Tally


@dataclass
class Service:
    """name: of the Kubernetes Service. servers, redis: label selectors of the pods. keyring: the Secret that signs."""

    kube: Kube
    namespace: str
    name: str
    servers: str
    redis: str
    keyring: str

    def url(self) -> str:
        """Of `/ws`, through the NodePort of a living node chosen by chance."""
        if not hasattr(self, "_ports"):
            self._ports = [one["nodePort"] for one in self.kube.get("service", self.name, self.namespace)["spec"]["ports"]]
            self._nodes = LivingNodes(self.kube.addresses())
        return f"ws://{random.choice(self._nodes.known())}:{self._ports[0]}/ws"

    def sign(self, user_id: str) -> str:
        """With the key that signs now; looked up anew after `forget_key`."""
        if not hasattr(self, "_signer"):
            self._signer = self.kube.signer(self.keyring, self.namespace)
        return self._signer.sign(user_id)

    def forget_key(self) -> None:
        if hasattr(self, "_signer"):
            del self._signer

    def pods(self) -> list[Json]:
        return self.kube.ready(self.namespace, self.servers)

    def await_ready(self, count: int, within: float = 180) -> list[Json]:
        """Exactly so many server pods, all Ready, none on its way out."""

        def settled() -> list[Json]:
            every = self.kube.find("pods", self.namespace, self.servers)
            return every if len(every) == count == len(self.pods()) else []

        return eventually(settled, f"{count} ready servers in {self.namespace}", within)

    def lose_a_pod(self, count: int) -> None:
        """One is killed; returns when there are so many again."""
        self.kube.kill(self.namespace, self.pods()[0]["metadata"]["name"])
        self.await_ready(count)

    def keys_without_expiry(self) -> list[str]:
        """Asked of the managed Redis itself."""
        script = """
local found, cursor = {}, '0'
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do if redis.call('PTTL', key) == -1 then found[#found + 1] = key end end
until cursor == '0'
return found"""
        pod = self.kube.ready(self.namespace, self.redis)[0]["metadata"]["name"]
        return self.kube.run("exec", "-n", self.namespace, pod, "--", "redis-cli", "EVAL", script, "0").split()


@contextlib.contextmanager
def undisturbed(
    service: Service, figures: Figures, what: str, *, pairs: int = 20, idle: int = 20, chatter: int = 4, period: float = 0.5
) -> Iterator[Crowd]:
    """Around a disturbance: calls go on, users come and go, and afterwards no promise is broken and nobody is left busy."""
    with Crowd(service.url, service.sign, period=period) as crowd:
        crowd.call(pairs)
        crowd.idle(idle)
        crowd.chatter(chatter)
        crowd.settle()
        yield crowd
        crowd.settle()
        kept(crowd.finish(), figures, what)
    assert service.keys_without_expiry() == []


def kept(tally: Tally, figures: Figures, what: str) -> None:
    figures.add(what, tally)
    assert not tally.problems, "\n".join(tally.problems[:20])


def since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"
