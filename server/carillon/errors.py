"""What can go wrong, in two catalogues and one exception tree.

    CarillonError
    ├── ConfigError            settings that cannot be used; every mistake at once
    ├── ProtocolError          a message that cannot be read
    ├── AuthError              a token that is not accepted
    │   ├── TokenExpired
    │   └── KeysUnavailable    it cannot be told
    ├── Refused                a command answered with an `error` message (carries an ErrorCode)
    └── StoreError             Redis did not do what was asked
        ├── StoreUnavailable   no answer: unsent, or sent and unanswered
        └── StoreFull          refused by `maxmemory` with `noeviction`

Error codes answer one message on a socket that stays open. Close codes end the socket. Each says whether trying again can help.
"""

from dataclasses import dataclass
from enum import StrEnum


class ErrorCode(StrEnum):
    """Codes of the `error` message. The first seven are the reference's and the only ones its clients see."""

    INVALID_MESSAGE = "invalid_message"
    UNAUTHORIZED = "unauthorized"
    USER_BUSY = "user_busy"
    USER_OFFLINE = "user_offline"
    SESSION_NOT_FOUND = "session_not_found"
    INVALID_STATE = "invalid_state"
    INTERNAL_ERROR = "internal_error"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    OUT_OF_SEQUENCE = "out_of_sequence"

    @property
    def spec(self) -> "ErrorSpec":
        return ERRORS[self]


@dataclass(frozen=True, slots=True)
class ErrorSpec:
    message: str
    """What a person is told, in the reference's words where it has them."""
    retryable: bool
    """Whether the same message may succeed later without anything else changing."""
    reference: ErrorCode
    """The code that a client of the reference's protocol is given instead."""
    meaning: str


ERRORS: dict[ErrorCode, ErrorSpec] = {
    ErrorCode.INVALID_MESSAGE: ErrorSpec("Invalid message", False, ErrorCode.INVALID_MESSAGE, "Malformed message or unknown type."),
    ErrorCode.UNAUTHORIZED: ErrorSpec(
        "Not authorized",
        False,
        ErrorCode.UNAUTHORIZED,
        "The sender has no part in this call, or the token does not allow it.",
    ),
    ErrorCode.USER_BUSY: ErrorSpec("User is busy", True, ErrorCode.USER_BUSY, "The caller or the callee is already in a call."),
    ErrorCode.USER_OFFLINE: ErrorSpec(
        "User is offline",
        True,
        ErrorCode.USER_OFFLINE,
        "The callee is not connected and no device token was given (or no push provider is set up).",
    ),
    ErrorCode.SESSION_NOT_FOUND: ErrorSpec("Session not found", False, ErrorCode.SESSION_NOT_FOUND, "No such call, or it has ended."),
    ErrorCode.INVALID_STATE: ErrorSpec(
        "Invalid state transition",
        False,
        ErrorCode.INVALID_STATE,
        "The call is not in a state that allows this (a second accept by a reference client, media before accept).",
    ),
    ErrorCode.INTERNAL_ERROR: ErrorSpec(
        "Internal error", True, ErrorCode.INTERNAL_ERROR, "The server failed; it says no more to a client."
    ),
    ErrorCode.RATE_LIMITED: ErrorSpec(
        "Too many requests",
        True,
        ErrorCode.INTERNAL_ERROR,
        "A limit of this user or connection is reached; `retry_after` says for how long. The message was not looked at and used up no `n`.",
    ),
    ErrorCode.UNAVAILABLE: ErrorSpec(
        "Service temporarily unavailable",
        True,
        ErrorCode.INTERNAL_ERROR,
        "Redis gave no answer in time: what became of the message is not known. Send the same again, with its `n`, after `retry_after`.",
    ),
    ErrorCode.OUT_OF_SEQUENCE: ErrorSpec(
        "Message number out of sequence", True, ErrorCode.INVALID_MESSAGE, "`n` is not the next expected one; send again from `expected`."
    ),
}


