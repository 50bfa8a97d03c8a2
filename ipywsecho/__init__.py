"""A WebSocket console inside a Jupyter notebook."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipywsecho.connection import Reconnect, open_websocket
    from ipywsecho.errors import (
        ClosedError,
        ConnectError,
        ConsoleError,
        HandshakeError,
        InputError,
        InvalidURIError,
        NotConnectedError,
        NotRunningError,
        OptionError,
        RecordingError,
        SaveError,
    )
    from ipywsecho.frames import Frame, Frames
    from ipywsecho.recording import FrameStream, Recorder, Recording, load, load_async, load_stream
    from ipywsecho.server import Between, EchoServer, MaxBytes, ReplayServer
    from ipywsecho.session import Session
    from ipywsecho.widget import Snapshot, WebSocketConsole, load_ipython_extension

__all__ = [
    "Between",
    "ClosedError",
    "ConnectError",
    "ConsoleError",
    "EchoServer",
    "Frame",
    "FrameStream",
    "Frames",
    "HandshakeError",
    "InputError",
    "InvalidURIError",
    "MaxBytes",
    "NotConnectedError",
    "NotRunningError",
    "OptionError",
    "Reconnect",
    "Recorder",
    "Recording",
    "RecordingError",
    "ReplayServer",
    "SaveError",
    "Session",
    "Snapshot",
    "WebSocketConsole",
    "load",
    "load_async",
    "load_ipython_extension",
    "load_stream",
    "open_websocket",
]

# Imported when first asked for: a script needs no widgets, and most notebooks need no server.
_HOMES = {
    "connection": ["Reconnect", "open_websocket"],
    "errors": [
        "ClosedError",
        "ConnectError",
        "ConsoleError",
        "HandshakeError",
        "InputError",
        "InvalidURIError",
        "NotConnectedError",
        "NotRunningError",
        "OptionError",
        "RecordingError",
        "SaveError",
    ],
    "frames": ["Frame", "Frames"],
    "recording": [
        "FrameStream",
        "Recorder",
        "Recording",
        "load",
        "load_async",
        "load_stream",
    ],
    "server": ["Between", "EchoServer", "MaxBytes", "ReplayServer"],
    "session": ["Session"],
    "widget": ["Snapshot", "WebSocketConsole", "load_ipython_extension"],
}


if not TYPE_CHECKING:
    # A type checker would take every name for one that may be there.
    def __getattr__(name: str) -> Any:
        for home, names in _HOMES.items():
            if name in names:
                return getattr(import_module(f"{__name__}.{home}"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
