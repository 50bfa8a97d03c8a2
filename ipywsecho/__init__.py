"""A WebSocket console inside a Jupyter notebook."""

from ipywsecho.building import Snapshot
from ipywsecho.errors import (
    ClosedError,
    ConnectError,
    ConsoleError,
    HandshakeError,
    InputError,
    InvalidURIError,
    NotConnectedError,
    OptionError,
    RecordingError,
    SaveError,
)
from ipywsecho.frames import Frame, Frames
from ipywsecho.magic import load_ipython_extension
from ipywsecho.parameters import Between, MaxBytes
from ipywsecho.reconnect import Reconnect
from ipywsecho.recording import Recording, load
from ipywsecho.replay import ReplayServer
from ipywsecho.server import EchoServer
from ipywsecho.widget import WebSocketConsole

__all__ = [
    "Between",
    "ClosedError",
    "ConnectError",
    "ConsoleError",
    "EchoServer",
    "Frame",
    "Frames",
    "HandshakeError",
    "InputError",
    "InvalidURIError",
    "MaxBytes",
    "NotConnectedError",
    "OptionError",
    "Reconnect",
    "Recording",
    "RecordingError",
    "ReplayServer",
    "SaveError",
    "Snapshot",
    "WebSocketConsole",
    "load",
    "load_ipython_extension",
]
