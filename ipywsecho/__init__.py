"""A WebSocket console inside a Jupyter notebook."""

from ipywsecho.connection import Reconnect
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
from ipywsecho.recording import Recording, load
from ipywsecho.server import Between, EchoServer, MaxBytes, ReplayServer
from ipywsecho.widget import Snapshot, WebSocketConsole, load_ipython_extension

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
