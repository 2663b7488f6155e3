"""Waking devices whose app is asleep: Firebase Cloud Messaging for Android, Apple's VoIP pushes for iOS.

Guarantees: nobody waits for a provider but the push itself; a ring is tried until its deadline, at least once taken or reported as failed;
a duplicate is possible and carries the same session id. Device tokens, keys and access tokens appear in no log line, span, metric or error.
"""

from carillon.push.message import Kind, PushRequest
from carillon.push.outcome import Outcome, PushResult
from carillon.push.pusher import CallPusher
from carillon.push.sender import PushSender

__all__ = ["CallPusher", "Kind", "Outcome", "PushRequest", "PushResult", "PushSender"]
