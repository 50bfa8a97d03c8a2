"""A link over a transport, on virtual time, with a server inside the process."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, ConnectionClosedOK
from websockets.frames import Close, Opcode

from ipywsecho.connection import wire as wire_module
from ipywsecho.connection.link import Traffic
from ipywsecho.connection.memory import CAPACITY
from ipywsecho.connection.wire import LARGEST
from ipywsecho.frames import Control, Frame
from tests.connection.test_reading import (
    CUTS,
    SMALL,
    STREAMS,
    cut,
    protocol_of,
    read_by_websockets,
)
from tests.links import Server, Taker, end_of, link_to, wire
from tests.virtual import virtual_time

TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
CLOSE, PING, PONG = Opcode.CLOSE, Opcode.PING, Opcode.PONG


class SlowClock:
    """A clock that advances whenever it is read; handing over a batch reads it twice."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: float) -> None:
        self.now = 0.0
        self.step = step
        monkeypatch.setattr(wire_module, "perf_counter", self)

    def __call__(self) -> float:
        self.now += self.step
        return self.now


# Messages


@virtual_time
async def test_messages_arrive_in_order_with_their_types() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server)
    link.begin(taker)

    server.write(wire(TEXT, "grün".encode()), wire(BINARY, b"\x00\xff"), wire(TEXT))
    await taker.until(lambda: len(taker.frames) == 3)

    assert taker.data == ["grün", b"\x00\xff", ""]
    assert [frame.size for frame in taker.frames] == [5, 2, 0]
    assert [frame.sent for frame in taker.frames] == [False] * 3
    link.abort()


@virtual_time
async def test_fragmented_messages_keep_their_order_and_are_counted() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server)
    link.begin(taker)

    server.write(
        wire(TEXT, b"one")
        + wire(TEXT, "ü".encode()[:1], fin=False)
        + wire(PING, b"between")
        + wire(CONT, "ü".encode()[1:], fin=False)
        + wire(CONT)
        + wire(TEXT, b"three")
    )
    await taker.until(lambda: len(taker.frames) == 3)

    assert taker.data == ["one", "ü", "three"]
    assert taker.controls == [
        Control(0.0, PING, b"between"),
        Control(0.0, PONG, b"between", sent=True),
        Control(0.0, CONT, b"", fragments=3),
    ]
    link.abort()


GREETING = (
    wire(TEXT, b"hello")
    + wire(TEXT, b"in two ", fin=False)
    + wire(CONT, b"fragments")
    + wire(BINARY, bytes(200))
)


@pytest.mark.parametrize("cut", [None, *range(-len(GREETING) - 3, 0, 7), *range(-260, -200)])
@virtual_time
async def test_a_greeting_right_after_the_handshake_is_kept_until_the_link_begins(
    cut: int | None,
) -> None:
    server, taker = Server(GREETING, cut=cut), Taker()
    link = await link_to(server)
    await asyncio.sleep(60)
    assert taker.frames == []

    link.begin(taker)
    await taker.until(lambda: len(taker.frames) == 3)

    assert taker.data == ["hello", "in two fragments", bytes(200)]
    link.abort()


@virtual_time
async def test_a_flood_before_the_link_begins_waits_at_the_server() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server)

    server.write(wire(TEXT, bytes(1_000)) * 10_000)
    await asyncio.sleep(60)

    assert server.transport.get_write_buffer_size() > 10_000_000 - CAPACITY
    link.begin(taker)
    await taker.until(lambda: len(taker.frames) == 10_000)
    link.abort()


@virtual_time
async def test_text_that_is_not_utf8_ends_the_link_with_1007() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server)
    link.begin(taker)

    server.write(wire(TEXT, b"good") + wire(TEXT, b"\xff") + wire(TEXT, b"too late"))
    end = await end_of(link)

    assert taker.data == ["good"]
    assert end.sent == Close(1007, "invalid start byte at position 0")


@virtual_time
async def test_the_subprotocol_is_the_negotiated_one() -> None:
    link = await link_to(Server(subprotocols=["b", "c"]), subprotocols=["a", "b"])

    assert link.subprotocol == "b"
    link.abort()


# Pressure


