"""Times as Kubernetes writes them."""

from datetime import UTC, datetime


def stamp(now: float) -> str:
    """Unix time in seconds → RFC 3339, UTC, whole seconds."""
    return datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text: str | None) -> float | None:
    """The reverse. What is no such time is None: a status can have been written by anybody."""
    try:
        return datetime.fromisoformat(text).timestamp() if text else None
    except ValueError:
        return None
