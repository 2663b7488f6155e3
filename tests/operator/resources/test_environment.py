"""The operator writes the server's environment: the server must understand it, and get from it what the resource says."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from harness.clusters import cluster, specs
from hypothesis import HealthCheck, assume, given, settings

from carillon.config import Settings
from carillon.config.declare import declared
from carillon.config.docs import sections
from carillon.errors import ConfigError
from carillon_operator.resources.environment import environment
from carillon_operator.resources.files import ROOT, mounted
from carillon_operator.spec import problems

SECRETS = {
    "REDIS_URL": "rediss://user:password@redis:6379",
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=x",
}
"""What secrets hold, where any text will not do."""


def environ(spec: dict[str, Any], files: Path) -> dict[str, str]:
    """As the kubelet would set it, with mounted files under `files`."""
    found = cluster(spec)
    for one in mounted(found):
        (files / one.place).mkdir(exist_ok=True)
        for file in one.items.values():
            (files / one.place / file).write_text(json.dumps({"keys": []}))
    return {
        one["name"]: one["value"].replace(ROOT, str(files)) if "value" in one else SECRETS.get(one["name"], "secret" * 8)
        for one in environment(found)
    }


def read(spec: dict[str, Any], files: Path) -> Settings:
    return Settings.from_env(environ(spec, files))


def test_every_variable_is_one_of_the_servers(tmp_path: Path) -> None:
    known = {one.setting.env for section in sections() for one in declared(section)}
    everything = {
        "redis": {"external": {"urlSecret": {"name": "r", "key": "url"}, "tls": {"clientCertificate": {"name": "c"}}}},
        "auth": {"existingSecret": {"name": "t"}, "jwks": {"url": "https://login.example.com/keys"}},
        "push": {"fcm": {"secret": {"name": "f", "key": "k"}}, "apns": {"certificateSecret": {"name": "a", "key": "k"}, "bundleId": "a.b"}},
        "turn": {"urls": ["turn:a"], "secret": {"name": "t", "key": "s"}},
        "telemetry": {"otlp": {"endpoint": "http://collector:4317"}},
    }
    unknown = environ(everything, tmp_path).keys() - known
    assert {name for name in unknown if not name.startswith("OTEL_")} == set()


def test_what_is_said_arrives(tmp_path: Path) -> None:
    found = read(
        {
            "calls": {"ringTimeoutSeconds": 45, "graceSeconds": 40, "offlinePolicy": "Ring"},
            "access": {"trustedProxies": ["10.0.0.0/8"], "allowedOrigins": ["https://app.example.com"]},
            "limits": {"starts": "off", "connectionsPerAddress": 7},
            "auth": {"audience": "calls"},
            "drainSeconds": 60,
        },
        tmp_path,
    )
    assert (found.calls.ring_timeout, found.calls.grace, found.calls.offline_policy) == (45, 40, "ring")
    assert (found.limits.starts, found.limits.connections_per_address) == (None, 7)
    assert (found.server.drain, found.server.allowed_origins) == (60, ("https://app.example.com",))
    assert found.auth.audience == "calls"
    assert found.redis.target.hosts == (("calls-redis.prod.svc", 6379),)


def test_defaults_are_the_servers_own(tmp_path: Path) -> None:
    """A cluster about which nothing is said behaves as the server started by hand, save where the place says otherwise."""
    found = read({}, tmp_path)
    for ours, theirs in ((found.calls, Settings().calls), (found.limits, Settings().limits), (found.turn, Settings().turn)):
        known = {"connections_per_address": 0, "unauthenticated": None} if ours is found.limits else {}
        assert dataclasses.asdict(ours) == dataclasses.asdict(theirs) | known


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(specs())
def test_the_server_takes_any_clusters_environment(tmp_path_factory: pytest.TempPathFactory, spec: dict[str, Any]) -> None:
    spec.pop("pod", None)
    assume(not problems(cluster(spec).spec))
    try:
        read(spec, tmp_path_factory.mktemp("files"))
    except ConfigError as error:
        pytest.fail("; ".join(error.problems))
