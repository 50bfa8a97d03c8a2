"""The server's side of a recording, played again."""

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
from ipywsecho.server.serving import BaseServer

if TYPE_CHECKING:
    from ssl import SSLContext

    from websockets.asyncio.server import ServerConnection
    from websockets.typing import Subprotocol

__all__ = ["ReplayServer", "play"]

_NO_CLOSE_FRAME = 1006


async def play(
    frames: Iterable[Frame],
    send: Callable[[str | bytes], Awaitable[Any]],
    hear: Callable[[], Awaitable[Any]],
    *,
    speed: float = 1.0,
    wait_for_client: bool = True,
    clock: Callable[[], float] = monotonic,
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
) -> None:
    """Send what the server of a recording sent, each frame when it is due.

    A frame is due as long after the first frame as it was recorded, and one that is late is sent at
    once, so that delays do not add up.

    Args:
        frames: The frames of both directions, as the client recorded them.
        send: Sends a frame.
        hear: Returns once the client has sent another frame.
        speed: How many times as fast as recorded.
        wait_for_client: Whether to wait for the client where it had sent a frame; time counts anew
            from there.
        clock: Returns the time in seconds.
        sleep: Returns after so many seconds.
    """
    turn = Turn()
    origin: float | None = None
    begun = clock()
    for frame in frames:
        if frame.sent and wait_for_client:
            await hear()
            origin, begun = frame.time, clock()
        elif origin is None:
            origin = frame.time
        if frame.sent:
            continue
        delay = begun + (frame.time - origin) / speed - clock()
        if delay > 0:
            await sleep(delay)
        await send(frame.data)
        if turn.is_over():
            await turn.pass_on()


class ReplayServer(BaseServer):
    """A WebSocket server that sends what the server of a recording sent, to each client afresh.

    Use it as an asynchronous context manager, or call `start` and `close`:

        async with ReplayServer("lesson.jsonl", speed=10) as server:
            console = WebSocketConsole(server.uri)

    It answers at every path, and agrees to the subprotocol that was recorded if the client asks for
    it. In the end it closes with the code and the reason that were recorded. Where there was no
    close frame (1006) it drops the connection, and where no end was recorded it closes with 1000.
    Web pages are refused, as `EchoServer` does.

    Args:
        recording: A recording, or the path of a file with one.
        host: The address to listen at.
        port: The port to listen at; 0 takes a free one.
        speed: How many times as fast as recorded; `math.inf` is as fast as possible.
        wait_for_client: Whether the server waits for the client wherever the client had sent a
            frame, whatever the frame says. If not, it plays on as if the client had.
        allow_origins: Origins of web pages that may connect, such as `"https://example.org"`.
        ssl: Serves `wss://` with this context; `None` serves `ws://`.

    Raises:
        OptionError: If the speed is not above 0.
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
    ) -> None:
        super().__init__(host, port, allow_origins=allow_origins, ssl=ssl)
        if not speed > 0:
            raise OptionError(f"speed={speed!r} must be above 0; math.inf is as fast as possible")
        self._recording = recording if isinstance(recording, Recording) else load(recording)
        self._speed = speed
        self._wait_for_client = wait_for_client

    def choose(
        self,
        connection: "ServerConnection",  # noqa: ARG002
        offered: "Sequence[Subprotocol]",
    ) -> "Subprotocol | None":
        """Return the subprotocol that was recorded, if the client offers it."""
        return next((each for each in offered if each == self._recording.subprotocol), None)

    async def handle(self, connection: "ServerConnection") -> None:
        """Send what the server sent, and close as it did."""
        recording = self._recording
        heard = asyncio.Semaphore(0)
        # Always read, or the client's frames would hold up its pongs and its close frame.
        reading = asyncio.ensure_future(_release_for_each_frame(connection, heard))
        try:
            await play(
                recording.frames,
                connection.send,
                heard.acquire,
                speed=self._speed,
                wait_for_client=self._wait_for_client,
            )
            if recording.close_code == _NO_CLOSE_FRAME:
                connection.transport.abort()
            else:
                await connection.close(*_close_frame(recording))
        finally:
            reading.cancel()


async def _release_for_each_frame(connection: "ServerConnection", heard: asyncio.Semaphore) -> None:
    from websockets.exceptions import ConnectionClosed

    # However the client leaves, it is none of the server's concern.
    with suppress(ConnectionClosed):
        async for _ in connection:
            heard.release()


def _close_frame(recording: Recording) -> tuple[int, str]:
    """Return the code and the reason that were recorded, or what comes nearest."""
    if recording.close_code is None:
        return 1000, "end of the recording"
    # Masking a secret may have made it longer than a close frame has room for.
    reason = (recording.close_reason or "").encode()[:123].decode(errors="ignore")
    try:
        check_close_frame(recording.close_code, reason)
    except OptionError:
        return 1000, reason
    return recording.close_code, reason
