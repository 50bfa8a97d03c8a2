"""Any bytes, cut anywhere, are read exactly as the parser of websockets reads them."""

import struct
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from ipywsecho.connection.reading import MAX_FRAGMENTS, MessageReader
from ipywsecho.frames import Control, Frame

URI = parse_uri("ws://127.0.0.1/")
SMALL, LARGE = 300, 70_000

Event = tuple[Any, ...]


def protocol_of(max_size: Any = SMALL, *, deflate: bool = False) -> ClientProtocol:
    """Return a connection after its opening handshake."""
    protocol = ClientProtocol(URI, state=State.OPEN, max_size=max_size)
    if deflate:
        protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
    return protocol


def fate_of(protocol: ClientProtocol) -> Event:
    """Return the state of a connection, its close frames and error, and the data it has to send."""
    error = protocol.parser_exc
    return (
        protocol.state,
        protocol.close_rcvd,
        protocol.close_sent,
        (type(error), str(error)),
        [data for data in protocol.data_to_send() if not data.startswith(b"\x8a")],
    )


def masked_alike(fate: Event) -> Event:
    """Return a fate with the data to send replaced by its sizes, as masks are random."""
    return (*fate[:-1], [len(data) for data in fate[-1]])


def read_by_us(
    pieces: Iterable[bytes], protocol: ClientProtocol, *, max_size: Any = SMALL, most: int = 4
) -> list[Event]:
    """Read pieces with `MessageReader`, and return its messages and control frames."""
    reader = MessageReader(protocol, max_size=max_size)
    events: list[Event] = []
    for piece in pieces:
        reader.feed(piece)
        while reader.has_more:
            frames, control = reader.read(most, 1.0)
            events += [(frame.data, frame.size) for frame in frames]
            if control is not None:
                events.append(tuple(control))
    reader.end()
    return events


