"""What a session writes to a file as it comes, beside the event loop.

Frames wait in a list, and a thread encodes and writes them a tenth of a second later. If they come
faster than they can be written, what does not fit is left out, counted, and told.
"""

import asyncio
import errno
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from json.encoder import encode_basestring
from math import inf
from threading import Event
from time import monotonic, perf_counter, sleep
from typing import Any, cast

from ipywsecho.aside import work_aside
from ipywsecho.frames import Decode, Frame, Notice
from ipywsecho.pacing import running_loop
from ipywsecho.recording.contents import Entry
from ipywsecho.recording.growing import GrowingFile
from ipywsecho.recording.jsonl import header_of_feed
from ipywsecho.recording.messages import json_pieces
from ipywsecho.recording.recorder import Recorder

__all__ = ["Feed"]

_GATHERING = 0.1
"""Seconds from a frame to its being written."""
# Seconds that a thread waits for more.
_PATIENCE = 1.0
_RETRY = 10.0
_LONGEST_FLUSH = 2.0
_MOST_WAITING = 64 * 2**20
# Bytes of memory that an entry takes besides its payload.
_OVERHEAD = 200
# Characters that are written at a time. While a flood comes, this thread gets the lock of the
# interpreter some two hundred times a second, and needs it after each call of the system.
_CHUNK = 2**20
# Seconds after which the event loop gives way to this thread, and how long it does so.
_LATE = 0.25
_GIVING_WAY = 0.0005
# Seconds that this thread may work without a pause, and how long that is.
_TURN = 0.002
_PAUSE = 0.0001
# Entries that are encoded in one turn of the event loop, where there are no threads.
_STEP = 16
# Longer strings are encoded in pieces.
_SHORT = 2**16

Spawn = Callable[[Callable[[], Any]], object]


