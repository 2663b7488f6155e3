"""The metrics API over real TLS: it believes the aggregator and nobody else, and asks the API server whom it lets in."""

import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.certificates import Authority
from harness.certificates import Certificate as Pair

from carillon_operator.metricsapi.api import Value
from carillon_operator.metricsapi.certificates import Certificate, issue
from carillon_operator.metricsapi.identity import Front
from carillon_operator.metricsapi.server import MetricsServer

HOST = "carillon-operator.ops.svc"
PATH = "/apis/custom.metrics.k8s.io/v1beta2/namespaces/calls/pods/*/connections"


class Cluster:
    """What the server is told of the cluster, and what it asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.reviews: list[Mapping[str, Any]] = []
        self.admitted = {"system:serviceaccount:kube-system:horizontal-pod-autoscaler"}

    async def connections(self, namespace: str, pod: str, selector: str) -> Sequence[Value]:
        self.asked.append((namespace, pod, selector))
        return [Value("a", 3)]

    async def allowed(self, review: Mapping[str, Any]) -> bool:
        self.reviews.append(review)
        return review["spec"]["user"] in self.admitted


@pytest.fixture
def front(authority: Authority) -> Front:
    return Front.read(
        {
            "requestheader-client-ca-file": authority.ca.read_text(),
            "requestheader-allowed-names": '["front-proxy-client"]',
            "requestheader-username-headers": '["X-Remote-User"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        }
    )


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
def certificate() -> Certificate:
    return issue(HOST, datetime.now(UTC))


@pytest.fixture
async def server(cluster: Cluster, front: Front, certificate: Certificate) -> AsyncIterator[MetricsServer]:
    found = MetricsServer(cluster, front, certificate)
    await found.start("127.0.0.1", 0)
    yield found
    await found.stop()


def client(server: MetricsServer, certificate: Certificate, pair: Pair | None = None) -> httpx.AsyncClient:
    """As the aggregator connects: it knows the authority by the APIService's caBundle, and checks the Service's name."""
    context = ssl.create_default_context(cadata=certificate.authority.decode())
    if pair:
        context.load_cert_chain(pair.cert, pair.key)
    return httpx.AsyncClient(verify=context, base_url=f"https://127.0.0.1:{server.port}", headers={"Host": HOST})


async def get(server: MetricsServer, certificate: Certificate, path: str, pair: Pair | None, **headers: str) -> httpx.Response:
    async with client(server, certificate, pair) as http:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return await http.get(path, headers=names, extensions={"sni_hostname": HOST})


HPA = {"X_Remote_User": "system:serviceaccount:kube-system:horizontal-pod-autoscaler", "X_Remote_Group": "system:serviceaccounts"}


async def test_the_hpa_is_answered(server: MetricsServer, cluster: Cluster, certificate: Certificate, authority: Authority) -> None:
    pair = authority.issue("front-proxy-client")
    found = await get(server, certificate, f"{PATH}?labelSelector=a%3Db", pair, **HPA)
    assert found.status_code == 200
    assert found.json()["items"][0]["value"] == "3"
    assert cluster.asked == [("calls", "*", "a=b")]
    (review,) = cluster.reviews
    assert review["spec"]["groups"] == ["system:serviceaccounts"]
    assert review["spec"]["resourceAttributes"]["subresource"] == "connections"
    await get(server, certificate, PATH, pair, **HPA)
    assert len(cluster.reviews) == 1, "a yes is remembered"


async def test_others_are_refused_by_the_api_servers_word(
    server: MetricsServer, cluster: Cluster, certificate: Certificate, authority: Authority
) -> None:
    pair = authority.issue("front-proxy-client")
    found = await get(server, certificate, PATH, pair, X_Remote_User="eve", X_Remote_Extra_scopes="x")
    assert found.status_code == 403
    assert "'eve' may not get pods/connections" in found.json()["message"]
    assert cluster.reviews[0]["spec"]["extra"] == {"scopes": ["x"]}
    assert not cluster.asked


@pytest.mark.parametrize("name", [None, "somebody-else"])
async def test_headers_are_believed_from_the_aggregator_only(
    name: str | None, server: MetricsServer, cluster: Cluster, certificate: Certificate, authority: Authority
) -> None:
    pair = authority.issue(name) if name else None
    found = await get(server, certificate, PATH, pair, **HPA)
    assert found.status_code == 401
    assert not cluster.reviews
    assert not cluster.asked


async def test_a_certificate_of_another_authority_is_not_let_in(server: MetricsServer, certificate: Certificate, tmp_path: Path) -> None:
    with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
        await get(server, certificate, PATH, Authority(tmp_path).issue("front-proxy-client"), **HPA)


async def test_probes_need_no_certificate_and_a_renewed_one_is_used(server: MetricsServer, certificate: Certificate) -> None:
    assert (await get(server, certificate, "/livez", None)).status_code == 200
    fresh = issue(HOST, datetime.now(UTC))
    server.renew(fresh)
    assert (await get(server, fresh, "/livez", None)).status_code == 200
    with pytest.raises(httpx.ConnectError):
        await get(server, certificate, "/livez", None)


def test_a_certificate_is_renewed_in_time_and_for_another_name() -> None:
    now = datetime.now(UTC)
    found = issue(HOST, now)
    assert not found.due(HOST, now + timedelta(days=300))
    assert found.due(HOST, now + timedelta(days=306))
    assert found.due("other.ops.svc", now)
    assert Certificate(b"x", b"x", b"x").due(HOST, now)
    assert Certificate.read(found.data()) == found
    assert Certificate.read(found.data() | {"tls.key": b""}) is None


def test_a_cluster_without_an_aggregation_layer_is_told_so() -> None:
    with pytest.raises(ValueError, match="aggregation layer"):
        Front.read({})