@pytest.mark.parametrize(
    "message", [wire(TEXT, b"x" * 30), wire(TEXT, b"x" * 15, fin=False) + wire(CONT, b"x" * 15)]
)
@virtual_time
async def test_reading_pauses_until_the_data_read_is_handed_over(message: bytes) -> None:
    count = 200_000
    server, seen = Server(), []

    def look(_: Frame) -> None:
        # When a message is handed over, at most two reads wait behind it.
        seen.append(len(link._reader._data) - link._reader._at)

    taker = Taker(look)
    link = await link_to(server)
    link.begin(taker)

    server.write(message * count)
    await taker.until(lambda: len(taker.frames) == count)

    assert max(seen) <= 2 * CAPACITY
    link.abort()


@pytest.mark.parametrize("fragments", [False, True])
def test_other_tasks_run_between_batches(fragments: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    SlowClock(monkeypatch, step=wire_module.TURN)
    message = wire(TEXT, b"x", fin=False) + wire(CONT) if fragments else wire(TEXT, b"x")
    turns: list[int] = []

    @virtual_time
    async def flood() -> None:
        server, taker = Server(), Taker()
        link = await link_to(server)

        async def take_turns() -> None:
            while True:
                turns.append(len(taker.frames))
                await asyncio.sleep(0)

        other = asyncio.ensure_future(take_turns())
        link.begin(taker)
        server.write(message * 500)
        await taker.until(lambda: len(taker.frames) == 500)
        other.cancel()
        link.abort()

    flood()

    between = sorted(set(turns))
    assert max(b - a for a, b in pairwise(between)) <= 2 * 16


def batches_on(monkeypatch: pytest.MonkeyPatch, step: float, count: int) -> list[int]:
    """Return the sizes of the batches if each look at the clock takes `step` seconds."""
    SlowClock(monkeypatch, step)
    sizes: list[int] = []

    @virtual_time
    async def flood() -> None:
        server, taker = Server(), Taker()
        link = await link_to(server)
        link.begin(taker)
        server.write(wire(TEXT, b"x") * count)
        await taker.until(lambda: len(taker.frames) == count)
        sizes.extend(taker.batches)
        link.abort()

    flood()
    return sizes


def test_batches_grow_while_they_are_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = batches_on(monkeypatch, 0.0, 10_000)

    assert sizes[:8] == [16, 32, 64, 128, 256, 512, 1_024, 1_024]
    assert max(sizes) == LARGEST


def test_batches_shrink_to_one_message_when_they_are_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes = batches_on(monkeypatch, 0.003, 60)

    assert sizes[:6] == [16, 8, 4, 2, 1, 1]


@virtual_time
async def test_messages_read_are_handed_over_before_the_end_is_reported() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server)

    server.write(wire(TEXT, b"x") * 10_000 + wire(CLOSE, b"\x0f\xa1bye"))
    await asyncio.sleep(1)
    server.transport.close()
    link.begin(taker)
    end = await end_of(link)

    assert len(taker.frames) == 10_000
    assert end.rcvd == Close(4001, "bye")


def test_remaining_messages_are_dropped_by_an_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    SlowClock(monkeypatch, step=wire_module.TURN)

    @virtual_time
    async def flood() -> None:
        server = Server()
        link = await link_to(server)
        taker = Taker(lambda _: link.abort() if len(taker.frames) == 20 else None)
        link.begin(taker)

        server.write(wire(TEXT, b"x") * 500)
        end = await end_of(link)

        assert len(taker.frames) < 40
        assert (end.rcvd, end.sent) == (None, None)

    flood()


# Sending


@virtual_time
async def test_messages_reach_the_server_as_text_and_bytes() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())

    await link.send("grün")
    await link.send(b"\x00")
    await asyncio.sleep(1)

    assert server.payloads(TEXT) == ["grün".encode()]
    assert server.payloads(BINARY) == [b"\x00"]
    link.abort()


@virtual_time
async def test_sending_waits_while_the_server_reads_nothing() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())
    server.transport.pause_reading()

    sending = asyncio.ensure_future(link.send(bytes(1_000_000)))
    await asyncio.sleep(10)
    assert not sending.done()
    server.transport.resume_reading()

    await sending
    link.abort()


@virtual_time
async def test_sending_to_a_server_that_stops_reading_times_out() -> None:
    server = Server()
    link = await link_to(server, ping_timeout=30)
    link.begin(Taker())
    server.transport.pause_reading()
    begun = asyncio.get_running_loop().time()

    with pytest.raises(ConnectionClosedError) as caught:
        await link.send(bytes(1_000_000))

    assert asyncio.get_running_loop().time() - begun == pytest.approx(30)
    assert caught.value.sent == Close(1011, "sending timed out")


