"""The console: a text field, a button and an Output, wired to a session."""

import asyncio
from collections.abc import Callable
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import ref

from IPython.core.getipython import get_ipython
from ipywidgets import VBox
from traitlets import Any as AnyTrait
from traitlets import Bool, Float, Int, Unicode

from ipywsecho.connection import (
    Greeting,
    Host,
    Reconnect,
    Repeating,
    Sending,
    Traffic,
)
from ipywsecho.frames import Follower, Frame, FrameLog
from ipywsecho.pacing import running_loop
from ipywsecho.session import Session
from ipywsecho.widget.building import Snapshot
from ipywsecho.widget.controls import Controls, descendants_of
from ipywsecho.widget.display import place_name
from ipywsecho.widget.gestures import Gestures
from ipywsecho.widget.observing import FramesTrait, ObservedLog
from ipywsecho.widget.presence import Presence
from ipywsecho.widget.viewing import Viewer

if TYPE_CHECKING:
    from ipywsecho.recording import Recording

__all__ = ["WebSocketConsole"]

_ANSWER_WITHIN = 0.02

T = TypeVar("T", bound=type)


def _documented_by(source: type) -> Callable[[T], T]:
    """Give the methods of a class that say nothing the docstrings of their namesakes elsewhere."""

    def document(documented: T) -> T:
        for name, method in vars(documented).items():
            if callable(method) and not method.__doc__:
                method.__doc__ = getattr(getattr(source, name, None), "__doc__", None)
        return documented

    return document


@_documented_by(Session)
class WebSocketConsole(VBox):
    """A WebSocket in a notebook: type and send, and see what arrives.

    Displayed, it is a text field, a button and a live log. In Python, it is an object whose frames
    can be observed, iterated and sent:

        console = WebSocketConsole()
        console.observe(lambda change: print(change.new[-1].data), names="frames")
        console.send_message("Hello!")
        await console.disconnect()

    Made in a cell, it connects by itself. Made where no event loop runs, it connects when
    `connect` is awaited.

    Args:
        uri: `ws://` or `wss://` address of the server. With `None` the console starts an echo
            server of its own, which needs no network.
        builder: Called with a `Snapshot` of the console whenever something has changed, as often as
            the builder and the page can keep up with, and always with the last. What it returns is
            shown instead of the log: text, or anything that IPython can display. It may be
            asynchronous. What it raises is shown in one line, and the connection stays open.
        history: How many received frames, and how many sent frames, are kept.
        history_bytes: How many bytes of payload are kept of each.
        reconnect: Whether a connection that failed or was lost is retried; a `Reconnect` says what
            and when.
        title: Stands above the log.
        tools: Whether the row of tools is shown at first: filter, form of the view and of messages,
            pause and more.
        on_open: Sent, or called, each time a connection has opened, before anything that waited to
            be sent: a message, several, or a function of the console, which may be asynchronous.
        control_frames: Whether the log shows pings, pongs, and how messages were fragmented.
        **options: Passed on to `websockets.asyncio.client.connect` by their own names, such as
            `additional_headers`, `subprotocols`, `ssl`, `proxy`, `open_timeout`, `ping_interval`,
            `max_size` or `compression`.

    Attributes:
        uri: Where it connects.
        frames: The received frames, oldest first. An immutable value, a new one for each frame:
            observers of this trait are called exactly once for each.
        sent: The same for the frames sent.
        state: "connecting", "open", "waiting" (to retry), "closing" or "closed".
        error: What ended or prevented the connection, or `None`.
        close_code: Close code of the last connection, or `None` before one ended.
        close_reason: Reason in the last close frame, or `None` before one ended.
        subprotocol: The subprotocol that was negotiated, or `None`.
        latency: Seconds that the last ping and its pong took, or `None`.
        paused: While true the view stands still, and frames go on being kept.
        text: The text field.
        button: The button that sends the text in the field.
        output: The Output that shows the log, or what the builder made.

    Raises:
        ValueError: If `history` or `history_bytes` is less than 1.
    """

    uri = Unicode(None, allow_none=True, read_only=True)
    frames = FramesTrait(read_only=True)
    sent = FramesTrait(read_only=True)
    state = Unicode("closed", read_only=True)
    error = AnyTrait(None, allow_none=True, read_only=True)
    close_code = Int(None, allow_none=True, read_only=True)
    close_reason = Unicode(None, allow_none=True, read_only=True)
    subprotocol = Unicode(None, allow_none=True, read_only=True)
    latency = Float(None, allow_none=True, read_only=True)
    paused = Bool(False)

    # Also read by `close` of an object whose constructor failed.
    _is_alive = False

    def __init__(
        self,
        uri: str | None = None,
        *,
        builder: Callable[[Snapshot], Any] | None = None,
        history: int = 10_000,
        history_bytes: int = 64_000_000,
        reconnect: bool | Reconnect = True,
        title: str = "WebSocket Demo",
        tools: bool = False,
        on_open: Greeting | None = None,
        control_frames: bool = False,
        **options: Any,
    ) -> None:
        self._session = Session(
            uri,
            history=history,
            history_bytes=history_bytes,
            reconnect=reconnect,
            on_open=on_open,
            control_frames=control_frames,
            host=_Notebook(self),
            **options,
        )
        self._controls = Controls()
        self.text = self._controls.text
        self.button = self._controls.button
        self.output = self._controls.output
        self._controls.show_tools(tools)
        self._view = Viewer(self._session, self._controls, builder=builder, title=title)
        self._gestures = Gestures(self._session, self._controls, self._view)
        call = self._session.home.call
        self._controls.pause.on_click(lambda _: self.set_trait("paused", not self.paused))
        self.observe(lambda _: call(self._view.pause, self.paused), names="paused")
        super().__init__(self._controls.rows)
        self.set_trait("uri", uri)
        self._view.show_header()
        # Who holds one of these holds the console.
        for part in (self.text, self.button, self.output):
            part.console = self
        self._is_alive = True
        self._session.start()
        self._presence = Presence(self, self._session, self._controls, self._view)

    async def connect(self) -> None:
        self._presence.use()
        await self._session.connect()

    def send_message(self, data: str | bytes) -> Sending:
        return self._session.send_message(data)

    async def disconnect(self, code: int = 1000, reason: str = "") -> None:
        await self._session.disconnect(code, reason)
        if running_loop() is self._session.lifetime.loop:
            self._view.tell_cell()

    def send_every(
        self, seconds: float, data: str | bytes | Callable[[], str | bytes]
    ) -> Repeating:
        return self._session.send_every(seconds, data)

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

    async def request(self, data: str | bytes, *, timeout: float | None = 10.0) -> Frame:  # noqa: ASYNC109
        return await self._session.request(data, timeout=timeout)

    def __aiter__(self) -> Follower:
        return aiter(self._session)

    @property
    def recording(self) -> "Recording":
        """All that is kept now, in both directions, as a value that can be saved and replayed."""
        return self._session.recording

    async def save(self, path: str | PathLike[str]) -> None:
        await self._session.save(path)

    def clear(self) -> None:
        """Forget the frames kept and empty the Output; the totals go on counting."""
        self._session.clear()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._session.summary})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        self._presence.expect()
        return super()._repr_mimebundle_(**kwargs)

    def _close_widgets(self) -> None:
        # A front end that counts views reports the end of each, to a kernel that is done with it.
        self._controls.header.set_trait("_view_count", None)
        self._controls.forget_roll()
        self._presence.close()
        for widget in descendants_of(self):
            widget.close()
        super().close()


