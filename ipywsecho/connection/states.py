"""The state machine of a connection: states, events, and a table of transitions."""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["TRANSITIONS", "Event", "State"]


class State(StrEnum):
    """The state of a connection."""

    CONNECTING = "connecting"
    """Connecting to the server, or waiting for the end of the opening handshake."""
    OPEN = "open"
    """Frames can be sent and received."""
    WAITING = "waiting"
    """Waiting for the next attempt, after an attempt failed or the connection was lost."""
    CLOSING = "closing"
    """Closing, as the user requested."""
    CLOSED = "closed"
    """Not opened yet, or closed without a further attempt."""


class Event(StrEnum):
    """An event that changes the state of a connection."""

    START = "start"
    """An attempt begins."""
    OPENED = "opened"
    """The opening handshake succeeded."""
    LOST = "lost"
    """An attempt failed or the connection was lost, and another attempt follows."""
    STOP = "stop"
    """The user requested to close the connection."""
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
"""The next state for each state and event. Events that are not listed cannot happen."""