@virtual_time
async def test_sending_to_a_slow_server_does_not_time_out() -> None:
    server = Server()
    link = await link_to(server, ping_timeout=30)
    link.begin(Taker())
    server.transport.pause_reading()

    async def read_slowly() -> None:
        while server.payloads(BINARY) == []:
            await asyncio.sleep(20)
            server.transport.resume_reading()
            await asyncio.sleep(0.001)
            server.transport.pause_reading()

    reading = asyncio.ensure_future(read_slowly())
    await link.send(bytes(3 * CAPACITY))

    assert link.is_open
    reading.cancel()
    link.abort()


@virtual_time
async def test_sending_over_a_closed_link_raises_the_error_of_its_end() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())
    server.close(4001, "bye")

    end = await end_of(link)

    for call in (link.send("late"), link.ping()):
        with pytest.raises(ConnectionClosed) as caught:
            await call
        assert caught.value is end
    assert not link.is_open


@virtual_time
async def test_the_write_limit_is_the_value_of_the_option() -> None:
    server = Server()
    link = await link_to(server, write_limit=(2_000_000, 1))
    link.begin(Taker())
    server.transport.pause_reading()

    async with asyncio.timeout(1):
        await link.send(bytes(1_500_000))

    link.abort()


# Pings


@virtual_time
async def test_the_duration_of_a_ping_is_measured_until_its_pong() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server)
    link.begin(taker)
    server.transport.pause_reading()
    asyncio.get_running_loop().call_later(3.0, server.transport.resume_reading)

    seconds = await link.ping(b"hey")

    assert seconds == pytest.approx(3.0)
    assert taker.latencies == [seconds]
    assert server.payloads(PING) == [b"hey"]
    assert taker.controls == [Control(0.0, PING, b"hey", sent=True), Control(0.0, PONG, b"hey")]
    link.abort()


@virtual_time
async def test_pings_without_data_have_different_payloads() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())

    await asyncio.gather(*(link.ping() for _ in range(10)))

    assert len(set(server.payloads(PING))) == 10
    link.abort()


@virtual_time
async def test_an_unsolicited_pong_measures_nothing() -> None:
    server, taker = Server(answers=False), Taker()
    link = await link_to(server)
    link.begin(taker)
    ping = asyncio.ensure_future(link.ping(b"mine"))

    server.write(wire(PONG, b"yours") + wire(PONG))
    await taker.until(lambda: len(taker.controls) == 3)

    assert taker.latencies == []
    assert not ping.done()
    link.abort()
    with pytest.raises(ConnectionClosed):
        await ping


@virtual_time
async def test_a_pong_also_answers_all_earlier_pings() -> None:
    server, taker = Server(answers=False), Taker()
    link = await link_to(server)
    link.begin(taker)
    pings = [asyncio.ensure_future(link.ping(data)) for data in (b"1", b"2", b"3")]
    await asyncio.sleep(5)

    server.write(wire(PONG, b"2"))
    seconds = await asyncio.gather(*pings[:2])

    assert seconds == [pytest.approx(5.0), pytest.approx(5.0)]
    assert not pings[2].done()
    link.abort()
    with pytest.raises(ConnectionClosed):
        await pings[2]


@virtual_time
async def test_a_ping_that_timed_out_is_forgotten() -> None:
    server, taker = Server(answers=False), Taker()
    link = await link_to(server)
    link.begin(taker)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await link.ping(b"mine")
    server.write(wire(PONG, b"mine"))
    await taker.until(lambda: len(taker.controls) == 2)

    assert taker.latencies == []
    link.abort()


@virtual_time
async def test_only_the_newest_waiting_pong_is_kept() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server, write_limit=1_000)
    link.begin(taker)
    server.transport.pause_reading()

    server.write(b"".join(wire(PING, number.to_bytes(4)) for number in range(50_000)))
    await taker.until(lambda: len(taker.controls) == 100_000)
    waiting = link._transport.get_write_buffer_size()
    server.transport.resume_reading()
    await asyncio.sleep(1)

    assert waiting < 2_000
    assert server.payloads(PONG)[-1] == (49_999).to_bytes(4)
    # Besides what was on its way, 10 bytes each.
    assert len(server.payloads(PONG)) < CAPACITY / 10 + 200
    link.abort()


@virtual_time
async def test_a_waiting_pong_is_not_written_after_the_end() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server, write_limit=100, close_timeout=5)
    link.begin(taker)
    server.transport.pause_reading()
    sending = asyncio.ensure_future(link.send(bytes(10_000)))
    server.write(wire(PING, b"held"))
    await taker.until(lambda: len(taker.controls) == 2)

    server.transport.write_eof()
    await asyncio.sleep(1)
    server.transport.resume_reading()
    end = await end_of(link)

    assert (end.rcvd, end.sent) == (None, None)
    await asyncio.wait([sending])


