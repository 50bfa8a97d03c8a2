"""Rooms: who hears what, in which order, and what those cost who do not read."""

import ast
import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Collection

import pytest

from ipywsecho import EchoServer, Session, WebSocketConsole
from ipywsecho.server import rooms as module
from ipywsecho.server.rooms import MOST_RECENT, Member, Rooms
from tests import ROOT
from tests.clients import DEADLINE, frame, handshake
from tests.timing import eventually
from tests.virtual import virtual_time

TEXT = 1
Say = Callable[[str | bytes], Awaitable[None]]


class Ear:
    """A connection that takes frames while it is writable, and joins fragments.

    Attributes:
        is_writable: Whether the network takes frames.
        heard: The messages taken.
        end: The code and the reason with which the connection was closed.
        limit: After how many frames the network takes no more; `None` is no limit.
    """

    def __init__(self, *, is_writable: bool = True, limit: int | None = None) -> None:
        self.is_writable = is_writable
        self.limit = limit
        self.heard: list[str | bytes] = []
        self.end: tuple[int, str] | None = None
        self.on_writable: Callable[[], object] | None = None
        self._parts: list[bytes] = []
        self._is_text = False

    def write(self, frames: bytes) -> None:
        assert self.is_writable
        # A server's frame: opcode and FIN in the first byte, the length after it (RFC 6455, 5.2).
        head, length = frames[0], frames[1]
        start = 2 if length < 126 else 4 if length == 126 else 10
        if head & 0x0F:
            self._is_text = head & 0x0F == TEXT
        self._parts.append(frames[start:])
        if head & 0x80:
            whole = b"".join(self._parts)
            self._parts.clear()
            self.heard.append(whole.decode() if self._is_text else whole)
        if self.limit is not None:
            self.limit -= 1
            self.is_writable = self.limit > 0

    def let_go(self, code: int, reason: str) -> None:
        self.end = code, reason

    def resume(self) -> None:
        """The network takes frames again."""
        self.limit, self.is_writable = None, True
        if self.on_writable is not None:
            self.on_writable()


def lists_of(ear: Ear) -> list[list[str]]:
    """Return the lists of who is there."""
    return [json.loads(each)["here"] for each in ear.heard if str(each).startswith('{"here"')]


async def test_everybody_hears_what_anybody_says_also_who_says_it() -> None:
    rooms, ada, ben, other = Rooms(), Ear(), Ear(), Ear()
    with (
        rooms.entered(ada, "lobby") as say,
        rooms.entered(ben, "lobby") as answer,
        rooms.entered(other, "kitchen"),
    ):
        await say("Hello!")
        await answer(b"\x00\xff")
        await say("")

    assert ada.heard == ben.heard == ["Hello!", b"\x00\xff", ""]
    assert other.heard == []


async def test_all_hear_the_same_order_whoever_speaks_at_the_same_time() -> None:
    rooms, ears = Rooms(), [Ear() for _ in range(20)]
    entries = [rooms.entered(ear, "lobby") for ear in ears]
    says = [entry.__enter__() for entry in entries]

    async def speak(number: int, say: Say) -> None:
        for count in range(50):
            await say(f"{number} {count}")
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        for number, say in enumerate(says):
            tasks.create_task(speak(number, say))

    for entry in entries:
        entry.__exit__(None, None, None)
    assert len(ears[0].heard) == 1_000
    assert all(ear.heard == ears[0].heard for ear in ears)
    assert not any(ear.end for ear in ears)


async def test_a_large_message_is_written_in_fragments_as_the_network_takes_them() -> None:
    rooms, ada, slow = Rooms(), Ear(), Ear(limit=3)
    said = "ä" * 100_000
    with rooms.entered(ada, "lobby") as say, rooms.entered(slow, "lobby"):
        await say(said)
        before = list(slow.heard)
        slow.resume()

    assert ada.heard == slow.heard == [said]
    assert before == []


@pytest.mark.parametrize(("said", "most"), [("x", 1_000), ("x" * 100_000, 11)])
async def test_who_reads_too_slowly_is_let_go_once_its_queue_is_full(said: str, most: int) -> None:
    rooms, ada, stuck = Rooms(), Ear(), Ear(is_writable=False)
    with rooms.entered(ada, "lobby") as say, rooms.entered(stuck, "lobby") as answer:
        for _ in range(most):
            await say(said)
        kept = stuck.end

        await say(said)

        # What it had sent before is no longer told.
        await answer("too late")
        stuck.resume()

    assert kept is None
    assert stuck.end is not None
    assert stuck.end[0] == 1013
    assert "more slowly" in stuck.end[1]
    assert stuck.heard == []
    assert ada.heard == [said] * (most + 1)


