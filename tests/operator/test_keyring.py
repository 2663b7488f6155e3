"""Rotation of the generated keyring: no token is refused at any moment."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carillon_operator.keyring import PATIENCE, BadKeyring, Key, Step, advance, checksum, new_key, parse, render
from carillon_operator.spec.status import KeyringStatus
from carillon_operator.spec.times import stamp

NOW = 1_790_000_000.0
LIFETIME = 3600.0
FIRST = (Key("0", "a" * 43, "sign"),)
SETTLED = KeyringStatus()


def step(keys: tuple[Key, ...], wanted: int, status: KeyringStatus = SETTLED, loaded: bool = True, now: float = NOW) -> Step:
    return advance(keys, wanted, status, loaded, LIFETIME, bytes(range(32)), now)


def uses(found: Step) -> dict[str, str]:
    assert found.keys is not None
    return {one.kid: one.use for one in found.keys}


def test_a_rotation_from_end_to_end() -> None:
    added = step(FIRST, 1)
    assert uses(added) == {"0": "sign", "1": "verify"}
    assert (added.status.phase, added.status.since) == ("Verifying", stamp(NOW))
    assert added.keys is not None

    assert step(added.keys, 1, added.status, now=NOW + PATIENCE - 1).keys is None
    assert step(added.keys, 1, added.status, loaded=False, now=NOW + PATIENCE).keys is None
    turned = step(added.keys, 1, added.status, now=NOW + PATIENCE)
    assert uses(turned) == {"0": "verify", "1": "sign"}
    assert turned.status.phase == "Retiring"
    assert turned.keys is not None

    begun = NOW + PATIENCE
    waiting = step(turned.keys, 1, turned.status, now=begun + LIFETIME)
    assert (waiting.keys, waiting.again) == (None, PATIENCE)
    retired = step(turned.keys, 1, turned.status, now=begun + LIFETIME + PATIENCE)
    assert uses(retired) == {"1": "sign"}
    assert retired.status == KeyringStatus(rotation=1)
    assert retired.keys is not None
    assert step(retired.keys, 1, retired.status).keys is None


def test_nothing_is_rotated_unasked() -> None:
    assert step(FIRST, 0) == Step(SETTLED)
    assert step((Key("mine", "b" * 40, "sign"),), 0).keys is None


def test_a_rotation_asked_for_meanwhile_comes_after() -> None:
    keys = (*FIRST, new_key("1", bytes(32), "verify"))
    assert step(keys, 2, KeyringStatus(rotation=1, phase="Verifying", since=stamp(NOW))).keys is None
    assert uses(step((Key("1", "c" * 40, "sign"),), 2)) == {"1": "sign", "2": "verify"}


def test_a_lost_status_waits_anew() -> None:
    keys = (Key("0", "a" * 40, "verify"), Key("1", "b" * 40, "sign"))
    found = step(keys, 1)
    assert (found.keys, found.again) == (None, LIFETIME + PATIENCE)


def test_keys_of_others_are_left_alone() -> None:
    theirs = Key("partner", "p" * 40, "verify")
    keys = (theirs, Key("0", "a" * 40, "verify"), Key("1", "b" * 40, "sign"))
    done = step(keys, 1, KeyringStatus(rotation=1, phase="Retiring", since=stamp(NOW - 9999)))
    assert uses(done) == {"partner": "verify", "1": "sign"}


def test_keyrings_are_read_as_they_are_written() -> None:
    keys = (*FIRST, new_key("1", bytes(range(32)), "verify"))
    assert parse(render(keys)) == keys
    assert checksum(render(keys)) != checksum(render(FIRST))
    assert len(keys[1].secret) == 43


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("secret", "not JSON"),
        ("[]", "no list"),
        ('{"keys": []}', "no list"),
        ('{"keys": ["secret"]}', "no object"),
        ('{"keys": [{"kid": "a", "use": "sign"}]}', "lacks kid or secret"),
        ('{"keys": [{"kid": "a", "secret": "secret", "use": "both"}]}', "other than"),
        ('{"keys": [{"kid": "a", "secret": "secret", "use": "verify"}]}', "exactly one"),
        (json.dumps({"keys": [{"kid": "a", "secret": "secret", "use": "sign"}] * 2}), "same kid"),
    ],
)
def test_a_bad_keyring_is_told_in_words_that_quote_nothing(text: str, words: str) -> None:
    with pytest.raises(BadKeyring, match=words) as caught:
        parse(text)
    assert "secret" not in str(caught.value).replace("lacks kid or secret", "")


def test_no_secret_is_shown_by_accident() -> None:
    assert "aaa" not in repr(FIRST[0])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 2000), st.booleans(), st.booleans()), max_size=60))
def test_every_pod_takes_every_token_that_may_live(moves: list[tuple[int, bool, bool]]) -> None:
    """Pods load a keyring late, backends sign with any that was ever written within the patience; nobody is refused."""
    keys, status, wanted, now = FIRST, SETTLED, 0, NOW
    pod, loaded_at = FIRST, NOW
    signed: dict[str, float] = {}
    for passed, rotate, loads in moves:
        now += passed
        wanted += rotate
        if loads or now - loaded_at > PATIENCE:
            pod, loaded_at = keys, now
        signer = next(one for one in pod if one.use == "sign")
        signed[signer.kid] = now
        found = advance(keys, wanted, status, pod == keys, LIFETIME, bytes(range(32)), now)
        keys, status = found.keys or keys, found.status
        alive = {kid for kid, at in signed.items() if now - at < LIFETIME}
        assert alive <= {one.kid for one in pod}
        assert alive <= {one.kid for one in keys}
        assert sum(one.use == "sign" for one in keys) == 1
