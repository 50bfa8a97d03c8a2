"""`Recorder`: where a session writes each frame as it comes, and when it begins another file."""

import math
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

from ipywsecho.errors import OptionError, RecordingError

__all__ = ["ENDINGS", "Recorder"]

ENDINGS = (".jsonl", ".jsonl.gz")
"""How the name of a file that is written line by line may end."""


@dataclass(frozen=True)
class Recorder:
    """Writes each frame to a file as it comes or goes; the value of the option `record`.

        console = WebSocketConsole(uri, record=Recorder("feed.jsonl.gz", every=3600))

    A file that is there already is never overwritten: without rotation, the lines are appended to
    it; with rotation, another number is used. With `max_bytes` or `every`, `feed.jsonl` becomes
    `feed-000001.jsonl`, `feed-000002.jsonl` and so on.

    Args:
        path: The file, which ends in `.jsonl` or, to be compressed, in `.jsonl.gz`.
        max_bytes: Bytes after which another file begins; `None` is no limit.
        every: Seconds after which another file begins; `None` is no limit.

    Raises:
        OptionError: If a limit is not above 0.
        RecordingError: If the name ends otherwise, or the folder does not exist.
    """

    path: str | PathLike[str]
    max_bytes: int | None = None
    every: float | None = None

    def __post_init__(self) -> None:
        limits = {"max_bytes": self.max_bytes, "every": self.every}
        for name, limit in limits.items():
            is_number = isinstance(limit, int | float) and math.isfinite(limit)
            if limit is not None and not (is_number and limit > 0):
                raise OptionError(
                    f"{name}={limit!r} must be a number greater than 0, or None for no limit"
                )
        path = Path(self.path)
        if not path.name.endswith(ENDINGS):
            raise RecordingError(
                f"{path} has an unknown extension; a recording that is written as frames come must "
                f"end in {' or '.join(ENDINGS)}"
            )
        if not path.parent.is_dir():
            raise RecordingError(f"the folder {path.parent} does not exist; create it first")

    @property
    def is_rotating(self) -> bool:
        """Whether there may be several files."""
        return self.max_bytes is not None or self.every is not None
