"""Error replies as the servers word them: 6.2.14, 7.0.15; Valkey's are those of 7."""

import pytest

from carillon.errors import StoreError, StoreFull, StoreUnavailable
from carillon.store.refusals import Fate, error, fate

RUNNING = "ERR Error running script (call to f_0c3a8fd): @user_script:3: @user_script: 3: "


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NOSCRIPT No matching script. Please use EVAL.", Fate.UNKNOWN_SCRIPT),
        ("NOSCRIPT No matching script.", Fate.UNKNOWN_SCRIPT),
        ("OOM command not allowed when used memory > 'maxmemory'.", Fate.FULL),
        ("OOM command not allowed when used memory > 'maxmemory'. script: 0c3a8fd, on @user_script:1.", Fate.FULL),
        (RUNNING + "-OOM command not allowed when used memory > 'maxmemory'. ", Fate.FULL),
        ("READONLY You can't write against a read only replica.", Fate.NOT_RUN),
        ("READONLY You can't write against a read only replica. script: 0c3a8fd, on @user_script:1.", Fate.NOT_RUN),
        (RUNNING + "-READONLY You can't write against a read only replica. ", Fate.NOT_RUN),
        ("MOVED 866 127.0.0.1:7001", Fate.NOT_RUN),
        ("ASK 866 127.0.0.1:7001", Fate.NOT_RUN),
        ("TRYAGAIN Multiple keys request during rehashing of slot", Fate.NOT_RUN),
        ("CLUSTERDOWN Hash slot not served", Fate.NOT_RUN),
        ("LOADING Redis is loading the dataset in memory", Fate.NOT_RUN),
        ("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", Fate.NOT_RUN),
        ("NOREPLICAS Not enough good replicas to write.", Fate.NOT_RUN),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", Fate.NOT_RUN),
        (RUNNING + "-MISCONF Errors writing to the AOF file: No space left on device ", Fate.NOT_RUN),
        ("NOAUTH Authentication required.", Fate.NOT_RUN),
        (RUNNING + "Script attempted to access a non local key in a cluster node ", Fate.PERHAPS_RUN),
        ("ERR Script attempted to access a non local key in a cluster node script: 0c3, on @user_script:1.", Fate.PERHAPS_RUN),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", Fate.FAILED),
        ("NOPERM this user has no permissions to run the 'get' command or its subcommand", Fate.FAILED),
        (RUNNING + "Script attempted to access nonexistent global variable 'OOM' ", Fate.FAILED),
        ("ERR unknown command `FOO`", Fate.FAILED),
    ],
)
def test_what_a_refusal_means(text: str, expected: Fate) -> None:
    assert fate(text) is expected


def test_errors_that_callers_can_tell_apart() -> None:
    assert isinstance(error("OOM command not allowed"), StoreFull)
    moved = error("ERR Script attempted to access a non local key in a cluster node")
    assert isinstance(moved, StoreUnavailable)
    assert moved.sent
    assert type(error("WRONGTYPE Operation against")) is StoreError
