"""What is read from a client, handed on no faster than it is handled.

websockets pauses reading once its queue is full. But it parses everything that was read before,
and collects a message of any allowed size. The intake therefore hands on small pieces, and large
messages only when there is memory for them. Everything else waits in the network.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from functools import partial

from ipywsecho.server.capacity import SMALL, Capacity, Claim
from ipywsecho.server.framing import MOST_FRAGMENTS, Framing

__all__ = ["Intake", "Obstacle"]

# A piece holds up to 340 frames, all of which websockets queues.
_PIECE = 2 * 2**10
# Bytes in the queue that let no more follow.
_MOST_QUEUED = 64 * 2**10
_LONGEST_REQUEST = 32 * 2**10
# websockets keeps the last frame until the next one. After a large frame this one follows, which
# any client may send at any time, and which means nothing (RFC 6455, section 5.5.3).
_PONG = bytes([0x8A, 0x80, 0, 0, 0, 0])
_END_OF_REQUEST = b"\r\n\r\n"


class Obstacle(Enum):
    """Why nothing is handed on at the moment."""

    QUEUE = auto()
    """The queue of websockets holds enough messages."""
    BYTES = auto()
    """The queue of websockets holds enough bytes."""
    PONGS = auto()
    """The client does not read the pongs to its pings."""
    CAPACITY = auto()
    """A large message waits for memory."""


class Intake:
    """Hands on what is read from a client: the request, then the frames.

    Args:
        capacity: The memory for large messages.
        max_size: Bytes that a message may have; websockets refuses larger ones, without reading
            them. `None` is no limit.
        hand_on: Called with each piece.
        set_reading: Called with whether to read.
        call_soon: Calls a function when others have had their turn.
        refuse: Called with a close code and a reason when the client breaks a limit.
        refuse_request: Called with a reason when the request is too long.
    """

    def __init__(
        self,
        capacity: Capacity,
        max_size: int | None,
        *,
        hand_on: Callable[[bytes], object],
        set_reading: Callable[[bool], object],
        call_soon: Callable[[Callable[[], None]], object],
        refuse: Callable[[int, str], object],
        refuse_request: Callable[[str], object],
    ) -> None:
        self._capacity = capacity
        self._max_size = max_size
        self._hand_on = hand_on
        self._set_reading = set_reading
        self._call_soon = call_soon
        self._refuse = refuse
        self._refuse_request = refuse_request
        self._waiting = bytearray()
        self._obstacles: set[Obstacle] = set()
        self._is_request = True
        self._requested = 0
        self._tail = bytearray()
        self._is_discarding = False
        self._framing = Framing()
        self._claim: Claim | None = None
        # Which message the claim is for, counted from 0, and how many the handler has taken.
        self._claimed = 0
        self._taken = 0
        # Bytes of each message in the queue of websockets.
        self._queue: deque[int] = deque()
        self._queued_bytes = 0
        self._is_large_complete = False

    @property
    def has_memory(self) -> bool:
        """Whether the handler is busy with a large message, for which it has memory."""
        return self._claim is not None and self._taken > self._claimed

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Take what was read."""
        if not self._is_discarding:
            self._waiting += data
            self.proceed()

    def block(self, obstacle: Obstacle) -> None:
        """Hand on nothing until `unblock`."""
        self._obstacles.add(obstacle)
        self._set_reading(False)

    def unblock(self, obstacle: Obstacle) -> None:
        """Remove an obstacle, and hand on again later, as this may be called in the middle."""
        if obstacle in self._obstacles:
            self._obstacles.remove(obstacle)
            self._call_soon(self.proceed)

    def took(self) -> None:
        """The handler has taken a message."""
        self._taken += 1
        self._queued_bytes -= self._queue.popleft()
        if self._queued_bytes <= _MOST_QUEUED:
            self.unblock(Obstacle.BYTES)

    def handled(self) -> None:
        """The handler has finished with the messages that it took."""
        if self.has_memory:
            self._release()

    def discard(self) -> None:
        """Read, but drop everything from now on, as the connection ends."""
        self._is_discarding = True
        self._waiting.clear()
        self._obstacles.clear()
        # A message that has memory keeps its memory until the connection has ended.
        if self._claim is not None and not self._claim.is_granted:
            self._release()
        self._set_reading(True)

    def close(self) -> None:
        """Give back the memory, as the connection has ended."""
        self._is_discarding = True
        self._waiting.clear()
        self._release()

    def proceed(self) -> None:
        """Hand on a piece of what waits, unless there is an obstacle, and the rest later."""
        if not self._is_open:
            return
        has_handed_on = self._hand_on_piece()
        if not self._is_discarding:
            is_more = has_handed_on and bool(self._waiting)
            self._set_reading(self._is_open and not is_more)
            if is_more and self._is_open:
                # Every client gets its turn, however many small frames another one sends.
                self._call_soon(self.proceed)

    @property
    def _is_open(self) -> bool:
        return not (self._obstacles or self._is_discarding)

    def _hand_on_piece(self) -> bool:
        count = self._allowed()
        if count == 0 or self._is_discarding:
            return False
        piece = bytes(self._waiting[:count])
        del self._waiting[:count]
        if self._is_large_complete:
            self._is_large_complete = False
            piece += _PONG
        self._hand_on(piece)
        return True

    def _allowed(self) -> int:
        """Return how many of the waiting bytes may be handed on now."""
        if self._is_request:
            return self._allowed_of_request()
        framing, count = self._framing, 0
        while count < len(self._waiting):
            if framing.is_between_frames:
                if count >= _PIECE or not framing.enter(self._waiting, count):
                    break
                self._look_at_frame()
            if not self._is_open:
                break
            completed, size = framing.completed, framing.size
            count += framing.pass_by(len(self._waiting) - count)
            if framing.completed > completed and self._queued(completed, size):
                break
        return count

    def _queued(self, number: int, size: int) -> bool:
        """Note that a message goes into the queue, and return whether no more may follow now."""
        self._queue.append(size)
        self._queued_bytes += size
        self._is_large_complete = self._claim is not None and number == self._claimed
        if self._queued_bytes > _MOST_QUEUED:
            self._obstacles.add(Obstacle.BYTES)
        return self._is_large_complete or Obstacle.BYTES in self._obstacles

    def _allowed_of_request(self) -> int:
        # As it comes: what is no request at all, such as a TLS handshake, is refused at once.
        known = len(self._tail)
        end = (self._tail + self._waiting).find(_END_OF_REQUEST)
        count = len(self._waiting) if end < 0 else end + len(_END_OF_REQUEST) - known
        self._requested += count
        if self._requested > _LONGEST_REQUEST:
            self._refuse_request(f"the request is longer than {_LONGEST_REQUEST} bytes")
            return 0
        self._tail = (self._tail + self._waiting[:count])[1 - len(_END_OF_REQUEST) :]
        self._is_request = end < 0
        return count

    def _look_at_frame(self) -> None:
        framing = self._framing
        if framing.fragments > MOST_FRAGMENTS:
            self._refuse(1009, f"a message has more than {MOST_FRAGMENTS} fragments")
            return
        # websockets refuses a frame of this length when it has read the header.
        if self._max_size is not None and framing.length > self._max_size:
            return
        is_claimed = self._claim is not None and self._claimed == framing.completed
        if framing.size > SMALL and not is_claimed:
            self._await_room()

    def _await_room(self) -> None:
        self._obstacles.add(Obstacle.CAPACITY)
        if self._claim is None:
            self._claimed = self._framing.completed
            # How long a message will be in the end, its first fragments do not tell.
            size = self._max_size if self._framing.is_fragmented else self._framing.size
            enter = partial(self.unblock, Obstacle.CAPACITY)
            self._claim = self._capacity.claim(size, enter, self._refuse)

    def _release(self) -> None:
        claim, self._claim = self._claim, None
        if claim is not None:
            claim.release()
        if Obstacle.CAPACITY in self._obstacles and not self._is_discarding:
            self._await_room()
