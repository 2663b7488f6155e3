"""When an object is applied again."""

from typing import Any

import pytest

from carillon_operator.reconciler.drift import APPLIED, drifted, fingerprint, marked, projection

WANTED: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "calls", "namespace": "ns", "labels": {"a": "1"}, "ownerReferences": [{"uid": "u", "controller": True}]},
    "spec": {
        "type": "ClusterIP",
        "selector": {"app": "calls"},
        "ports": [{"name": "signaling", "port": 80, "protocol": "TCP"}],
    },
}


def live(**changes: Any) -> dict[str, Any]:
    """As the API server has it after an apply: with defaults and what it adds by itself."""
    wanted = marked(WANTED)
    about = {**wanted["metadata"], "uid": "x", "resourceVersion": "7", "managedFields": [{}]}
    return {**wanted, "metadata": about, "spec": {**wanted["spec"], "clusterIP": "10.0.0.1", "sessionAffinity": "None"}} | changes


def spec(**changes: Any) -> dict[str, Any]:
    return live(spec={**live()["spec"], **changes})


def test_what_is_as_applied_is_left_alone() -> None:
    assert not drifted(marked(WANTED), live(), "")


def test_the_mark_depends_on_what_is_wanted_alone() -> None:
    assert marked(WANTED) == marked(WANTED)
    changed = {**WANTED, "spec": {**WANTED["spec"], "type": "NodePort"}}
    assert marked(changed)["metadata"]["annotations"][APPLIED] != marked(WANTED)["metadata"]["annotations"][APPLIED]
    assert "annotations" not in WANTED["metadata"]


@pytest.mark.parametrize(
    "changed",
    [
        spec(type="NodePort"),
        spec(ports=[]),
        spec(ports=[{"name": "signaling", "port": 81, "protocol": "TCP"}]),
        spec(ports=[{"port": 80, "protocol": "TCP"}]),
        spec(selector={"app": "other"}),
        # What somebody adds to a selector changes its meaning.
        spec(selector={"app": "calls", "extra": "1"}),
        live(metadata={**live()["metadata"], "labels": {}}),
        live(metadata={**live()["metadata"], "labels": None}),
        live(metadata={**live()["metadata"], "annotations": {}}),
        live(metadata={**live()["metadata"], "ownerReferences": []}),
    ],
)
def test_drift(changed: dict[str, Any]) -> None:
    assert drifted(marked(WANTED), changed, "")


@pytest.mark.parametrize(
    "changed",
    [
        spec(externalTrafficPolicy="Cluster"),
        spec(ports=[{"name": "signaling", "port": 80, "protocol": "TCP", "nodePort": 30000}]),
        spec(ports=[{"name": "extra", "port": 9}, {"name": "signaling", "port": 80, "protocol": "TCP"}]),
        live(metadata={**live()["metadata"], "labels": {"a": "1", "theirs": "1"}}),
        live(metadata={**live()["metadata"], "annotations": {**live()["metadata"]["annotations"], "theirs": "1"}}),
    ],
)
def test_what_others_added_is_none(changed: dict[str, Any]) -> None:
    assert not drifted(marked(WANTED), changed, "")


def test_a_field_that_is_wanted_no_more_is_noticed_by_one_who_just_started() -> None:
    fewer = {**WANTED, "metadata": {**WANTED["metadata"], "labels": {}}}
    assert drifted(marked(fewer), live(), "")


def test_what_the_api_server_writes_its_own_way_is_no_drift_once_it_was_accepted() -> None:
    wanted = marked({**WANTED, "spec": {"resources": {"cpu": "1000m"}}})
    answer = {**wanted, "spec": {"resources": {"cpu": "1"}}}
    assert drifted(wanted, answer, "")
    accepted = fingerprint(wanted, answer)
    assert not drifted(wanted, answer, accepted)
    assert drifted(wanted, {**answer, "spec": {"resources": {"cpu": "2"}}}, accepted)


def test_items_without_names_are_compared_in_order_and_number() -> None:
    assert projection([1, 2], [1, 2]) == [1, 2]
    assert projection([2, 1], [1, 2]) == [2, 1]
    assert projection([{"a": 1, "b": 2}], [{"a": 1}]) == [{"a": 1}]
    assert projection([{"a": 1}, {"a": 2}], [{"a": 1}]) == [{"a": 1}, {"a": 2}]
    assert projection([{"name": "x"}], []) == [{"name": "x"}]
