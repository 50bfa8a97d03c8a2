"""The console without a widget: a connection, what is kept of it, and their life and end.

A session lives on one event loop, and so does everything that touches its connection. Its methods
may be called from any thread: each goes to that loop first.
"""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize, ref

from ipywsecho.aside import work_aside
from ipywsecho.connection import (
    Connection,
    Greeting,
    HomeLoop,
    Host,
    Ignored,
    Lifetime,
    LooseListener,
    OwnServer,
    Parcel,
    Receipt,
    Receiving,
    Reconnect,
    Repeating,
    Repeatings,
    Sending,
    State,
    greeter,
    is_greeting,
    loosely,
    loosely_awaited,
    ping_over,
    sendable,
    told_if_forgotten,
)
from ipywsecho.errors import InvalidURIError, NotConnectedError, OptionError
from ipywsecho.frames import Control, Decode, Frame, Journal
from ipywsecho.masking import mask

if TYPE_CHECKING:
    from ipywsecho.connection.link import Link
    from ipywsecho.recording import Feed, Recorder, Recording

__all__ = ["Session"]

_CLOSE = 8
_LONGEST_PING = 125
_LOOP_GONE = "the event loop of this connection is closed; connect() opens it on another"
_NO_REPLY = "the connection closed before a reply came"


class _Recorded(Receiving):
    """What a session saves of what it keeps, and what it writes to a file as it comes."""

    decode: Decode | None
    _feed: "Feed | None"
    _ignored: Ignored

    @property
    def recording(self) -> "Recording":
        """All that is kept now, in both directions, as a value that can be saved and replayed."""
        return _recorder_of(self)()

    def save(self, path: str | PathLike[str]) -> Sending:
        """Save all that is kept now; frames go on coming while the file is written.

        Args:
            path: Where to; `.jsonl` keeps everything, `.har` is what browsers' network panels read.

        Returns:
            An awaitable that is done when the file is written. It raises what prevented that; if it
            is ignored, a notice says so.

        Raises:
            RecordingError: If the file name ends otherwise.
            SaveError: If the file cannot be written; one that was there before stays as it was.
        """
        steps = _steps(_recorder_of(self), path, self.decode)
        receipt = Receipt("saved")
        # Once it is being written, nothing cancels it.
        receipt.set_running_or_notify_cancel()
        self._ignored.watch(receipt)

        work_aside(steps, receipt.tell, name="ipywsecho-save", spawn=self.home.spawn)
        return Sending(receipt)

    async def _flush(self) -> None:
        if self._feed is not None:
            await self.home.complete(self._feed.flushed())


