"""The metrics API answers what kube-controller-manager really asks, and nothing else."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon_operator.metricsapi.api import Query, Rejected, Value, answer, failure, parse

NOW = 1_790_000_000.0
ASKED = (
    "/apis/custom.metrics.k8s.io/v1beta2/namespaces/calls/pods/%2A/connections"
    "?labelSelector=carillon.dev%2Fcluster%3Ddemo%2Ccarillon.dev%2Fcomponent%3Dserver%2Ccarillon.dev%2Frevision%3Dabc"
)
"""As recorded from Kubernetes 1.34."""


def ask(url: str) -> Any:
    parts = urlsplit(url)
    return parse(unquote(parts.path), dict(parse_qsl(parts.query)))


def test_the_question_of_the_hpa() -> None:
    selector = "carillon.dev/cluster=demo,carillon.dev/component=server,carillon.dev/revision=abc"
    assert ask(ASKED) == Query("v1beta2", "calls", "*", selector)


def test_the_answer_to_the_hpa() -> None:
    assert answer(ask(ASKED), [Value("b", 12, age=5), Value("a", 7)], NOW) == {
        "kind": "MetricValueList",
        "apiVersion": "custom.metrics.k8s.io/v1beta2",
        "metadata": {},
        "items": [
            {
                "describedObject": {"kind": "Pod", "namespace": "calls", "name": "a", "apiVersion": "/v1"},
                "metric": {"name": "connections"},
                "timestamp": "2026-09-21T14:13:20Z",
                "value": "7",
            },
            {
                "describedObject": {"kind": "Pod", "namespace": "calls", "name": "b", "apiVersion": "/v1"},
                "metric": {"name": "connections"},
                "timestamp": "2026-09-21T14:13:15Z",
                "value": "12",
            },
        ],
    }


def test_the_older_version_names_the_metric_its_own_way() -> None:
    (item,) = answer(ask(ASKED.replace("v1beta2", "v1beta1")), [Value("a", 7)], NOW)["items"]
    assert item["metricName"] == "connections"
    assert "metric" not in item


def test_no_pods_are_an_empty_list_and_no_such_pod_is_not_found() -> None:
    assert answer(ask(ASKED), [], NOW)["items"] == []
    with pytest.raises(Rejected, match="has told no connections") as caught:
        answer(ask(ASKED.replace("%2A", "gone")), [], NOW)
    assert failure(caught.value)["code"] == 404


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
def test_discovery(version: str) -> None:
    found = ask(f"/apis/custom.metrics.k8s.io/{version}")
    assert (found["kind"], found["groupVersion"]) == ("APIResourceList", f"custom.metrics.k8s.io/{version}")
    assert [one["name"] for one in found["resources"]] == ["pods/connections"]
    assert ask("/apis")["groups"][0]["preferredVersion"]["version"] == "v1beta2"
    assert ask("/apis/custom.metrics.k8s.io")["name"] == "custom.metrics.k8s.io"


@pytest.mark.parametrize(
    ("url", "status", "word"),
    [
        (ASKED.replace("connections", "messages"), 404, "no metric 'messages'"),
        (ASKED.replace("/pods/", "/services/"), 404, "could not find"),
        (ASKED.replace("v1beta2", "v1"), 404, "could not find"),
        (ASKED + "&metricLabelSelector=a%3Db", 400, "no labels"),
        ("/", 404, "could not find"),
        ("/openapi/v2", 404, "could not find"),
    ],
)
def test_what_is_not_served(url: str, status: int, word: str) -> None:
    with pytest.raises(Rejected, match=word) as caught:
        ask(url)
    body = failure(caught.value)
    assert (body["kind"], body["status"], body["code"]) == ("Status", "Failure", status)


@given(st.text(max_size=80))
def test_no_path_stumbles(path: str) -> None:
    with pytest.raises(Rejected, match="could not find") as caught:
        parse(f"/apis/custom.metrics.k8s.io/v1beta2/namespaces/{path}", {})
    assert failure(caught.value)["code"] == 404
