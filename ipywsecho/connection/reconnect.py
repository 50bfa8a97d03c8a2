"""What is tried again, and when: the policy, without the loop that follows it."""

import random
import ssl
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from ipywsecho.errors import ClosedError, ConnectError, ConsoleError, HandshakeError

__all__ = ["Reconnect", "backoff"]


def backoff() -> Iterator[float]:
    """Yield the seconds to wait before each further attempt: about 1, 2, 4 … and at most 30.

    Each is random within its upper half, so that the clients of a server that comes back do not all
    come at once.
    """
    longest = 1.0
    while True:
        yield random.uniform(longest / 2, longest)
        longest = min(longest * 2, 30.0)


@dataclass(frozen=True, kw_only=True)
class Reconnect:
    """When a connection that failed or ended is tried again.

    Attributes:
        delays: Yields the seconds to wait before each attempt, afresh after each stable connection.
        stable_after: Seconds after which a connection counts as stable.
        fatal_codes: Close codes after which it is not tried again; by default those with which a
            server ends a connection on purpose. Codes from 4000 on are the application's own, and
            on purpose as well (RFC 6455, section 7.4.2).
        transient_statuses: HTTP statuses of a refused handshake, or of a proxy that refused, after
            which it is tried again.
    """

    delays: Callable[[], Iterator[float]] = backoff
    stable_after: float = 10.0
    fatal_codes: Collection[int] = frozenset(
        {1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, *range(4000, 5000)}
    )
    transient_statuses: Collection[int] = frozenset({408, 425, 429, 500, 502, 503, 504})

    def is_transient(self, error: ConsoleError) -> bool:
        """Tell whether another attempt may succeed where this one failed."""
        match error:
            case ClosedError():
                return error.code not in self.fatal_codes
            case HandshakeError(status=None):
                # Cut within the handshake, for example by a server that is just starting.
                return isinstance(getattr(error.__cause__, "__cause__", None), EOFError)
            case HandshakeError():
                return error.status in self.transient_statuses
            case ConnectError():
                cause = error.__cause__
                # That of a proxy that refused.
                response = getattr(cause, "response", None)
                if response is not None:
                    return response.status_code in self.transient_statuses
                return isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError)
        return False
