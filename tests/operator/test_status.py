"""What a status says, and that it says it only once."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from harness.clusters import cluster

from carillon_operator.resources.endpoint import endpoint
from carillon_operator.spec import Status, decode
from carillon_operator.spec.status import Condition, KeyringStatus, RolloutStatus
from carillon_operator.spec.times import stamp
from carillon_operator.status import Facts, Finding, events, status

NOW = 1_790_000_000.0
WELL = Finding(True, "Running")
FACTS = Facts(
    generation=4,
    wanted=3,
    serving_ready=3,
    selector="carillon.dev/cluster=calls",
    endpoint="ws://calls.prod.svc/ws",
    redis=WELL,
    secrets=WELL,
    rollout=RolloutStatus(revision="a"),
    reported_pods=3,
    reported_ready=3,
)


def said(facts: Facts, kind: str, now: float = NOW) -> Condition:
    return next(one for one in status(facts, None, now).conditions if one.type == kind)


def truth(facts: Facts, kind: str, now: float = NOW) -> tuple[str, str]:
    found = said(facts, kind, now)
    return found.status, found.reason


def test_a_healthy_cluster() -> None:
    found = status(FACTS, None, NOW)
    assert {one.type: one.status for one in found.conditions} == {
        "Ready": "True",
        "Progressing": "False",
        "Degraded": "False",
        "RedisReady": "True",
        "SecretsReady": "True",
        "ScalerConflict": "False",
    }
    assert (found.observed_generation, found.replicas, found.ready_replicas) == (4, 3, 3)


def test_the_same_facts_give_the_same_status_for_ever() -> None:
    first = status(FACTS, None, NOW)
    assert status(FACTS, first, NOW + 999) == first


def test_it_survives_the_api_server() -> None:
    found = status(replace(FACTS, keyring=KeyringStatus(rotation=1, phase="Verifying", since=stamp(NOW))), None, NOW)
    assert decode({"spec": {}, "status": msgspec.to_builtins(found)}).status == found


def test_a_transition_has_the_time_of_its_truth_not_of_its_words() -> None:
    first = status(FACTS, None, NOW)
    partly = status(replace(FACTS, serving_ready=2), first, NOW + 60)
    ready, progressing = partly.conditions[:2]
    assert (ready.reason, ready.last_transition_time) == ("ServingInPart", stamp(NOW))
    assert (progressing.status, progressing.last_transition_time) == ("True", stamp(NOW + 60))


@pytest.mark.parametrize(
    ("fields", "kind", "expected", "words"),
    [
        ({"serving_ready": 0, "waiting": "ErrImagePull."}, "Ready", ("False", "NoPodReady"), "ErrImagePull"),
        ({"serving_ready": 0, "secrets": Finding(False, "SecretMissing", "Make it.")}, "Ready", ("False", "SecretsNotReady"), "Make it"),
        ({"redis": Finding(False, "NodeLost", "Node n1 is gone.")}, "Ready", ("False", "RedisNotReady"), "Node n1"),
        ({"redis": Finding(None, "NotKnown")}, "Ready", ("True", "Serving"), "3 of 3"),
        ({"redis": Finding(None, "NotKnown")}, "RedisReady", ("Unknown", "NotKnown"), ""),
        ({"paused": True, "serving_ready": 1}, "Progressing", ("False", "Paused"), "spec.paused"),
        ({"rollout": RolloutStatus(revision="a", target="b"), "target_ready": 1}, "Progressing", ("True", "RollingOut"), "1 of 3"),
        ({"rollout": RolloutStatus(revision="b", target="b")}, "Progressing", ("True", "RollingOut"), "drain"),
        ({"keyring": KeyringStatus(rotation=2, phase="Retiring")}, "Progressing", ("True", "RotatingKeys"), "2: retiring"),
        ({"problems": ("turn: no.",), "foreign": ("Service calls",)}, "Degraded", ("True", "InvalidSpec"), "turn: no."),
        ({"foreign": ("Service calls is not ours.",)}, "Degraded", ("True", "ForeignObject"), "Service calls"),
        ({"refused": ("quota.",)}, "Degraded", ("True", "Refused"), "quota"),
        ({"unchangeable": ("storage.",)}, "Degraded", ("True", "Unchangeable"), "storage"),
        ({"conflict": "An HPA scales too."}, "ScalerConflict", ("True", "OtherWriter"), "HPA"),
    ],
)
def test_what_is_wrong_is_said_in_words(fields: dict[str, Any], kind: str, expected: tuple[str, str], words: str) -> None:
    facts = replace(FACTS, **fields)
    assert truth(facts, kind) == expected
    assert words in said(facts, kind).message


def test_a_rollout_that_stands_still_is_degraded_after_its_deadline() -> None:
    facts = replace(FACTS, rollout=RolloutStatus(revision="a", target="b", started_at=stamp(NOW)), waiting="b-1: CrashLoopBackOff.")
    assert truth(facts, "Degraded", NOW + 599) == ("False", "AsWanted")
    late = said(facts, "Degraded", NOW + 601)
    assert late.reason == "ProgressDeadlineExceeded"
    assert "CrashLoopBackOff. Revision a serves on." in late.message
    turned = replace(facts, rollout=RolloutStatus(revision="b", target="b", started_at=stamp(NOW)))
    assert truth(turned, "Degraded", NOW + 601) == ("False", "AsWanted")


def test_a_rollout_in_place_that_stands_still_is_degraded_too() -> None:
    rolling = RolloutStatus(revision="rolling", target="rolling", started_at=stamp(NOW))
    facts = replace(FACTS, rollout=rolling, in_place=True, waiting="calls-1: ImagePullBackOff.")
    assert said(facts, "Progressing").message == "Pods are replaced one after the other. calls-1: ImagePullBackOff."
    assert truth(facts, "Degraded", NOW + 599) == ("False", "AsWanted")
    late = said(facts, "Degraded", NOW + 601)
    assert (late.reason, late.message) == ("ProgressDeadlineExceeded", "The new pods are not ready after 600 s. calls-1: ImagePullBackOff.")


def test_messages_keep_the_schemas_bound() -> None:
    assert len(said(replace(FACTS, refused=("x" * 5000,)), "Degraded").message) == 2048


def test_events_tell_changes_once() -> None:
    def now_and_then(before: Status | None, facts: Facts) -> tuple[Status, list[tuple[str, str]]]:
        current = status(facts, before, NOW)
        return current, [(one.type, one.reason) for one in events(before, current)]

    found, told = now_and_then(None, replace(FACTS, serving_ready=0))
    assert told == [("Warning", "NoPodReady"), ("Normal", "Scaling")]
    found, told = now_and_then(found, replace(FACTS, serving_ready=0))
    assert told == []
    found, told = now_and_then(found, FACTS)
    assert told == [("Normal", "Serving"), ("Normal", "Settled")]
    found, told = now_and_then(found, replace(FACTS, redis=Finding(False, "NodeLost", "Delete the pod.")))
    assert told == [("Warning", "RedisNotReady"), ("Warning", "NodeLost")]


@pytest.mark.parametrize(
    ("spec", "balancer", "url"),
    [
        ({}, "", "ws://calls.prod.svc/ws"),
        ({"service": {"port": 8080}}, "", "ws://calls.prod.svc:8080/ws"),
        ({"service": {"type": "LoadBalancer"}}, "203.0.113.7", "ws://203.0.113.7/ws"),
        ({"service": {"type": "LoadBalancer"}}, "2001:db8::7", "ws://[2001:db8::7]/ws"),
        ({"ingress": {"hosts": ["calls.example.com"]}}, "", "ws://calls.example.com/ws"),
        ({"ingress": {"hosts": ["calls.example.com"], "tlsSecret": "tls"}}, "", "wss://calls.example.com/ws"),
        ({"route": {"parentRefs": [{"name": "g"}], "hostnames": ["calls.example.com"]}}, "", "wss://calls.example.com/ws"),
    ],
)
def test_where_clients_connect(spec: dict[str, Any], balancer: str, url: str) -> None:
    assert endpoint(cluster(spec), balancer) == url
