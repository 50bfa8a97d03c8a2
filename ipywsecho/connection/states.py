"""The states of a connection, and what leads from one to another, as data."""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["TRANSITIONS", "Event", "State"]


class State(StrEnum):
    """What a connection is doing."""

    CONNECTING = "connecting"
    """It tries to reach the server, or waits for the end of the opening handshake."""
    OPEN = "open"
    """Frames go both ways."""
    WAITING = "waiting"
    """It failed or ended, and will be tried again."""
    CLOSING = "closing"
    """It was told to close, and is about to."""
    CLOSED = "closed"
    """It was not opened yet, or is over for good."""


class Event(StrEnum):
    """What changes the state of a connection."""

    START = "start"
    """An attempt begins."""
    OPENED = "opened"
    """The opening handshake succeeded."""
    LOST = "lost"
    """An attempt failed or the connection ended, and another attempt follows."""
    STOP = "stop"
    """The user wants it closed."""
    ENDED = "ended"
    """An attempt failed or the connection ended, and no attempt follows."""


TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.CLOSED: {
        Event.START: State.CONNECTING,
        Event.STOP: State.CLOSED,
    },
    State.CONNECTING: {
        Event.OPENED: State.OPEN,
        Event.LOST: State.WAITING,
        Event.STOP: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.OPEN: {
        Event.LOST: State.WAITING,
        Event.STOP: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.WAITING: {
        Event.START: State.CONNECTING,
        Event.STOP: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
    State.CLOSING: {
        Event.STOP: State.CLOSING,
        Event.ENDED: State.CLOSED,
    },
}
"""The state that follows each event in each state. What is not listed cannot happen."""
