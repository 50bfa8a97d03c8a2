"""What happened, for the user to read: the newest notices, with a count of what happens again."""

from collections import deque
from collections.abc import Callable

from ipywsecho.frames.log import Notice

__all__ = ["Notices"]

_KEPT = 1_000


class Notices:
    """The newest notices; an error that happens again and again has one, with a count.

    A notice that is not an error, such as that of the next connection, ends the count: what
    happens again after it has another notice.

    Args:
        changed: Called when there is another notice, or another count.

    Attributes:
        kept: The notices, oldest first; the newest 1,000.
    """

    def __init__(self, changed: Callable[[], object]) -> None:
        self.kept: deque[Notice] = deque(maxlen=_KEPT)
        self._changed = changed
        self._total = 0
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
        oldest = self._total - len(self.kept)
        number = self._numbers.get(cause, -1)
        if number >= oldest:
            said = self.kept[number - oldest]
            again = notice._replace(time=said.time, last=notice.time)
            if counts:
                again = again._replace(occurrences=said.occurrences + 1)
            self.kept[number - oldest] = again
        else:
            if len(self._numbers) > 2 * _KEPT:
                # Each had another cause, and most are forgotten.
                self._numbers = {
                    cause: number for cause, number in self._numbers.items() if number >= oldest
                }
            self._numbers[cause] = self._total
            self.kept.append(notice)
            self._total += 1
        self._changed()
