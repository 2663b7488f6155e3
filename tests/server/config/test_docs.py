import subprocess
import sys
from pathlib import Path

import pytest

from carillon.config import Settings, TelemetrySettings
from carillon.config.declare import declared
from carillon.config.docs import BEGIN, END, dotenv, markdown, readme, sections

ROOT = Path(__file__).parents[3]
ALL = [one for section in sections() for one in declared(section)]


def test_what_is_generated_is_current():
    text = (ROOT / "README.md").read_text()
    assert text.count(BEGIN) == text.count(END) == 1
    for name, wanted in [("README.md", readme(text)), ("docs/settings.md", markdown()), (".env.example", dotenv())]:
        assert (ROOT / name).read_text() == wanted, f"{name}: run python -m carillon.config.docs write"


def test_every_variable_has_one_name_one_reason_and_a_row():
    names = [one.setting.env for one in ALL]
    assert len(set(names)) == len(names)
    table = markdown()
    for one in ALL:
        assert one.setting.why
        assert table.count(f"| `{one.setting.env}` |") == 1
    numbers = [one for one in ALL if one.base in (int, float)]
    assert all(one.setting.least is not None and one.setting.most is not None for one in numbers)


def test_the_example_file_with_every_line_in_force_can_be_read(tmp_path):
    """Files aside, what it proposes works, and what it says to be a default is one."""
    lines = [line.removeprefix("#") for line in dotenv().splitlines() if "=" in line and not line.startswith("# ")]
    environ = dict(line.split("=", 1) for line in lines)
    files = [one.setting.env for one in ALL if environ.get(one.setting.env, "").startswith("/")]
    environ = {name: value for name, value in environ.items() if name not in files}
    environ |= {"JWT_SECRET": "x" * 32, "JWT_ALGORITHMS": "HS256", "TURN_SECRET": "s"}
    for alone in ("FCM_PROJECT_ID", "APNS_BUNDLE_ID"):
        environ.pop(alone)
    assert Settings.from_env(environ).calls == Settings.from_env({"JWT_SECRET": "x" * 32}).calls


def test_the_readme_keeps_what_stands_around_its_table():
    made = readme(f"# Title\n\n{BEGIN}\nold\n{END}\n\n## After\n")
    assert made.startswith("# Title\n")
    assert made.endswith(f"{END}\n\n## After\n")
    assert "| `JWT_SECRET` |" in made
    assert "old" not in made
    with pytest.raises(ValueError, match="settings:begin"):
        readme("# Title\n")


def test_the_command_prints_the_tables():
    done = subprocess.run([sys.executable, "-m", "carillon.config.docs"], capture_output=True, text=True, check=True)
    assert done.stdout == markdown()


@pytest.mark.parametrize(
    ("made", "traces", "metrics"),
    [
        (TelemetrySettings(), None, None),
        (TelemetrySettings(otel_endpoint="http://c:4317"), "grpc", "grpc"),
        (TelemetrySettings(otel_endpoint="http://c:4318"), "http/protobuf", "http/protobuf"),
        (TelemetrySettings(otel_endpoint="http://c:4318", otel_disabled=True), None, None),
        (TelemetrySettings(otel_endpoint="http://c", otel_traces_exporter="none"), None, "http/protobuf"),
        (TelemetrySettings(otel_traces_exporter="otlp", otel_protocol="grpc"), "grpc", None),
        (TelemetrySettings(otel_metrics_endpoint="http://c:4317", otel_metrics_protocol="http/protobuf"), None, "http/protobuf"),
    ],
)
def test_opentelemetrys_own_variables_switch_the_export(made, traces, metrics):
    assert (made.traces, made.metrics) == (traces, metrics)
