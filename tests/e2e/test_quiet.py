"""The operator when there is nothing to do, and when it is not there."""

import os
import time

from harness.figures import Figures
from harness.kube import eventually
from harness.operated import Declared, Operator
from harness.services import undisturbed

QUIET = float(os.environ.get("QUIET_SECONDS", "30"))
"""How long each of both lasts."""
READS = ("get", "list", "watch")


def test_an_idle_operator_writes_nothing(operator: Operator, declared: Declared, figures: Figures) -> None:
    everywhere = ("get", "signalingclusters", "--all-namespaces", "-o", "name")
    eventually(lambda: len(declared.kube.run(*everywhere).split()) == 1, "an end of what other tests had declared")
    declared.await_ready()
    before = operator.calls()
    time.sleep(QUIET)
    made = operator.calls() - before
    of_leases = sum(count for (_, resource), count in made.items() if resource == "leases")
    writes = {call: count for call, count in made.items() if call[0] not in READS and call[1] != "leases"}
    reads = made.total() - of_leases - sum(writes.values())
    figures.add(f"API calls in {QUIET:.0f} idle s", f"writes {sum(writes.values())}, reads {reads}, of Leases {of_leases}")
    figures.add("operator memory with one resource", f"{operator.memory():.0f} MiB")
    assert writes == {}


def test_calls_do_not_need_the_operator(operator: Operator, declared: Declared, figures: Figures) -> None:
    service = declared.service
    with undisturbed(service, figures, f"operator absent for {QUIET:.0f} s, and a pod killed meanwhile"):
        operator.scale(0)
        absent = time.monotonic()
        service.lose_a_pod(2)
        time.sleep(max(0.0, absent + QUIET - time.monotonic()))
        operator.scale(2)
    declared.await_ready()
