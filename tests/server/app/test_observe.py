"""What is counted of connections is what happened, and labelled by nothing that a client made up."""

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import CloseCode as StandardCode

from carillon.app.observe import SDK_CODES, Observer
from carillon.call import Call, Cause, Decision, End, Recall, State
from carillon.config import AuthSettings, Settings
from carillon.errors import Close
from carillon.protocol import UserInfo
from carillon.telemetry import Metrics, Telemetry
from carillon.telemetry.instruments import MOST, OTHER

NOTHING_SAID = int(StandardCode.NO_STATUS_RCVD)
MEANT = {*(int(code) for code in Close.all()), NOTHING_SAID, *SDK_CODES}


def observer() -> tuple[Observer, Metrics]:
    telemetry = Telemetry(Settings(auth=AuthSettings(secret="x" * 32)))
    return Observer(telemetry), telemetry.metrics


def close(observer: Observer, code: int, *, clean: bool = True) -> None:
    observer.closed("alice", v1=True, code=code, clean=clean, seconds=1.0, received=0, sent=0)


def test_codes_that_clients_make_up_leave_those_of_the_server_their_labels() -> None:
    one, metrics = observer()
    for code in range(3000, 3000 + 2 * MOST):
        close(one, code)
    for code in MEANT:
        close(one, code, clean=False)
    expected = {str(code): 1 for code in MEANT} | {OTHER: 2 * MOST}
    assert {code: count for (code,), count in metrics.closes.read()} == expected


@given(st.lists(st.integers(1000, 4999)))
def test_the_labels_are_few_whatever_clients_say(codes: list[int]) -> None:
    one, metrics = observer()
    for code in codes:
        close(one, code)
    seen = dict(metrics.closes.read())
    assert sum(seen.values()) == len(codes)
    assert {key for (key,) in seen} <= {OTHER, *map(str, MEANT)}


def test_a_call_that_is_recalled_after_redis_lost_it_is_told_of_once() -> None:
    one, metrics = observer()
    alice, bob = UserInfo("alice"), UserInfo("bob")
    call = Call("id", 2, State.ENDED, alice, bob, 1, 2, ended=2, cause=Cause.HANGUP, ended_by="alice")
    one.committed(Decision(call=call), End(alice))
    once = metrics.calls_ended.read()
    assert sum(count for _, count in once) == 1
    one.committed(Decision(call=call), Recall(call))
    assert metrics.calls_ended.read() == once


def test_a_client_that_says_it_was_cut_off_was_not() -> None:
    one, metrics = observer()
    close(one, Close.SLOW)
    assert metrics.aborts.read() == [((), 0)]
    close(one, Close.SLOW, clean=False)
    assert metrics.aborts.read() == [((), 1)]
