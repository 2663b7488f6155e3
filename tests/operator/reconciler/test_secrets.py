"""Generated Secrets, where the API server does not take them."""

from typing import Any

import pytest
from harness.clusters import cluster

from carillon_operator.kube import ApiError, Forbidden, Invalid
from carillon_operator.reconciler.apply import Report
from carillon_operator.reconciler.secrets import generate
from carillon_operator.reconciler.world import World


class Server:
    """Stands in for the API server: refuses one Secret."""

    def __init__(self, name: str, refusal: ApiError) -> None:
        self.name, self.refusal = name, refusal

    async def create(self, one: dict[str, Any], _: Any) -> dict[str, Any]:
        if one["metadata"]["name"] == self.name:
            raise self.refusal
        return one


QUOTA = Forbidden(403, "Forbidden", "exceeded quota: few")
POLICY = Invalid(422, "Invalid", "a policy denied the request")


@pytest.mark.parametrize("refusal", [QUOTA, POLICY])
async def test_one_that_is_refused_is_said_and_keeps_no_other_from_being_made(refusal: ApiError) -> None:
    world, report = World(), Report()
    await generate(Server("calls-jwt", refusal), cluster(), world, report)  # type: ignore[arg-type]  # a stand-in
    assert report.refused == [f"Secret calls-jwt: {refusal.message}"]
    assert set(world.secrets) == {"calls-redis"}


async def test_of_a_namespace_that_ends_nothing_is_said() -> None:
    ends = Forbidden(403, "Forbidden", "it is being terminated", ("NamespaceTerminating",))
    with pytest.raises(Forbidden):
        await generate(Server("calls-jwt", ends), cluster(), World(), Report())  # type: ignore[arg-type]  # a stand-in
