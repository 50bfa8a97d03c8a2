"""What a session tells of its connection and of what it keeps, read-only."""

from collections.abc import Sequence
from copy import deepcopy

from ipywsecho.connection.connection import Connection
from ipywsecho.connection.link import Traffic
from ipywsecho.connection.states import State
from ipywsecho.errors import ConsoleError
from ipywsecho.frames import Control, Frames, Journal, Notice
from ipywsecho.masking import mask

__all__ = ["Status"]


class Status:
    """The state of a connection, and what is kept of it.

    Attributes:
        connection: The connection; everything that changes it happens on its event loop.
        journal: What is kept, and the callbacks.
    """

    connection: Connection
    journal: Journal

    @property
    def uri(self) -> str | None:
        """Where it connects; `None` before an echo server of its own listens."""
        return self.connection.uri or None

    @property
    def frames(self) -> Frames:
        """The received frames that are kept now, oldest first: an immutable value."""
        return self.journal.received.frames

    @property
    def sent(self) -> Frames:
        """The sent frames that are kept now, oldest first: an immutable value."""
        return self.journal.sent.frames

    @property
    def notices(self) -> Sequence[Notice]:
        """What happened to the connection, oldest first; the newest 1,000 are kept."""
        return tuple(self.journal.notices)

    @property
    def controls(self) -> Sequence[Control]:
        """Control frames of both directions, if they are kept; the newest 1,000."""
        return tuple(self.journal.controls)

    @property
    def traffic(self) -> Traffic:
        """What went over all connections so far, in each direction."""
        return deepcopy(self.connection.traffic)

    @property
    def state(self) -> State:
        """What the connection is doing."""
        return self.connection.state

    @property
    def error(self) -> ConsoleError | None:
        """What ended or prevented the connection, or `None`."""
        return self.connection.error

    @property
    def close_code(self) -> int | None:
        """Close code of the last connection, or `None`."""
        return self.connection.close_code

    @property
    def close_reason(self) -> str | None:
        """Reason in the last close frame, or `None`."""
        return self.connection.close_reason

    @property
    def subprotocol(self) -> str | None:
        """The negotiated subprotocol, or `None`."""
        return self.connection.subprotocol

    @property
    def latency(self) -> float | None:
        """Seconds of the last ping and its pong, or `None`."""
        return self.connection.latency

    @property
    def summary(self) -> str:
        """Address, state and counts, as a `repr` shows them; secrets are masked."""
        uri = None if self.uri is None else mask(self.uri, self.connection.secrets)
        kept = f"frames={self.frames.total}, sent={self.sent.total}"
        return f"{uri!r}, state={self.state.value!r}, {kept}"
