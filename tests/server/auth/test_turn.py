import base64
import hashlib
import hmac

from carillon.auth.turn import credentials, ice_servers
from carillon.config import TurnSettings


def test_credentials_are_what_coturn_computes() -> None:
    username, password = credentials("north", "alice", 1_700_000_000.9, 600)
    assert username == "1700000600:alice"
    assert password == base64.b64encode(hmac.digest(b"north", b"1700000600:alice", hashlib.sha1)).decode()


def test_stun_needs_no_credentials() -> None:
    settings = TurnSettings(urls=("stun:s.example.com", "turn:t.example.com", "turns:t.example.com"), secret="north", ttl=60)
    stun, turn = ice_servers(settings, "alice", 0)
    assert (stun.urls, stun.username) == (["stun:s.example.com"], None)
    assert turn.urls == ["turn:t.example.com", "turns:t.example.com"]
    assert turn.username == "60:alice"
    assert ice_servers(TurnSettings(), "alice", 0) == []