# Closing


@virtual_time
async def test_a_closing_handshake_ends_with_both_close_frames() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())

    link.close(4000, "enough")
    end = await end_of(link)

    assert isinstance(end, ConnectionClosedError)
    assert (end.sent, end.rcvd) == (Close(4000, "enough"), Close(4000, "enough"))
    assert end.rcvd_then_sent is False


@virtual_time
async def test_closing_twice_has_the_effect_of_once() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())

    link.close(1000, "")
    link.close(4000, "again")
    end = await end_of(link)
    link.close(4000, "once more")

    assert isinstance(end, ConnectionClosedOK)


@pytest.mark.parametrize("limit", [0.5, 10, 3_600])
@virtual_time
async def test_closing_times_out_if_the_server_does_not_answer(limit: float) -> None:
    server = Server(answers=False)
    link = await link_to(server, close_timeout=limit)
    link.begin(Taker())
    begun = asyncio.get_running_loop().time()

    link.close(1000, "")
    end = await end_of(link)

    assert asyncio.get_running_loop().time() - begun == pytest.approx(limit)
    assert (end.sent, end.rcvd) == (Close(1000, ""), None)


@virtual_time
async def test_without_a_limit_closing_waits_for_the_server() -> None:
    server = Server(answers=False)
    link = await link_to(server, close_timeout=None)
    link.begin(Taker())

    link.close(1000, "")
    await asyncio.sleep(1_000_000)
    assert not link.ended.done()
    server.write(wire(CLOSE, b"\x03\xe8"))
    server.transport.close()

    assert isinstance(await end_of(link), ConnectionClosedOK)


@virtual_time
async def test_a_server_that_floods_and_never_reads_does_not_block_closing() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server, close_timeout=10)
    server.transport.pause_reading()

    def flood() -> None:
        if not server.is_gone.done():
            server.write(wire(TEXT, bytes(1_000)) * 100)
            asyncio.get_running_loop().call_later(0.01, flood)

    flood()
    link.begin(taker)
    await taker.until(lambda: len(taker.frames) > 1_000)
    begun = asyncio.get_running_loop().time()
    link.close(1000, "")
    await end_of(link)

    assert asyncio.get_running_loop().time() - begun == pytest.approx(10)


@virtual_time
async def test_closing_with_much_unsent_data_ends_within_its_timeout() -> None:
    server = Server()
    link = await link_to(server, close_timeout=7, ping_timeout=None)
    link.begin(Taker())
    server.transport.pause_reading()
    sending = asyncio.ensure_future(link.send(bytes(5_000_000)))
    await asyncio.sleep(1)
    begun = asyncio.get_running_loop().time()

    link.close(1000, "")
    await end_of(link)

    assert asyncio.get_running_loop().time() - begun == pytest.approx(7)
    with pytest.raises(ConnectionClosed):
        await sending


@virtual_time
async def test_a_close_frame_arrives_after_all_earlier_data() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())
    sending = asyncio.ensure_future(link.send(bytes(5_000_000)))
    await asyncio.sleep(0)

    link.close(1000, "")

    assert isinstance(await end_of(link), ConnectionClosedOK)
    assert [len(data) for data in server.payloads(BINARY)] == [5_000_000]
    await asyncio.wait([sending])


@virtual_time
async def test_a_close_frame_and_a_half_close_by_the_server_end_the_link() -> None:
    server = Server(answers=False)
    link = await link_to(server)
    link.begin(Taker())

    server.write(wire(CLOSE, b"\x03\xf4restart"))
    server.transport.write_eof()
    end = await end_of(link)

    assert end.rcvd == Close(1012, "restart")
    assert asyncio.get_running_loop().time() < 1


@virtual_time
async def test_closing_times_out_if_the_server_keeps_the_connection_open() -> None:
    server = Server(answers=False)
    link = await link_to(server, close_timeout=4)
    link.begin(Taker())

    server.write(wire(CLOSE, b"\x03\xf4"))
    end = await end_of(link)

    assert end.rcvd == Close(1012, "")
    assert asyncio.get_running_loop().time() == pytest.approx(4)


