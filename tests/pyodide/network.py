"""The package inside Pyodide, connected to a server elsewhere by the WebSocket of JavaScript.

Each scenario is called with the address of an `EchoServer`.
"""

import asyncio
from typing import Any

from ipywsecho import (
    ClosedError,
    ConnectError,
    InvalidURIError,
    OptionError,
    Session,
    WebSocketConsole,
)
from tests.pyodide.running import error_of, failures_of, scenarios_in
from tests.timing import eventually

__all__ = ["SCENARIOS", "main"]


async def test_text_and_bytes_of_all_sizes_are_echoed_in_order(uri: str) -> None:
    texts = ["", "Hello!", "€ \N{GRINNING FACE} \0", "x" * 200_000]
    messages: list[str | bytes] = [*texts, b"", b"\x00\xff", bytes(10**6)]
    async with Session(uri) as session:
        frames = session.stream()
        for message in messages:
            session.send_message(message)
        received = [await anext(frames) for _ in messages]
    assert [frame.data for frame in received] == messages
    assert [frame.size for frame in received] == [
        len(each.encode() if isinstance(each, str) else each) for each in messages
    ]
    assert session.traffic.received.bytes == session.traffic.sent.bytes
    assert (session.close_code, session.error) == (1000, None)


async def test_a_console_shows_what_comes(uri: str) -> None:
    is_shown = asyncio.Event()
    async with WebSocketConsole(uri) as console:

        def look(_: Any) -> None:
            outputs = console.output.outputs
            if outputs and outputs[0]["data"]["text/plain"].count("Hello!") == 2:
                is_shown.set()

        console.output.observe(look, names="outputs")
        await console.send_message("Hello!")
        await is_shown.wait()
        assert console.traffic.received.wire_bytes == 0
    console.close()


async def test_the_close_code_and_reason_of_the_server_are_told(uri: str) -> None:
    session = Session(f"{uri}/close?code=4001&reason=bye", reconnect=False)
    await session.connect()
    await session.connection.ended()
    assert (session.close_code, session.close_reason) == (4001, "bye")
    assert isinstance(session.error, ClosedError)
    assert "closed by the server: 4001" in str(session.error)


async def test_the_close_code_and_reason_of_the_client_are_sent(uri: str) -> None:
    session = Session(uri)
    await session.connect()
    await session.disconnect(3999, "enough")
    assert (session.close_code, session.close_reason) == (3999, "enough")
    assert "closed by this console: 3999 “enough”" in session.notices[-1].text


async def test_what_nobody_sees_any_more_is_closed(uri: str) -> None:
    console = WebSocketConsole(uri)
    await console.connect()
    console.close()
    await console._session.connection.ended()
    assert console.state == "closed"


async def test_frames_before_the_close_frame_are_all_handed_over(uri: str) -> None:
    session = Session(f"{uri}/flood?count=1000", reconnect=False)
    frames = session.stream(from_start=True)
    await session.connect()
    assert len([frame async for frame in frames]) == 1_000
    assert session.close_code == 1000


async def test_a_flood_arrives_whole_and_leaves_time_for_other_tasks(uri: str) -> None:
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counting = asyncio.ensure_future(count())
    session = Session(f"{uri}/flood?count=50000", reconnect=False)
    await session.connect()
    await session.connection.ended()
    counting.cancel()
    assert (session.frames.total, session.close_code) == (50_000, 1000)
    assert turns >= 10


async def test_sending_waits_for_a_server_that_does_not_read(uri: str) -> None:
    session = Session(f"{uri}/slow?delay=60", reconnect=False, close_timeout=0.1)
    await session.connect()
    sendings = [session.send_message(bytes(2**20)) for _ in range(60)]
    # Its buffers and those on the way hold some megabytes.
    await sendings[0]
    await asyncio.sleep(0.1)
    assert not sendings[-1].receipt.done()
    session.close()
    await session.connection.ended()


async def test_a_server_that_is_not_there_is_told_with_the_usual_causes(uri: str) -> None:
    host, _, port = uri.rpartition(":")
    error = await error_of(
        ConnectError, Session(f"{host}:{int(port) - 1}", reconnect=False).connect()
    )
    assert "the browser could not connect to" in str(error)
    assert "check that the server runs at this address and port" in str(error)


async def test_a_refused_handshake_is_told_likewise_and_retried(uri: str) -> None:
    session = Session(f"{uri}/status?code=404")
    await error_of(ConnectError, session.connect())
    await eventually(lambda: session.state == "waiting")
    session.close()


async def test_an_answer_that_does_not_come_in_time_is_told(uri: str) -> None:
    session = Session(uri, open_timeout=0, reconnect=False)
    error = await error_of(ConnectError, session.connect())
    assert "timed out" in str(error)


async def test_an_address_of_another_kind_is_told(uri: str) -> None:
    wrong = uri.replace("ws:", "http:")
    error = await error_of(InvalidURIError, Session(wrong, reconnect=False).connect())
    assert f"write {uri}" in str(error)
    await error_of(InvalidURIError, Session(f"{uri}/#part", reconnect=False).connect())


async def test_what_a_page_cannot_do_is_refused(uri: str) -> None:
    refused: list[dict[str, Any]] = [
        {"additional_headers": {"Authorization": "Bearer x"}},
        {"ping_interval": 5},
        {"max_size": 1_000},
        {"proxy": None},
        {"compression": None},
        {"local_addr": ("127.0.0.1", 0)},
    ]
    for options in refused:
        error = await error_of(OptionError, _open(uri, options))
        assert next(iter(options)) in str(error)
    session = Session(uri, subprotocols=[], compression="deflate", ssl=None, max_size=None)
    await session.connect()
    await error_of(OptionError, session.ping())
    await error_of(OptionError, session.disconnect(1011))
    assert session.state == "open"
    await session.disconnect()


async def test_a_connection_may_be_opened_again(uri: str) -> None:
    session = Session(uri)
    for number in range(3):
        await session.connect()
        assert (await session.request(str(number))).data == str(number)
        await session.disconnect()


async def _open(uri: str, options: dict[str, Any]) -> None:
    await Session(uri, **options).connect()


SCENARIOS = scenarios_in(globals())
"""The functions by their names, in order."""


async def main(uri: str) -> str:
    """Runs every scenario, and returns as JSON which failed, and how."""
    return await failures_of(SCENARIOS, uri)
