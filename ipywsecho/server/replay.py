"""Replays the server's side of a recording."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from os import PathLike
from time import monotonic
from typing import TYPE_CHECKING, Any

from ipywsecho.errors import OptionError, check_close_frame
from ipywsecho.frames import Frame
from ipywsecho.pacing import Turn
from ipywsecho.recording import Recording, load
from ipywsecho.server.serving import MAX_CONNECTIONS, MAX_SIZE, BaseServer

if TYPE_CHECKING:
    from ssl import SSLContext

    from websockets.asyncio.server import ServerConnection
    from websockets.typing import Subprotocol

__all__ = ["ReplayServer", "play"]

_NO_CLOSE_FRAME = 1006


async def play(
    frames: Iterable[Frame],
    send: Callable[[str | bytes], Awaitable[Any]],
    receive: Callable[[], Awaitable[Any]],
    *,
    speed: float = 1.0,
    wait_for_client: bool = True,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
) -> None:
    """Send the received frames of a recording, with the delays of the recording.

    Delays count from the first frame. A frame that is late is sent at once, so that delays do not
    accumulate.

    Args:
        frames: The frames of both directions, as the client recorded them.
        send: Sends a frame.
        receive: Returns once the client has sent another frame.
        speed: Factor of the speed; 2 replays twice as fast as recorded.
        wait_for_client: Whether to wait for a frame of the client where the client sent one in the
            recording. Delays then count from that frame.
        clock: Returns the time in seconds.
        sleep: Returns after the given number of seconds.
    """
    turn = Turn()
    timeline = _Timeline()
    begun = clock()
    for frame in frames:
        if frame.sent and wait_for_client:
            await receive()
            timeline, begun = _Timeline(), clock()
        due = timeline.of(frame.time) / speed
        if frame.sent:
            continue
        delay = begun + due - clock()
        if delay > 0:
            await sleep(delay)
        await send(frame.data)
        if turn.is_over():
            await turn.pass_on()


class _Timeline:
    """Seconds from the first frame on, which never step back, whatever the recorded clock did."""

    def __init__(self) -> None:
        self._origin: float | None = None
        self._previous = 0.0
        self._seconds = 0.0

    def of(self, time: float) -> float:
        """Return how long after the first frame this one came."""
        if self._origin is None:
            self._origin = self._previous = time
        seconds = time - self._origin
        if seconds < self._seconds:
            # The clock was set back: only what passed since the frame before is known.
            seconds = self._seconds + max(0.0, time - self._previous)
        self._previous, self._seconds = time, seconds
        return seconds


class ReplayServer(BaseServer):
    """A WebSocket server that replays the server's side of a recording to every client.

    Use it as an asynchronous context manager, or call `start` and `close`:

        async with ReplayServer("lesson.jsonl", speed=10) as server:
            console = WebSocketConsole(server.uri)

    It accepts connections at every path, and selects the recorded subprotocol if the client offers
    it. At the end, it closes the connection with the recorded code and reason. If the recording
    ended without a close frame (1006), it aborts the connection; if the recording has no end, it
    closes with 1000. Like `EchoServer`, it rejects connections of web pages.

    Args:
        recording: A recording, or the path of a file.
        host: The address to listen on.
        port: The port to listen on; 0 selects a free port.
        speed: Factor of the speed; `math.inf` replays as fast as possible.
        wait_for_client: Whether to wait for a frame of the client, with any payload, wherever the
            client sent one in the recording. Otherwise the replay does not wait.
        allow_origins: Origins of web pages that may connect, such as `"https://example.org"`.
        ssl: The TLS context for `wss://`, or `None` to serve `ws://`.
        max_size: Bytes that a message may have, or `None` for no limit. A client that sends a
            larger one is disconnected with code 1009.
        max_connections: Connections at a time, or `None` for no limit. Further ones are refused
            with HTTP status 503.
        in_process: Whether to listen at an address that only this process can reach, without a
            socket; `host` then means nothing. `None` does so where no socket can listen.

    Raises:
        OptionError: If the speed is not greater than 0, or a limit is less than 1.
        RecordingError: If the file cannot be loaded.
    """

    def __init__(
        self,
        recording: Recording | str | PathLike[str],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        speed: float = 1.0,
        wait_for_client: bool = True,
        allow_origins: Sequence[str] = (),
        ssl: "SSLContext | None" = None,
        max_size: int | None = MAX_SIZE,
        max_connections: int | None = MAX_CONNECTIONS,
        in_process: bool | None = None,
    ) -> None:
        super().__init__(
            host,
            port,
            allow_origins=allow_origins,
            ssl=ssl,
            max_size=max_size,
            max_connections=max_connections,
            in_process=in_process,
        )
        if not speed > 0:
            raise OptionError(
                f"speed={speed!r} must be greater than 0; math.inf replays as fast as possible"
            )
        self._recording = recording if isinstance(recording, Recording) else load(recording)
        self._speed = speed
        self._wait_for_client = wait_for_client

    def choose(
        self,
        connection: "ServerConnection",  # noqa: ARG002
        offered: "Sequence[Subprotocol]",
    ) -> "Subprotocol | None":
        """Return the recorded subprotocol if the client offers it."""
        return next((each for each in offered if each == self._recording.subprotocol), None)

    async def handle(self, connection: "ServerConnection") -> None:
        """Send the frames of the server, and close the connection as recorded."""
        recording = self._recording
        received = asyncio.Semaphore(0)
        # Unread frames would block the pongs and the close frame of the client, which follow them.
        reading = asyncio.ensure_future(_release_for_each_frame(connection, received))
        try:
            await play(
                recording.frames,
                connection.send,
                received.acquire,
                speed=self._speed,
                wait_for_client=self._wait_for_client,
            )
            if recording.close_code == _NO_CLOSE_FRAME:
                connection.transport.abort()
            else:
                await connection.close(*_close_frame(recording))
        finally:
            reading.cancel()


async def _release_for_each_frame(
    connection: "ServerConnection", received: asyncio.Semaphore
) -> None:
    from websockets.exceptions import ConnectionClosed

    # A client may close the connection, or lose it, at any time.
    with suppress(ConnectionClosed):
        while True:
            # The message is not kept: the next one may be long in coming.
            await connection.recv()
            received.release()


def _close_frame(recording: Recording) -> tuple[int, str]:
    """Return the recorded code and reason, adjusted to what a close frame may contain."""
    if recording.close_code is None:
        return 1000, "end of the recording"
    # Masking a secret may have made the reason longer than 123 bytes (RFC 6455, section 5.5).
    reason = (recording.close_reason or "").encode()[:123].decode(errors="ignore")
    try:
        check_close_frame(recording.close_code, reason)
    except OptionError:
        return 1000, reason
    return recording.close_code, reason