@virtual_time
async def test_a_message_too_large_for_the_server_ends_with_1009() -> None:
    server = Server(answers=False)
    link = await link_to(server)
    link.begin(Taker())
    server.heard = lambda _: server.write(wire(CLOSE, b"\x03\xf1"))

    sending = asyncio.ensure_future(link.send(bytes(20_000_000)))
    await asyncio.wait([sending])
    server.transport.abort()
    end = await end_of(link)

    assert end.rcvd == Close(1009, "")


@virtual_time
async def test_a_cut_connection_ends_without_close_frames() -> None:
    server, taker = Server(), Taker()
    link = await link_to(server)
    link.begin(taker)

    server.write(wire(TEXT, b"whole") + wire(TEXT, b"in part")[:4])
    server.transport.close()
    end = await end_of(link)

    assert taker.data == ["whole"]
    assert (end.rcvd, end.sent) == (None, None)
    assert isinstance(end.__cause__, EOFError)


@virtual_time
async def test_giving_up_ends_at_once_with_a_reason() -> None:
    server = Server(answers=False)
    link = await link_to(server)
    link.begin(Taker())

    link.give_up("keepalive ping timeout")
    end = await end_of(link)

    assert end.sent == Close(1011, "keepalive ping timeout")
    assert asyncio.get_running_loop().time() < 1


@virtual_time
async def test_aborting_an_ended_link_does_nothing() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())
    link.abort()
    link.abort()

    await end_of(link)
    link.abort()
    link.give_up("late")

    assert not link.is_open


@virtual_time
async def test_the_loss_of_the_transport_is_the_cause_of_the_end() -> None:
    server = Server()
    link = await link_to(server)
    link.begin(Taker())
    loss = ConnectionResetError("reset")

    link.connection_lost(loss)
    end = await end_of(link)

    assert end.__cause__ is loss


# Traffic


def varied() -> Iterator[tuple[bytes, bytes]]:
    for data in (b"", b"x", bytes(200), bytes(70_000)):
        yield wire(BINARY, data), data


@virtual_time
async def test_traffic_counts_messages_payload_bytes_and_wire_bytes() -> None:
    server, taker, traffic = Server(wire(TEXT, b"hello")), Taker(), Traffic()
    link = await link_to(server, traffic=traffic)
    link.begin(taker)

    for data, _ in varied():
        server.write(data)
    await link.send("grün")
    await link.ping(b"1234")
    await taker.until(lambda: len(taker.frames) == 5)

    received, sent = traffic.received, traffic.sent
    payload = sum(len(data) for _, data in varied()) + 5
    on_the_wire = sum(len(data) for data, _ in varied()) + len(wire(TEXT, b"hello"))
    pong = len(wire(PONG, b"1234"))
    assert (received.frames, received.bytes) == (5, payload)
    assert received.wire_bytes == on_the_wire + pong
    # A client masks its frames: four more bytes in each header (RFC 6455, section 5.3).
    assert (sent.frames, sent.bytes, sent.wire_bytes) == (1, 5, 2 + 4 + 5 + 2 + 4 + 4)
    link.abort()


@virtual_time
async def test_traffic_continues_to_count_on_the_next_link() -> None:
    traffic = Traffic()

    for _ in range(2):
        link = await link_to(Server(), traffic=traffic)
        link.begin(Taker())
        await link.send("x")
        link.close(1000, "")
        await end_of(link)

    close: Any = 2 + 4 + 2
    assert traffic.sent.frames == 2
    assert traffic.sent.wire_bytes == 2 * (2 + 4 + 1 + close)
    assert traffic.received.wire_bytes == 2 * len(wire(CLOSE, b"\x03\xe8"))


# Against websockets alone


@settings(max_examples=300)
@given(STREAMS, CUTS)
def test_any_bytes_end_a_link_as_they_end_a_connection_of_websockets(
    data: bytes, places: list[int]
) -> None:
    alone = protocol_of()
    events = read_by_websockets(data, alone)
    told = alone.close_exc
    seen: list[Any] = []

    @virtual_time
    async def go_through() -> None:
        server, taker = Server(answers=False), Taker()
        link = await link_to(server, max_size=SMALL, compression=None)
        link.begin(taker)
        for piece in cut(data, places):
            server.write(piece)
            await asyncio.sleep(0.001)
        server.transport.close()
        seen.append(await end_of(link))
        seen.append([(frame.data, frame.size) for frame in taker.frames])

    go_through()

    end, messages = seen
    assert messages == [event for event in events if len(event) == 2]
    assert (end.rcvd, end.sent, end.rcvd_then_sent) == (
        told.rcvd,
        told.sent,
        told.rcvd_then_sent,
    )
