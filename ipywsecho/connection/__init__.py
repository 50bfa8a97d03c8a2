"""A connection that sends, receives, reconnects and closes; imports frames."""

from ipywsecho.connection.connection import Connection, Listener
from ipywsecho.connection.lifetime import Host, Lifetime, OwnServer
from ipywsecho.connection.link import Control, Traffic
from ipywsecho.connection.loops import HomeLoop, running_loop
from ipywsecho.connection.outbox import Parcel, Sending, sendable
from ipywsecho.connection.reconnect import Reconnect
from ipywsecho.connection.states import State

__all__ = [
    "Connection",
    "Control",
    "HomeLoop",
    "Host",
    "Lifetime",
    "Listener",
    "OwnServer",
    "Parcel",
    "Reconnect",
    "Sending",
    "State",
    "Traffic",
    "running_loop",
    "sendable",
]