class _Notebook(Host):
    """Mirrors a session in the traits and the view of a console, without keeping it alive."""

    def __init__(self, console: WebSocketConsole) -> None:
        self._console = ref(console)

    def find_loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the event loop that cells run on, or the one that runs here without a kernel."""
        kernel = getattr(get_ipython(), "kernel", None)
        io_loop = getattr(kernel, "io_loop", None)
        return getattr(io_loop, "asyncio_loop", None) or running_loop()

    def make_log(self, name: str, history: int, history_bytes: int) -> FrameLog:
        console = self._console()
        return ObservedLog(history, history_bytes, console=console, name=name, fail=self._fail)

    def subject(self, session: Session) -> WebSocketConsole | None:  # noqa: ARG002
        return self._console()

    def name_of(self, file: str) -> str:
        return place_name(file)

    def attached(self, loop: asyncio.AbstractEventLoop) -> None:
        if (console := self._console()) is not None:
            console._view.attach(loop)

    def received(self) -> None:
        self._draw()

    def sent(self) -> None:
        # An answer that comes at once is shown along with it.
        self._draw(_ANSWER_WITHIN)

    def noticed(self) -> None:
        self._draw()

    def changed(self) -> None:
        if (console := self._console()) is None:
            return
        session = console._session
        for name in ("uri", "error", "close_code", "close_reason", "subprotocol", "latency"):
            console.set_trait(name, getattr(session, name))
        # Last, so that an observer of the state finds the rest in place.
        console.set_trait("state", session.state.value)
        console._view.request()

    def cleared(self) -> None:
        if (console := self._console()) is not None:
            console._view.clear()

    def ended(self) -> None:
        if (console := self._console()) is not None:
            console._view.cancel()

    def _draw(self, within: float = 0.0) -> None:
        if (console := self._console()) is not None:
            console._view.request(within)

    def _fail(self, error: Exception) -> None:
        if (console := self._console()) is not None:
            console._session.journal.fail(error)
