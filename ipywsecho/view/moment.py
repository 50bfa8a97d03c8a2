"""What each log keeps at some moment."""

from typing import NamedTuple, Self

from ipywsecho.frames import Control, Events, Frames, Journal, Notice
from ipywsecho.view.order import Kept

__all__ = ["Moment", "Positions"]

Positions = tuple[int, ...]
"""For each log, how many entries it was given before some entry."""


class Moment(NamedTuple):
    """What each log keeps at some moment, in the order in which equal times are shown."""

    sent: Frames
    notices: Events[Notice]
    controls: Events[Control]
    received: Frames

    @classmethod
    def of(cls, journal: Journal) -> Self:
        """Return what the logs of a journal keep now."""
        return cls(
            journal.sent.frames,
            journal.notices.kept,
            journal.controls.kept,
            journal.received.frames,
        )

    @property
    def total(self) -> int:
        """How many frames there ever were."""
        return self.received.total + self.sent.total

    @property
    def ends(self) -> Positions:
        """The positions of the next entries to come."""
        return tuple(each.total for each in self)

    @property
    def entries(self) -> int:
        """How many entries are kept."""
        return len(self.sent) + len(self.notices) + len(self.controls) + len(self.received)

    def since(self, positions: Positions) -> "Moment":
        """Return what is kept from some positions on; the totals stay what they are."""
        if not any(positions):
            return self
        sent, notices, controls, received = positions
        return Moment(
            self.sent[_skipped(self.sent, sent) :],
            Events.of(self.notices[_skipped(self.notices, notices) :], self.notices.total),
            Events.of(self.controls[_skipped(self.controls, controls) :], self.controls.total),
            self.received[_skipped(self.received, received) :],
        )


def _skipped(kept: Kept, position: int) -> int:
    return max(position - kept.total + len(kept), 0)
