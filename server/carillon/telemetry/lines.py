"""The lines that are worth writing: one when a connection opens, one when it closes, one when a call ends."""

import logging

from carillon.telemetry.tracing import trace_id

connections = logging.getLogger("carillon.connection")
calls = logging.getLogger("carillon.call")


def connection_opened(user_id: str, *, address: str, protocol: str, recovered: bool | None = None) -> None:
    """protocol: `v1` or `reference`. recovered: of a v1 client that came back, whether nothing was missing."""
    extra: dict[str, object] = {"user_id": user_id, "address": address, "protocol": protocol}
    if recovered is not None:
        extra["recovered"] = recovered
    connections.info("connection opened", extra=extra)


def connection_refused(why: str, *, address: str, status: int) -> None:
    """why: one of a few fixed texts. status: HTTP status or close code."""
    connections.info("connection refused", extra={"why": why, "address": address, "status": status})


def connection_closed(user_id: str, *, code: int, by: str, seconds: float, received: int, sent: int, why: str = "") -> None:
    """by: `client`, `server` or `network`. why: what the server closed it for. received, sent: messages."""
    extra: dict[str, object] = {"user_id": user_id, "code": code, "by": by}
    if why:
        extra["why"] = why
    extra |= {"seconds": round(seconds, 3), "received": received, "sent": sent}
    connections.info("connection closed", extra=extra)


def call_ended(
    session_id: str,
    *,
    caller_id: str,
    callee_id: str,
    cause: str,
    ended_by: str,
    rang: float,
    talked: float,
    note: str = "",
    trace: str = "",
) -> None:
    """rang, talked: seconds. note: pod, close code or lease behind the end. trace: the call's traceparent."""
    extra: dict[str, object] = {
        "session_id": session_id,
        "caller_id": caller_id,
        "callee_id": callee_id,
        "cause": cause,
        "ended_by": ended_by,
        "rang": round(rang, 3),
        "talked": round(talked, 3),
    }
    if note:
        extra["note"] = note
    if trace:
        extra["trace_id"] = trace_id(trace)
    calls.info("call ended", extra=extra)
