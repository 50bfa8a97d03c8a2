"""The rows of the table, and the arithmetic of what is measured in pairs."""

import statistics
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

__all__ = ["Row", "ratio", "table"]


class Row(NamedTuple):
    """One line of the table."""

    what: str
    figure: str
    budget: str = ""


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Return the median of the ratios of what was measured in pairs."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield "| what | figure | budget |"
    yield "|---|--:|--:|"
    for row in rows:
        yield f"| {row.what} | {row.figure} | {row.budget} |"
