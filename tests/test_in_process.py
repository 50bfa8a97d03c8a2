"""Addresses inside the process, and who listens there."""

import asyncio
import errno
import gc

import pytest

from ipywsecho.in_process import HOST, Listening, is_in_process, listening_at


def uri_of(listening: Listening) -> str:
    host, port = listening.getsockname()
    return f"ws://{host}:{port}/path?query=1"


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        (f"ws://{HOST}:1", True),
        (f"WS://{HOST.upper()}/clock", True),
        ("ws://127.0.0.1:49152", False),
        (f"ws://{HOST}.example.org", False),
        (f"ws://example.org/{HOST}", False),
        ("ws://[", False),
    ],
)
def test_an_address_inside_the_process_is_recognised_by_its_host(uri: str, expected: bool) -> None:
    assert is_in_process(uri) is expected


async def test_what_listens_is_found_by_its_address() -> None:
    listening, protocol = Listening(), asyncio.Protocol()
    listening.accept_with(lambda: protocol)

    assert listening_at(uri_of(listening)) is listening
    assert await listening.accepted() is protocol


def test_addresses_differ_and_a_closed_one_is_not_taken_again_soon() -> None:
    one, other = Listening(), Listening()
    one.close()
    one.close()

    assert len({each.getsockname() for each in (one, other, Listening())}) == 3


def test_an_address_in_use_is_refused() -> None:
    listening = Listening(8765)

    with pytest.raises(OSError, match="in use") as refused:
        Listening(8765)

    assert refused.value.errno == errno.EADDRINUSE
    listening.close()
    assert Listening(8765).getsockname() == (HOST, 8765)


def test_the_default_port_is_that_of_a_websocket() -> None:
    listening = Listening(80)

    assert listening_at(f"ws://{HOST}/") is listening


def test_nobody_listens_at_an_address_whose_server_was_forgotten() -> None:
    listening = Listening()
    uri = uri_of(listening)
    del listening
    gc.collect()

    with pytest.raises(ConnectionRefusedError):
        listening_at(uri)


async def test_early_clients_wait_until_connections_are_accepted() -> None:
    listening = Listening()
    waiting = [asyncio.ensure_future(listening.accepted()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])

    listening.accept_with(asyncio.Protocol)

    async with asyncio.timeout(60):
        protocols = await asyncio.gather(*waiting[1:])
    assert len(set(protocols)) == 2


async def test_early_clients_are_refused_when_the_server_is_closed() -> None:
    listening = Listening()
    waiting = asyncio.ensure_future(listening.accepted())
    await asyncio.sleep(0)

    listening.close()

    with pytest.raises(ConnectionRefusedError):
        await waiting


async def test_a_client_that_found_the_address_in_time_is_refused_after_the_close() -> None:
    listening = Listening()
    listening.accept_with(asyncio.Protocol)
    listening.close()

    with pytest.raises(ConnectionRefusedError):
        await listening.accepted()


async def test_a_server_on_another_event_loop_is_not_reached() -> None:
    listening = Listening()

    async def accept() -> None:
        listening.accept_with(asyncio.Protocol)

    await asyncio.to_thread(asyncio.run, accept())

    with pytest.raises(RuntimeError, match="another event loop"):
        await listening.accepted()
