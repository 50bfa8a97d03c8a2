"""Rooms, in which everybody hears what anybody says.

Whatever is said is held once, however many members still have to hear it. Writing to a member
never waits: what the network does not take at once goes into the queue of the member. A member
whose queue is full is let go, so that one who reads slowly costs the others nothing.
"""

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

from websockets.frames import Frame, Opcode

from ipywsecho.pacing import Throttle, Turn

__all__ = ["MOST_RECENT", "Member", "Message", "Room", "Rooms"]

MOST_RECENT = 100
"""Messages that a room keeps for newcomers."""

_MOST_RECENT_BYTES = 256 * 2**10
_MOST_QUEUED = 1_000
_MOST_QUEUED_BYTES = 2**20
_MOST_BYTES = 8 * 2**20
_MOST_ROOMS = 1_000
_MOST_NAMES = 100
# A message is written in fragments of this size, as far as the network takes them, so that a large
# one does not lie in the write buffers of all members at once.
_FRAGMENT = 32 * 2**10
# Bytes that a message takes besides its payload.
_OVERHEAD = 400
# Seconds; as for the other paths.
_TURN = 0.001
# Seconds between two lists of who is there, in the long run.
_LISTS_INTERVAL = 1.0
_TRY_AGAIN_LATER = 1013


class Listener(Protocol):
    """The connection of a member."""

    on_writable: Callable[[], object] | None
    """Called when the network takes data again."""

    @property
    def is_writable(self) -> bool:
        """Whether the network takes data at the moment."""

    def write(self, frames: bytes) -> None:
        """Write frames."""

    def let_go(self, code: int, reason: str) -> None:
        """Close the connection."""


class Message:
    """Something said, as the frames that every member gets.

    Attributes:
        frames: The fragments of the message.
        cost: Bytes that it takes.
        holders: How many queues hold it.
    """

    __slots__ = ("cost", "frames", "holders")

    def __init__(self, said: str | bytes) -> None:
        is_text = isinstance(said, str)
        payload = said.encode() if isinstance(said, str) else said
        pieces = [payload[at : at + _FRAGMENT] for at in range(0, len(payload), _FRAGMENT)] or [b""]
        first = Opcode.TEXT if is_text else Opcode.BINARY
        opcodes = [first, *[Opcode.CONT] * (len(pieces) - 1)]
        self.frames = tuple(
            Frame(opcode, piece, fin=number == len(pieces)).serialize(mask=False)
            for number, (opcode, piece) in enumerate(zip(opcodes, pieces, strict=True), 1)
        )
        self.cost = len(payload) + _OVERHEAD
        self.holders = 0


class Budget:
    """The bytes of all messages that the rooms of a server hold."""

    def __init__(self) -> None:
        self.held = 0

    def hold(self, message: Message) -> None:
        """A queue holds a message."""
        message.holders += 1
        if message.holders == 1:
            self.held += message.cost

    def release(self, message: Message) -> None:
        """A queue no longer holds a message."""
        message.holders -= 1
        if message.holders == 0:
            self.held -= message.cost


class Queue:
    """Messages in order, whose bytes count.

    Args:
        budget: Counts the bytes of all queues.
    """

    def __init__(self, budget: Budget) -> None:
        self.cost = 0
        self._budget = budget
        self._messages: deque[Message] = deque()

    def append(self, message: Message) -> None:
        """Hold a message."""
        self._messages.append(message)
        self.cost += message.cost
        self._budget.hold(message)

    def drop_first(self) -> None:
        """Release the oldest message."""
        message = self._messages.popleft()
        self.cost -= message.cost
        self._budget.release(message)

    def clear(self) -> None:
        """Release all messages."""
        while self._messages:
            self.drop_first()

    def last(self, count: int) -> list[Message]:
        """Return the newest messages, oldest first."""
        return list(self._messages)[-count:] if count else []

    @property
    def first(self) -> Message:
        """The oldest message."""
        return self._messages[0]

    def __len__(self) -> int:
        return len(self._messages)


class Member:
    """Somebody in a room, and what they still have to hear.

    Args:
        listener: The connection.
        name: Who it is; empty if they did not say so.
        budget: Counts the bytes of all queues.
    """

    def __init__(self, listener: Listener, name: str, budget: Budget) -> None:
        self.name = name
        self.queue = Queue(budget)
        self._listener = listener
        self._written = 0
        listener.on_writable = self.write

    def hear(self, message: Message) -> bool:
        """Put a message into the queue, and return whether there was room for it."""
        # One message always has room, however large.
        if len(self.queue) >= _MOST_QUEUED or self.queue.cost > _MOST_QUEUED_BYTES:
            return False
        self.queue.append(message)
        return True

    def write(self) -> None:
        """Write what is in the queue, as far as the network takes it."""
        while self.queue and self._listener.is_writable:
            frames = self.queue.first.frames
            frame = frames[self._written]
            # Noted first, as writing may lead here again.
            self._written += 1
            if self._written == len(frames):
                self._written = 0
                self.queue.drop_first()
            self._listener.write(frame)

    def let_go(self, reason: str) -> None:
        """Close the connection with code 1013."""
        self._listener.let_go(_TRY_AGAIN_LATER, reason)

    def leave(self) -> None:
        """Hear nothing more."""
        self._listener.on_writable = None
        self.queue.clear()


