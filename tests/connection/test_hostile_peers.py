"""Peers that break the rules: each is reported in one clear line, and the console still works."""

import asyncio
import gc
import random
import socket
import struct
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from ipywsecho import ConsoleError, WebSocketConsole
from ipywsecho.connection.wire import WireLink
from tests.peer import Talk, answering, frame, peer, reset, shake_hands, together

DEADLINE = 60.0

TEXT, BINARY, CLOSE, PING = 0x81, 0x82, 0x88, 0x89
TEXT_BEGINS, GOES_ON, TEXT_ENDS = 0x01, 0x00, 0x80
COMPRESSED = 0x40
RESERVED_BITS = (0x40, 0x20, 0x10)
RESERVED_OPCODES = (*range(0x3, 0x8), *range(0xB, 0x10))

BROKE_THE_RULES = "; the server violated the WebSocket protocol"
MAX_SIZE = "; a message was larger than max_size; set max_size=… in bytes, or None for no limit"
LIMIT = "exceeds limit of 1000 bytes"
TOO_LONG = f"closed by this console: 1009 “frame with 1001 bytes {LIMIT}”{MAX_SIZE}"
LOST = "connection lost without a close frame (1006)"
GONE = "; the server or the network went away; connect again"


@pytest_asyncio.fixture(autouse=True)
async def _nothing_is_left_or_printed(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> AsyncIterator[None]:
    # Frozen: the collector need not examine older objects in each test.
    gc.freeze()
    yield
    # A coroutine that was never awaited warns when it is collected.
    gc.collect()
    gc.unfreeze()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    records = [record for when in ("call", "teardown") for record in caplog.get_records(when)]
    # The package's own log records are printed only if a user configures logging.
    assert [r.getMessage() for r in records if not r.name.startswith("ipywsecho")] == []
    assert capfd.readouterr() == ("", "")


async def until(console: WebSocketConsole, holds: Callable[[], object]) -> None:
    """Wait until a condition holds; it is checked whenever the console has news."""
    async with asyncio.timeout(DEADLINE):
        await console._session.journal.signal.wait_for(lambda: bool(holds()))


def last_row(console: WebSocketConsole) -> str:
    """Return the text of the last row after its time and its mark."""
    console._view.show_log(10**9)
    log = console.output.outputs[0]["data"]["text/plain"]
    return str(log).splitlines()[-1][17:]


def console_to(uri: str, **options: object) -> WebSocketConsole:
    # Without pings, which would detect the fault in the end as well.
    patience = {"close_timeout": 0.05, "ping_interval": None}
    return WebSocketConsole(uri, reconnect=False, **patience | options)


async def assert_goes_on(console: WebSocketConsole, frames: list[str | bytes]) -> None:
    """Assert that frames are kept and that the console can be used again; then close it."""
    async with asyncio.timeout(DEADLINE):
        assert [frame.data for frame in console.frames] == frames
        await console.connect()
        reply = await console.request("Hello again!")
        await console.disconnect()
        assert [frame.data for frame in console.frames] == [*frames, reply.data]
        assert reply.data == "Hello again!"
        console.close()
        await asyncio.gather(*console._session.home._tasks)


async def line_after(talk: Talk | bytes, **options: object) -> str:
    """Return the last row of a console whose peer sends a frame and then runs the given talk."""
    async with peer(together(shake_hands, frame(TEXT, b"before"), talk)) as uri:
        console = console_to(uri, **options)
        await console.connect()
        await until(console, lambda: console.state == "closed")
        row = last_row(console)
        await assert_goes_on(console, ["before"])
    return row


# The peer sends each of these and then waits for the console to end the connection.
BREACHES = {
    "text that is not UTF-8": (
        frame(TEXT, b"ab\xff"),
        f"1007 “invalid start byte at position 2”{BROKE_THE_RULES}",
    ),
    "half a surrogate pair": (
        frame(TEXT, b"\xed\xa0\x80"),
        f"1007 “invalid continuation byte at position 0”{BROKE_THE_RULES}",
    ),
    "text that is not UTF-8 across fragments": (
        frame(TEXT_BEGINS, b"\xe2\x98") + frame(TEXT_ENDS, b"!"),
        f"1007 “invalid continuation byte at position 0”{BROKE_THE_RULES}",
    ),
    "text that ends within a character": (
        frame(TEXT_BEGINS, b"a") + frame(TEXT_ENDS, b"\xe2"),
        f"1007 “unexpected end of data at position 1”{BROKE_THE_RULES}",
    ),
    **{
        f"reserved opcode {opcode:#x}": (
            frame(0x80 | opcode, b"x"),
            f"1002 “invalid opcode”{BROKE_THE_RULES}",
        )
        for opcode in RESERVED_OPCODES
    },
    **{
        f"reserved bit {bit:#x}": (
            frame(TEXT | bit, b"x"),
            f"1002 “reserved bits must be 0”{BROKE_THE_RULES}",
        )
        for bit in RESERVED_BITS
    },
    "a masked frame": (
        frame(TEXT, b"x", mask=True),
        f"1002 “incorrect masking”{BROKE_THE_RULES}",
    ),
    "a message that is too long": (
        frame(BINARY, bytes(1_001)),
        f"1009 “frame with 1001 bytes {LIMIT}”{MAX_SIZE}",
    ),
    "a message that is only announced as too long": (
        frame(BINARY, length=2**63),
        f"1009 “frame with 9223372036854775808 bytes {LIMIT}”{MAX_SIZE}",
    ),
    "fragments without an end": (
        frame(TEXT_BEGINS, bytes(400)) + frame(GOES_ON, bytes(400)) * 100,
        f"1009 “frame with 400 bytes after reading 800 bytes {LIMIT}”{MAX_SIZE}",
    ),
    "empty fragments without an end": (
        frame(TEXT_BEGINS) + frame(GOES_ON) * 100_000,
        "1009 “too many fragments”; the server sent a message in more fragments than are accepted",
    ),
    "a continuation of nothing": (
        frame(TEXT_ENDS, b"x"),
        f"1002 “unexpected continuation frame”{BROKE_THE_RULES}",
    ),
    "a message within a message": (
        frame(TEXT_BEGINS, b"x") + frame(TEXT, b"y"),
        f"1002 “expected a continuation frame”{BROKE_THE_RULES}",
    ),
    "a ping in fragments": (
        frame(0x09, b"x"),
        f"1002 “fragmented control frame”{BROKE_THE_RULES}",
    ),
    "a ping that is too long": (
        frame(PING, bytes(126)),
        f"1002 “control frame too long”{BROKE_THE_RULES}",
    ),
    **{
        f"close code {code}": (
            frame(CLOSE, struct.pack("!H", code)),
            f"1002 “invalid status code”{BROKE_THE_RULES}",
        )
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535)
    },
    "half a close code": (
        frame(CLOSE, b"\x03"),
        f"1002 “close frame too short”{BROKE_THE_RULES}",
    ),
    "a close reason that is not UTF-8": (
        frame(CLOSE, struct.pack("!H", 1000) + b"\xff"),
        f"1007 “invalid start byte at position 0”{BROKE_THE_RULES}",
    ),
}


