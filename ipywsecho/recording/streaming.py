"""`load_stream`: the frames of recordings of any size, one after the other."""

import asyncio
import gzip
import sys
import zlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import closing
from io import BufferedReader
from os import PathLike
from pathlib import Path
from typing import TypeVar

from ipywsecho.errors import RecordingError
from ipywsecho.frames import Frame, Notice
from ipywsecho.pacing import Turn
from ipywsecho.recording.growing import files_matching
from ipywsecho.recording.jsonl import Lines, torn_notice
from ipywsecho.recording.messages import FormatError
from ipywsecho.recording.recorder import ENDINGS

__all__ = ["FrameStream", "load_stream"]

_BLOCK = 2**17
_KEPT = 1_000
_TURN = 0.002

T = TypeVar("T")


def load_stream(path: str | PathLike[str]) -> "FrameStream":
    """Return the frames of a recording of any size, to be iterated over: `async for frame in …`.

    It takes little memory, and the event loop goes on meanwhile.

    Args:
        path: A file that ends in `.jsonl` or `.jsonl.gz`, or a pattern such as `feed-*.jsonl` for
            the files of one recording, in the order of their numbers.

    Raises:
        RecordingError: If the name ends otherwise, or no file has such a name. The iteration raises
            it if a file cannot be read, or is not valid.
    """
    asked = Path(path)
    if not asked.name.endswith(ENDINGS):
        raise RecordingError(f"{path} cannot be streamed; it must end in {' or '.join(ENDINGS)}")
    files = files_matching(asked)
    if not files:
        raise RecordingError(f"no file is named like {path}; check the path")
    return FrameStream(files)


class FrameStream:
    """The frames of recordings, as an asynchronous iteration.

    Args:
        files: The files.

    Attributes:
        uri: The address of the server with its secrets masked, once the first frame was read.
        notices: The newest 1,000 notices that were read so far. One of them says so if a file is
            incomplete, as the process that wrote it was killed.
    """

    def __init__(self, files: list[Path]) -> None:
        self.uri: str | None = None
        self.notices: deque[Notice] = deque(maxlen=_KEPT)
        self._frames = self._all(files)

    def __aiter__(self) -> AsyncIterator[Frame]:
        return self._frames

    async def aclose(self) -> None:
        """Close the file, if the iteration is left before its end."""
        await self._frames.aclose()

    async def _all(self, files: list[Path]) -> AsyncGenerator[Frame, None]:
        turn = Turn(_TURN)
        for path in files:
            lines, last = Lines(), 0.0
            try:
                async for line in _lines_of(path):
                    entry = lines.read(line)
                    if isinstance(entry, Frame):
                        last = entry.time
                        self.uri = self.uri or lines.contents.uri
                        yield entry
                    elif isinstance(entry, Notice):
                        self.notices.append(entry)
                    if turn.is_over():
                        await turn.pass_on()
            except FormatError as error:
                raise RecordingError(f"{path}, {error.place}: {error}") from error.__cause__
            lines.end()
            for number in lines.torn:
                self.notices.append(torn_notice(f"{path}, line {number}", last))


async def _lines_of(path: Path) -> AsyncIterator[bytes]:
    """Yield the lines of a file; the file is read on another thread, where there are threads."""
    try:
        file = await _aside(lambda: _opened(path))
        with closing(file):
            rest: list[bytes] = []
            while block := await _aside(lambda: _next_block(file)):
                first, *lines = block.split(b"\n")
                rest.append(first)
                if lines:
                    yield b"".join(rest)
                    *whole, last = lines
                    for line in whole:
                        yield line
                    rest = [last]
            if any(rest):
                yield b"".join(rest)
    except OSError as exc:
        reason = exc.strerror or exc
        raise RecordingError(f"{path} cannot be read ({reason}); check the path") from exc


def _opened(path: Path) -> gzip.GzipFile | BufferedReader:
    return gzip.open(path) if path.name.endswith(".gz") else path.open("rb")


def _next_block(file: gzip.GzipFile | BufferedReader) -> bytes:
    try:
        # What a compressed file holds before its torn end is returned, and only then an error.
        return file.read1(_BLOCK)
    except (EOFError, zlib.error):
        return b""


async def _aside(function: Callable[[], T]) -> T:
    return function() if sys.platform == "emscripten" else await asyncio.to_thread(function)
