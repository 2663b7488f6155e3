"""Every object of some clusters, letter for letter. With GOLDEN=write in the environment this test renews them: read the diff."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness.clusters import cluster

from carillon_operator.resources import Observed, desired

GOLDEN = Path(__file__).parent / "golden"
EVERYTHING = frozenset({"monitoring.coreos.com/ServiceMonitor", "gateway.networking.k8s.io/HTTPRoute"})
CASES: dict[str, tuple[dict[str, Any], Observed]] = {
    "minimal": ({}, Observed()),
    "production": (
        {
            "image": {
                "reference": "example.com/carillon@sha256:" + "ab" * 32,
                "pullPolicy": "Always",
                "pullSecrets": [{"name": "registry"}],
            },
            "replicas": 6,
            "redis": {"managed": {"maxMemory": "2Gi", "storage": {"size": "10Gi", "storageClassName": "fast"}}},
            "auth": {"existingSecret": {"name": "tokens"}, "audience": "calls", "issuer": "https://login.example.com/"},
            "access": {"allowedOrigins": ["https://app.example.com"], "trustedProxies": ["10.0.0.0/8"]},
            "push": {
                "fcm": {"secret": {"name": "firebase", "key": "key.json"}, "projectId": "calls-1"},
                "apns": {
                    "keySecret": {"name": "apple", "key": "AuthKey.p8"},
                    "keyId": "ABC123DEFG",
                    "teamId": "DEF123GHIJ",
                    "bundleId": "com.example.app",
                },
            },
            "turn": {"urls": ["turn:turn.example.com:3478?transport=udp"], "secret": {"name": "coturn", "key": "secret"}},
            "telemetry": {
                "otlp": {
                    "endpoint": "http://collector.telemetry:4317",
                    "samplingPercent": 25,
                    "headersSecret": {"name": "otlp", "key": "headers"},
                },
                "serviceMonitor": {"labels": {"release": "prometheus"}},
            },
            "ingress": {"className": "nginx", "hosts": ["calls.example.com"], "tlsSecret": "calls-tls"},
            "networkPolicy": {
                "clientsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
                "metricsFrom": [{"podSelector": {"matchLabels": {"app": "prometheus"}}}],
            },
            "pod": {
                "labels": {"team": "voice"},
                "env": [
                    {"name": "LOG_LEVEL", "value": "debug"},
                    {"name": "MORE", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}},
                ],
                "resources": {"requests": {"cpu": 2, "memory": "2Gi"}},
                "tolerations": [{"key": "voice", "operator": "Exists"}],
                "topologySpreadConstraints": [{"topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}],
                "priorityClassName": "voice",
            },
            "drainDelaySeconds": 20,
        },
        Observed(
            checksums={"coturn/secret": "aa", "otlp/headers": "bb", "tokens/keyring.json": "cc"}, serving="0123456789", apis=EVERYTHING
        ),
    ),
    "external": (
        {
            "redis": {
                "external": {
                    "url": "rediss+sentinel://sentinel-0:26379,sentinel-1:26379/calls",
                    "username": "carillon",
                    "passwordSecret": {"name": "redis", "key": "password"},
                    "sentinel": {"passwordSecret": {"name": "redis", "key": "sentinel"}},
                    "tls": {"caConfigMap": {"name": "authority", "key": "ca.crt"}, "clientCertificate": {"name": "redis-client"}},
                }
            },
            "auth": {"jwks": {"url": "https://login.example.com/.well-known/jwks.json"}, "userClaim": "sub"},
            "service": {"type": "LoadBalancer", "port": 443, "externalTrafficPolicy": "Local", "annotations": {"cloud/lb": "tcp"}},
            "route": {"parentRefs": [{"name": "gateway", "namespace": "edge"}], "hostnames": ["calls.example.com"]},
            "networkPolicy": {"enabled": False},
            "disruptionBudget": {"enabled": False},
            "pod": {"serviceAccountName": "calls-own"},
            "update": {"strategy": "Rolling", "maxSurge": "25%"},
        },
        Observed(replicas=4, restarted_at="2026-11-24T10:00:00Z", apis=EVERYTHING),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_objects(name: str) -> None:
    spec, observed = CASES[name]
    text = yaml.safe_dump_all(desired(cluster(spec), observed), sort_keys=False, width=140)
    path = GOLDEN / f"{name}.yaml"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text)
    assert text == path.read_text()