@pytest.mark.parametrize(("said", "line"), BREACHES.values(), ids=BREACHES)
async def test_a_protocol_violation_is_reported(said: bytes, line: str) -> None:
    row = await line_after(said, max_size=1_000, compression=None)

    assert row == f"closed by this console: {line}"


async def test_a_close_frame_without_the_end_of_the_connection_is_reported() -> None:
    row = await line_after(frame(CLOSE, struct.pack("!H", 4001) + b"bye"))

    assert row == "closed by the server: 4001 “bye”"


def compressed(size: int) -> bytes:
    """Return `size` zero bytes as the payload of a compressed message (RFC 7692, section 7.2.1)."""
    deflate = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    return (deflate.compress(bytes(size)) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize("is_in_fragments", [False, True])
async def test_a_compression_bomb_is_reported_and_never_inflated(is_in_fragments: bool) -> None:
    bomb = compressed(100_000_000)
    if is_in_fragments:
        begin = frame(COMPRESSED | TEXT_BEGINS, compressed(900) + b"\0\0\xff\xff")
        said = begin + frame(GOES_ON, bomb[: len(bomb) // 2])
    else:
        said = frame(COMPRESSED | TEXT, bomb)

    tracemalloc.start()
    try:
        row = await line_after(said, max_size=len(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert row.startswith("closed by this console: 1009 “frame ")
    assert row.endswith(MAX_SIZE)
    assert peak < 20_000_000


async def test_invalid_compressed_data_is_reported() -> None:
    row = await line_after(frame(COMPRESSED | TEXT, b"\xff\xff\xff"))

    assert row == f"closed by this console: 1002 “decompression failed”{BROKE_THE_RULES}"


async def _end_within_a_frame(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(TEXT, b"ab", length=10))
    writer.write_eof()


async def _reset_within_a_frame(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(TEXT, b"ab", length=10))
    reset(writer)


@pytest.mark.parametrize(
    ("talk", "cause"),
    [
        (_end_within_a_frame, "EOFError: stream ends after 2 bytes, expected 10 bytes"),
        (_reset_within_a_frame, "ConnectionResetError: [Errno 104] Connection reset by peer"),
    ],
)
async def test_an_end_within_a_frame_is_reported(talk: Talk, cause: str) -> None:
    row = await line_after(talk)

    assert row == f"{LOST} ({cause}){GONE}"


# Handshakes


async def line_instead(talk: Talk, **options: object) -> str:
    """Return the last row of a console whose peer does not complete the handshake."""
    async with peer(talk) as uri:
        console = console_to(uri, **options)
        with pytest.raises(ConsoleError):
            await console.connect()
        await until(console, lambda: console.state == "closed")
        row = last_row(console)
        await assert_goes_on(console, [])
    return row.replace(uri, "URI")


JUNK = random.Random(0).randbytes(1_000)
PAGE = b"<!doctype html>\n<title>Shop</title>\n<h1>Welcome</h1>"
BUSY = (
    "URI answered with HTTP 503 Service Unavailable instead of opening a WebSocket; the server is "
    "unavailable; try again later; the response says: "
)
NO_SERVER = "check the port, and whether the server requires wss:// instead of ws://"


def answered(cause: str) -> str:
    return f"HandshakeError: URI answered, but not as a WebSocket server ({cause}); {NO_SERVER}"


def unavailable(body: bytes, is_announced: bool = True) -> Talk:
    return answering(b"503 Service Unavailable", body=body, is_announced=is_announced)


async def _nothing(*_: object) -> None:
    pass


async def _reset_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    reset(writer)


HANDSHAKES = {
    "a page": (
        answering(b"200 OK", b"Content-Type: text/html", body=PAGE),
        "HandshakeError: URI answered with HTTP 200 OK instead of opening a WebSocket; this is a "
        "web page; a WebSocket often has its own path; the response says: “<!doctype html> "
        "<title>Shop</title> <h1>Welcome</h1>”",
    ),
    "a refusal with its reason": (
        unavailable(b"back at noon"),
        f"HandshakeError: {BUSY}“back at noon”",
    ),
    "a refusal whose end is its length": (
        unavailable(b"back at noon", is_announced=False),
        f"HandshakeError: {BUSY}“back at noon”",
    ),
    "a long refusal": (
        unavailable(b"x" * 1_000_000),
        f"HandshakeError: {BUSY}“{'x' * 200}…”",
    ),
    "a refusal of megabytes": (
        unavailable(b"x" * 5_000_000),
        answered("SecurityError: body too large: 5000000 bytes"),
    ),
    "another protocol": (
        together(b"SSH-2.0-OpenSSH_9.6\r\n"),
        answered("ValueError: invalid HTTP status line: SSH-2.0-OpenSSH_9.6"),
    ),
    "headers without an end": (
        answering(b"101 Switching Protocols", *[b"Name: value"] * 1_000),
        answered("TooManyHeaders: expected no more than 128 headers"),
    ),
    "nothing": (
        together(is_over=True),
        answered("EOFError: connection closed while reading HTTP status line"),
    ),
    "a reset": (
        _reset_at_once,
        answered("EOFError: connection closed while reading HTTP status line"),
    ),
}


@pytest.mark.parametrize(("talk", "line"), HANDSHAKES.values(), ids=HANDSHAKES)
async def test_a_response_other_than_a_handshake_is_reported(talk: Talk, line: str) -> None:
    row = await line_instead(talk)

    assert row == line


@pytest.mark.parametrize(
    "talk",
    [
        together(JUNK),
        together(b"x" * 100_000),
        together(JUNK, is_over=True),
        unavailable(b"x" * 5_000_000, is_announced=False),
    ],
    ids=["junk", "an endless line", "junk and the end", "an endless refusal"],
)
async def test_junk_instead_of_a_handshake_is_reported(talk: Talk) -> None:
    row = await line_instead(talk)

    assert row.startswith("HandshakeError: URI answered, but not as a WebSocket server (")
    assert row.endswith(NO_SERVER)


async def test_a_refusal_with_junk_is_reported_with_the_beginning_of_the_junk() -> None:
    row = await line_instead(unavailable(JUNK))

    assert row.startswith(f"HandshakeError: {BUSY}“")
    assert row.endswith("…”")
    assert row.isprintable()


async def _drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 101 " + b"x" * 8_000:
        writer.write(bytes([byte]))
        await writer.drain()
        # Lets the byte be sent by itself.
        await asyncio.sleep(0)


@pytest.mark.parametrize("talk", [_nothing, _drip])
async def test_a_handshake_that_never_ends_times_out(talk: Talk) -> None:
    row = await line_instead(talk, open_timeout=0.1)

    assert row == (
        "ConnectError: timed out waiting for URI (TimeoutError); check the address and its "
        "scheme, or allow more time with open_timeout=…"
    )


# Peers that do not let go


async def _flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(frame(TEXT, b"flood") * 1_000)
        await writer.drain()


@pytest.mark.parametrize("talk", [_nothing, _flood])
async def test_closing_does_not_wait_for_a_peer_that_does_not_answer(talk: Talk) -> None:
    async with peer(together(shake_hands, frame(TEXT, b"before"), talk)) as uri:
        console = console_to(uri, history=10**6)
        await console.connect()
        await until(console, lambda: console.frames)

        async with asyncio.timeout(DEADLINE):
            await console.disconnect()

        assert console.state == "closed"
        assert last_row(console) == "closed by this console: 1000"
        await assert_goes_on(console, [frame.data for frame in console.frames])


def _stop_reading(writer: asyncio.StreamWriter) -> None:
    # Then the operating system buffers little for the reader.
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)
    writer.transport.pause_reading()


async def _reads_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _stop_reading(writer)
    await asyncio.Event().wait()


async def test_a_peer_that_reads_nothing_does_not_block_closing() -> None:
    async with peer(together(shake_hands, _reads_nothing)) as uri:
        console = console_to(uri, max_size=None)
        await console.connect()
        sending = console.send_message(bytes(50_000_000))

        async with asyncio.timeout(DEADLINE):
            await console.disconnect()
            with pytest.raises(ConsoleError):
                await sending

        await assert_goes_on(console, [])


async def test_a_flood_of_pings_with_unread_pongs_takes_bounded_memory() -> None:
    is_pinged = asyncio.Event()
    is_looked_at = asyncio.Event()
    is_answered = asyncio.Event()

    async def ping_without_reading(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        _stop_reading(writer)
        for _ in range(60):
            writer.write(frame(PING, bytes(125)) * 1_000)
            await writer.drain()
        writer.write(frame(PING, b"last") + frame(TEXT, b"before"))
        is_pinged.set()
        await is_looked_at.wait()
        writer.transport.resume_reading()
        await _until_ponged(reader, b"last")
        is_answered.set()

    async with peer(together(shake_hands, ping_without_reading)) as uri:
        console = console_to(uri)
        await console.connect()
        await asyncio.wait_for(is_pinged.wait(), DEADLINE)
        await until(console, lambda: console.frames)
        link = console._session.connection.link
        assert isinstance(link, WireLink)

        waiting = link._transport.get_write_buffer_size()

        is_looked_at.set()
        await asyncio.wait_for(is_answered.wait(), DEADLINE)
        assert 0 < waiting < 500_000
        await console.disconnect()
        await assert_goes_on(console, ["before"])


async def _until_ponged(reader: asyncio.StreamReader, data: bytes) -> None:
    protocol = ServerProtocol(state=State.OPEN)
    while True:
        protocol.receive_data(await reader.read(2**16))
        for event in protocol.events_received():
            if event.opcode is Opcode.PONG and event.data == data:
                return


async def test_a_flood_of_pings_that_ends_in_a_reset_is_not_logged() -> None:
    async def ping_and_reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(PING, bytes(125)) * 20_000)
        await writer.drain()
        reset(writer)

    row = await line_after(ping_and_reset)

    assert row.startswith(LOST)
