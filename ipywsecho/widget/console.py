"""The console: a text field, a button and an Output, wired to a connection.

The connection lives on the kernel's event loop, and so does everything that touches it. Front ends
deliver widget events on other threads as well, so each event and each public method first goes
there.
"""

import asyncio
import atexit
import concurrent.futures
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython
from ipywidgets import VBox
from traitlets import Any as AnyTrait
from traitlets import Bool, Bunch, Float, Int, Unicode

from ipywsecho.connection import (
    Connection,
    HomeLoop,
    Parcel,
    Reconnect,
    Sending,
    running_loop,
    sendable,
)
from ipywsecho.errors import ConsoleError, NotConnectedError, line_of
from ipywsecho.frames import Follower, Frame, FrameLog, Notice, Signal
from ipywsecho.masking import mask
from ipywsecho.recording import Recording
from ipywsecho.server import EchoServer
from ipywsecho.widget.building import Snapshot
from ipywsecho.widget.composing import EnterKey, payload_of
from ipywsecho.widget.controls import Controls, descendants_of
from ipywsecho.widget.observing import FramesTrait
from ipywsecho.widget.viewing import Viewer, line_with_place

__all__ = ["WebSocketConsole"]

_NOTICES = 1_000
_ANSWER_WITHIN = 0.02
_EMPTIED_AFTER = 0.05
_GRACE = 2.0
_FAREWELL = 2.0
_OFFERED = 20


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
            it and the page can take, and always with the last. What it returns is shown instead
            of the log: text, or anything that IPython can display. It may be asynchronous. What it
            raises is shown in one line, and the connection lives on.
        history: How many received frames, and how many sent ones, are kept.
        history_bytes: How many bytes of payload are kept of each.
        reconnect: Whether a connection that fails or is lost is tried again; a `Reconnect` says
            what and when.
        title: Stands above the log.
        tools: Whether the row of tools is shown at first: filter, form of the view and of messages,
            pause and more.
        **options: Passed on to `websockets.asyncio.client.connect` by their own names, such as
            `additional_headers`, `subprotocols`, `ssl`, `proxy`, `open_timeout`, `ping_interval`,
            `max_size` or `compression`.

    Attributes:
        frames: The received frames, oldest first. An immutable value, another one for each frame:
            observers of this trait are called exactly once for each.
        sent: The same for the frames sent.
        state: "connecting", "open", "waiting" (to try again), "closing" or "closed".
        error: What ended or prevented the connection, or `None`.
        close_code: Close code of the last connection, or `None` before one ended.
        close_reason: What the last close frame said, or `None` before one ended.
        subprotocol: The subprotocol that was negotiated, or `None`.
        latency: Seconds that the last ping and its pong took, or `None`.
        paused: While true the view stands still, and frames go on being kept.
        text: The text field.
        button: The button that sends what stands in the text field.
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

    # Also asked by the finalizer of an object whose constructor failed.
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
        **options: Any,
    ) -> None:
        self._logs = {name: FrameLog(history, history_bytes) for name in ("frames", "sent")}
        self._notices: deque[Notice] = deque(maxlen=_NOTICES)
        self._signal = Signal()
        self._frame_callbacks: list[Callable[[Frame], object]] = []
        self._server = EchoServer() if uri is None else None
        self._connection = Connection(
            uri or "",
            _Listener(self),
            reconnect=reconnect if isinstance(reconnect, Reconnect) else _policy(reconnect),
            options=options,
        )
        self._home = HomeLoop(_kernel_loop)
        self._attached_to: asyncio.AbstractEventLoop | None = None
        self._enter = EnterKey(self._submit, call_later=self._home.call_later_here)
        self._controls = Controls()
        self.text = self._controls.text
        self.button = self._controls.button
        self.output = self._controls.output
        self._controls.show_tools(tools)
        self._view = Viewer(
            self,
            self._controls,
            self._connection,
            logs=(self._logs["frames"], self._logs["sent"]),
            notices=self._notices,
            home=self._home,
            builder=builder,
            title=title,
        )
        self._wire()
        super().__init__(self._controls.rows)
        self.set_trait("uri", uri)
        self._view.show_header()
        self._is_alive = True
        # A kernel that ends stops its event loop, and would leave the server without a word.
        atexit.register(self._leave)
        if self._home.settle():
            self._home.call(self._start)

    # Public methods, callable from any thread.

    async def connect(self) -> None:
        """Connect if need be, and return once open. If it waits to try again, it does so at once.

        Raises:
            ConsoleError: What prevented it. A transient failure is retried all the same.
        """
        self._home.settle()
        self._home.call(self._attach)
        await self._home.complete(self._connection.open())

    def send_message(self, data: str | bytes) -> Sending:
        """Send a frame: `str` makes a text frame, `bytes` a binary one.

        Before the connection is open the frame waits; once it is closed, sending fails.

        Returns:
            What can be awaited until the frame is handed to the network, and may be ignored. It
            raises `NotConnectedError` if the frame cannot be sent.

        Raises:
            TypeError: If the data is neither text nor bytes.
            ValueError: If the text cannot be encoded as UTF-8.
        """
        parcel = Parcel(sendable(data), concurrent.futures.Future())
        self._home.call(self._connection.send, parcel)
        return Sending(parcel.receipt)

    async def disconnect(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, also one that is still connecting; the log stays.

        Args:
            code: Close code: 1000, or one of the application's own from 3000 to 4999.
            reason: At most 123 bytes of UTF-8.

        Raises:
            OptionError: If a close frame cannot carry the code or the reason.
        """
        await self._home.complete(self._connection.close(code, reason))
        if running_loop() is self._attached_to:
            self._view.tell_cell()

    def close(self) -> None:
        """End the connection, the server it started and all widgets inside; twice is safe."""
        if not self._is_alive:
            super().close()
            return
        self._is_alive = False
        atexit.unregister(self._leave)
        if self._home.is_gone:
            if self._server is not None:
                self._server.abandon()
            self._close_widgets()
        else:
            self._home.spawn(self._shut_down)
            self._home.call(self._close_widgets)

    def on_frame(self, callback: Callable[[Frame], object], remove: bool = False) -> None:
        """Have `callback(frame)` called for each received frame, or no longer called.

        Args:
            callback: Called on the kernel's event loop. What it raises is shown in the log.
            remove: Whether to remove the callback instead of adding it.
        """
        if remove:
            self._frame_callbacks.remove(callback)
        else:
            self._frame_callbacks.append(callback)

    async def request(self, data: str | bytes, *, timeout: float | None = 10.0) -> Frame:  # noqa: ASYNC109
        """Send a frame and return the next frame received.

        Args:
            data: `str` makes a text frame, `bytes` a binary one.
            timeout: Seconds to wait, or `None` to wait without end.

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
        than `history` or `history_bytes` keep goes on with the oldest frame kept, and the log says
        how many it missed.
        """
        return Follower(
            self._logs["frames"],
            self._signal,
            is_over=lambda: self.state == "closed",
            skipped=lambda count: self._home.call(self._note_skipped, count),
        )

    @property
    def recording(self) -> Recording:
        """All that is kept now, in both directions, as a value that can be saved and replayed."""
        return self._recorder()()

    async def save(self, path: str | PathLike[str]) -> None:
        """Save all that is kept now; frames go on coming while a thread writes the file.

        Args:
            path: Where to; `.jsonl` keeps everything, `.har` is what browsers' network panels read.

        Raises:
            RecordingError: If the name of the file ends otherwise.
            SaveError: If the file cannot be written; one that was there before stays as it was.
        """
        await asyncio.to_thread(_save, self._recorder(), path)

    def clear(self) -> None:
        """Forget the frames kept and empty the Output; the totals go on counting."""
        self._home.call(self._clear)

    def __repr__(self) -> str:
        kept = f"frames={self.frames.total}, sent={self.sent.total}"
        uri = None if self.uri is None else mask(self.uri, self._connection.secrets)
        return f"{type(self).__name__}({uri!r}, state={self.state!r}, {kept})"

    def _recorder(self) -> Callable[[], Recording]:
        """Return what makes a recording of all that is kept now, on any thread and at any time."""
        has_ended = self.state in ("waiting", "closed")
        return partial(
            Recording.merged,
            self.frames,
            self.sent,
            tuple(self._notices),
            secrets=self._connection.secrets,
            uri=self.uri,
            subprotocol=self.subprotocol,
            close_code=self.close_code if has_ended else None,
            close_reason=self.close_reason if has_ended else None,
        )

    # What a person does.

    def _wire(self) -> None:
        controls, call = self._controls, self._home.call
        self.text.on_msg(self._hear_text)
        self.text.observe(self._hear_value, names="value")
        self.button.on_click(lambda _: self._submit())
        controls.switch.on_click(lambda _: call(self._toggle))
        controls.retry.on_click(lambda _: call(self._start))
        controls.more.on_click(lambda _: controls.show_tools(not controls.has_tools))
        controls.pause.on_click(lambda _: self.set_trait("paused", not self.paused))
        controls.clear.on_click(lambda _: self.clear())
        controls.save.on_click(lambda _: self._home.spawn(self._save_and_offer))
        controls.view.observe(lambda _: call(self._view.change_form), names="value")
        for control in (controls.search, controls.direction, controls.kind):
            control.observe(lambda _: call(self._look_for), names="value")
        self.observe(lambda _: call(self._view.pause), names="paused")
        controls.header.observe(lambda change: call(self._count_views, change), names="_view_count")

    # These stay on the thread that they come on, up to the message that is sent: a hop wakes the
    # kernel's own thread, and the two then take turns at the interpreter, 5 ms each.
    def _hear_text(self, _: Any, content: Any, __: Any) -> None:
        if content.get("event") == "submit":
            self._enter.press()

    def _hear_value(self, _: Bunch) -> None:
        self._enter.receive_value()

    def _submit(self) -> None:
        message = self.text.value
        if not message:
            return
        try:
            payload = payload_of(message, self._controls.form.value)
            if refusal := self._connection.refusal:
                raise refusal
        except ConsoleError as exc:
            self._home.call(self._complain, exc)
        else:
            self.send_message(payload)
            # Told in one go, as the field drops what is being typed whenever it is told anything,
            # and after an answer that comes at once, which the page would otherwise paint later.
            held = ExitStack()
            held.enter_context(self.text.hold_sync())
            self.text.value = ""
            self.text.options = _offered(message, self.text.options)
            self._home.call_later(_EMPTIED_AFTER, held.close)
            self._view.complaint = ""

    def _complain(self, error: ConsoleError) -> None:
        self._view.complaint = line_of(error)
        self._note(self._view.complaint, is_error=True)

    async def _save_and_offer(self) -> None:
        try:
            path = _new_file()
            await self.save(path)
            data = await asyncio.to_thread(path.read_bytes)
        except (ConsoleError, OSError) as exc:
            self._note(line_of(exc), is_error=True)
        else:
            self._note(f"saved to {path}")
            self._controls.offer(path.name, data)

    def _look_for(self) -> None:
        try:
            self._view.look_for()
        except ConsoleError as exc:
            self._complain(exc)
        else:
            self._view.complaint = ""
        self._view.request()

    def _toggle(self) -> None:
        if self.state == "closed":
            self._start()
        else:
            self._home.spawn(self._connection.close)

    def _attach(self) -> None:
        """Make what needs the event loop, once there is one."""
        loop = asyncio.get_running_loop()
        if self._attached_to is loop:
            return
        if self._attached_to is not None and self._server is not None:
            # What served on an event loop that is gone serves no more.
            self._server.abandon()
        self._attached_to = loop
        self._view.attach(loop)
        if self._server is not None:
            self._server.listen()
            self._connection.uri = self._server.uri or ""
            self.set_trait("uri", self._server.uri)
            self._home.spawn(self._server.start)

    def _start(self) -> None:
        self._attach()
        self._connection.start()

    def _count_views(self, change: Bunch) -> None:
        """Close the connection soon after the last view has gone, as when a cell is run again.

        A page that is loaded again does not tell that its views are gone, so this spares it.
        """
        self._view.is_out_of_sight = bool(change.old) and change.new == 0
        if self._view.is_out_of_sight:
            self._home.call_later_here(_GRACE, self._close_unseen)
        else:
            self._view.request()

    def _close_unseen(self) -> None:
        if self._view.is_out_of_sight and self.state != "closed":
            self._note("nobody looks at this console any more")
            self._home.spawn(partial(self._connection.close, 1001))

    def _leave(self) -> None:
        self._home.finish(self._shut_down, _FAREWELL)

    def _close_widgets(self) -> None:
        # A front end that counts views reports the end of each, to a kernel that is done with it.
        self._controls.header.set_trait("_view_count", None)
        for widget in descendants_of(self):
            widget.close()
        super().close()

    async def _shut_down(self) -> None:
        await self._connection.close(1001)
        if self._server is not None:
            await self._server.close()
        self._view.cancel()

    # What the connection tells, always on the event loop.

    def _take(self, frame: Frame) -> None:
        WebSocketConsole.frames.append(self, frame)
        for callback in self._frame_callbacks:
            self._guarded(callback, frame)
        self._signal.notify()
        self._view.request()

    def _guarded(self, callback: Callable[[Any], object], argument: Any) -> None:
        try:
            callback(argument)
        except Exception as exc:
            self._note(f"a callback of yours failed: {line_with_place(exc)}", is_error=True)

    def _keep_sent(self, frame: Frame) -> None:
        WebSocketConsole.sent.append(self, frame)
        # An answer that comes at once is shown along with it, in one go.
        self._view.request(_ANSWER_WITHIN)

    def _keep_notice(self, notice: Notice) -> None:
        self._notices.append(notice)
        self._view.request()

    def _note(self, text: str, *, is_error: bool = False) -> None:
        self._keep_notice(Notice(self._connection.clock(), text, is_error))

    def _note_skipped(self, count: int) -> None:
        self._note(f"a loop over the frames fell behind: {count:,} were forgotten before it came")

    def _adopt_state(self) -> None:
        connection = self._connection
        for name in ("error", "close_code", "close_reason", "subprotocol", "latency"):
            self.set_trait(name, getattr(connection, name))
        # Last, so that who observes the state finds the rest in place.
        self.set_trait("state", connection.state.value)
        self._signal.notify()
        self._view.request()

    def _clear(self) -> None:
        for log in self._logs.values():
            log.clear()
        self._notices.clear()
        self._view.clear()


class _Listener:
    """Hands what a connection tells to a console, whose public names are for its users."""

    def __init__(self, console: WebSocketConsole) -> None:
        self.received = console._take
        self.sent = console._keep_sent
        self.noticed = console._keep_notice
        self.changed = console._adopt_state


def _save(recorder: Callable[[], Recording], path: str | PathLike[str]) -> None:
    recorder().save(path)


def _offered(newest: str, others: Sequence[str]) -> list[str]:
    return [newest, *(message for message in others if message != newest)][:_OFFERED]


def _policy(reconnect: bool) -> Reconnect | None:
    return Reconnect() if reconnect else None


def _new_file() -> Path:
    return Path(time.strftime("websocket-%Y-%m-%d-%H%M%S.jsonl")).absolute()


def _kernel_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that cells run on, or the one that runs here if there is no kernel."""
    kernel = getattr(get_ipython(), "kernel", None)
    io_loop = getattr(kernel, "io_loop", None)
    return getattr(io_loop, "asyncio_loop", None) or running_loop()
