"""What went over a WebSocket, as a value that can be saved to a file, loaded and replayed.

The name of a file says what is in it: `jsonl.py` documents `.jsonl`, which keeps everything,
and `har.py` documents `.har`, which is for other tools.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from operator import attrgetter
from os import PathLike
from pathlib import Path
from typing import NamedTuple, Self
from uuid import uuid4

from ipywsecho.errors import RecordingError, SaveError
from ipywsecho.frames import Frames, Notice
from ipywsecho.masking import mask
from ipywsecho.recording.contents import Contents
from ipywsecho.recording.har import read_har, write_har
from ipywsecho.recording.jsonl import read_jsonl, write_jsonl
from ipywsecho.recording.messages import FormatError

__all__ = ["Recording", "load"]


@dataclass(frozen=True, repr=False)
class Recording(Contents):
    """What went over a WebSocket, seen from the client: an immutable value.

    Attributes:
        frames: The frames of both directions, in the order in which they came.
        notices: What happened to the connection meanwhile.
        uri: The address of the server, or `None` if it is not known. Its secrets are masked.
        subprotocol: The subprotocol that was negotiated, or `None`.
        close_code: Of the close frame, 1006 if there was none, or `None` if the connection had not
            ended or nobody knows.
        close_reason: What the close frame said, or `None`.
        forgotten: How many frames there had been that were no longer kept.
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
        secrets: Iterable[str] = (),
        uri: str | None = None,
        subprotocol: str | None = None,
        close_code: int | None = None,
        close_reason: str | None = None,
    ) -> Self:
        """Return a recording of the two directions of a connection.

        Args:
            received: Frames received.
            sent: Frames sent. One comes before those received at the same moment, which may be
                answers to it.
            notices: What happened to the connection.
            secrets: What is masked in all but the frames.
            uri: The address of the server.
            subprotocol: The subprotocol that was negotiated.
            close_code: How the connection ended, if it did.
            close_reason: What the close frame said.
        """
        return cls(
            frames=tuple(merge(sent, received, key=attrgetter("time"))),
            notices=tuple(each._replace(text=mask(each.text, secrets)) for each in notices),
            uri=None if uri is None else mask(uri, secrets),
            subprotocol=subprotocol,
            close_code=close_code,
            close_reason=None if close_reason is None else mask(close_reason, secrets),
            forgotten=sum(frames.total - len(frames) for frames in (received, sent)),
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write a file that `load` reads: `.jsonl` keeps everything, `.har` is for other tools.

        Raises:
            RecordingError: If the name of the file ends otherwise, or something in the recording
                fits into no file.
            SaveError: If the file cannot be written; one that was there before stays as it was.
        """
        _write(Path(path), _format_of(path).write(self))


def load(path: str | PathLike[str], *, entry: int | None = None) -> Recording:
    """Read a recording from a `.jsonl` file, or from a `.har` file of a browser's network panel.

    Args:
        path: The file. All of it is read, or nothing.
        entry: Which connection of a `.har` file, counted from 0; needed if there are several.

    Raises:
        RecordingError: If the file cannot be read or holds no such recording; says what is wrong,
            and where.
    """
    read = _format_of(path).read
    try:
        contents = read(_read(Path(path)), entry)
    except FormatError as error:
        raise RecordingError(f"{path}, {error.place}: {error}") from error.__cause__
    return Recording(**vars(contents))


# Files.


class _Format(NamedTuple):
    write: Callable[[Contents], Iterator[str]]
    read: Callable[[str, int | None], Contents]


_FORMATS = {".jsonl": _Format(write_jsonl, read_jsonl), ".har": _Format(write_har, read_har)}


def _format_of(path: str | PathLike[str]) -> _Format:
    try:
        return _FORMATS[Path(path).suffix.lower()]
    except KeyError:
        raise RecordingError(
            f"{path} has a name that does not tell what is in it; it must end in .jsonl or .har"
        ) from None


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as exc:
        raise RecordingError(f"{path} cannot be read ({_reason(exc)}); check the path") from exc
    if not data.strip():
        raise FormatError("line 1", "the file is empty; look for another copy of it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise FormatError(
            f"line {line}", f"this is not UTF-8 text ({exc.reason}); if it is compressed, unpack it"
        ) from exc


def _write(path: Path, lines: Iterable[str]) -> None:
    """Write a whole file, or leave what is there."""
    # A link goes on pointing to where it did.
    path = Path(os.path.realpath(path))
    unfinished = path.with_name(f".{uuid4().hex}.tmp")
    try:
        try:
            with unfinished.open("x", encoding="utf-8", newline="\n") as file:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except UnicodeEncodeError as exc:
        raise RecordingError(
            f"{path} was not saved: a text holds half a surrogate pair, which no text frame can"
        ) from exc
    except OSError as exc:
        raise SaveError(f"{path} was not saved ({_reason(exc)}); {_remedy(exc)}") from exc


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _remedy(error: OSError) -> str:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "make the folder first, or choose another"
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return "free some space, or save it elsewhere"
    return "save it elsewhere"
