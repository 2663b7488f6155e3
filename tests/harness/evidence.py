"""What the cluster looked like when a test failed, in the test's report. A conftest.py imports the hook."""

from collections.abc import Generator

import pytest
from harness.kube import Kube

LINES, PODS = 25, 12
"""Lines of each pod's log, and pods, at most."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    used = getattr(item, "funcargs", {}).values()
    kube = next((one.kube for one in used if isinstance(getattr(one, "kube", None), Kube)), None)
    if report.failed and kube:
        report.sections.append(("cluster", _evidence(kube)))
    return report


def _evidence(kube: Kube) -> str:
    names = "jsonpath={range .items[*]}{.metadata.namespace} {.metadata.name}{'\\n'}{end}"
    pods = [line.split() for line in _said(kube, "get", "pods", "-A", "-o", names).splitlines()[:PODS]]
    return "\n".join(
        [
            _said(kube, "get", "nodes,pods,signalingclusters", "-A", "-o", "wide"),
            _said(kube, "get", "events", "-A", "--field-selector=type=Warning", "--sort-by=.lastTimestamp"),
            *(f"{' '.join(pod)}\n{_said(kube, 'logs', '-n', *pod, f'--tail={LINES}')}" for pod in pods if len(pod) == 2),
        ]
    )


def _said(kube: Kube, *words: str) -> str:
    done = kube.attempt(*words, timeout=30)
    return done.stdout or done.stderr
