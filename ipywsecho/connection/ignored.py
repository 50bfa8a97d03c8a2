"""Failures of what nobody waits for."""

from collections.abc import Callable

from ipywsecho.connection.loops import HomeLoop
from ipywsecho.connection.outbox import Receipt
from ipywsecho.errors import line_of

__all__ = ["Ignored"]

_PATIENCE = 0.1


class Ignored:
    """Notes what has failed without anybody waiting for it.

    Args:
        home: The event loop that the session lives on.
        note: Called with a line for each failure that nobody has learnt of.
    """

    def __init__(self, home: HomeLoop, note: Callable[[str], object]) -> None:
        self._home = home
        self._note = note

    def watch(self, receipt: Receipt) -> None:
        """Note if the work fails whose result this is, unless it is awaited."""

        def look() -> None:
            error = receipt.exception()
            if error is not None and not receipt.is_told:
                self._note(f"not {receipt.what}: {line_of(error)}")

        def done(_: object) -> None:
            if receipt.cancelled() or receipt.exception() is None:
                return
            if self._home.is_gone:
                look()
            else:
                # A task that awaits it may just have been created.
                self._home.call_later(_PATIENCE, look)

        receipt.add_done_callback(done)
