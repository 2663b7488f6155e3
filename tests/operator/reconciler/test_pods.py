"""What pods tell."""

from datetime import UTC, datetime, timedelta
from typing import Any

from carillon_operator.reconciler.pods import LOST_AFTER, drains, lost_in, revisions
from carillon_operator.rollout import Revision, Situation, plan
from carillon_operator.spec.status import RolloutStatus

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DEPLOYMENTS = {name: {"spec": {"replicas": replicas}} for name, replicas in {"a": 0, "b": 2}.items()}


def pod(revision: str, *, leaving_for: float | None = None) -> dict[str, Any]:
    """leaving_for: seconds since its grace ended."""
    metadata: dict[str, Any] = {"labels": {"carillon.dev/revision": revision}}
    if leaving_for is not None:
        metadata["deletionTimestamp"] = (NOW - timedelta(seconds=leaving_for)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"metadata": metadata, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}


def test_a_pod_that_is_leaving_counts_until_it_is_lost() -> None:
    pods = [pod("b"), pod("b"), pod("a", leaving_for=LOST_AFTER - 1)]
    assert revisions(DEPLOYMENTS, pods, NOW.timestamp()) == (Revision("a", 0, 1, 0), Revision("b", 2, 2, 2))
    assert lost_in(pods, NOW.timestamp()) == 1
    assert drains(pods, NOW.timestamp())
    assert revisions(DEPLOYMENTS, pods, NOW.timestamp() + 2) == (Revision("a", 0, 0, 0), Revision("b", 2, 2, 2))
    assert lost_in(pods, NOW.timestamp() + 2) is None
    assert not drains(pods, NOW.timestamp() + 2)


def test_a_rollout_does_not_wait_for_a_pod_on_a_dead_node() -> None:
    """Its Node object may stay for days, and with it the pod."""
    seen = revisions(DEPLOYMENTS, [pod("b"), pod("b"), pod("a", leaving_for=3600)], NOW.timestamp())
    found = plan(Situation("b", 2, "b", "a", seen, RolloutStatus(revision="b", target="b")), NOW.timestamp())
    assert (found.status.target, found.reported, found.gone) == ("", "b", ("a",))
