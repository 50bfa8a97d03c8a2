"""The console without a widget: a connection, what is kept of it, and their life and end.

A session lives on one event loop, and so does everything that touches its connection. Its methods
may be called from any thread: each goes to that loop first.
"""

import asyncio
import concurrent.futures
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from ipywsecho.connection import (
    Connection,
    Control,
    HomeLoop,
    Host,
    Lifetime,
    OwnServer,
    Parcel,
    Reconnect,
    Sending,
    State,
    sendable,
)
from ipywsecho.errors import ConsoleError, NotConnectedError
from ipywsecho.frames import Follower, Frame, Frames, Journal, Notice
from ipywsecho.masking import mask

if TYPE_CHECKING:
    from ipywsecho.recording import Recording

__all__ = ["Session", "summary_of"]


class Session:
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
        host: Where the session lives; the default is right for a script.
        **options: Passed on to `websockets.asyncio.client.connect` by their own names, such as
            `additional_headers`, `subprotocols`, `ssl`, `proxy`, `open_timeout`, `ping_interval`,
            `max_size` or `compression`.

    Raises:
        ValueError: If `history` or `history_bytes` is less than 1.
    """

    def __init__(
        self,
        uri: str | None = None,
        *,
        history: int = 10_000,
        history_bytes: int = 64_000_000,
        reconnect: bool | Reconnect = True,
        host: Host | None = None,
        **options: Any,
    ) -> None:
        self._host = host or Host()
        self.home = HomeLoop(self._host.find_loop)
        """The event loop that it lives on."""
        received, sent = (
            self._host.make_log(name, history, history_bytes) for name in ("frames", "sent")
        )
        self.journal = Journal(
            received, sent, changed=self._host.noticed, name_of=self._host.name_of
        )
        """What it keeps, and the callbacks."""
        self.connection = Connection(
            uri or "",
            _Listener(
                self._receive, self._control, self._keep_sent, self.journal.add, self._change
            ),
            reconnect=Reconnect() if reconnect is True else reconnect or None,
            options=options,
        )
        """What it drives; everything about it happens on the event loop."""
        self.lifetime = Lifetime(
            self.connection,
            self.home,
            server=_own_server() if uri is None else None,
            host=self._host,
        )
        """How it begins and ends."""

    @property
    def uri(self) -> str | None:
        """Where it connects; `None` before an echo server of its own listens."""
        return self.connection.uri or None

    @property
    def frames(self) -> Frames:
        """The received frames that are kept now, oldest first: an immutable value."""
        return self.journal.received.frames

    @property
    def sent(self) -> Frames:
        """The sent frames that are kept now, oldest first: an immutable value."""
        return self.journal.sent.frames

    @property
    def notices(self) -> Sequence[Notice]:
        """What happened to the connection, oldest first; the newest 1,000 are kept."""
        return tuple(self.journal.notices)

    @property
    def state(self) -> State:
        """What the connection is doing, such as "open"."""
        return self.connection.state

    @property
    def error(self) -> ConsoleError | None:
        """What ended or prevented the connection, or `None`."""
        return self.connection.error

    @property
    def close_code(self) -> int | None:
        """Close code of the last connection, or `None` before one ended."""
        return self.connection.close_code

    @property
    def close_reason(self) -> str | None:
        """Reason in the last close frame, or `None` before one ended."""
        return self.connection.close_reason

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that was negotiated, or `None`."""
        return self.connection.subprotocol

    @property
    def latency(self) -> float | None:
        """Seconds that the last ping and its pong took, or `None`."""
        return self.connection.latency

    def start(self) -> None:
        """Begin to connect, or retry at once; does nothing while there is no event loop."""
        self.lifetime.start()

    async def connect(self) -> None:
        """Connect if need be, and return once open. If a retry is due later, it happens at once.

        Raises:
            ConsoleError: What prevented it. A transient failure is retried all the same.
        """
        self.lifetime.attach()
        await self.home.complete(self.connection.open())

    def send_message(self, data: str | bytes) -> Sending:
        """Send a frame: `str` makes a text frame, `bytes` a binary one.

        Before the connection is open the frame waits; once it is closed, sending fails.

        Returns:
            An awaitable that is done when the frame is handed to the network; it may be ignored. It
            raises `NotConnectedError` if the frame cannot be sent.

        Raises:
            TypeError: If the data is neither text nor bytes.
            ValueError: If the text cannot be encoded as UTF-8.
        """
        parcel = Parcel(sendable(data), concurrent.futures.Future())
        self.home.call(self.connection.send, parcel)
        return Sending(parcel.receipt)

    async def disconnect(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, also one that is still connecting; what is kept stays.

        Args:
            code: Close code: 1000, or one of the application's own from 3000 to 4999.
            reason: At most 123 bytes of UTF-8.

        Raises:
            OptionError: If a close frame cannot carry the code or the reason.
        """
        await self.home.complete(self.connection.close(code, reason))

    def close(self) -> None:
        """End the connection, and the server that it started; calling it twice is safe."""
        self.lifetime.end()

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.disconnect()
        await self.lifetime.ended()

    def on_frame(self, callback: Callable[[Frame], object], remove: bool = False) -> None:
        """Have `callback(frame)` called for each received frame, or no longer.

        Args:
            callback: Called on the session's event loop. What it raises becomes a notice.
            remove: Whether to remove the callback instead of adding it.
        """
        self.journal.call_back(callback, remove=remove)

    async def request(self, data: str | bytes, *, timeout: float | None = 10.0) -> Frame:  # noqa: ASYNC109
        """Send a frame and return the next frame received.

        Args:
            data: `str` makes a text frame, `bytes` a binary one.
            timeout: Seconds to wait, or `None` to wait without a limit.

        Raises:
            TimeoutError: If no frame came in time.
            NotConnectedError: If the connection is closed, or closes before a frame came.
        """
        replies = aiter(self)
        async with asyncio.timeout(timeout):
            await self.send_message(data)
            async for frame in replies:
                return frame
        raise NotConnectedError("the connection closed before a reply came")

    def __aiter__(self) -> Follower:
        """Iterate over the frames received from now on, until the connection is closed for good.

        Any number of loops may run at once, each at its own pace. One that falls behind by more
        than `history` or `history_bytes` keep goes on with the oldest frame kept, and a notice says
        how many it missed.
        """
        return self.journal.follow(
            is_over=lambda: self.state is State.CLOSED,
            skipped=lambda count: self.home.call(self.journal.note_skipped, count),
        )

    @property
    def recording(self) -> "Recording":
        """All that is kept now, in both directions, as a value that can be saved and replayed."""
        return _recorder_of(self)()

    async def save(self, path: str | PathLike[str]) -> None:
        """Save all that is kept now; frames go on coming while a thread writes the file.

        Args:
            path: Where to; `.jsonl` keeps everything, `.har` is what browsers' network panels read.

        Raises:
            RecordingError: If the file name ends otherwise.
            SaveError: If the file cannot be written; one that was there before stays as it was.
        """
        recorder = _recorder_of(self)
        await asyncio.to_thread(lambda: recorder().save(path))

    def clear(self) -> None:
        """Forget the frames and notices kept; the totals go on counting."""
        self.home.call(self._clear)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({summary_of(self)})"

    # What the connection tells, always on the event loop.

    def _receive(self, frames: Sequence[Frame]) -> None:
        self.journal.receive(frames)
        self._host.received()

    def _control(self, control: Control) -> None:
        pass

    def _keep_sent(self, frame: Frame) -> None:
        self.journal.sent.append(frame)
        self._host.sent()

    def _change(self) -> None:
        self._host.changed()
        self.journal.signal.notify()

    def _clear(self) -> None:
        self.journal.clear()
        self._host.cleared()


def summary_of(session: Session) -> str:
    """Return address, state and counts, as a `repr` shows them; secrets are masked."""
    uri = None if session.uri is None else mask(session.uri, session.connection.secrets)
    kept = f"frames={session.frames.total}, sent={session.sent.total}"
    return f"{uri!r}, state={session.state.value!r}, {kept}"


def _recorder_of(session: Session) -> "Callable[[], Recording]":
    """Return what makes a recording of all that is kept now, on any thread and at any time."""
    from ipywsecho.recording import Recording

    has_ended = session.state in (State.WAITING, State.CLOSED)
    return partial(
        Recording.merged,
        session.frames,
        session.sent,
        session.notices,
        secrets=session.connection.secrets,
        uri=session.uri,
        subprotocol=session.subprotocol,
        close_code=session.close_code if has_ended else None,
        close_reason=session.close_reason if has_ended else None,
    )


@dataclass(frozen=True)
class _Listener:
    """Hands what a connection tells to a session, whose public names are for its users."""

    received: Callable[[list[Frame]], None]
    controlled: Callable[[Control], None]
    sent: Callable[[Frame], None]
    noticed: Callable[[Notice], None]
    changed: Callable[[], None]


def _own_server() -> "OwnServer":
    # Imported when needed, as most sessions talk to a server elsewhere.
    from ipywsecho.server import EchoServer

    return EchoServer()
