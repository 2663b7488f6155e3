"""Calls to the API server, over aiohttp as kopf's. docs/decisions/0016-kubernetes-client.md says why not by kubernetes' own methods.

A call that fails for a moment is made again, a few times (`patience`). All of them may be: what is applied or merged a second time is the
same, and what is made, replaced or deleted a second time is refused with 409 or 404, which callers meet anyway.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from carillon_operator.kube.access import Access
from carillon_operator.kube.errors import NotLeading, Unreachable, error
from carillon_operator.kube.kinds import Kind
from carillon_operator.kube.patience import persist
from carillon_operator.resources import Object
from carillon_operator.resources.metadata import MANAGER

READ_SECONDS = 15.0
WRITE_SECONDS = 3
"""A write that takes longer is given up here and by the API server: a leader that was deposed must have none left on its way."""
CHUNK = 250
"""Objects of one answer to a LIST: bounds what is held in memory at once."""
APPLY, MERGE, JSON = "application/apply-patch+yaml", "application/merge-patch+json", "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
NOWHERE = "1"
"""A resourceVersion that no object has: applied with it, an object is made if there is none, and refused with 409 if there is."""
METHODS = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}
_encode = msgspec.json.Encoder().encode


class Client:
    """may_write: asked before each attempt to write, at the last moment. count: told of each attempt's verb, plural and HTTP status (0: no
    answer). read_seconds: for one attempt to read.
    """

    def __init__(
        self,
        access: Access,
        may_write: Callable[[], bool],
        count: Callable[[str, str, int], None],
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._access, self._may_write, self._count, self._read_seconds = access, may_write, count, read_seconds
        self._session = self._open(64)
        # A watch keeps its connection, and there are a dozen for each namespace: nothing else may have to wait for one of theirs.
        self._watching = self._open(0)

    def _open(self, limit: int) -> aiohttp.ClientSession:
        """limit: connections at a time; 0: any number."""
        connector = aiohttp.TCPConnector(ssl=self._access.context or True, limit=limit, keepalive_timeout=30)
        return aiohttp.ClientSession(connector=connector)

    async def close(self) -> None:
        await self._session.close()
        await self._watching.close()

    # ---------------------------------------------------------------- reading

    async def get(self, kind: Kind, namespace: str, name: str) -> Object:
        return await self._read("get", kind, kind.path(namespace, name), {})

    async def find(
        self, kind: Kind, namespace: str | None, *, selector: str = "", fields: str = "", metadata: bool = False
    ) -> list[Object]:
        found: list[Object] = []
        async for items, _ in self.pages(kind, namespace, selector=selector, fields=fields, metadata=metadata):
            found += items
        return found

    async def pages(
        self, kind: Kind, namespace: str | None, *, selector: str = "", fields: str = "", metadata: bool = False
    ) -> AsyncIterator[tuple[list[Object], str]]:
        """A LIST in chunks, each with the resourceVersion from which a watch goes on after the last."""
        query = {"limit": str(CHUNK)} | _chosen(selector, fields)
        accept = METADATA.replace(";g=", "List;g=", 1) if metadata else JSON
        while True:
            answer = await self._read("list", kind, kind.path(namespace), query, accept)
            about = answer.get("metadata") or {}
            yield answer.get("items") or [], str(about.get("resourceVersion", ""))
            if not about.get("continue"):
                return
            query["continue"] = about["continue"]

    async def watch(
        self, kind: Kind, namespace: str | None, since: str, silence: float, *, selector: str = "", fields: str = ""
    ) -> AsyncIterator[Object]:
        """Changes of metadata since a resourceVersion, until the server ends the watch or is silent for so many seconds."""
        query = {"watch": "true", "resourceVersion": since, "allowWatchBookmarks": "true"} | _chosen(selector, fields)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=READ_SECONDS, sock_read=silence)
        try:
            async with self._watching.get(
                self._access.server + kind.path(namespace),
                params=query,
                headers=await self._access.headers() | {"Accept": METADATA},
                timeout=timeout,
                max_line_size=2**16,
            ) as answer:
                self._count("watch", kind.plural, answer.status)
                if answer.status == 401:
                    # The LIST that follows logs in anew.
                    raise Unreachable("the API server knows us no more")
                if answer.status != 200:
                    raise error(answer.status, _decoded(await answer.read()), answer.headers.get("Retry-After"))
                async for event in _lines(answer.content):
                    yield event
        except TimeoutError:
            return
        except aiohttp.ClientError as failure:
            raise Unreachable(f"the API server: {failure or type(failure).__name__}") from None

    # ---------------------------------------------------------------- writing

    async def make(self, found: Object, kind: Kind) -> Object:
        """Applies what is not there yet. Raises Conflict if it is: then it may be a stranger's."""
        metadata = {**found["metadata"], "resourceVersion": NOWHERE}
        return await self._apply(kind, {**found, "metadata": metadata})

    async def apply(self, found: Object, kind: Kind, uid: str, *, sub: str = "") -> Object:
        """Server-side apply to this very object."""
        return await self._apply(kind, {**found, "metadata": {**found["metadata"], "uid": uid}}, sub)

    async def _apply(self, kind: Kind, found: Object, sub: str = "") -> Object:
        about = found["metadata"]
        query = {"fieldManager": MANAGER, "force": "true"}
        return await self._write("patch", kind, kind.path(about["namespace"], about["name"], sub), found, APPLY, query)

    async def create(self, found: Object, kind: Kind) -> Object:
        return await self._write("create", kind, kind.path(found["metadata"].get("namespace")), found)

    async def merge(self, kind: Kind, namespace: str, name: str, change: Object, *, sub: str = "", manager: str = MANAGER) -> Object:
        """A merge patch: what it does not name stays. With metadata.resourceVersion in it, only if nothing changed since."""
        return await self._write("patch", kind, kind.path(namespace, name, sub), change, MERGE, {"fieldManager": manager})

    async def replace(self, found: Object, kind: Kind) -> Object:
        """The whole object, if its resourceVersion is still the one given."""
        about = found["metadata"]
        return await self._write("update", kind, kind.path(about["namespace"], about["name"]), found)

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """This very object, and what it owns after it."""
        options = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        await self._write("delete", kind, kind.path(namespace, name), options)

    # ---------------------------------------------------------------- both

    async def _read(self, verb: str, kind: Kind, path: str, query: Mapping[str, str], accept: str = JSON) -> Object:
        return await self._call(_Request(verb, kind, path, query, {"Accept": accept}, self._read_seconds))

    async def _write(
        self, verb: str, kind: Kind, path: str, body: Object, content: str = JSON, query: Mapping[str, str] | None = None
    ) -> Object:
        asked = {"fieldManager": MANAGER, "timeout": f"{WRITE_SECONDS}s"} | dict(query or {})
        headers = {"Content-Type": content, "Accept": JSON}
        return await self._call(_Request(verb, kind, path, asked, headers, WRITE_SECONDS, _encode(body)))

    async def _call(self, request: "_Request") -> Object:
        return await persist(lambda: self._attempt(request), time.monotonic)

    async def _attempt(self, request: "_Request") -> Object:
        if request.body is not None and not self._may_write():
            raise NotLeading
        found = await self._send(request)
        if found[0] == 401:
            await self._access.renew()
            found = await self._send(request)
        status, answer, retry_after = found
        if status >= 300:
            raise error(status, answer, retry_after)
        if not isinstance(answer, dict):
            raise Unreachable(f"what answers at {self._access.server} is no API server, or its answer was spoilt on the way")
        return answer

    async def _send(self, request: "_Request") -> tuple[int, Any, str | None]:
        """HTTP status, what was answered, and Retry-After."""
        status = 0
        try:
            async with self._session.request(
                METHODS.get(request.verb, "GET"),
                self._access.server + request.path,
                params=request.query,
                data=request.body,
                headers=await self._access.headers() | dict(request.headers),
                timeout=aiohttp.ClientTimeout(total=request.seconds),
            ) as answer:
                data = await answer.read()
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as failure:
            raise Unreachable(f"the API server: {failure or type(failure).__name__}") from None
        finally:
            self._count(request.verb, request.kind.plural, status)
        return status, _decoded(data), answer.headers.get("Retry-After")


@dataclass(frozen=True, slots=True)
class _Request:
    """verb: as RBAC has it. seconds: for one attempt. body: None for reads."""

    verb: str
    kind: Kind
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    seconds: float
    body: bytes | None = None


def _chosen(selector: str, fields: str) -> dict[str, str]:
    return {name: value for name, value in (("labelSelector", selector), ("fieldSelector", fields)) if value}


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError:
        return None


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[Object]:
    """JSON, one a line, of any length."""
    rest = b""
    async for chunk in content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield msgspec.json.decode(line)
        await asyncio.sleep(0)
