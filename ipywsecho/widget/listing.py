"""The kernel's side of the list: sends the pages the rows that they are to show."""

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from ipywsecho.pacing import Throttle, Timer
from ipywsecho.view import Catalog, Row, Shape, weight_of
from ipywsecho.widget.audience import Audience
from ipywsecho.widget.channel import Channel, Message

__all__ = ["Listing"]

_NEWEST = 100
_ANSWER = 100
_ANSWER_BYTES = 16_000
_ANSWER_INTERVAL = 0.1
_AROUND = 20


class Listing:
    """Tells pages what has come, and answers what they ask for.

    Every message goes to all pages, and says how many rows there are now; the rows that it brings
    are of use to any page. A page that does not follow the end of the list is not sent its rows.

    Args:
        channel: The way to the pages.
        catalog: The rows.
        call: Calls a function on the event loop.
        request: Called when a page wants to be told how things stand.
    """

    def __init__(
        self,
        channel: Channel,
        catalog: Catalog,
        *,
        call: Callable[..., object],
        request: Callable[[], object],
    ) -> None:
        self._channel = channel
        self._catalog = catalog
        self._request = request
        self.audience = Audience()
        """The pages that show the list."""
        self._told: Shape | None = None
        self._has_unready = False
        self._asked: dict[str, Message] = {}
        self._answers: Throttle | None = None
        hearers = {
            "show": self._show,
            "hide": self._hide,
            "failed": self._hide,
            "need": self._need,
            "find": self._need,
        }
        for kind, hearer in hearers.items():
            channel.hear(kind, partial(call, hearer))
        channel.attend(partial(call, self._attend))

    def attach(
        self,
        call_later: Callable[[float, Callable[[], Any]], Timer],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Answer by some timers from now on.

        Args:
            call_later: Calls a function after some seconds, as `asyncio.loop.call_later` does.
            clock: Returns the time in seconds.
        """
        self._answers = Throttle(
            self._answer, interval=_ANSWER_INTERVAL, burst=3, call_later=call_later, clock=clock
        )

    def cancel(self) -> None:
        """Answer no more."""
        if self._answers is not None:
            self._answers.cancel()

    def push(self, limit: int) -> int:
        """Tell the pages what has come, in about so many bytes.

        Returns:
            How many bytes that took.
        """
        shape, before = self._catalog.refresh(), self._told
        if shape == before:
            return 0
        rows: list[Row] = []
        if self.audience.follows:
            is_known = before is not None and before.epoch == shape.epoch
            fresh = shape.total - before.total if before and is_known else _NEWEST
            rows = self._catalog.newest(min(fresh, _NEWEST), limit)
        self._told = shape
        return self._tell(shape, shape.rows - len(rows), rows)

    def renew(self) -> None:
        """Have the pages ask again for the frames that were not ready."""
        if self.audience and self._has_unready:
            self._has_unready = False
            self._channel.tell({"kind": "unready"})

    def _tell(self, shape: Shape, at: int, rows: list[Row], more: Message | None = None) -> int:
        message: dict[str, Any] = {
            "kind": "rows",
            "shape": shape._asdict(),
            "at": at,
            "rows": rows,
            **(more or {}),
        }
        # The rows of events are renewed when what happened is counted again.
        self._has_unready |= any(row.number and not row.is_ready for row in rows)
        self._channel.tell(message)
        self.audience.told()
        return weight_of(message)

    def _show(self, message: Message) -> None:
        self.audience.enter(message["page"], follows=message["follows"])
        self._told = None
        self._request()

    def _hide(self, message: Message) -> None:
        self.audience.leave(message["page"])
        self._request()

    def _attend(self, message: Message) -> None:
        is_of_audience = self.audience.answered(message["page"])
        if not is_of_audience and message["kind"] not in ("show", "hide", "failed"):
            # It was taken for gone, as when a cell has kept the kernel from hearing it.
            self._channel.tell({"kind": "who", "page": message["page"]})

    def _need(self, message: Message) -> None:
        self._asked[message["page"]] = message
        if self._answers is not None:
            self._answers.request()

    def _answer(self) -> None:
        asked, self._asked = self._asked, {}
        for page, message in asked.items():
            shape = self._catalog.refresh()
            if message["kind"] == "find":
                found = self._catalog.find(int(message["number"]))
                begin, end = max(found - _AROUND, 0), found + _AROUND
                more = {"page": page, "found": found}
            else:
                begin, end = _places(shape, message)
                more = {}
            rows = self._catalog.rows(begin, min(end, begin + _ANSWER, shape.rows), _ANSWER_BYTES)
            self._tell(shape, begin, rows, more)


def _places(shape: Shape, message: Message) -> tuple[int, int]:
    """Return the places of the rows that a page asks for, or none if all have become others."""
    if message["epoch"] != shape.epoch:
        return 0, 0
    if "older" in message:
        begin, end = message["older"]
        return (begin, min(end, shape.older)) if message["version"] == shape.version else (0, 0)
    begin, end = (max(number - shape.solid, 0) + shape.older for number in message["numbers"])
    return begin, end
