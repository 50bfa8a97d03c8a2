"""The contents of a recording, independent of the file format."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ipywsecho.frames import Control, Frame, Notice
from ipywsecho.masking import mask, secrets_of

__all__ = ["Contents", "Entry", "with_entries"]

Entry = Frame | Notice | Control


@dataclass(frozen=True, repr=False)
class Contents:
    """The contents of a recording; `Recording` documents the attributes."""

    frames: Sequence[Frame] = ()
    notices: Sequence[Notice] = ()
    controls: Sequence[Control] = ()
    uri: str | None = None
    subprotocol: str | None = None
    close_code: int | None = None
    close_reason: str | None = None
    forgotten: int = 0

    def __post_init__(self) -> None:
        offered = [self.subprotocol] if self.subprotocol else []
        hidden = secrets_of(self.uri or "", {"subprotocols": offered})
        notices = (each._replace(text=mask(each.text, hidden)) for each in self.notices)
        object.__setattr__(self, "frames", tuple(self.frames))
        object.__setattr__(self, "notices", tuple(notices))
        object.__setattr__(self, "controls", tuple(self.controls))
        for name in ("uri", "subprotocol", "close_reason"):
            if (text := getattr(self, name)) is not None:
                object.__setattr__(self, name, mask(text, hidden))


def with_entries(contents: Contents, entries: Sequence[Entry]) -> Contents:
    """Return a copy of the contents with these entries."""
    return replace(
        contents,
        frames=[each for each in entries if isinstance(each, Frame)],
        notices=[each for each in entries if isinstance(each, Notice)],
        controls=[each for each in entries if isinstance(each, Control)],
    )