async def test_one_message_always_has_room_in_a_queue() -> None:
    rooms, slow = Rooms(), Ear(is_writable=False)
    with rooms.entered(slow, "lobby") as say:
        await say(b"x" * 4_000_000)
        slow.resume()

    assert slow.end is None
    assert slow.heard == [b"x" * 4_000_000]


async def test_a_newcomer_hears_as_many_recent_messages_as_it_asks_for() -> None:
    rooms, ada, ben, everything = Rooms(), Ear(), Ear(), Ear()
    said = [f"{number}" for number in range(MOST_RECENT + 20)]
    with rooms.entered(ada, "lobby") as say:
        for each in said:
            await say(each)
        with (
            rooms.entered(ben, "lobby", recent=3),
            rooms.entered(everything, "lobby", recent=MOST_RECENT),
            rooms.entered(Ear(), "lobby"),
        ):
            await say("now")

    assert ben.heard == [*said[-3:], "now"]
    assert everything.heard == [*said[-MOST_RECENT:], "now"]


async def test_recent_messages_are_limited_by_their_bytes_as_well() -> None:
    rooms, ada, ben = Rooms(), Ear(), Ear()
    with rooms.entered(ada, "lobby") as say:
        for number in range(5):
            await say(f"{number}" * 100_000)
        await say(b"x" * 1_000_000)

        with rooms.entered(ben, "lobby", recent=MOST_RECENT):
            pass

    assert ben.heard == ["3" * 100_000, "4" * 100_000]


async def test_who_comes_while_a_message_is_told_hears_it_once_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_TURN", 0.0)
    rooms, ada, ben, deaf = Rooms(), Ear(), Ear(), Ear()
    with rooms.entered(ada, "lobby") as say, rooms.entered(Ear(), "lobby"):
        telling = asyncio.ensure_future(say("Hello!"))
        await asyncio.sleep(0)
        with rooms.entered(ben, "lobby", recent=1), rooms.entered(deaf, "lobby"):
            await telling

    assert ben.heard == ["Hello!"]
    assert deaf.heard == []


async def test_all_hear_a_message_whose_speaker_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TURN", 0.0)
    rooms, ears = Rooms(), [Ear() for _ in range(3)]
    entries = [rooms.entered(ear, "lobby") for ear in ears]
    say, *_ = [entry.__enter__() for entry in entries]
    telling = asyncio.ensure_future(say("Goodbye!"))
    await asyncio.sleep(0)

    telling.cancel()
    await asyncio.wait({telling})

    assert [ear.heard for ear in ears] == [["Goodbye!"]] * 3
    for entry in entries:
        entry.__exit__(None, None, None)


async def test_a_room_vanishes_with_its_last_member_and_forgets_what_was_said() -> None:
    rooms, ben = Rooms(), Ear()
    with rooms.entered(Ear(), "lobby") as say:
        await say("Hello!")
        was_there = "lobby" in rooms
    with rooms.entered(ben, "lobby", recent=1):
        pass

    assert was_there
    assert "lobby" not in rooms
    assert ben.heard == []
    assert rooms._budget.held == 0


async def test_rooms_share_a_budget_that_recent_messages_leave_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 10_000)
    rooms, ben = Rooms(), Ear()
    with rooms.entered(Ear(), "lobby") as say, rooms.entered(Ear(), "kitchen") as elsewhere:
        await elsewhere("x" * 6_000)
        await say("x" * 2_000)
        await say("x" * 3_000)
        held = rooms._budget.held
        with (
            rooms.entered(ben, "lobby", recent=MOST_RECENT),
            rooms.entered(ben, "kitchen", recent=MOST_RECENT),
        ):
            pass

    assert held <= 10_000
    assert ben.heard == ["x" * 2_000, "x" * 3_000]


async def test_then_whoever_is_furthest_behind_is_let_go_in_whatever_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_BYTES", 10_000)
    rooms, stuck, behind, ada = Rooms(), Ear(is_writable=False), Ear(is_writable=False), Ear()
    with rooms.entered(stuck, "kitchen") as mumble, rooms.entered(behind, "lobby"):
        await mumble("x" * 6_000)
        with rooms.entered(ada, "lobby") as say:
            await say("x" * 5_000)

    assert stuck.end is not None
    assert stuck.end[0] == 1013
    assert "full" in stuck.end[1]
    assert behind.end is None
    assert ada.heard == ["x" * 5_000]


