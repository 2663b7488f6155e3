"""What the API server takes and what it refuses: every rule of the CustomResourceDefinition from both sides."""

from typing import Any

import pytest
from harness.operators import RESOURCES, Cell

EXTERNAL = {"url": "redis://redis"}
APNS_KEY = {"bundleId": "com.example", "keySecret": {"name": "a", "key": "b"}, "keyId": "ABCDEFGHIJ", "teamId": "ABCDEFGHIJ"}
APNS_CERTIFICATE = {"bundleId": "com.example", "certificateSecret": {"name": "a", "key": "b"}}
TURN = {"urls": ["turn:a"], "secret": {"name": "a", "key": "b"}}

CASES: dict[str, tuple[list[Any], list[Any]]] = {
    "replicas": ([1, 2, 1000], [0, -1, 1001, "2", 1.5]),
    "devices": ([1], [0, 2]),
    "paused": ([True, False], ["yes", 1]),
    "drainSeconds": ([0, 25, 3600], [-1, 3601]),
    "drainDelaySeconds": ([0, 300], [-1, 301]),
    "image.reference": (
        ["carillon", "example.com:5000/a/b:1.2", "example.com/a@sha256:" + "a" * 64],
        ["", " a", "a b", "-a", "a" * 513, 7],
    ),
    "image.pullPolicy": (["Always", "IfNotPresent", "Never"], ["always", ""]),
    "image.pullSecrets": ([[], [{"name": "a"}, {"name": "b"}]], [[{}], [{"name": "a"}, {"name": "a"}], [{"name": "A_b"}]]),
    "autoscaling": (
        [None, {"maxReplicas": 5}, {"minReplicas": 1, "maxReplicas": 1}, {"maxReplicas": 1000}],
        [{}, {"minReplicas": 5, "maxReplicas": 4}, {"maxReplicas": 1}, {"maxReplicas": 0}, {"maxReplicas": 1001}],
    ),
    "autoscaling.tolerancePercent": ([0, 90], [-1, 91]),
    "autoscaling.scaleDownWindowSeconds": ([0, 86_400], [-1, 86_401]),
    "autoscaling.connectionsPerPod": ([1, 1_000_000], [0, 1_000_001]),
    "redis": (
        [None, {"managed": {}}, {"external": EXTERNAL}, {"managed": None, "external": EXTERNAL}, {"managed": {"storage": {}}}],
        [{}, {"managed": {}, "external": EXTERNAL}, {"other": {}, "managed": None}, "managed"],
    ),
    "redis.managed.maxMemory": (["256Mi", "1.5Gi", 1_000_000, "1G"], ["lots", "-1", "1 Gi", "", -1]),
    "redis.managed.storage": ([None, {"size": "1Gi"}, {"storageClassName": "fast"}], [{"size": "big"}, {"storageClassName": "Fast"}]),
    "redis.external": (
        [
            EXTERNAL,
            {"urlSecret": {"name": "a", "key": "b"}},
            {"url": "rediss://redis", "tls": {}},
            {"url": "rediss://redis", "tls": {"caSecret": {"name": "a", "key": "b"}}},
            {"urlSecret": {"name": "a", "key": "b"}, "tls": {"caConfigMap": {"name": "a", "key": "b"}}},
        ],
        [
            {},
            {"url": "redis://redis", "urlSecret": {"name": "a", "key": "b"}},
            {"url": "redis://redis", "tls": {}},
            {"urlSecret": {"name": "a"}},
            {
                "urlSecret": {"name": "a", "key": "b"},
                "tls": {"caSecret": {"name": "a", "key": "b"}, "caConfigMap": {"name": "a", "key": "b"}},
            },
        ],
    ),
    "redis.external.url": (
        [
            "redis://redis",
            "redis://redis:6379/3",
            "rediss://[fd00::1]:6380",
            "redis+sentinel://a:26379,b/calls",
            "rediss+cluster://a,b:7000",
        ],
        ["redis", "http://redis", "redis://user:password@redis", "redis://redis:0", "redis://redis:70000", "redis+sentinel://a", ""],
    ),
    "auth": (
        [
            None,
            {"existingSecret": {"name": "a"}},
            {"jwks": {"url": "https://a/keys"}},
            {"jwks": {"url": "https://a/keys"}, "algorithms": ["RS256"]},
            {"jwks": {"url": "https://a/k"}, "existingSecret": {"name": "a"}, "algorithms": ["HS256", "EdDSA"]},
        ],
        [
            {"algorithms": ["RS256"]},
            {"jwks": {"url": "https://a/keys"}, "algorithms": ["HS256"]},
            {"algorithms": ["none"]},
            {"algorithms": ["HS256", "HS256"]},
        ],
    ),
    "auth.jwks.url": (["https://a/keys", "https://a:8443/k?x=1"], ["http://a/keys", "https://user:password@a", "https://", ""]),
    "auth.existingSecret": (
        [{"name": "a", "key": "b.json", "format": "Secret"}],
        [{}, {"name": "a", "format": "Other"}, {"name": "a", "key": "a/b"}],
    ),
    "auth.rotation": ([0, 1_000_000], [-1, 1_000_001]),
    "auth.maxTokenLifetimeSeconds": ([60], [59]),
    "access.allowedOrigins": ([[], ["*"], ["https://*.example.com", "http://localhost:8080"]], [["example.com"], ["https://a/b"], [""]]),
    "access.trustedProxies": ([["10.0.0.0/8", "fd00::/8", "192.0.2.1"]], [["10.0.0"], ["proxy"], ["10.0.0.0/8888"]]),
    "push.fcm": ([None, {"secret": {"name": "a", "key": "b"}}], [{}, {"secret": {"name": "a"}}]),
    "push.apns": (
        [None, APNS_KEY, APNS_CERTIFICATE, APNS_CERTIFICATE | {"passphraseSecret": {"name": "a", "key": "b"}}],
        [
            {"bundleId": "com.example"},
            APNS_KEY | APNS_CERTIFICATE,
            {name: one for name, one in APNS_KEY.items() if name != "teamId"},
            APNS_KEY | {"passphraseSecret": {"name": "a", "key": "b"}},
            APNS_KEY | {"keyId": "short"},
            APNS_KEY | {"bundleId": "com/example"},
            APNS_KEY | {"environment": "Test"},
        ],
    ),
    "turn": (
        [None, TURN, {"urls": ["stun:a"]}, {"urls": ["turns:a:443?transport=tcp", "stun:b"], "secret": {"name": "a", "key": "b"}}],
        [{"urls": []}, {"urls": ["turn:a"]}, {"urls": ["stun:a"], "secret": {"name": "a", "key": "b"}}, {"urls": ["http://a"]}],
    ),
    "calls.ringTimeoutSeconds": ([5, 600], [4, 601]),
    "calls.graceSeconds": ([25, 600], [24, 601]),
    "calls.offlinePolicy": (["Reveal", "Ring"], ["reveal"]),
    "limits.starts": (["off", "1/1", "120/60"], ["0/1", "1/0", "1", "fast", "1/10000"]),
    "limits.frameBytes": ([16_384, 524_288], [16_383, 524_289]),
    "limits": ([{"bytes": "600000/1"}, {"bytes": "off"}], [{"bytes": "1000/1"}]),
    "telemetry.logLevel": (["debug", "error"], ["trace"]),
    "telemetry.otlp": ([{"endpoint": "http://a:4317"}], [{}, {"endpoint": "a:4317"}, {"endpoint": "http://a", "samplingPercent": 101}]),
    "service.type": (["ClusterIP", "NodePort", "LoadBalancer"], ["ExternalName"]),
    "service.port": ([1, 65_535], [0, 65_536]),
    "ingress": ([None, {"hosts": ["calls.example.com"]}], [{}, {"hosts": []}]),
    "route": ([None, {"parentRefs": [{"name": "a"}]}], [{}, {"parentRefs": []}]),
    "disruptionBudget.maxUnavailable": ([0, 1, "50%", "100%"], ["101%", "half", -1]),
    "update.strategy": (["Switch", "Rolling"], ["Recreate"]),
    "update.progressDeadlineSeconds": ([30], [29]),
    "pod.env": (
        [[{"name": "A", "value": "b"}], [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}]],
        [[{"value": "b"}], [{"name": "A"}, {"name": "A"}]],
    ),
    "pod.labels": ([{"team": "voice"}], [{"team": "v" * 64}]),
    "pod.nodeSelector": ([{"disk": "ssd"}], [["ssd"]]),
}
BASES: dict[str, dict[str, Any]] = {
    "autoscaling.": {"autoscaling": {"maxReplicas": 5}},
    "redis.managed.": {"redis": {"managed": {}}},
    "redis.external.": {"redis": {"external": {}}},
    "auth.jwks.": {"auth": {"jwks": {}}},
}
NAMES = (["a", "calls", "a-1", "a" * 40], ["1abc", "a.b", "a" * 41, "-a", "a-", "Calls"])
PARAMETERS = [
    pytest.param(field, value, good, id=f"{field} {'takes' if good else 'refuses'} {index}")
    for field, sides in CASES.items()
    for good, values in zip((True, False), sides, strict=True)
    for index, value in enumerate(values)
]


