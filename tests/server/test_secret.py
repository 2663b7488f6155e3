"""The Secrets that a chart's hook makes once. Against a real API server: tests/charts."""

import base64
import json
import sys

import httpx
import pytest

from carillon.auth.keys import read_keyring
from carillon.secret import NotMade, create, main, manifest
from carillon_operator.resources import Cluster, Defaults, new_secret
from carillon_operator.spec import Spec


def api(*answers: int | Exception) -> tuple[httpx.Client, list[httpx.Request]]:
    """An API server that gives these answers, the last one again and again."""
    left, asked = list(answers), []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer, json={"kind": "Status", "message": f"said {answer}"})

    return httpx.Client(base_url="https://api", transport=httpx.MockTransport(handler)), asked


@pytest.mark.parametrize(("answers", "made"), [((201,), True), ((409,), False), ((403, 503, httpx.ConnectError("no"), 201), True)])
def test_it_is_made_or_kept_and_asked_for_again_while_the_api_server_is_away(answers: tuple[int | Exception, ...], made: bool) -> None:
    client, asked = api(*answers)
    assert create(client, "ns", manifest("keyring", "calls-jwt", {}), lambda: True) is made
    assert len(asked) == len(answers)
    assert {(one.method, one.url.path) for one in asked} == {("POST", "/api/v1/namespaces/ns/secrets")}
    assert len({one.content for one in asked}) == 1


@pytest.mark.parametrize(
    ("answer", "pauses", "said"),
    [(422, 0, "422 said 422"), (404, 0, "404 said 404"), (403, 2, "403 said 403"), (httpx.ConnectError("nobody there"), 2, "nobody there")],
)
def test_what_does_not_help_is_told_in_words(answer: int | Exception, pauses: int, said: str) -> None:
    client, asked = api(answer)
    left = iter([True] * pauses + [False])
    with pytest.raises(NotMade, match=said):
        create(client, "ns", manifest("redis", "calls-redis", {}), lambda: next(left))
    assert len(asked) == pauses + 1


@pytest.mark.parametrize(("kind", "name"), [("keyring", "calls-jwt"), ("redis", "calls-redis")])
def test_the_content_is_laid_out_as_the_operator_does(kind: str, name: str) -> None:
    cluster = Cluster("calls", "ns", "uid", Spec(), Defaults("server", "redis"))
    ours, theirs = manifest(kind, name, {"a": "b"}), new_secret(cluster, name, bytes(32))
    assert ours["data"].keys() == theirs["data"].keys()
    assert ours["metadata"] == {"name": name, "labels": {"a": "b"}}
    text = {key: base64.b64decode(value).decode() for key, value in ours["data"].items()}
    if kind == "redis":
        assert text["auth.conf"] == f"requirepass {text['password']}\n"
    else:
        assert len(read_keyring(text["keyring.json"].encode())) == 1
        assert json.loads(text["keyring.json"])["keys"][0]["use"] == "sign"


def test_no_two_are_the_same() -> None:
    assert manifest("keyring", "a", {})["data"] != manifest("keyring", "a", {})["data"]


def test_outside_a_pod_it_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert main(["keyring", "calls-jwt", "--label", "a=b"]) == 1
    assert "no pod" in capsys.readouterr().err
    assert "carillon.secret" in sys.modules
