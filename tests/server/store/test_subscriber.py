import contextlib
from collections.abc import AsyncIterator

import pytest
from harness.faults import FaultProxy
from harness.links import linked, settled, until
from harness.redis import RedisServer

from carillon.config import RedisSettings
from carillon.store.endpoints import Connector
from carillon.store.link import RedisLink
from carillon.store.subscriber import Subscriber


class Listener:
    """A pod's ear: what it heard, and how often it (re)joined."""

    def __init__(self, settings: RedisSettings, cell: str) -> None:
        self.channel = f"{{carillon:{cell}}}:ch:pod"
        self.heard: list[bytes] = []
        self.joined = 0
        self.subscriber = Subscriber(Connector(settings, f"{{carillon:{cell}}}"), self.channel, self.on_message, self.on_subscribed)

    def on_message(self, data: bytes) -> None:
        self.heard.append(data)
        if data == b"bad":
            raise ValueError("a defect of the reader")

    def on_subscribed(self) -> None:
        self.joined += 1

    async def publish(self, link: RedisLink, *messages: bytes) -> None:
        word = "SPUBLISH" if link.sharded_pubsub else "PUBLISH"
        await settled(*(link.command(word, self.channel, message, timeout=5) for message in messages))


@contextlib.asynccontextmanager
async def listening(settings: RedisSettings, cell: str) -> AsyncIterator[Listener]:
    listener = Listener(settings, cell)
    listener.subscriber.start()
    try:
        await until(lambda: listener.joined == 1)
        yield listener
    finally:
        await listener.subscriber.close()


async def test_every_message_comes_once_and_in_order(settings: RedisSettings, cell: str) -> None:
    sent = [b"%d \x00\r\n" % number for number in range(2000)]
    async with linked(settings, cell) as link, listening(settings, cell) as listener:
        await listener.publish(link, *sent)
        await until(lambda: len(listener.heard) >= len(sent))
        assert listener.heard == sent


async def test_why_the_channel_cannot_be_joined_is_said_once(own_redis: RedisServer, cell: str, caplog: pytest.LogCaptureFixture) -> None:
    own_redis.ask("CONFIG", "SET", "maxclients", "1")
    listener = Listener(RedisSettings(url=own_redis.url), cell)
    listener.subscriber.start()
    try:
        await until(lambda: "max number of clients" in str([vars(one).get("why") for one in caplog.records]))
        own_redis.ask("CONFIG", "SET", "maxclients", "100")
        await until(lambda: listener.joined == 1)
    finally:
        await listener.subscriber.close()
    assert [one.levelname for one in caplog.records if "cannot be joined" in one.message] == ["WARNING"]


async def test_a_restart_joins_again(settings: RedisSettings, cell: str) -> None:
    async with linked(settings, cell) as link, listening(settings, cell) as listener:
        await listener.subscriber.restart()
        await until(lambda: listener.joined == 2)
        await listener.publish(link, b"after")
        await until(lambda: listener.heard == [b"after"])


async def test_a_silent_connection_is_left_on_request(redis_server: RedisServer, cell: str) -> None:
    async with FaultProxy(redis_server.port) as proxy:
        settings = RedisSettings(url=f"redis://127.0.0.1:{proxy.port}")
        async with linked(RedisSettings(url=redis_server.url), cell) as link, listening(settings, cell) as listener:
            proxy.silence()
            await listener.publish(link, b"lost")
            await listener.subscriber.restart()
            await until(lambda: listener.joined == 2)
            await listener.publish(link, b"after")
            await until(lambda: listener.heard == [b"after"])


async def test_a_restarted_server_is_joined_again(own_redis: RedisServer, cell: str) -> None:
    settings = RedisSettings(url=own_redis.url)
    async with linked(settings, cell) as link, listening(settings, cell) as listener:
        own_redis.kill()
        await until(lambda: not listener.subscriber.subscribed.is_set())
        own_redis.start()
        await until(lambda: listener.joined == 2)
        await listener.publish(link, b"after")
        await until(lambda: listener.heard == [b"after"])


async def test_a_message_that_cannot_be_handled_costs_only_itself(
    redis_server: RedisServer, cell: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings = RedisSettings(url=redis_server.url)
    async with linked(settings, cell) as link, listening(settings, cell) as listener:
        await listener.publish(link, b"one", b"bad", b"two")
        await until(lambda: len(listener.heard) == 3)
        assert listener.heard == [b"one", b"bad", b"two"]
        assert listener.joined == 1
        assert "could not be handled" in caplog.text