def read_by_websockets(data: bytes, protocol: ClientProtocol) -> list[Event]:
    """Read bytes with websockets alone, and join fragments as its connections do.

    It reads byte by byte, because it would otherwise report an error before earlier messages.
    """
    events: list[Event] = []
    fragments: list[WireFrame] = []
    for byte in data:
        protocol.receive_data(bytes([byte]))
        for frame in protocol.events_received():
            assert isinstance(frame, WireFrame)
            if frame.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                events.append(tuple(Control(1.0, int(frame.opcode), bytes(frame.data))))
                continue
            fragments.append(frame)
            if not frame.fin:
                continue
            data = b"".join(bytes(each.data) for each in fragments)
            is_text = fragments[0].opcode is Opcode.TEXT
            count = len(fragments)
            fragments.clear()
            try:
                events.append((data.decode() if is_text else data, len(data)))
            except UnicodeDecodeError as exc:
                protocol.fail(1007, f"{exc.reason} at position {exc.start}")
                break
            if count > 1:
                events.append(tuple(Control(1.0, 0, fragments=count)))
    protocol.receive_eof()
    return events


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut bytes into pieces at the given positions."""
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


def wire(opcode: int, data: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """Return the bytes of a frame from a server."""
    size = len(data)
    first = (0x80 if fin else 0) | rsv | opcode
    if size < 126:
        return bytes([first, size]) + data
    if size < 2**16:
        return struct.pack("!BBH", first, 126, size) + data
    return struct.pack("!BBQ", first, 127, size) + data


TEXTS = st.text(max_size=40).map(str.encode)
SIZES = st.one_of(st.integers(0, 140), st.integers(SMALL - 2, SMALL + 2))
PAYLOADS = st.one_of(TEXTS, st.binary(max_size=40), SIZES.map(bytes))
MESSAGES = st.builds(wire, st.sampled_from([1, 2]), PAYLOADS)
FRAMES = st.one_of(
    MESSAGES,
    st.builds(wire, st.sampled_from([0, 1, 2]), PAYLOADS, fin=st.booleans()),
    st.builds(wire, st.sampled_from([9, 10]), st.binary(max_size=130)),
    st.builds(
        lambda code, reason: wire(8, struct.pack("!H", code) + reason),
        st.integers(990, 5000),
        TEXTS,
    ),
    st.builds(
        wire, st.integers(0, 15), PAYLOADS, fin=st.booleans(), rsv=st.sampled_from([0, 0x40, 0x20])
    ),
    st.binary(max_size=12),
)
STREAMS = st.one_of(
    st.lists(FRAMES, max_size=12).map(b"".join),
    st.builds(
        lambda good, then: b"".join([*good, *then]),
        st.lists(MESSAGES, max_size=8),
        st.lists(FRAMES, max_size=3),
    ),
    st.binary(max_size=60),
)
CUTS = st.lists(st.integers(0, 4000), max_size=12)


@settings(max_examples=1_500)
@given(STREAMS, CUTS, st.integers(1, 5), st.booleans())
def test_any_bytes_cut_anywhere_are_read_as_websockets_reads_them(
    data: bytes, places: Sequence[int], most: int, deflate: bool
) -> None:
    ours, theirs = protocol_of(deflate=deflate), protocol_of(deflate=deflate)
    pieces = cut(data, places)

    events = read_by_us(pieces, ours, most=most)

    assert events == read_by_websockets(data, theirs)
    assert masked_alike(fate_of(ours)) == masked_alike(fate_of(theirs))


@settings(max_examples=200)
@given(st.lists(PAYLOADS, max_size=6), st.lists(st.booleans(), min_size=6, max_size=6), CUTS)
def test_compressed_and_uncompressed_messages_are_read_as_websockets_reads_them(
    payloads: list[bytes], compressed: list[bool], places: Sequence[int]
) -> None:
    server = PerMessageDeflate(False, False, 15, 15)
    data = b"".join(
        WireFrame(Opcode.BINARY, payload).serialize(
            mask=False, extensions=[server] if deflate else []
        )
        for payload, deflate in zip(payloads, compressed, strict=False)
    )
    ours, theirs = protocol_of(deflate=True), protocol_of(deflate=True)
    pieces = cut(data, places)

    events = read_by_us(pieces, ours)

    assert events == read_by_websockets(data, theirs)
    assert masked_alike(fate_of(ours)) == masked_alike(fate_of(theirs))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, LARGE, LARGE + 1])
@pytest.mark.parametrize("piece", [1_000, 2**18])
def test_a_message_of_any_size_is_read_or_refused(size: int, piece: int) -> None:
    data = wire(2, bytes(size))
    pieces = [data[at : at + piece] for at in range(0, len(data), piece)]
    ours, theirs = protocol_of(LARGE), protocol_of(LARGE)

    events = read_by_us(pieces, ours, max_size=LARGE)

    assert events == read_by_websockets(data, theirs)
    assert masked_alike(fate_of(ours)) == masked_alike(fate_of(theirs))


@pytest.mark.parametrize("limit", [None, (200, None), (None, 100), (200, 100), (None, None)])
@pytest.mark.parametrize("size", [99, 100, 101, 199, 200, 201])
def test_limits_of_messages_and_fragments_are_the_same_as_in_websockets(
    limit: Any, size: int
) -> None:
    data = wire(1, bytes(size)) + wire(1, b"a" * 80, fin=False) + wire(0, bytes(size))
    ours, theirs = protocol_of(limit), protocol_of(limit)

    events = read_by_us([data], ours, max_size=limit)

    assert events == read_by_websockets(data, theirs)
    assert masked_alike(fate_of(ours)) == masked_alike(fate_of(theirs))


def test_a_message_has_a_time_and_a_size() -> None:
    reader = MessageReader(protocol_of())

    reader.feed(wire(1, "ü".encode()) + wire(2, b"\x00"))

    frames, control = reader.read(9, 5.0)
    assert frames == [Frame("ü", 5.0), Frame(b"\x00", 5.0)]
    assert [frame.size for frame in frames] == [2, 1]
    assert control is None


def test_more_fragments_than_allowed_end_the_connection() -> None:
    protocol = protocol_of()
    reader = MessageReader(protocol)
    reader.feed(wire(1, fin=False) + wire(0, fin=False) * MAX_FRAGMENTS)

    while reader.has_more:
        assert reader.read(100, 1.0) == ([], None)

    assert protocol.close_sent is not None
    assert (protocol.close_sent.code, protocol.close_sent.reason) == (1009, "too many fragments")


def test_a_large_message_in_small_pieces_is_read() -> None:
    protocol = protocol_of(None)
    reader = MessageReader(protocol, max_size=None)
    data = wire(2, bytes(10_000_000))

    for at in range(0, len(data), 1_000):
        reader.feed(data[at : at + 1_000])
        frames, _ = reader.read(1, 1.0)
        assert not reader.has_more

    assert [frame.size for frame in frames] == [10_000_000]


def test_an_unknown_extension_is_applied_by_websockets() -> None:
    class Reversing(PerMessageDeflate):
        name = "reversing"  # type: ignore[assignment]

        def decode(self, frame: WireFrame, **_: Any) -> WireFrame:
            return WireFrame(frame.opcode, bytes(frame.data)[::-1], frame.fin)

    protocol = protocol_of()
    protocol.extensions = [Reversing(False, False, 15, 15)]
    reader = MessageReader(protocol)

    reader.feed(wire(1, b"abc"))

    assert reader.read(9, 1.0)[0] == [Frame("cba", 1.0)]
