"""Memory for large messages, shared by all connections of a server.

Each client could make the server hold a message of the largest size, so a limit for each message
does not limit what a hundred clients take. Large messages therefore wait for memory. Small messages
do not, so a client with large messages delays only others with large messages.
"""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable

__all__ = ["SMALL", "Capacity", "Claim"]

SMALL = 32 * 2**10
"""Bytes of a message that takes none of it."""

# A message is held as bytes and in the write buffer of its echo. As text it takes up to four times
# as much, if it has a character that needs four bytes.
_COPIES = 4


class Claim:
    """Memory for one message, waited for and then held until it is released.

    Args:
        capacity: What gives the memory.
        amount: Bytes of memory.
        granted: Called once the memory is there.
        overdue: Called with a close code and a reason if the claim has waited, or was held while
            others waited, for too long.
    """

    def __init__(
        self,
        capacity: "Capacity",
        amount: int,
        granted: Callable[[], object],
        overdue: Callable[[int, str], object],
    ) -> None:
        self.amount = amount
        self.is_granted = False
        self._capacity = capacity
        self._granted = granted
        self._overdue = overdue
        self._timer: TimerHandle = capacity.loop.call_later(capacity.longest_wait, self._refuse)

    def grant(self) -> None:
        """Hold the memory from now on."""
        self.is_granted = True
        self._restart_timer()
        self._granted()

    def release(self) -> None:
        """Give the memory back, or no longer wait for it."""
        self._timer.cancel()
        self._capacity.remove(self)

    def _restart_timer(self) -> None:
        self._timer.cancel()
        self._timer = self._capacity.loop.call_later(self._capacity.longest_hold, self._check)

    def _refuse(self) -> None:
        self._overdue(1013, "too many large messages at the moment; try again later")

    def _check(self) -> None:
        self._restart_timer()
        if self._capacity.is_awaited:
            seconds = self._capacity.longest_hold
            self._overdue(1008, f"a large message took over {seconds:g} s while others waited")


class Capacity:
    """The memory that large messages may take, granted to the smallest first.

    Args:
        loop: The event loop of the server.
        size: Bytes in all.
        longest_wait: Seconds that a claim may wait.
        longest_hold: Seconds that a claim may be held while others wait.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        *,
        size: int = 24 * 2**20,
        longest_wait: float = 15.0,
        longest_hold: float = 8.0,
    ) -> None:
        self.loop = loop
        self.longest_wait = longest_wait
        self.longest_hold = longest_hold
        self._size = self._free = size
        self._waiting: list[Claim] = []
        self._held: set[Claim] = set()

    @property
    def is_awaited(self) -> bool:
        """Whether a claim waits."""
        return bool(self._waiting)

    def claim(
        self,
        size: int | None,
        granted: Callable[[], object],
        overdue: Callable[[int, str], object],
    ) -> Claim:
        """Claim memory for a message, which is granted at once if there is enough.

        Args:
            size: Bytes of the message; `None` if it is unlimited. A message that would never fit
                gets all the memory.
            granted: Called once the memory is there, which may be before this returns.
            overdue: Called with a close code and a reason if it took too long.
        """
        amount = self._size if size is None else min(_COPIES * size, self._size)
        claim = Claim(self, amount, granted, overdue)
        self._waiting.append(claim)
        self._grant()
        return claim

    def remove(self, claim: Claim) -> None:
        """Forget a claim, and grant others what it held."""
        if claim in self._held:
            self._held.remove(claim)
            self._free += claim.amount
        elif claim in self._waiting:
            self._waiting.remove(claim)
        self._grant()

    def _grant(self) -> None:
        while self._waiting:
            smallest = min(self._waiting, key=lambda claim: claim.amount)
            if smallest.amount > self._free:
                return
            self._waiting.remove(smallest)
            self._held.add(smallest)
            self._free -= smallest.amount
            smallest.grant()
