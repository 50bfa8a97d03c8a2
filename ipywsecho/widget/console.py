"""The console: a text field, a button and an Output, wired to a session."""

import asyncio
from collections.abc import Callable, Iterator
from os import PathLike
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast
from weakref import ref

from IPython.core.getipython import get_ipython
from traitlets import Bool, TraitType

from ipywsecho.connection import (
    Greeting,
    Host,
    Reconnect,
    Repeating,
    Sending,
    Traffic,
    Work,
    loosely,
    told_if_forgotten,
)
from ipywsecho.errors import ConsoleError
from ipywsecho.frames import Decode, Follower, Frame, FrameLog
from ipywsecho.pacing import running_loop
from ipywsecho.session import Session
from ipywsecho.widget.base import Button, Combobox, Output, VBox
from ipywsecho.widget.building import Snapshot
from ipywsecho.widget.controls import Controls, descendants_of
from ipywsecho.widget.display import place_name
from ipywsecho.widget.gestures import Gestures
from ipywsecho.widget.observing import FramesTrait, ObservedLog, Observers, StateTrait, Told
from ipywsecho.widget.presence import Presence
from ipywsecho.widget.saving import SavedCopy
from ipywsecho.widget.viewing import Viewer

if TYPE_CHECKING:
    from ipywsecho.recording import Recorder, Recording

__all__ = ["WebSocketConsole"]

_TOLD = ("uri", "error", "close_code", "close_reason", "subprotocol", "latency", "state")
"""Traits that observers are told of together; whoever is told of the state is told last."""

_ANSWER_WITHIN = 0.02

T = TypeVar("T", bound=type)


def _documented_by(source: type) -> Callable[[T], T]:
    """Give what a class does not document itself the docstrings of its namesakes elsewhere."""

    def document(documented: T) -> T:
        for name, member in vars(documented).items():
            is_trait = isinstance(member, TraitType)
            if (is_trait and not member.help) or (callable(member) and not member.__doc__):
                # An empty one, as otherwise that of a base class is shown.
                member.__doc__ = getattr(getattr(source, name, None), "__doc__", None) or ""
        return documented

    return document


