"""A recording of a WebSocket connection that can be saved, loaded and replayed.

The extension of the file name determines the format. `jsonl.py` documents `.jsonl`, which stores
the complete recording; `har.py` documents `.har`, which other tools can read.
"""

import asyncio
import errno
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self
from uuid import uuid4

from ipywsecho.errors import RecordingError, SaveError
from ipywsecho.frames import Control, Decode, Frames, Notice, order_of
from ipywsecho.masking import Secrets, mask, secrets_of
from ipywsecho.recording.contents import Contents
from ipywsecho.recording.har import read_har, write_har
from ipywsecho.recording.jsonl import read_jsonl, write_jsonl
from ipywsecho.recording.messages import FormatError

__all__ = ["Recording", "load", "load_async"]


@dataclass(frozen=True, repr=False)
class Recording(Contents):
    """An immutable recording of a WebSocket connection, as seen by the client.

    Attributes:
        frames: The frames of both directions, in chronological order.
        notices: The events of the connection, in chronological order.
        controls: The control frames of both directions, if the console kept them.
        uri: The address of the server with its secrets masked, or `None` if it is unknown.
        subprotocol: The negotiated subprotocol, or `None`.
        close_code: The close code (RFC 6455, section 7.4), 1006 if there was no close frame, or
            `None` if the connection had not ended or the code is unknown.
        close_reason: The reason in the close frame, or `None`.
        forgotten: Number of earlier frames that are not in the recording.
    """

    def __repr__(self) -> str:
        return f"<Recording: {len(self.frames):,} frames of {self.uri}>"

    @classmethod
    def merged(
        cls,
        received: Frames,
        sent: Frames,
        notices: Iterable[Notice] = (),
        *,
        controls: Iterable[Control] = (),
        secrets: Secrets | None = None,
        uri: str | None = None,
        subprotocol: str | None = None,
        close_code: int | None = None,
        close_reason: str | None = None,
    ) -> Self:
        """Return a recording of the two directions of a connection.

        Args:
            received: Frames received.
            sent: Frames sent. With equal times, a sent frame comes first, because the received
                frame may answer it.
            notices: Events of the connection.
            controls: Control frames of both directions.
            secrets: What is masked everywhere but in the frames; the secrets of the address are
                masked in any case.
            uri: The address of the server, or `None` if it is unknown.
            subprotocol: The negotiated subprotocol, or `None`.
            close_code: The close code, or `None` if the connection has not ended.
            close_reason: The reason in the close frame, or `None`.
        """
        hidden = (secrets or Secrets()) | secrets_of(uri or "")
        return cls(
            frames=tuple(merge(sent, received, key=order_of)),
            notices=tuple(each._replace(text=mask(each.text, hidden)) for each in notices),
            controls=tuple(controls),
            uri=None if uri is None else mask(uri, hidden),
            subprotocol=None if subprotocol is None else mask(subprotocol, hidden),
            close_code=close_code,
            close_reason=None if close_reason is None else mask(close_reason, hidden),
            forgotten=sum(frames.total - len(frames) for frames in (received, sent)),
        )

    def save(self, path: str | PathLike[str], *, decode: Decode | None = None) -> None:
        """Write the recording to a file that `load` reads.

        Args:
            path: The file: `.jsonl` stores the complete recording, `.har` is for other tools.
            decode: Returns what is written beside the payload of a frame: text, or what JSON can
                hold. It is for other readers; `load` ignores it.

        Raises:
            RecordingError: If the path has another extension, or the recording contains a time or a
                text that cannot be stored.
            SaveError: If the file could not be written. An existing file stays unchanged.
        """
        for _ in self.saving(path, decode=decode):
            pass

    def saving(self, path: str | PathLike[str], *, decode: Decode | None = None) -> Iterator[None]:
        """Write the recording to a file as `save` does, in small steps."""
        yield from _write(Path(path), _format_of(path).write(self, decode))