def spec(field: str, value: Any) -> dict[str, Any]:
    found: dict[str, Any] = next((dict(base) for prefix, base in BASES.items() if field.startswith(prefix)), {})
    place = found
    *path, last = field.split(".")
    for name in path:
        place[name] = place = dict(place.get(name) or {})
    place[last] = value
    return found


def refusal(cell: Cell, spec: dict[str, Any], name: str = "calls") -> str:
    body = {"apiVersion": "carillon.dev/v1alpha1", "kind": "SignalingCluster", "metadata": {"name": name}, "spec": spec}
    return cell.server.refusal("POST", RESOURCES.format("default") + "?dryRun=All&fieldValidation=Strict", body)


def test_there_are_enough_cases() -> None:
    assert len(PARAMETERS) >= 150


@pytest.fixture(scope="module")
def place(api_server: Any) -> Cell:
    return Cell(api_server, "default")


@pytest.mark.parametrize(("field", "value", "good"), PARAMETERS)
def test_a_value(place: Cell, field: str, value: Any, good: bool) -> None:
    message = refusal(place, spec(field, value))
    assert bool(message) is not good, message


@pytest.mark.parametrize(("name", "good"), [(one, True) for one in NAMES[0]] + [(one, False) for one in NAMES[1]])
def test_a_name(place: Cell, name: str, good: bool) -> None:
    assert bool(refusal(place, {}, name)) is not good


def test_what_it_does_not_know_is_refused(place: Cell) -> None:
    assert "unknown field" in refusal(place, {"replica": 3})


@pytest.mark.parametrize(
    ("before", "after", "good"),
    [
        ({"auth": {"rotation": 3}}, {"auth": {"rotation": 4}}, True),
        ({"auth": {"rotation": 3}}, {"auth": {"rotation": 2}}, False),
        ({"redis": {"managed": {}}}, {"redis": {"managed": None, "external": EXTERNAL}}, True),
        ({"redis": {"external": EXTERNAL | {"cell": "a"}}}, {"redis": {"external": {"cell": "b"}}}, False),
        (
            {"redis": {"managed": {"storage": {"storageClassName": "a"}}}},
            {"redis": {"managed": {"storage": {"storageClassName": "b"}}}},
            False,
        ),
        ({"autoscaling": {"maxReplicas": 3}}, {"autoscaling": None}, True),
    ],
)
def test_a_change(cell: Cell, before: dict[str, Any], after: dict[str, Any], good: bool) -> None:
    cell.declare(before)
    path = cell.path("SignalingCluster", "calls")
    assert bool(cell.server.refusal("PATCH", path, {"spec": after}, kind="application/merge-patch+json")) is not good
