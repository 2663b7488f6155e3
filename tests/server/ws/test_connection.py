"""A connection between the moment it has its user's place and the moment its peer is answered."""

import asyncio

import pytest
from harness.wire import PING, PONG, TEXT, Host, RawClient

from carillon.ws.connection import SocketConnection


async def test_what_is_said_before_the_answer_comes_right_after_it_and_so_does_a_probe(host: Host) -> None:
    client = await RawClient.ask(host.port)
    arrival = await host.arrival()
    connection, heard = SocketConnection(arrival.socket, 0.0), asyncio.Event()
    connection.send(b"a ring")
    connection.probe()
    connection.open(None)
    assert (await client.answer()).startswith("HTTP/1.1 101 ")
    assert await client.hear() == (TEXT, b"a ring")
    connection.listen(heard.set)
    opcode, payload = await client.hear()
    assert opcode == PING
    client.say(PONG, payload)
    await asyncio.wait_for(heard.wait(), 5)


async def test_a_probe_that_a_lost_socket_cannot_answer_is_not_answered(host: Host) -> None:
    client = await RawClient.ask(host.port)
    arrival = await host.arrival()
    connection = SocketConnection(arrival.socket, 0.0)
    connection.open(None)
    connection.listen(lambda: pytest.fail("nobody has answered"))
    connection.probe()
    client.reset()
    await arrival.socket.receive()
    connection.probe()
    await asyncio.sleep(0)