class Feed:
    """Writes entries to a file, in the order in which they are put.

    Everything here happens on the event loop, except for the encoding and writing.

    Args:
        recorder: Which files.
        decode: Makes what is written beside the payload of a frame, or is `None`.
        describe: Returns the address and the subprotocol as the header contains them.
        note: Called with a text, and whether it is an error, when the user should know something.
        skipped: Called with how many entries more were left out.
        call: Calls a function on the event loop, from any thread.
        spawn: Runs a coroutine function as a task on the event loop.
        most_waiting: Bytes that may wait to be written.
        retry: Seconds after which a failure is followed by another attempt.
    """

    def __init__(
        self,
        recorder: Recorder,
        *,
        decode: Decode | None,
        describe: Callable[[], tuple[str | None, str | None]],
        note: Callable[[str, bool], object],
        skipped: Callable[[int], object],
        call: Callable[..., object],
        spawn: Spawn,
        most_waiting: int = _MOST_WAITING,
        retry: float = _RETRY,
    ) -> None:
        self._recorder = recorder
        self._decode = decode
        self._describe = describe
        self._note = note
        self._skipped = skipped
        self._call = call
        self._spawn = spawn
        self._most_waiting = most_waiting
        self._retry = retry
        self._file = GrowingFile(recorder, self._header)
        self._head: tuple[str | None, str | None] = (None, None)
        self._waiting: deque[tuple[Sequence[Entry], int, float]] = deque()
        # Each is changed on one thread only.
        self._put = self._taken = 0
        # When the oldest of what is being written was put.
        self._oldest = inf
        self._is_aside = False
        self._left_out = 0
        self._is_writing = self._has_failed = False
        self._is_resting = self._is_ending = False
        self._hurry, self._more = Event(), Event()
        self._idle: list[asyncio.Future[None]] = []

    def put(self, entries: Sequence[Entry]) -> None:
        """Have entries written soon."""
        size = len(entries) * _OVERHEAD + sum(map(_size_of, entries))
        waiting, now = self._put - self._taken, monotonic()
        # Once something was left out, until half of what waits is written: one gap, not many.
        most = self._most_waiting // 2 if self._left_out else self._most_waiting
        if waiting and waiting + size > most:
            self._left_out += len(entries)
            self._skipped(len(entries))
            return
        if self._left_out:
            text = f"{self._left_out:,} lines are missing here, as recording was too slow"
            self._left_out = 0
            self._waiting.append(([Notice(entries[0].time, text, is_error=True)], 0, now))
        if waiting > self._most_waiting // 8:
            self._hurry.set()
        self._put += size
        self._waiting.append((entries, size, now))
        if self._is_resting:
            self._more.set()
        if not self._is_writing and not self._has_failed:
            self._begin()
        elif self._is_writing and self._is_aside and now - self._oldest_now() > _LATE:
            # An event loop that is never idle hardly ever leaves the lock to another thread.
            sleep(_GIVING_WAY)

    def _oldest_now(self) -> float:
        try:
            return min(self._oldest, self._waiting[0][2])
        except IndexError:
            return self._oldest

    async def flushed(self) -> None:
        """Return once all that was put is written, or cannot be, or a slow disk takes too long."""
        self._is_ending = True
        self._hurry.set()
        self._more.set()
        if self._is_writing:
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await asyncio.wait({idle}, timeout=_LONGEST_FLUSH)

    def _begin(self) -> None:
        self._is_writing = True
        # Later ones, of a file that is rotated, tell of what is then connected.
        self._head = self._describe()
        work_aside(self._steps(), self._done, name="ipywsecho-record", spawn=self._spawn)

    def _header(self) -> str:
        return header_of_feed(*self._head)

    # On the thread

    def _steps(self) -> Iterator[None]:
        is_aside = self._is_aside = running_loop() is None
        while True:
            if is_aside:
                self._hurry.wait(_GATHERING)
            self._file.resume()
            while self._waiting:
                yield from _politely(self._write_chunk()) if is_aside else self._write_chunk()
            if not (is_aside and self._more_comes()):
                return

    def _more_comes(self) -> bool:
        """Wait for more: the event loop would have to wait until another thread has started."""
        if self._is_ending:
            return False
        self._hurry.clear()
        self._more.clear()
        self._is_resting = True
        # Looked at after that: what was put before did not wake this thread.
        is_more = bool(self._waiting) or self._more.wait(_PATIENCE)
        self._is_resting = False
        return is_more

    def _write_chunk(self) -> Iterator[None]:
        """Write what waits, up to a limit, at once; each call of the system may have to wait."""
        pieces: list[str] = []
        length = taken = 0
        while self._waiting and length < _CHUNK:
            entries, size, put_at = self._waiting.popleft()
            self._oldest = min(self._oldest, put_at)
            taken += size
            for number, entry in enumerate(entries, 1):
                for piece in _line(entry, self._decode):
                    pieces.append(piece)
                    length += len(piece)
                if number % _STEP == 0:
                    yield
            yield
        try:
            self._file.append("".join(pieces).encode())
        finally:
            # What could not be written, the file keeps.
            self._taken += taken
            self._oldest = inf
        yield

    def _done(self, error: BaseException | None) -> None:
        self._call(self._finish, error)

    # On the event loop

    def _finish(self, error: BaseException | None) -> None:
        self._is_writing = self._is_ending = False
        self._hurry.clear()
        if error is not None:
            self._fail(error)
        else:
            if self._has_failed:
                self._has_failed = False
                self._note(f"recording to {self._recorder.path} goes on", False)
            if self._waiting:
                self._begin()
                return
        for each in self._idle:
            if not each.done():
                each.set_result(None)
        self._idle.clear()

    def _fail(self, error: BaseException) -> None:
        if not self._has_failed:
            self._has_failed = True
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            is_full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            remedy = "free some space" if is_full else "check the folder"
            self._note(
                f"recording to {self._recorder.path} failed ({reason}); {remedy}, as it is tried "
                f"again every {self._retry:g} s",
                True,
            )
        asyncio.get_running_loop().call_later(self._retry, self._try_again)

    def _try_again(self) -> None:
        if not self._is_writing:
            self._begin()


def _politely(steps: Iterator[None]) -> Iterator[None]:
    """Take steps on a thread, and now and then leave the lock to the event loop."""
    ends = perf_counter() + _TURN
    for step in steps:
        if perf_counter() >= ends:
            sleep(_PAUSE)
            ends = perf_counter() + _TURN
        yield step


def _size_of(entry: Entry) -> int:
    return entry.size if isinstance(entry, Frame) else 0


def _line(entry: Entry, decode: Decode | None) -> Iterator[str]:
    """Yield an entry as a line; the most frequent kind is written by hand, as that is faster."""
    plain = _plain_text(entry) if decode is None else None
    if plain is not None and isinstance(entry, Frame):
        kind = "send" if entry.sent else "receive"
        time = float.__repr__(float(entry.time))
        yield f'{{"type":"{kind}","time":{time},"opcode":1,"data":{encode_basestring(plain)}}}\n'
    else:
        yield from json_pieces(entry, decode)
        yield "\n"


def _plain_text(entry: Entry) -> str | None:
    is_text = isinstance(entry, Frame) and isinstance(entry.data, str) and len(entry.data) < _SHORT
    return cast("str", cast("Frame", entry).data) if is_text else None
