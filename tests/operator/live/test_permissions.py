"""What is said where a right or the definition is lacking, with service accounts as they are in a cluster."""

import secrets
from typing import Any

import pytest
from harness.apiserver import ApiServer
from harness.operators import Cell, Operator, Rights, until

from carillon_operator import rbac

CLUSTER = "clusterwide"
NAMESPACED = "namespaced"


class Account:
    """A service account of its own namespace, with the operator's rights in the whole cluster or in that namespace only."""

    def __init__(self, server: ApiServer, scope: str) -> None:
        self.server, self.scope = server, scope
        self.cell = Cell.fresh(server)
        self.namespace = self.cell.namespace
        accounts = f"/api/v1/namespaces/{self.namespace}/serviceaccounts"
        server.call("POST", accounts, {"metadata": {"name": "operator"}})
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        self.token = server.call("POST", f"{accounts}/operator/token", request)["status"]["token"]
        self.name = f"system:serviceaccount:{self.namespace}:operator"

    def grant(self, *, without: str = "") -> None:
        """All that the operator needs; without: a resource on which it may do nothing."""
        scope = [one for one in (_reduced(rule, without) for rule in rbac.rules(rbac.SCOPE)) if one["resources"]]
        rights = Rights(self.server, self.name)
        rights.give("scope", scope, "" if self.scope == CLUSTER else self.namespace)
        rights.give("home", rbac.rules(rbac.HOME), self.namespace)

    def operator(self, *more: str) -> Operator:
        """more: namespaces to serve."""
        served = [] if self.scope == CLUSTER else [f"--namespace={one}" for one in (self.namespace, *more)]
        return Operator(self.server, *served, f"--home-namespace={self.namespace}", token=self.token)


def _reduced(rule: dict[str, Any], without: str) -> dict[str, Any]:
    return {**rule, "resources": [one for one in rule["resources"] if one != without]}


@pytest.fixture(params=[CLUSTER, NAMESPACED])
def account(api_server: ApiServer, request: pytest.FixtureRequest) -> Account:
    return Account(api_server, request.param)


def test_its_roles_are_enough(account: Account) -> None:
    account.grant()
    with account.operator() as operator:
        operator.wait_ready()
        account.cell.declare()
        until(lambda: account.cell.condition("Ready"), "the status is written", operator)
        assert account.cell.get("Service")
        assert account.cell.is_said("Degraded", "False")
        assert "forbidden" not in operator.log


def test_without_any_right_it_leaves_and_says_which_it_needs(account: Account) -> None:
    with account.operator() as operator:
        assert operator.process.wait(60) == 1
        last = operator.log.strip().splitlines()[-1]
    assert last.startswith("carillon-operator cannot start: signalingclusters cannot be listed in ")
    assert f'User "{account.name}" cannot list resource "signalingclusters"' in last
    if account.scope == CLUSTER:
        assert "in all namespaces: with --namespace a Role is enough" in last
    else:
        assert f"in namespace {account.namespace}" in last


def test_a_namespace_without_a_role_does_not_take_the_others_with_it(api_server: ApiServer) -> None:
    """As after `kubectl delete namespace`, and a restart of the operator."""
    account, gone = Account(api_server, NAMESPACED), f"gone-{secrets.token_hex(4)}"
    account.grant()
    with account.operator(gone) as operator:
        operator.wait_ready()
        account.cell.declare()
        until(lambda: account.cell.condition("Ready"), "the status is written", operator)
        assert f"cannot be listed in namespace {gone}" in operator.log


def test_without_the_definition_it_leaves_and_says_how_to_get_it(bare_api_server: ApiServer) -> None:
    for scope in (CLUSTER, NAMESPACED):
        account = Account(bare_api_server, scope)
        account.grant()
        with account.operator() as operator:
            assert operator.process.wait(60) == 1
            last = operator.log.strip().splitlines()[-1]
        assert last.startswith("carillon-operator cannot start: The API server knows no signalingclusters.carillon.dev.")
        assert "kubectl apply --server-side -k manifests/crd" in last


@pytest.mark.parametrize("resource", ["poddisruptionbudgets", "secrets", "pods"])
def test_a_right_that_is_lacking_is_named_and_missed_no_longer_than_it_lacks(account: Account, resource: str) -> None:
    account.grant(without=resource)
    with account.operator() as operator:
        account.cell.declare()
        until(lambda: f'cannot list resource \\"{resource}\\"' in operator.log, "the lacking right is named", operator)
        until(lambda: account.cell.is_said("Degraded", "True", "Forbidden"), "the status says so", operator)
        message = account.cell.condition("Degraded")["message"]
        assert resource in message
        assert operator.process.poll() is None


def test_without_a_right_to_the_lease_nobody_leads_and_the_log_says_why(account: Account) -> None:
    scope = "" if account.scope == CLUSTER else account.namespace
    Rights(account.server, account.name).give("scope", rbac.rules(rbac.SCOPE), scope)
    with account.operator() as operator:
        operator.wait_ready()
        until(lambda: 'cannot get resource \\"leases\\"' in operator.log, "the lacking right is named", operator)
        assert operator.process.poll() is None
