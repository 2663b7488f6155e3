"""What operations.md tells to grant is what the scripts need."""

import re
from pathlib import Path

from harness.links import ACL_RULES

ROOT = Path(__file__).parents[3]


def test_the_documented_rights_are_those_that_are_tested() -> None:
    line = (ROOT / "docs/operations.md").read_text().partition("user carillon on")[2].partition("```")[0]
    documented = set(re.findall(r"\+[a-z|]+", line)) - {"+spublish", "+ssubscribe"}
    assert documented == {rule for rule in ACL_RULES if rule.startswith("+")} - {"+spublish", "+ssubscribe"}