# Who is there


@virtual_time
async def test_those_who_say_who_they_are_hear_who_is_there() -> None:
    rooms, ada, ben, nobody = Rooms(), Ear(), Ear(), Ear()
    with rooms.entered(ada, "lobby", who="Ada"), rooms.entered(nobody, "lobby"):
        await asyncio.sleep(10)
        with rooms.entered(ben, "lobby", who="Ben", recent=MOST_RECENT):
            await asyncio.sleep(10)
        await asyncio.sleep(10)

    assert lists_of(ada) == [["Ada"], ["Ada", "Ben"], ["Ada"]]
    assert lists_of(ben) == [["Ada", "Ben"]]
    assert nobody.heard == []


@virtual_time
async def test_a_rush_of_newcomers_makes_few_lists_which_are_short() -> None:
    rooms, ada = Rooms(), Ear()
    with rooms.entered(ada, "lobby", who="Ada"):
        entries = [rooms.entered(Ear(), "lobby", who=f"{number}") for number in range(500)]
        for entry in entries:
            entry.__enter__()
            await asyncio.sleep(0.01)
        await asyncio.sleep(10)
        last = json.loads(ada.heard[-1])
        count = len(lists_of(ada))
        for entry in entries:
            entry.__exit__(None, None, None)

    assert count < 12
    assert last["count"] == 501
    assert len(last["here"]) == 100


# Over a network


def members_of(server: EchoServer, name: str) -> Collection[Member]:
    """Return who is in a room of a server."""
    assert server._guards is not None
    room = server._guards.rooms._rooms.get(name)
    return () if room is None else room.members


async def test_a_client_that_reads_nothing_is_told_why_and_costs_the_others_nothing() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        reader, writer = await handshake(server.uri, "/room")
        async with Session(f"{server.uri}/room") as ada, Session(f"{server.uri}/room") as ben:
            await eventually(lambda: len(members_of(server, "lobby")) == 3)
            while len(members_of(server, "lobby")) == 3:
                assert (await ada.request("x" * 30_000)).size == 30_000
            await eventually(lambda: ben.frames.total == ada.frames.total)
            assert ada.state == ben.state == "open"
        received = await reader.read()
        writer.close()

    start = received.rindex(b"\x88")
    assert int.from_bytes(received[start + 2 : start + 4], "big") == 1013
    assert received[start + 4 :].decode().startswith("you read more slowly")


async def test_there_are_not_more_rooms_than_the_server_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MOST_ROOMS", 1)
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        async with (
            Session(f"{server.uri}/room") as ada,
            Session(f"{server.uri}/room") as ben,
            Session(f"{server.uri}/room?name=other", reconnect=False) as refused,
        ):
            assert (await ada.request("Hello!")).data == "Hello!"
            assert (await anext(ben.stream(from_start=True))).data == "Hello!"
            await eventually(lambda: refused.state == "closed")
            end = refused.close_code, refused.close_reason
        await eventually(lambda: not members_of(server, "lobby"))

    assert end == (1013, "there are too many rooms; try again later")


async def test_invalid_text_ends_the_connection_of_the_one_that_sent_it() -> None:
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        _, writer = await handshake(server.uri, "/room")
        async with Session(f"{server.uri}/room") as ada:
            writer.write(frame(TEXT, b"\xff"))
            await eventually(lambda: len(members_of(server, "lobby")) == 1)

            assert (await ada.request("still here")).data == "still here"
            assert ada.frames.total == 1
        writer.close()


async def test_the_console_of_the_reference_shows_who_is_there() -> None:
    text = (ROOT / "notebooks/reference/server.md").read_text()
    [code] = [
        each
        for each in re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
        if "who_is_there" in each
    ]
    async with asyncio.timeout(DEADLINE), EchoServer() as server:
        names: dict[str, object] = {"server": server}
        exec(compile(code, "server.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
        console = names["console"]
        assert isinstance(console, WebSocketConsole)
        await console.connect()
        async with Session(f"{server.uri}/room?name=lobby&who=Ben") as ben:
            await ben.request("Hello!", match=lambda each: each.data == "Hello!")
            await eventually(lambda: "In the room: Ada, Ben" in str(console.output.outputs))
            await eventually(lambda: "Hello!" in str(console.output.outputs))
        await eventually(lambda: "In the room: Ada\\n" in str(console.output.outputs))
        await console.disconnect()
        console.close()
