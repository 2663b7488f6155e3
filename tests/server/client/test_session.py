"""The client's own state: whatever is lost, repeated or cut off, it numbers, resends and takes in order."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.client.session import Session


def welcome(session: str = "s", *, n: int = 0, seq: int = 0, recovered: bool = True) -> dict[str, Any]:
    payload = {"session": session, "epoch": "e", "seq": seq, "n": n, "recovered": recovered}
    return {"type": "session.welcome", "payload": payload}


def inbox(seq: int, kind: str = "webrtc.ice") -> dict[str, Any]:
    return {"type": kind, "payload": {"session_id": "c"}, "seq": seq}


def test_a_fresh_session_resumes_nothing() -> None:
    assert json.loads(Session().resume())["payload"] == {"session": None, "epoch": None, "last_seq": 0, "n": 0}


def test_what_is_not_answered_is_sent_again_after_the_welcome() -> None:
    session = Session()
    session.receive(welcome())
    sent = [session.number("webrtc.ice", {"candidate": str(number)}) for number in range(3)]
    session.receive({"type": "ack", "payload": {"n": 1}})
    replies, _ = session.receive(welcome(n=2))
    assert [json.loads(reply) for reply in replies] == [json.loads(sent[2])]
    assert json.loads(session.resume())["payload"]["n"] == 2


def test_a_new_session_voids_what_was_not_answered() -> None:
    session = Session()
    session.receive(welcome("one"))
    session.number("call.start", {})
    replies, _ = session.receive(welcome("two", recovered=False))
    assert replies == []
    assert json.loads(session.number("call.start", {}))["n"] == 1


def test_an_error_answers_unless_it_consumed_no_number() -> None:
    session = Session()
    session.receive(welcome())
    session.number("call.start", {})
    session.receive({"type": "error", "payload": {"code": "unavailable", "message": "", "n": 1}})
    assert session.outbox
    session.receive({"type": "error", "payload": {"code": "user_busy", "message": "", "n": 1}, "seq": 1})
    assert not session.outbox


def test_rings_are_acknowledged_and_pings_answered() -> None:
    session = Session()
    replies, news = session.receive(inbox(1, "call.ring"))
    assert (json.loads(replies[0]), news) == ({"type": "received", "payload": {"seq": 1}}, True)
    replies, news = session.receive({"type": "session.ping", "payload": {"id": "x"}})
    assert (json.loads(replies[0]), news) == ({"type": "session.pong", "payload": {"id": "x"}}, False)


@given(st.lists(st.integers(1, 12), max_size=60))
def test_each_message_is_news_once_and_in_order(arrivals: list[int]) -> None:
    session, taken = Session(), []
    for seq in arrivals:
        try:
            _, news = session.receive(inbox(seq))
        except ValueError:
            continue
        if news:
            taken.append(seq)
    assert taken == list(range(1, len(taken) + 1))


def test_a_gap_is_not_passed_over() -> None:
    with pytest.raises(ValueError, match="message 2 after 0"):
        Session().receive(inbox(2))