@_documented_by(Session)
class WebSocketConsole(VBox):
    """A WebSocket console in a notebook: send messages, and see what arrives.

    When displayed, it is a text field, a button and a live log. In Python, it is an object whose
    frames you can observe, iterate over and answer:

        console = WebSocketConsole()
        console.observe(lambda change: print(change.new[-1].data), names="frames")
        console.send_message("Hello!")
        await console.disconnect()

    Created in a cell, it connects by itself. Created where no event loop runs, it connects when
    `connect` is awaited. You can call its methods from any thread.

    Args:
        uri: `ws://` or `wss://` address of the server. `None` starts an echo server in this
            process, which needs no network.
        builder: Makes what is shown instead of the log: text, or anything that IPython can display.
            It is called with a `Snapshot` as often as it and the page can keep up with, and always
            after the last change. It may be asynchronous.
        history: How many frames are kept in each direction.
        history_bytes: How many bytes of payload are kept in each direction.
        reconnect: Whether to retry a connection that failed or was lost; a `Reconnect` says what is
            retried, and when.
        title: The title above the log.
        tools: Whether the row of tools is shown at first: filter, pause, save and more.
        on_open: Sent or called each time a connection has opened, before anything that waits: a
            message, several messages, or a function of the console, which may be asynchronous.
        control_frames: Whether the log shows pings, pongs, and how messages were fragmented.
        decode: Returns what is shown, searched and saved instead of the payload of a frame: text,
            or what JSON can hold. It may be called on another thread, and again for a frame.
        record: A file to write each frame to as it comes, `.jsonl` or `.jsonl.gz`, or a `Recorder`.
        **options: Options of `websockets.asyncio.client.connect`, such as `additional_headers`,
            `subprotocols`, `ssl`, `proxy`, `open_timeout`, `ping_interval` or `max_size`.

    Attributes:
        uri: Where it connects.
        frames: The frames received, oldest first: an immutable value. Observers of this trait are
            called exactly once per frame.
        sent: The frames sent, in the same way.
        state: "connecting", "open", "waiting" (to reconnect), "closing" or "closed".
        error: What ended or prevented the connection, or `None`.
        close_code, close_reason: How the last connection ended; `None` before one has ended.
        subprotocol: The subprotocol that was negotiated, or `None`.
        latency: The seconds that the last ping and its pong took, or `None`.
        paused: While it is true, the log stands still; frames are kept nevertheless.
        traffic: Counts of frames and bytes in each direction, over all connections.
        recording: Everything that is kept now, as a value.
        text, button, output: The text field, its button, and the Output that shows the log.

    Methods:
        connect: Connects if necessary, and returns once the connection is open.
        send_message: Sends a text frame (`str`) or a binary frame (`bytes`).
        request: Sends a frame, and returns the reply: the next frame received, or one that matches.
        send_every: Sends a message regularly while the connection is open.
        ping: Returns the seconds that a ping and its pong take.
        on_frame: Calls a function for each frame received.
        stream: Yields each frame received, from now on or from the oldest one kept.
        save: Saves everything that is kept to a file.
        clear: Forgets the frames that are kept.
        disconnect: Closes the connection; the log stays.
        close: Closes the connection and the widgets.

    `async for frame in console` yields each frame from now on; `async with console` is connected
    inside. All other attributes are those of an `ipywidgets.VBox`, such as `layout` and `observe`.

    Raises:
        OptionError: If an option is invalid.
        RecordingError: If `record` is no file that can be written as frames come.
        ValueError: If `history` or `history_bytes` is less than 1.
    """

    uri = Told[str | None]()
    frames = FramesTrait()
    sent = FramesTrait()
    # Not an enumeration: type checkers would take for impossible what changes during an `await`.
    state = StateTrait()
    error = Told[ConsoleError | None]()
    close_code = Told[int | None]()
    close_reason = Told[str | None]()
    subprotocol = Told[str | None]()
    latency = Told[float | None]()
    paused = Bool(False, help="While it is true, the log stands still.")

    # Also read by `close` of an object whose constructor failed.
    _is_alive = False

    def __init__(
        self,
        uri: str | None = None,
        *,
        builder: Callable[[Snapshot], object] | None = None,
        history: int = 10_000,
        history_bytes: int = 64_000_000,
        reconnect: bool | Reconnect = True,
        title: str = "WebSocket Demo",
        tools: bool = False,
        on_open: Greeting[Self] | None = None,
        control_frames: bool = False,
        decode: Decode | None = None,
        record: "str | PathLike[str] | Recorder | None" = None,
        **options: Any,
    ) -> None:
        host = _Notebook(self)
        self._session = Session(
            uri,
            history=history,
            history_bytes=history_bytes,
            reconnect=reconnect,
            # The host says that it is called with the console.
            on_open=cast("Greeting[Any] | None", on_open),
            control_frames=control_frames,
            decode=decode,
            record=record,
            host=host,
            **options,
        )
        host.remember(self)
        self._controls = Controls(has_list=builder is None)
        self.text: Combobox = self._controls.text
        self.button: Button = self._controls.button
        self.output: Output = self._controls.output
        self._controls.show_tools(tools)
        self._view = Viewer(self._session, self._controls, builder=builder, title=title)
        self._gestures = Gestures(self._session, self._controls, self._view)
        call = self._session.home.call
        self._controls.pause.on_click(lambda _: self.set_trait("paused", not self.paused))
        self.observe(lambda _: call(self._view.pause, self.paused), names="paused")
        super().__init__(self._controls.rows, _dom_classes=("ipywsecho-console",))
        self._view.show_header()
        self._copy = SavedCopy(
            *(self._session, self._controls, self._view),
            title=title,
            is_shown=lambda: self._presence.is_shown,
        )
        # Who holds one of these holds the console.
        for part in (self.text, self.button, self.output):
            part.console = self
        self._is_alive = True
        self._session.start()
        self._presence = Presence(self, self._session, self._controls, self._view)

    @told_if_forgotten
    async def connect(self) -> None:
        self._presence.use()
        await self._session.connect()

    def send_message(self, data: str | bytes) -> Sending:
        return self._session.send_message(data)

    @told_if_forgotten
    async def disconnect(self, code: int = 1000, reason: str = "") -> None:
        await self._session.disconnect(code, reason)
        if running_loop() is self._session.lifetime.loop:
            self._view.tell_cell()

    def send_every(
        self, seconds: float, data: str | bytes | Callable[[], str | bytes]
    ) -> Repeating:
        return self._session.send_every(seconds, data)

    @told_if_forgotten
    async def ping(self, data: bytes = b"") -> float:
        return await self._session.ping(data)

    @property
    def traffic(self) -> Traffic:
        """What went over all connections so far, in each direction."""
        return self._session.traffic

    def close(self) -> None:
        """End the connection, the server it started and all widgets inside; twice is safe."""
        if not self._is_alive:
            super().close()
            return
        self._is_alive = False
        self._session.close()
        if self._session.home.is_gone:
            self._close_widgets()
        else:
            self._session.home.call(self._close_widgets)

    def __del__(self) -> None:
        """End it when nothing reaches it any more; the session ends by itself.

        The garbage collector calls this on any thread, so it does no more than other widgets do.
        """
        super().close()

    def on_frame(self, callback: Callable[[Frame], object], remove: bool = False) -> None:
        self._session.on_frame(callback, remove)

    def request(
        self,
        data: str | bytes,
        *,
        timeout: float | None = 10.0,
        match: Callable[[Frame], object] | None = None,
    ) -> Work[Frame]:
        return self._session.request(data, timeout=timeout, match=match)

    def __aiter__(self) -> Follower:
        return aiter(self._session)

    def stream(self, from_start: bool = False) -> Follower:
        return self._session.stream(from_start)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._session.__aexit__(*exc_info)

    @property
    def recording(self) -> "Recording":
        """All that is kept now, in both directions, as a value that can be saved and replayed."""
        return self._session.recording

    def save(self, path: str | PathLike[str]) -> Sending:
        return self._session.save(path)

    def clear(self) -> None:
        """Forget the frames kept and empty the Output; the totals go on counting."""
        self._session.clear()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.summary})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self._presence.expect()
        self._copy.display()
        return super()._repr_mimebundle_(**kwargs)

    def _tell_forgotten(self, name: str) -> None:
        self._session._tell_forgotten(name)

    def _close_widgets(self) -> None:
        # A front end that counts views reports the end of each, to a kernel that is done with it.
        self._controls.header.set_trait("_view_count", None)
        self._controls.forget_roll()
        if not self._session.home.is_gone:
            self._copy.finish()
        self._presence.close()
        for widget in descendants_of(self):
            widget.close()
        try:
            super().close()
        except Exception as exc:
            # An observer of all traits is told of the end of the comm.
            self._session.journal.fail(exc)