class Session(_Recorded):
    """A WebSocket that keeps what went over it, for scripts and for the console in a notebook.

        async with Session("wss://example.org/chat") as session:
            session.send_message("Hello!")
            async for frame in session:
                print(frame.data)

    Args:
        uri: `ws://` or `wss://` address of the server. With `None` the session starts an echo
            server of its own, which needs no network.
        history: How many received frames, and how many sent frames, are kept.
        history_bytes: How many bytes of payload are kept of each.
        reconnect: Whether a connection that failed or was lost is retried; a `Reconnect` says what
            and when.
        on_open: Sent, or called, each time a connection has opened, before anything that waited to
            be sent: a message, several, or a function of the session, which may be asynchronous. A
            subscription so survives a reconnection.
        control_frames: Whether pings, pongs, and how messages were fragmented are kept as well.
        decode: Returns what is saved beside the payload of a frame: text, or what JSON can hold.
        record: A file that each frame is written to as it comes or goes, `.jsonl` or `.jsonl.gz`; a
            `Recorder` says when another file begins. If the file is there, it is continued.
        host: Where the session lives; the default is right for a script.
        **options: Passed on to `websockets.asyncio.client.connect` by their own names, such as
            `additional_headers`, `subprotocols`, `ssl`, `proxy`, `open_timeout`, `ping_interval`,
            `max_size` or `compression`.

    Raises:
        InvalidURIError: If the address is not even a text.
        OptionError: If an option is invalid.
        RecordingError: If `record` is no file that can be written as frames come.
        ValueError: If `history` or `history_bytes` is less than 1.
    """

    def __init__(
        self,
        uri: str | None = None,
        *,
        history: int = 10_000,
        history_bytes: int = 64_000_000,
        reconnect: bool | Reconnect = True,
        on_open: Greeting[Self] | None = None,
        control_frames: bool = False,
        decode: Decode | None = None,
        record: "str | PathLike[str] | Recorder | None" = None,
        host: Host | None = None,
        **options: Any,
    ) -> None:
        if decode is not None and not callable(decode):
            raise OptionError(f"decode={decode!r} is not valid; it must be a function of a frame")
        if uri is not None and not isinstance(uri, str):
            raise InvalidURIError(f"{uri!r} is not a text; write 'ws://host:port/path', or wss://")
        self.decode = decode
        """Returns what stands for the payload of a frame, or `None` if that stands for itself."""
        self._host = host or Host()
        self.home = HomeLoop(self._host.find_loop)
        """The event loop that it lives on."""
        self._feed = None if record is None else _feed_of(self, record)
        received, sent = (
            self._host.make_log(name, history, history_bytes) for name in ("frames", "sent")
        )
        self.journal = Journal(
            received,
            sent,
            changed=self._host.noticed,
            name_of=self._host.name_of,
            hide=lambda text: mask(text, connection.secrets),
            record=None if self._feed is None else self._feed.put,
        )
        """What it keeps, and the callbacks."""
        # The event loop holds the connection, which holds nothing of what the user holds.
        self._listener = _Listener(
            self.journal, self._host, lambda: connection.state, keeps_controls=control_frames
        )
        if on_open is not None:
            self._greet = greeter(on_open, self, lambda: self.subject, self._fail("on_open"))
        self.connection = connection = Connection(
            uri or "",
            LooseListener(self._listener, self.journal.signal),
            reconnect=Reconnect() if reconnect is True else reconnect or None,
            options=options,
            greet=None if on_open is None else loosely_awaited(self._welcome),
        )
        """What it drives; everything about it happens on the event loop."""
        # The results of what it sends may outlive it.
        self._ignored = Ignored(self.home, partial(loosely(self.journal.note), is_error=True))
        self._repeatings = Repeatings(
            self.home,
            loosely(self.send_message),
            is_open=lambda: connection.state is State.OPEN,
            until=self.journal.signal.wait_for,
            fail=self._fail("send_every"),
        )
        self.lifetime = Lifetime(
            self.connection,
            self.home,
            make_server=_own_server if uri is None else None,
            attached=loosely(self._attach),
            ended=loosely(self._end),
        )
        """How it begins and ends."""
        finalize(self, self.lifetime.drop).atexit = False

    @property
    def subject(self) -> object:
        """What functions of the user's are called with: the session, or its stand-in."""
        return self._host.subject(self)

    def start(self) -> None:
        """Begin to connect, or retry at once; does nothing while there is no event loop."""
        self.lifetime.start()

    @told_if_forgotten
    async def connect(self) -> None:
        """Connect if need be, and return once open. If a retry is due later, it happens at once.

        Raises:
            ConsoleError: What prevented it. A transient failure is retried all the same.
        """
        await self.lifetime.open()

    def send_message(self, data: str | bytes) -> Sending:
        """Send a frame: `str` makes a text frame, `bytes` a binary one.

        Before the connection is open the frame waits; once it is closed, sending fails.

        Returns:
            An awaitable that is done when the frame is handed to the network. It raises
            `NotConnectedError` if the frame cannot be sent; if it is ignored, a notice says so.

        Raises:
            TypeError: If the data is neither text nor bytes.
            ValueError: If the text cannot be encoded as UTF-8.
        """
        return self.post(data, Receipt())

    def post(self, data: str | bytes, receipt: Receipt) -> Sending:
        """Send a frame as `send_message` does, and tell the result by a receipt."""
        parcel = Parcel(sendable(data), receipt, is_greeting())
        self._ignored.watch(receipt)
        if self.home.is_gone:
            receipt.set_exception(NotConnectedError(_LOOP_GONE))
        else:
            self.home.call(self._send, parcel)
        return Sending(receipt)

    def send_every(
        self, seconds: float, data: str | bytes | Callable[[], str | bytes]
    ) -> Repeating:
        """Send a message regularly while the connection is open, and nothing while it is not.

        Args:
            seconds: The interval; the first message is sent at once.
            data: `str` makes a text frame, `bytes` a binary one; a function is called each time.

        Returns:
            What ends it with `cancel()`; the end of the session does so as well.

        Raises:
            TypeError: If the data is neither text nor bytes nor a function.
            ValueError: If the interval is not above 0.
        """
        return self._repeatings.begin(seconds, data)

    @told_if_forgotten
    async def ping(self, data: bytes = b"") -> float:
        """Return the seconds that a ping and its pong took.

        Args:
            data: Payload of at most 125 bytes; random bytes if it is empty.

        Raises:
            NotConnectedError: If no connection is open, or it closes before the pong comes.
            ValueError: If the payload is too long.
        """
        if len(data) > _LONGEST_PING:
            raise ValueError(f"a ping carries at most {_LONGEST_PING} bytes, not {len(data):,}")
        return await self.home.complete(ping_over(self.connection, bytes(data)))

    @told_if_forgotten
    async def disconnect(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, also one that is still connecting; what is kept stays.

        Args:
            code: Close code: 1000, or one of the application's own from 3000 to 4999.
            reason: At most 123 bytes of UTF-8.

        Raises:
            OptionError: If a close frame cannot carry the code or the reason.
        """
        await self.home.complete(self.connection.close(code, reason))
        await self._flush()

    def close(self) -> None:
        """End the connection for good, and the server that it started; twice is safe."""
        self.lifetime.end()
        self.journal.signal.notify()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.disconnect()
        await self.home.complete(self.lifetime.rest())
        self._repeatings.cancel()
        self.home.call(self.journal.end)
        await self._flush()

    def clear(self) -> None:
        """Forget the frames and notices kept; the totals go on counting."""
        self.home.call(self._clear)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.summary})"

    def _attach(self, loop: asyncio.AbstractEventLoop) -> None:
        self._host.attached(loop)
        self._repeatings.resume()

    def _end(self) -> None:
        self._repeatings.cancel()
        self.journal.end()
        self._host.ended()

    def _send(self, parcel: Parcel) -> None:
        self.connection.send(parcel)
        if self.state is not State.OPEN:
            # It is seen to wait.
            self._host.changed()

    async def _welcome(self, link: "Link") -> None:
        await self._greet(link)

    def _fail(self, name: str) -> Callable[[Exception], None]:
        """Return what notes that the user's code behind an option or a method has failed."""
        return partial(self.journal.fail, what=name)

    def _clear(self) -> None:
        self.journal.clear()
        self._host.cleared()


def _feed_of(session: Session, record: "str | PathLike[str] | Recorder") -> "Feed":
    """Return what writes to a file; it does not keep the session alive."""
    from ipywsecho.recording import Feed, Recorder

    found = ref(session)

    def describe() -> tuple[str | None, str | None]:
        known = found()
        if known is None:
            return None, None
        secrets = known.connection.secrets
        uri, chosen = (text and mask(text, secrets) for text in (known.uri, known.subprotocol))
        return uri, chosen

    def note(text: str, is_error: bool) -> None:
        if (known := found()) is not None:
            known.journal.note(text, is_error=is_error)

    def skipped(count: int) -> None:
        if (known := found()) is not None:
            known.journal.note_skipped(count, f"the recording to {recorder.path}")

    recorder = record if isinstance(record, Recorder) else Recorder(record)
    return Feed(
        recorder,
        decode=session.decode,
        describe=describe,
        note=note,
        skipped=skipped,
        call=session.home.call,
        spawn=session.home.spawn,
    )


def _recorder_of(session: _Recorded) -> "Callable[[], Recording]":
    """Return what makes a recording of all that is kept now, on any thread and at any time."""
    from ipywsecho.recording import Recording

    has_ended = session.state in (State.WAITING, State.CLOSED)
    return partial(
        Recording.merged,
        session.frames,
        session.sent,
        session.notices,
        controls=session.controls,
        secrets=session.connection.secrets,
        uri=session.uri,
        subprotocol=session.subprotocol,
        close_code=session.close_code if has_ended else None,
        close_reason=session.close_reason if has_ended else None,
    )


class _Listener:
    """Keeps what a connection tells, and tells the host; called on the event loop."""

    def __init__(
        self, journal: Journal, host: Host, state: Callable[[], State], *, keeps_controls: bool
    ) -> None:
        self._journal = journal
        self._host = host
        self._state = state
        self._keeps_controls = keeps_controls
        self.noticed = journal.add

    def received(self, frames: list[Frame]) -> None:
        self._journal.receive(frames)
        self._host.received()

    def sent(self, frame: Frame) -> None:
        self._journal.send(frame)
        self._host.sent()

    def controlled(self, control: Control) -> None:
        # A close frame is told as a notice.
        if self._keeps_controls and control.opcode != _CLOSE:
            self._journal.control(control)

    def changed(self) -> None:
        match self._state():
            case State.WAITING:
                self._journal.replies.fail(_NO_REPLY, asked_only=True)
            case State.CLOSED:
                self._journal.replies.fail(_NO_REPLY)
        self._host.changed()
        self._journal.signal.notify()


def _own_server() -> "OwnServer":
    # Imported when needed, as most sessions talk to a server elsewhere.
    from ipywsecho.server import EchoServer

    return EchoServer()


def _steps(
    recorder: "Callable[[], Recording]", path: str | PathLike[str], decode: Decode | None
) -> Iterator[None]:
    """Make a recording, and write it to a file."""
    yield from recorder().saving(path, decode=decode)