class CloseCode(int):
    """A WebSocket close code (RFC 6455 §7.4) with what it means here."""

    reason: str
    retryable: bool
    meaning: str

    def __new__(cls, code: int, reason: str, retryable: bool, meaning: str) -> "CloseCode":
        self = super().__new__(cls, code)
        self.reason, self.retryable, self.meaning = reason, retryable, meaning
        return self


class Close:
    """Close codes the server sends, and ABNORMAL, which it reports for a socket lost without a close frame."""

    NORMAL = CloseCode(1000, "replaced", False, "Another connection of this user took over, or the client hung up.")
    GOING_AWAY = CloseCode(1001, "going away", True, "Sent by clients that reload or leave; starts the grace, ends nothing.")
    PROTOCOL = CloseCode(1002, "protocol error", False, "A frame that breaks RFC 6455.")
    UNSUPPORTED = CloseCode(1003, "text only", False, "A binary frame.")
    ABNORMAL = CloseCode(1006, "lost", True, "Never sent: the socket was lost without a close frame.")
    NOT_UTF8 = CloseCode(1007, "not UTF-8", False, "A text message that is no UTF-8.")
    TOO_BIG = CloseCode(1009, "message too big", False, "A frame above the size limit.")
    INTERNAL = CloseCode(1011, "internal error", True, "The server failed on this connection.")
    RESTART = CloseCode(1012, "service restart", True, "This server is leaving; reconnect, jittered, and resume.")
    TRY_AGAIN = CloseCode(1013, "try again later", True, "Redis or the keys for tokens cannot be reached; reconnect after `retry_after`.")
    UNAUTHORIZED = CloseCode(4401, "unauthorized", False, "The token was refused at connect (v1; others get HTTP 401).")
    TOKEN_EXPIRED = CloseCode(4402, "token expired", True, "The token's time is up; connect with a fresh one.")
    FORBIDDEN = CloseCode(4403, "forbidden", False, "The page that connects is not in ALLOWED_ORIGINS (v1; others get HTTP 403).")
    IDLE = CloseCode(4408, "unresponsive", True, "No pong within the keepalive time.")
    SLOW = CloseCode(4409, "too slow", True, "The client reads more slowly than it is sent to; the backlog limit is reached.")
    FLOODING = CloseCode(4429, "too many messages", True, "Message or byte rate of the connection far above its limit.")
    OVERLOADED = CloseCode(4503, "overloaded", True, "The server takes no more connections now (v1; others get HTTP 503).")

    @classmethod
    def all(cls) -> list[CloseCode]:
        return [value for value in vars(cls).values() if isinstance(value, CloseCode)]


class CarillonError(Exception):
    """Root of everything Carillon raises on purpose."""


class ConfigError(CarillonError):
    """Settings that cannot be used. `problems` holds one sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ProtocolError(CarillonError):
    """A message that cannot be read; the text may be shown to its sender and quotes nothing of it."""


class AuthError(CarillonError):
    """A token that is not accepted; the text says why and never contains the token."""


class TokenExpired(AuthError):
    """`exp` lies in the past, leeway included."""


class KeysUnavailable(AuthError):
    """Whether a token is good cannot be told: the keys of its kind cannot be had. retry_after: seconds until they are asked for again."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("The keys that tokens are checked with cannot be had")
        self.retry_after = retry_after


class Refused(CarillonError):
    """A command that is answered with an `error` message.

    retry_after: seconds after which trying again makes sense; None where it does not.
    """

    def __init__(self, code: ErrorCode, message: str | None = None, *, retry_after: float | None = None) -> None:
        super().__init__(message or code.spec.message)
        self.code = code
        self.message = message or code.spec.message
        self.retry_after = retry_after


class StoreError(CarillonError):
    """Redis did not do what was asked."""


class StoreUnavailable(StoreError):
    """No answer in time. `sent` tells whether the command may have run."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class StoreFull(StoreError):
    """Redis is at `maxmemory` and refused to grow."""
