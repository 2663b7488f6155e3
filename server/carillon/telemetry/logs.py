"""Log records as lines: JSON off a terminal, plain text on one. No line ever holds a token."""

import json
import logging
import re
import sys
import time
from typing import TextIO

from carillon.config import TelemetrySettings

HIDDEN = "[redacted]"
_SECRETS = re.compile(
    r"""
      (?P<key>
        (?: (?<![A-Za-z0-9]) | (?<=%3F) | (?<=%26) ) (?: access_?token | token )
        (?: = | %3D | \\*["']? \s* : \s* \\*["']? )
      ) [^\s&"'\\,;)}\]]+
    | (?P<header> \b authorization \b ["'\\]* \s* [:=,] \s* (?: b?\\*["'] )? ) (?: (?:bearer|basic) \s+ )? [^\s"'\\,)]+
    | (?P<scheme> \b bearer (?: \s+ | \. | %20 | %2[eE] ) ) [^\s"'\\,;)&]+
    | (?-i: eyJ ) [A-Za-z0-9_-]{5,} \. [A-Za-z0-9_-]+ (?: \. [A-Za-z0-9_-]* )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


def redact(text: str) -> str:
    """Replace what follows `token=`, `Authorization:` or `bearer`, and whatever looks like a JWT, wherever it stands."""
    return _SECRETS.sub(_hide, text)


def _hide(match: re.Match[str]) -> str:
    return (match["key"] or match["header"] or match["scheme"] or "") + HIDDEN


class JsonFormatter(logging.Formatter):
    """One object per line: time (RFC 3339, UTC), level, logger, message, server, then what the record has beside."""

    def __init__(self, server: str) -> None:
        super().__init__()
        self._server = server

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _utc(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "server": self._server,
            **_beside(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(line, default=str))


class TextFormatter(logging.Formatter):
    """`12:00:01.123 info connection opened user=alice`"""

    def format(self, record: logging.LogRecord) -> str:
        clock = time.strftime("%H:%M:%S", time.localtime(record.created)) + f".{int(record.msecs):03d}"
        beside = "".join(f" {key}={_plain(value)}" for key, value in _beside(record).items())
        line = f"{clock} {record.levelname.lower():7} {record.getMessage()}{beside}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


def _beside(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}


def _plain(value: object) -> str:
    """Quoted where it could be taken for another field or line."""
    text = str(value)
    return text if text.isprintable() and text and " " not in text else json.dumps(text)


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"


def configure_logging(settings: TelemetrySettings, server: str, stream: TextIO | None = None) -> logging.Handler:
    """Send all records of the process to `stream` (stderr) and to nowhere else; returns the handler."""
    stream = stream or sys.stderr
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter(server))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    silence()
    return handler


def silence() -> None:
    """Keep quiet what says too much: uvicorn prints `/ws?token=...` for every WebSocket, its access log off or not.

    To be called after uvicorn's `Config` has been made, unless that was given `log_config=None`.
    """
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn.access").disabled = True
    # At debug level these print whole handshakes, headers included (the websockets library does so under uvicorn's name), and uvicorn at
    # info the query string. What it says there of its start and end we say ourselves, with the facts.
    level = logging.getLogger().level
    for name in ("uvicorn.error", "websockets", "httpx", "httpcore", "hpack", "urllib3", "google.auth", "asyncio"):
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
