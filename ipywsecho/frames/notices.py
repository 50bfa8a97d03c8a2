"""What happened, for the user to read: the newest notices, with a count of what happens again."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import Self, TypeVar

from ipywsecho.frames.log import Control, Notice

__all__ = ["EventLog", "Events", "Notices"]

_KEPT = 1_000

E = TypeVar("E", bound=Notice | Control)


class Events(tuple[E, ...]):
    """The notices, or the control frames, that are kept at some moment, oldest first.

    Attributes:
        total: How many there ever were.
    """

    total: int

    @classmethod
    def of(cls, events: Iterable[E], total: int) -> Self:
        """Return a value of its own, which does not change."""
        made = cls(events)
        made.total = total
        return made


class EventLog(deque[E]):
    """Keeps the newest events, and counts all of them.

    Args:
        most: How many are kept.
    """

    total = 0

    def __init__(self, most: int) -> None:
        super().__init__(maxlen=most)

    def append(self, event: E) -> None:
        """Keep an event."""
        self.total += 1
        super().append(event)

    @property
    def kept(self) -> Events[E]:
        """What is kept now; later events do not change this value."""
        return Events.of(self, self.total)


class Notices:
    """The newest notices; an error that happens again and again has one, with a count.

    A notice that is not an error, such as that of the next connection, ends the count: what
    happens again after it has another notice.

    Args:
        changed: Called when there is another notice, or another count.

    Attributes:
        kept: The notices, oldest first; the newest 1,000.
        recounted: How often a notice that was kept already was counted again.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self.kept: EventLog[Notice] = EventLog(_KEPT)
        self.recounted = 0
        self._changed = changed
        # The numbers of the notices that may be counted again, by what happened.
        self._numbers: dict[str, int] = {}

    def add(self, notice: Notice, cause: str = "") -> None:
        """Keep a notice.

        Args:
            notice: What happened.
            cause: Errors with the same cause are the same error; the default is the text.
        """
        if not notice.is_error:
            self._numbers.clear()
        self._add(notice, cause or notice.text, counts=notice.is_error)

    def add_loss(self, notice: Notice, cause: str) -> None:
        """Keep a notice that replaces an earlier one with the same cause."""
        self._add(notice, cause, counts=False)

    def clear(self) -> None:
        """Forget all notices."""
        self.kept.clear()
        self._numbers.clear()

    def _add(self, notice: Notice, cause: str, *, counts: bool) -> None:
        oldest = self.kept.total - len(self.kept)
        number = self._numbers.get(cause, -1)
        if number >= oldest:
            said = self.kept[number - oldest]
            again = notice._replace(time=said.time, last=notice.time)
            if counts:
                again = again._replace(occurrences=said.occurrences + 1)
            self.kept[number - oldest] = again
            self.recounted += 1
        else:
            if len(self._numbers) > 2 * _KEPT:
                # Each had another cause, and most are forgotten.
                self._numbers = {
                    cause: number for cause, number in self._numbers.items() if number >= oldest
                }
            self._numbers[cause] = self.kept.total
            self.kept.append(notice)
        self._changed()
