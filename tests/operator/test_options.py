"""The command line."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from carillon_operator.options import Options, markdown, options, parser

README = Path(__file__).parents[2] / "operator" / "README.md"


def test_nothing_said_is_the_whole_cluster_with_a_lease() -> None:
    found = options([], {})
    assert found == Options()
    assert found.namespaces == ()
    assert found.lease == "carillon-operator"
    assert not found.dry_run


def test_every_option_is_read_from_its_flag() -> None:
    given: dict[str, tuple[str, Any]] = {
        "namespaces": ("--namespace=voice", ("voice",)),
        "metrics_port": ("--metrics-port=9", 9),
        "dry_run": ("--dry-run", True),
        "server_image": ("--server-image=s:1", "s:1"),
        "redis_image": ("--redis-image=r:1", "r:1"),
        "home": ("--home-namespace=home", "home"),
        "identity": ("--identity=me", "me"),
        "lease": ("--lease=mine", "mine"),
        "metrics_api": ("--metrics-api=service", "service"),
        "metrics_api_port": ("--metrics-api-port=7", 7),
        "context": ("--context=other", "other"),
        "workers": ("--workers=2", 2),
        "log_level": ("--log-level=debug", "debug"),
        "log_format": ("--log-format=json", "json"),
    }
    assert set(given) == {one.name for one in fields(Options)}
    found = options([flag for flag, _ in given.values()], {})
    for name, (_, value) in given.items():
        assert getattr(found, name) == value


def test_namespaces_add_up_and_count_once() -> None:
    assert options(["--namespace=a", "--namespace=b", "--namespace=a"], {}).namespaces == ("a", "b")


def test_the_pods_own_variables_are_read_where_no_flag_is_given() -> None:
    environ = {"POD_NAME": "pod-1", "POD_NAMESPACE": "system", "SERVER_IMAGE": "s:2", "REDIS_IMAGE": "r:2"}
    found = options([], environ)
    assert (found.identity, found.home, found.server_image, found.redis_image) == ("pod-1", "system", "s:2", "r:2")
    assert options(["--identity=me", "--server-image=s:3"], environ).identity == "me"


def test_an_empty_variable_is_none() -> None:
    assert options([], {"SERVER_IMAGE": ""}).server_image == Options().server_image


def test_an_empty_lease_is_none() -> None:
    assert options(["--lease="], {}).lease == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metrics-port=many"], "--metrics-port: 'many' is not a whole number from 0 to 65535"),
        (["--workers=0"], "--workers: '0' is not a whole number from 1 to 100"),
        (["--log-level=loud"], "invalid choice: 'loud'"),
        (["--no-such-option"], "unrecognized arguments: --no-such-option"),
        (["--namespace"], "--namespace: expected one argument"),
    ],
)
def test_what_cannot_be_understood_is_said(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(arguments, {})
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options(["--version"], {})
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("carillon-operator ")


def test_help_names_every_option_with_its_reason_and_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10000")
    text = parser().format_help()
    for one in fields(Options):
        assert one.metadata["flag"] in text
        assert one.metadata["why"] in text
        if one.default not in ((), "", False):
            assert f"Default: {one.default}." in text


def test_the_readme_has_them() -> None:
    assert markdown() in README.read_text(), "take the table that `python -m carillon_operator.options` prints"
