"""The call engine: who may do what to a call, and what follows. Pure: values in, values out, the clock passed in.

A pod decides on what it believes of the two users and the call (`World`); the store checks that belief when it commits and, where
it was wrong, gives the truth back, upon which the pod decides again. A belief that turns out true needs no read.

    ringing ──accept──▶ accepted ──end, lost──▶ ended
       └──reject, cancel, no answer, lost──────▶ ended

All times are microseconds of Redis time (Unix epoch) unless a name says otherwise.
"""

from carillon.call.commands import Accept, Check, Command, End, Expire, Recall, Reject, Report, Start
from carillon.call.decide import decide
from carillon.call.end import cancel_is_owed
from carillon.call.model import SECOND, Alert, Call, Cause, State
from carillon.call.outcomes import Deadline, Decision, Delivery, Found, Kind, Outcome, Refusal, Wait
from carillon.call.world import Party, Rules, World

__all__ = [
    "SECOND",
    "Accept",
    "Alert",
    "Call",
    "Cause",
    "Check",
    "Command",
    "Deadline",
    "Decision",
    "Delivery",
    "End",
    "Expire",
    "Found",
    "Kind",
    "Outcome",
    "Party",
    "Recall",
    "Refusal",
    "Reject",
    "Report",
    "Rules",
    "Start",
    "State",
    "Wait",
    "World",
    "cancel_is_owed",
    "decide",
]
