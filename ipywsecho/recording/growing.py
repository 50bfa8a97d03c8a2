"""Files that grow line by line: opened, mended, continued and rotated.

What is written at a time consists of whole lines, compressed or not. A process that is killed so
loses what it had not written yet, and nothing before it. A compressed file is a sequence of members
(RFC 1952, section 2.2), each of which is complete.
"""

import gzip
import os
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from ipywsecho.recording.recorder import ENDINGS, Recorder

__all__ = ["GrowingFile", "files_matching", "unpacked"]

# How each member begins that is written here: the method, no flags, no time.
_MEMBER = gzip.compress(b"", mtime=0)[:8]
_BLOCK = 2**20


def files_matching(path: Path) -> list[Path]:
    """Return the files that a path stands for, whose last part may be a pattern, in order."""
    if not re.search(r"[*?\[]", path.name) or path.exists():
        return [path]
    return sorted(path.parent.glob(path.name), key=lambda each: (len(each.name), each.name))


def unpacked(member: bytes) -> tuple[bytes, bool]:
    """Return what a member of a compressed file holds, and whether the member is complete."""
    unpacking = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        return unpacking.decompress(member), unpacking.eof
    except zlib.error:
        return b"", False


class GrowingFile:
    """The file that lines are appended to, or one after the other.

    Args:
        recorder: Which file, and when another one begins.
        header: Returns the first line of a file.
        clock: Returns the time in seconds.
    """

    def __init__(
        self,
        recorder: Recorder,
        header: Callable[[], str],
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._recorder = recorder
        self._header = header
        self._clock = clock
        self._asked = Path(recorder.path)
        self._is_packed = self._asked.name.endswith(".gz")
        self._path: Path | None = None
        self._begun_at = 0.0
        self._size = 0
        self._unwritten = b""

    def resume(self) -> None:
        """Write what could not be written before.

        Raises:
            OSError: If it still cannot; it is kept.
        """
        if self._unwritten and self._path is not None:
            self._write(self._path)

    def append(self, lines: bytes) -> None:
        """Write whole lines.

        Raises:
            OSError: If they cannot be written now; they are kept.
        """
        self.resume()
        if self._path is None or self._is_over():
            self._path = self._begin()
        self._unwritten += self._packed(lines)
        self._write(self._path)

    def _is_over(self) -> bool:
        most, every = self._recorder.max_bytes, self._recorder.every
        is_full = most is not None and self._size >= most
        return is_full or (every is not None and self._clock() - self._begun_at >= every)

    def _begin(self) -> Path:
        """Choose a file, and note the header to be written."""
        path = self._next_number() if self._recorder.is_rotating else self._asked
        self._begun_at = self._clock()
        end = self._mend(path) if path.exists() else b""
        self._unwritten += self._packed(end + self._header().encode() + b"\n")
        return path

    def _next_number(self) -> Path:
        ending = next(each for each in reversed(ENDINGS) if self._asked.name.endswith(each))
        stem = self._asked.name.removesuffix(ending)
        numbered = re.compile(rf"{re.escape(stem)}-(\d+){re.escape(ending)}")
        names = (each.name for each in self._asked.parent.iterdir())
        numbers = [int(match[1]) for name in names if (match := numbered.fullmatch(name))]
        path = self._asked.with_name(f"{stem}-{max(numbers, default=0) + 1:06}{ending}")
        # Taken at once, and never one that somebody else has just made.
        path.open("xb").close()
        return path

    def _mend(self, path: Path) -> bytes:
        """Make it possible to append to a file whose writer was killed; nothing in it is lost.

        Returns:
            What ends the last line, if it has no end.
        """
        with path.open("r+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end == 0:
                return b""
            if not self._is_packed:
                file.seek(end - 1)
                return b"" if file.read(1) == b"\n" else b"\n"
            start, member = _last_member(file, end)
            text, is_complete = unpacked(member)
            if member and not is_complete:
                # Nobody could read what came after an incomplete member.
                file.seek(start)
                file.write(self._packed(text))
                file.truncate()
            return b"" if text.endswith(b"\n") else b"\n"

    def _packed(self, lines: bytes) -> bytes:
        # Quick rather than small: a feed may bring much.
        return gzip.compress(lines, compresslevel=5, mtime=0) if self._is_packed else lines

    def _write(self, path: Path) -> None:
        # Opened each time: others may move or remove the file, and nothing stays open.
        with path.open("ab", buffering=0) as file:
            if file.tell() == 0 and self._size:
                # Somebody has removed the file.
                self._unwritten = self._packed(self._header().encode() + b"\n") + self._unwritten
            while self._unwritten:
                self._unwritten = self._unwritten[file.write(self._unwritten) :]
            self._size = file.tell()


def _last_member(file: BinaryIO, end: int) -> tuple[int, bytes]:
    """Return where the last member of a compressed file begins, and the member.

    One that was made elsewhere is not found, and then the member is empty.
    """
    start, found, block = end, -1, b""
    while start > 0 and found < 0:
        start = max(0, start - _BLOCK)
        file.seek(start)
        block = file.read(end - start)
        found = block.rfind(_MEMBER)
    return (end, b"") if found < 0 else (start + found, block[found:])
