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


def test_of_an_earlier_session_no_answers_are_counted() -> None:
    session = Session()
    session.receive(welcome("one"))
    for _ in range(50):
        session.number("webrtc.ice", {})
    session.receive({"type": "ack", "payload": {"n": 50}})
    session.receive(welcome("two", recovered=False))
    assert json.loads(session.resume())["payload"]["n"] == 0
    sent = [session.number("webrtc.ice", {}) for _ in range(2)]
    session.receive({"type": "ack", "payload": {"n": 1}})
    replies, _ = session.receive(welcome("two"))
    assert [json.loads(reply) for reply in replies] == [json.loads(sent[1])]


def test_what_json_cannot_carry_takes_no_number() -> None:
    session = Session()
    with pytest.raises(TypeError):
        session.number("webrtc.ice", {"candidate": b"bytes"})
    assert not session.outbox
    assert json.loads(session.number("webrtc.ice", {}))["n"] == 1


def error(code: str, n: int, **more: Any) -> dict[str, Any]:
    return {"type": "error", "payload": {"code": code, "message": "", "n": n, **more}}


def test_an_error_answers() -> None:
    session = Session()
    session.receive(welcome())
    session.number("call.start", {})
    assert session.receive(error("user_busy", 1) | {"seq": 1}) == ([], True)
    assert not session.outbox


def test_what_redis_left_open_is_sent_again_with_its_number() -> None:
    session = Session()
    session.receive(welcome())
    sent = session.number("call.accept", {"session_id": "c"})
    assert session.receive(error("unavailable", 1, retry_after=5)) == ([], False)
    assert session.again == 5
    assert [json.dumps(message) for message in session.outbox] == [sent]


def test_what_was_refused_for_its_rate_gives_its_number_back_if_nothing_followed() -> None:
    session = Session()
    session.receive(welcome())
    session.number("call.start", {"callee_id": "bob"})
    assert session.receive(error("rate_limited", 1, retry_after=20)) == ([], True)
    assert (session.outbox, session.again) == ([], None)
    session.number("webrtc.ice", {"candidate": "a"})
    session.number("webrtc.ice", {"candidate": "b"})
    assert session.receive(error("rate_limited", 1, retry_after=2)) == ([], False)
    assert ([message["n"] for message in session.outbox], session.again) == ([1, 2], 2)


def test_a_gap_is_filled_once_however_many_report_it() -> None:
    session = Session()
    session.receive(welcome())
    sent = [session.number("webrtc.ice", {"candidate": str(number)}) for number in range(4)]
    session.receive({"type": "ack", "payload": {"n": 1}})
    assert session.receive(error("out_of_sequence", 3, expected=2)) == (sent[1:], False)
    assert session.receive(error("out_of_sequence", 4, expected=2)) == ([], False)
    for n in (2, 3, 4):
        session.receive({"type": "ack", "payload": {"n": n}})
    assert not session.outbox


@given(st.data(), st.integers(1, 12))
def test_a_server_that_loses_refuses_and_delays_gets_each_message_once_and_in_order(data: st.DataObject, count: int) -> None:
    """A server as the protocol describes it: only the next `n` is taken, all else is answered by what is expected."""
    session, taken, wire = Session(), [], []
    session.receive(welcome())
    wire += [session.number("webrtc.ice", {"candidate": number}) for number in range(count)]
    for _ in range(60):
        if not wire:
            wire += [json.dumps(message) for message in session.outbox]
        if not wire:
            break
        message, n = json.loads(wire[0]), json.loads(wire.pop(0))["n"]
        fault = data.draw(st.sampled_from(["none", "none", "unavailable", "rate_limited"])) if count > 1 else "none"
        if fault != "none" and len(session.outbox) > 1:
            answer = error(fault, n, retry_after=0.1)
        elif n <= len(taken):
            answer = {"type": "ack", "payload": {"n": n}}
        elif n > len(taken) + 1:
            answer = error("out_of_sequence", n, expected=len(taken) + 1)
        else:
            taken.append(message["payload"]["candidate"])
            answer = {"type": "ack", "payload": {"n": n}}
        replies, _ = session.receive(answer)
        wire += replies
    assert taken == list(range(len(taken)))


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
