"""What can go wrong in a call to the API server.

ApiError            it answered, and not as wished
├── NotFound        404
├── Conflict        409: somebody was faster, or it exists
├── Forbidden       401, 403
├── Invalid         400, 413, 422: the same call will be refused again
└── Throttled       429, 503 with Retry-After; `after` says when
Unreachable         no answer
NotLeading          a write by an operator that does not lead; it was not sent
"""

from typing import Any


class ApiError(Exception):
    """status: of HTTP. reason: Kubernetes' word for programs. message: Kubernetes' sentence."""

    def __init__(self, status: int, reason: str, message: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.status, self.reason, self.message, self.causes = status, reason, message, causes

    @property
    def passing(self) -> bool:
        """Whether the same call may go through in a moment."""
        return self.status >= 500

    @property
    def namespace_ends(self) -> bool:
        """The namespace is being deleted: nothing can be made in it, and nothing needs to."""
        return "NamespaceTerminating" in self.causes


class NotFound(ApiError):
    pass


class Conflict(ApiError):
    pass


class Forbidden(ApiError):
    pass


class Invalid(ApiError):
    pass


class Throttled(ApiError):
    """after: seconds to wait, as the API server asks."""

    after = 1.0
    passing = True


class Unreachable(Exception):
    passing = True


class NotLeading(Exception):
    pass


_KINDS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Forbidden,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: Invalid,
    422: Invalid,
    429: Throttled,
}


def error(status: int, body: Any, retry_after: str | None) -> ApiError:
    """body: a `Status` of meta/v1, or whatever stood in its place."""
    said = body if isinstance(body, dict) else {}
    message = str(said.get("message") or f"HTTP {status}")
    causes = tuple(str(one.get("reason", "")) for one in (said.get("details") or {}).get("causes") or [])
    kind = Throttled if status == 503 and retry_after else _KINDS.get(status, ApiError)
    found = kind(status, str(said.get("reason", "")), message, causes)
    if isinstance(found, Throttled) and retry_after and retry_after.isdecimal():
        found.after = min(max(float(retry_after), 1.0), 60.0)
    return found