class _Notebook(Host):
    """Mirrors a session in the traits and the view of a console, without keeping it alive."""

    def __init__(self, console: WebSocketConsole) -> None:
        self._console = ref(console)
        # Without a cycle, so that all of it ends at once.
        self._observers = Observers(console, loosely(self._fail))

    def remember(self, console: WebSocketConsole) -> None:
        """Note the values of the traits, whose observers are called for later ones."""
        self._observers.remember(self._values(console))

    def find_loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the event loop that cells run on, or the one that runs here without a kernel."""
        kernel = getattr(get_ipython(), "kernel", None)
        io_loop = getattr(kernel, "io_loop", None)
        return getattr(io_loop, "asyncio_loop", None) or running_loop()

    def make_log(self, name: str, history: int, history_bytes: int) -> FrameLog:
        return ObservedLog(
            history, history_bytes, name=name, observers=self._observers, skipped=self._skipped
        )

    def subject(self, session: Session) -> WebSocketConsole | None:  # noqa: ARG002
        return self._console()

    def name_of(self, file: str) -> str:
        return place_name(file)

    def attached(self, loop: asyncio.AbstractEventLoop) -> None:
        if (console := self._console()) is not None:
            console._view.attach(loop)
            console._copy.attach(loop.call_later)
            self._observers.tell(self._values(console))

    def received(self) -> None:
        self._draw()

    def sent(self) -> None:
        # An answer that comes at once is shown along with it.
        self._draw(_ANSWER_WITHIN)

    def noticed(self) -> None:
        self._draw()

    def changed(self) -> None:
        if (console := self._console()) is not None:
            self._observers.tell(self._values(console))
            console._view.request()
            if console._session.state == "closed":
                console._copy.update_soon()

    def cleared(self) -> None:
        if (console := self._console()) is not None:
            console._view.forget()
            console._controls.offer.withdraw()

    def ended(self) -> None:
        self._observers.cancel()
        if (console := self._console()) is not None:
            console._view.cancel()

    def _draw(self, within: float = 0.0) -> None:
        if (console := self._console()) is not None:
            console._view.request(within)

    def _values(self, console: WebSocketConsole) -> Iterator[tuple[str, Any]]:
        return ((name, getattr(console, name)) for name in _TOLD)

    def _fail(self, error: BaseException) -> None:
        if (console := self._console()) is not None:
            console._session.journal.fail(error)

    def _skipped(self, count: int) -> None:
        if (console := self._console()) is not None:
            console._session.journal.note_skipped(count, "an observer")
