"""The places in a log that a search has found."""

from collections.abc import Iterator, Sequence
from typing import Any

from ipywsecho.view.order import Kept

__all__ = ["Found", "Matches"]

_SPARE = 1_024


class Matches(Sequence[int]):
    """Ascending numbers, found from somewhere in the middle both ways, and forgotten at the front.

    Attributes:
        total: How many there ever were.
        revisions: Grows whenever one was found before the others.
    """

    def __init__(self) -> None:
        # The numbers before those that were found first, in descending order.
        self._before: list[int] = []
        self._after: list[int] = []
        self._skipped = 0
        self.total = 0
        self.revisions = 0

    def __len__(self) -> int:
        return len(self._before) + len(self._after) - self._skipped

    def __getitem__(self, index: Any) -> Any:
        """Return the number at an index, or the numbers of a slice."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"index {index} is out of range (length {len(self)})")
        if at < len(self._before):
            return self._before[-1 - at]
        return self._after[self._skipped + at - len(self._before)]

    def __reversed__(self) -> Iterator[int]:
        for index in range(len(self._after) - 1, self._skipped - 1, -1):
            yield self._after[index]
        yield from self._before

    def append(self, number: int) -> None:
        """Add a number that is greater than the others."""
        self._after.append(number)
        self.total += 1

    def prepend(self, number: int) -> None:
        """Add a number that is less than the others."""
        self._before.append(number)
        self.total += 1
        self.revisions += 1

    def forget_before(self, first: int) -> None:
        """Drop the numbers that are less."""
        while self._before and self._before[-1] < first:
            self._before.pop()
        if self._before:
            return
        while self._skipped < len(self._after) and self._after[self._skipped] < first:
            self._skipped += 1
        if self._skipped > _SPARE and self._skipped > len(self._after) // 2:
            del self._after[: self._skipped]
            self._skipped = 0


class Found(Sequence[Any]):
    """What a log keeps of the entries that were found in it.

    Args:
        kept: What the log keeps.
        matches: The numbers of those that were found, of all that the log was ever given.
    """

    def __init__(self, kept: Kept, matches: Matches) -> None:
        self._kept = kept
        self.numbers = matches
        """The numbers of the entries."""
        self._first = kept.total - len(kept)
        self.total = matches.total

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        """Return the entry at an index, or the entries of a slice."""
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        return self._kept[self.numbers[index] - self._first]

    def __reversed__(self) -> Iterator[Any]:
        for number in reversed(self.numbers):
            yield self._kept[number - self._first]
