"""What an error reply of Redis means for the command: whether it ran, and whether another server must be asked."""

import re
from enum import Enum

from carillon.errors import StoreError, StoreFull, StoreUnavailable


class Fate(Enum):
    FAILED = "failed"
    """Asked again it would fail again."""
    FULL = "full"
    """Not run: Redis is at `maxmemory`."""
    UNKNOWN_SCRIPT = "unknown script"
    """Not run: Redis was restarted or told to forget its scripts."""
    NOT_RUN = "not run"
    """This server will not run it now; another one, or the same a little later, will."""
    PERHAPS_RUN = "perhaps run"
    """A script stopped halfway because its slot was being moved."""


_FATES = {"NOSCRIPT": Fate.UNKNOWN_SCRIPT, "OOM": Fate.FULL}
_FATES |= dict.fromkeys(
    # A replica, or a server that lost its primary; another node's slot; loading, saving, short of replicas, in a stranger's script;
    # a password changed under us.
    ("READONLY", "MASTERDOWN", "MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MISCONF", "NOREPLICAS", "BUSY", "NOAUTH"),
    Fate.NOT_RUN,
)

_WORD = re.compile(r"(?:^|: -)([A-Z]+) ")
"""The error's code. Redis before 7.0 hides that of a command inside Lua: `ERR Error running script (...): @user_script:7: -OOM ...`.
Redis looks for all of these before a script's first write only, so that one which fails of them has written nothing."""


def fate(text: str) -> Fate:
    """text: an error reply, without its leading dash."""
    if "attempted to access a non local key" in text:
        return Fate.PERHAPS_RUN
    return next((_FATES[word] for word in _WORD.findall(text + " ") if word in _FATES), Fate.FAILED)


def error(text: str) -> StoreError:
    """The exception for a command that was refused for good. A script's own words are kept, keys and values are not in them."""
    match fate(text):
        case Fate.FULL:
            return StoreFull("Redis has reached its memory limit")
        case Fate.PERHAPS_RUN:
            return StoreUnavailable("the cell's slot is being moved", sent=True)
        case _:
            return StoreError(f"Redis answered: {text[:200]}")
