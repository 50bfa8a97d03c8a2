"""The retry policy of a connection: which failures are retried, and when."""

import random
import ssl
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from math import inf

from ipywsecho.errors import ClosedError, ConnectError, ConsoleError, HandshakeError

__all__ = ["Reconnect", "Retries", "backoff"]


def backoff() -> Iterator[float]:
    """Yield the seconds to wait before each retry: exponential backoff from 1 to 30, with jitter.

    Each delay is random between one half and the whole of its limit. So the clients of a restarted
    server do not all reconnect at the same time (RFC 6455, section 7.2.3).
    """
    longest = 1.0
    while True:
        yield random.uniform(longest / 2, longest)
        longest = min(longest * 2, 30.0)


class Numbers(frozenset[int]):
    """A set of numbers that is shown as ranges, as there may be a thousand."""

    def __repr__(self) -> str:
        ranges: list[list[int]] = []
        for number in sorted(self):
            if ranges and number == ranges[-1][-1] + 1:
                ranges[-1].append(number)
            else:
                ranges.append([number])
        parts = [
            f"{each[0]}–{each[-1]}" if len(each) > 2 else ", ".join(map(str, each))
            for each in ranges
        ]
        return "{" + ", ".join(parts) + "}"


@dataclass(frozen=True, kw_only=True)
class Reconnect:
    """When to retry after a connection failed or was lost.

    Attributes:
        delays: Returns the seconds to wait before each retry; when it ends, so do the retries. It
            is called again after each stable connection.
        stable_after: Seconds after which a connection counts as stable.
        fatal_codes: Close codes after which there is no retry. By default these are the codes for
            an intentional close, including those from 4000 on, which applications define (RFC 6455,
            section 7.4.2).
        transient_statuses: HTTP statuses of a rejected handshake, from the server or from a proxy,
            after which there is a retry.
    """

    delays: Callable[[], Iterable[float]] = backoff
    stable_after: float = 10.0
    fatal_codes: Collection[int] = Numbers(
        {1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, *range(4000, 5000)}
    )
    transient_statuses: Collection[int] = Numbers({408, 425, 429, 500, 502, 503, 504})

    def __repr__(self) -> str:
        values = {**vars(self), "delays": getattr(self.delays, "__qualname__", self.delays)}
        for name in ("fatal_codes", "transient_statuses"):
            values[name] = Numbers(values[name])
        return f"{type(self).__name__}({', '.join(f'{name}={values[name]}' for name in values)})"

    def is_transient(self, error: ConsoleError) -> bool:
        """Return whether a retry may succeed after this error."""
        match error:
            case ClosedError():
                return error.code not in self.fatal_codes
            case HandshakeError(status=None):
                # The connection was lost during the handshake, as when a server is just starting.
                return isinstance(getattr(error.__cause__, "__cause__", None), EOFError)
            case HandshakeError():
                return error.status in self.transient_statuses
            case ConnectError():
                cause = error.__cause__
                # The response of a proxy.
                response = getattr(cause, "response", None)
                if response is not None:
                    return response.status_code in self.transient_statuses
                return isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError)
        return False


class Retries:
    """When a connection is retried, from its first attempt to its last.

    Args:
        policy: What is retried and when; `None` retries nothing.

    Attributes:
        attempts: How many attempts there have been since the last stable connection.
        is_exhausted: Whether the policy has no more delays.
    """

    def __init__(self, policy: Reconnect | None) -> None:
        self._policy = policy
        self._delays: Iterator[float] | None = None
        self.attempts = 0
        self.is_exhausted = False

    def delay_after(self, error: ConsoleError, lasted: float | None) -> float | None:
        """Return the seconds to wait before the next attempt, or `None` if there is none.

        Args:
            error: What ended or prevented the connection.
            lasted: Seconds for which the connection was open, or `None` if it never was.

        Raises:
            Exception: Whatever the policy, which is the user's, raises.
            ValueError: If a delay is negative or not finite.
        """
        policy = self._policy
        if policy is None or not policy.is_transient(error):
            return None
        is_stable = lasted is not None and lasted >= policy.stable_after
        if self._delays is None or is_stable:
            self._delays = iter(policy.delays())
            self.attempts = 0
        self.attempts += 1
        delay = next(self._delays, None)
        self.is_exhausted = delay is None
        if delay is not None and not 0 <= delay < inf:
            raise ValueError(f"a delay of {delay!r} seconds is not a number from 0 on")
        return delay
