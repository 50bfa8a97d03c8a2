"""A connection that sends, receives, reconnects and closes; imports frames."""

from ipywsecho.connection.bare import open_websocket
from ipywsecho.connection.connection import Connection
from ipywsecho.connection.forgotten import Work, told_if_forgotten
from ipywsecho.connection.greeting import Greeting, greeter, is_greeting
from ipywsecho.connection.ignored import Ignored
from ipywsecho.connection.lifetime import Host, Lifetime, OwnServer
from ipywsecho.connection.link import Traffic
from ipywsecho.connection.loops import HomeLoop
from ipywsecho.connection.loosely import LooseListener, loosely, loosely_awaited
from ipywsecho.connection.outbox import Parcel, Receipt, Sending, sendable
from ipywsecho.connection.pinging import ping_over
from ipywsecho.connection.receiving import Receiving
from ipywsecho.connection.reconnect import Reconnect
from ipywsecho.connection.repeating import Repeating, Repeatings
from ipywsecho.connection.states import State
from ipywsecho.connection.talking import Listener

__all__ = [
    "Connection",
    "Greeting",
    "HomeLoop",
    "Host",
    "Ignored",
    "Lifetime",
    "Listener",
    "LooseListener",
    "OwnServer",
    "Parcel",
    "Receipt",
    "Receiving",
    "Reconnect",
    "Repeating",
    "Repeatings",
    "Sending",
    "State",
    "Traffic",
    "Work",
    "greeter",
    "is_greeting",
    "loosely",
    "loosely_awaited",
    "open_websocket",
    "ping_over",
    "sendable",
    "told_if_forgotten",
]
