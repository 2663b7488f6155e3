import pytest

from carillon.config import RedisSettings, RedisTarget
from carillon.config.redis import FORMS, parse_url


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("redis://localhost", RedisTarget("standalone", (("localhost", 6379),))),
        ("rediss://u:p%40ss@h:7000/3", RedisTarget("standalone", (("h", 7000),), True, "u", "p@ss", 3)),
        ("redis://:p@[::1]:6380", RedisTarget("standalone", (("::1", 6380),), password="p")),
        ("unix:///run/redis.sock", RedisTarget("unix", path="/run/redis.sock")),
        ("redis+sentinel://a,b:1/main", RedisTarget("sentinel", (("a", 26379), ("b", 1)), service="main")),
        ("rediss+sentinel://u:p@a,[::1]:2/main/4", RedisTarget("sentinel", (("a", 26379), ("::1", 2)), True, "u", "p", 4, "main")),
        ("redis+cluster://u:p@a,b:7001", RedisTarget("cluster", (("a", 6379), ("b", 7001)), False, "u", "p")),
    ],
)
def test_one_url_says_where_redis_is(url, target):
    assert parse_url(url) == target


@pytest.mark.parametrize(
    "url",
    [
        "localhost:6379",
        "http://h",
        "redis://",
        "redis://a,b",
        "redis://h:0",
        "redis://h:99999",
        "redis://h/x",
        "redis://h?ssl=1",
        "redis://u:p/w@h",
        "unix://",
        "redis+sentinel://a",
        "redis+sentinel://a,,b/main",
        "redis+cluster://a/1",
        "redis+proxy://a",
    ],
)
def test_other_urls_are_refused_without_being_quoted(url):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        parse_url(url)
    assert str(caught.value) == FORMS


def test_variables_of_their_own_go_before_the_url():
    settings = RedisSettings(url="redis://u:p@h", username="me", password="other", sentinel_username="s", sentinel_password="t")
    target = settings.target
    assert (target.username, target.password, target.sentinel_username, target.sentinel_password) == ("me", "other", "s", "t")
    assert RedisSettings(addr="a:1").target.hosts == (("a", 1),)
