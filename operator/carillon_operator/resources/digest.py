"""Short names of contents."""

import hashlib
import json
from typing import Any


def digest(value: Any, length: int = 10) -> str:
    """Hexadecimal digits that change with the JSON value, whatever the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]