def load(path: str | PathLike[str], *, entry: int | None = None) -> Recording:
    """Load a recording from a `.jsonl` file, or from a `.har` file of a browser's network panel.

    Args:
        path: The file. A damaged file is rejected, never loaded partially.
        entry: The number of the connection in a `.har` file, counted from 0; `None` if there is
            only one.

    Raises:
        RecordingError: If the file cannot be read, is not valid, or does not contain the
            connection. The message says what is wrong, and where.
    """
    read = _format_of(path, is_loaded=True).read
    try:
        contents = read(_read(Path(path)), entry)
    except FormatError as error:
        raise RecordingError(f"{path}, {error.place}: {error}") from error.__cause__
    return Recording(**vars(contents))


async def load_async(path: str | PathLike[str], *, entry: int | None = None) -> Recording:
    """Load a recording as `load` does, while the event loop goes on.

    If this is cancelled, the file is still read to its end, in a thread.

    Args:
        path: The file. A damaged file is rejected, never loaded partially.
        entry: The number of the connection in a `.har` file, counted from 0; `None` if there is
            only one.

    Raises:
        RecordingError: If the file cannot be read, is not valid, or does not contain the
            connection. The message says what is wrong, and where.
    """
    if sys.platform == "emscripten":
        # There are no threads in a browser.
        return load(path, entry=entry)
    return await asyncio.to_thread(load, path, entry=entry)


# Files.

_LINES_AT_ONCE = 64


class _Format(NamedTuple):
    write: Callable[[Contents, Decode | None], Iterator[str]]
    read: Callable[[str, int | None], Contents]


_FORMATS = {".jsonl": _Format(write_jsonl, read_jsonl), ".har": _Format(write_har, read_har)}


def _format_of(path: str | PathLike[str], *, is_loaded: bool = False) -> _Format:
    name = str(path).removesuffix(".gz") if is_loaded else path
    try:
        return _FORMATS[Path(name).suffix.lower()]
    except KeyError:
        raise RecordingError(
            f"{path} has an unknown extension; it must end in .jsonl or .har"
        ) from None


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as exc:
        raise RecordingError(f"{path} cannot be read ({_reason(exc)}); check the path") from exc
    if path.suffix == ".gz":
        data = b"".join(_unpacked(data))
    if not data or data.isspace():
        raise FormatError("line 1", "the file is empty; look for another copy")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        if exc.end == len(data) and exc.reason == "unexpected end of data":
            # A character is incomplete, and so is its line, which is looked at next.
            return data[: exc.start].decode("utf-8-sig")
        line = data.count(b"\n", 0, exc.start) + 1
        raise FormatError(
            f"line {line}",
            f"this is not valid UTF-8 ({exc.reason}); if the file is compressed, decompress it",
        ) from exc


def _unpacked(data: bytes) -> Iterator[bytes]:
    """Yield what the members of a compressed file hold, up to the first incomplete one."""
    while data:
        unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            yield unpacking.decompress(data)
        except zlib.error as exc:
            raise FormatError("line 1", f"this is not a compressed file ({exc})") from exc
        data = unpacking.unused_data


def _write(path: Path, lines: Iterator[str]) -> Iterator[None]:
    """Write a file atomically: an existing file is replaced completely or stays unchanged."""
    # Replaces the target of a symbolic link, not the link.
    path = Path(os.path.realpath(path))
    unfinished = path.with_name(f".{uuid4().hex}.tmp")
    try:
        try:
            with unfinished.open("x", encoding="utf-8", newline="\n") as file:
                while piece := list(islice(lines, _LINES_AT_ONCE)):
                    file.writelines(piece)
                    yield
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except UnicodeEncodeError as exc:
        raise RecordingError(
            f"{path} was not saved; a text contains a lone surrogate, which UTF-8 cannot encode"
        ) from exc
    except OSError as exc:
        raise SaveError(f"{path} was not saved ({_reason(exc)}); {_remedy(exc)}") from exc


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _remedy(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "create the folder first, or choose another"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space, or save it elsewhere"
    # On Windows a file that is open cannot be replaced.
    if isinstance(error, PermissionError) and getattr(error, "winerror", None):
        return "if another program has it open, close it there, or save it elsewhere"
    return "save it elsewhere"