class Room:
    """Tells all members what any of them says, in the same order.

    Args:
        budget: Counts the bytes of all queues.
        make_space: Called when another message is held.
    """

    def __init__(self, budget: Budget, make_space: Callable[[], object]) -> None:
        self.recent = Queue(budget)
        # Ordered as they came.
        self.members: dict[Member, None] = {}
        self._make_space = make_space
        self._is_telling = asyncio.Lock()
        self._lists = Throttle(
            self._list_members,
            interval=_LISTS_INTERVAL,
            burst=3,
            call_later=asyncio.get_running_loop().call_later,
        )
        self._listings: set[asyncio.Task[None]] = set()

    def enter(self, member: Member, recent: int = 0) -> None:
        """Let somebody in, who first hears the newest messages."""
        for message in self.recent.last(recent):
            member.hear(message)
        member.write()
        self.members[member] = None
        self._list_soon(member)

    def leave(self, member: Member) -> None:
        """Tell a member nothing more; nothing happens if it is not here."""
        member.leave()
        if member in self.members:
            del self.members[member]
            self._list_soon(member)

    def close(self) -> None:
        """Give back what the room held, as nobody is here."""
        self._lists.cancel()
        for each in self._listings:
            each.cancel()
        self.recent.clear()

    def let_go(self, member: Member, reason: str) -> None:
        """Close the connection of a member."""
        self.leave(member)
        member.let_go(reason)

    async def say(self, speaker: Member, said: str | bytes) -> None:
        """Tell everybody, and return once the message is written or queued for each."""
        # Those who speak at the same time wait for each other, so that they do not fill the queues
        # of those who read fast enough.
        async with self._is_telling:
            # Who was let go may have sent something before.
            if speaker not in self.members:
                return
            message = Message(said)
            if message.cost <= _MOST_RECENT_BYTES:
                self.recent.append(message)
                while len(self.recent) > MOST_RECENT or self.recent.cost > _MOST_RECENT_BYTES:
                    self.recent.drop_first()
            await self._tell(message, list(self.members))

    async def _tell(self, message: Message, members: Iterable[Member]) -> None:
        listening = [each for each in members if self._hears(each, message)]
        self._make_space()
        remaining = iter(listening)
        turn = Turn(_TURN)
        try:
            for member in remaining:
                member.write()
                if turn.is_over():
                    await turn.pass_on()
        finally:
            # Who says something may be gone before everybody has heard it.
            for member in remaining:
                member.write()

    def _hears(self, member: Member, message: Message) -> bool:
        # Queued for everybody before the first turn is passed on: who comes later finds the
        # message among the recent ones instead.
        if member.hear(message):
            return True
        self.let_go(member, "you read more slowly than the others speak; your queue is full")
        return False

    # Who is there

    def _list_soon(self, changed: Member) -> None:
        if changed.name:
            self._lists.request()

    def _list_members(self) -> None:
        listing = asyncio.get_running_loop().create_task(self._tell_who_is_here())
        self._listings.add(listing)
        listing.add_done_callback(self._listings.discard)

    async def _tell_who_is_here(self) -> None:
        async with self._is_telling:
            named = [each for each in self.members if each.name]
            names = [each.name for each in named]
            shown = {"here": names[:_MOST_NAMES], "count": len(names)}
            await self._tell(Message(json.dumps(shown)), named)


class Rooms:
    """The rooms of a server, which are there as long as somebody is in them."""

    def __init__(self) -> None:
        self._budget = Budget()
        self._rooms: dict[str, Room] = {}

    @contextmanager
    def entered(
        self, listener: Listener, name: str, *, who: str = "", recent: int = 0
    ) -> Iterator[Callable[[str | bytes], Awaitable[None]]]:
        """Be in a room meanwhile, which is made if it is not there; yields what says something.

        Args:
            listener: The connection of who enters.
            name: The name of the room.
            who: Who it is, for the list of who is there; empty gives and gets no list.
            recent: How many of the newest messages to hear first.
        """
        room = self._rooms.get(name)
        if room is None:
            room = self._rooms[name] = Room(self._budget, self._make_space)
        member = Member(listener, who, self._budget)
        room.enter(member, recent)
        try:
            yield partial(room.say, member)
        finally:
            room.leave(member)
            # The last who was let go may still be here.
            if not room.members and self._rooms.get(name) is room:
                del self._rooms[name]
                room.close()

    @property
    def is_full(self) -> bool:
        """Whether there is no place for another room."""
        return len(self._rooms) >= _MOST_ROOMS

    def __contains__(self, name: str) -> bool:
        return name in self._rooms

    def _make_space(self) -> None:
        """Forget recent messages, then let go whoever is furthest behind, until all has space."""
        while self._budget.held > _MOST_BYTES:
            largest = max(self._rooms.values(), key=lambda room: room.recent.cost)
            if largest.recent:
                largest.recent.drop_first()
                continue
            room, slowest = max(
                ((room, member) for room in self._rooms.values() for member in room.members),
                key=lambda each: each[1].queue.cost,
            )
            room.let_go(slowest, "you read too slowly, and the rooms of this server are full")
