"""Resources as the API server gives them, decoded."""

from typing import Any

import msgspec
import pytest

from carillon_operator.spec import Spec, decode, problems


def spec(**fields: Any) -> Spec:
    return decode({"spec": fields}).spec


def test_nothing_said_is_a_working_service() -> None:
    found = spec()
    assert found.replicas == 2
    assert found.managed_redis is not None
    assert found.autoscaling is None


@pytest.mark.parametrize(
    "redis", [None, {"managed": None}, {"managed": {}}, {"managed": {"storage": None}}, {"managed": None, "external": None}]
)
def test_absent_and_null_read_as_managed(redis: Any) -> None:
    managed = spec(redis=redis).managed_redis
    assert managed is not None
    assert managed.storage is None


def test_an_external_redis_is_not_managed() -> None:
    assert spec(redis={"external": {"url": "redis://redis:6379"}}).managed_redis is None


def test_null_reads_as_absent_everywhere() -> None:
    assert spec(image=None, auth=None, pod={"env": None, "labels": None, "resources": None}, autoscaling=None) == Spec()


def test_unknown_fields_are_left_to_newer_releases() -> None:
    assert spec(future={"is": "bright"}) == Spec()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"replicas": 0}, "replicas"),
        ({"replicas": "two"}, "replicas"),
        ({"autoscaling": {}}, "maxReplicas"),
        ({"service": {"type": "ExternalName"}}, "service.type"),
        ({"limits": {"starts": "many"}}, "limits.starts"),
        ({"redis": {"external": {"url": "redis://user:password@host"}}}, "redis.external.url"),
        ({"pod": {"env": [{"name": "1ST"}]}}, "pod.env"),
        ({"devices": 2}, "devices"),
    ],
)
def test_what_the_schema_refuses_is_refused_here_too_by_name(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        spec(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"autoscaling": {"minReplicas": 5, "maxReplicas": 4}}, "minReplicas"),
        ({"autoscaling": {"maxReplicas": 4, "cpuPerPod": "0m"}}, "cpuPerPod"),
        ({"redis": {"managed": {"storage": {}}, "external": {"url": "redis://r"}}}, "both set"),
        ({"redis": {"external": {"username": "u"}}}, "exactly one of url and urlSecret"),
        ({"redis": {"external": {"url": "redis://r", "tls": {}}}}, "rediss"),
        ({"auth": {"algorithms": ["RS256"]}}, "RS256 needs jwks"),
        ({"auth": {"algorithms": ["HS256"], "jwks": {"url": "https://login.example.com/keys"}}}, "HS256 needs existingSecret"),
        ({"push": {"apns": {"bundleId": "a.b"}}}, "exactly one of keySecret"),
        ({"push": {"apns": {"bundleId": "a.b", "keySecret": {"name": "a", "key": "k"}}}}, "keyId and teamId"),
        ({"turn": {"urls": ["turn:a"]}}, "need a secret"),
        ({"limits": {"bytes": "1000/10"}}, "frameBytes"),
        ({"access": {"trustedProxies": ["10.0.0.1/8"]}}, "10.0.0.1/8 is no network"),
    ],
)
def test_what_no_server_would_start_with_is_told_before_it_is_tried(fields: dict[str, Any], words: str) -> None:
    (said,) = problems(spec(**fields))
    assert words in said


def test_nothing_is_wrong_with_nothing() -> None:
    assert problems(Spec()) == []
