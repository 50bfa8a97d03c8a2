"""WebSocket servers: echo, the paths for the lessons, and replay; imports recordings."""

from ipywsecho.server.echo import EchoServer
from ipywsecho.server.parameters import Between, MaxBytes
from ipywsecho.server.replay import ReplayServer
from ipywsecho.server.serving import MAX_CONNECTIONS, MAX_SIZE, BaseServer

__all__ = [
    "MAX_CONNECTIONS",
    "MAX_SIZE",
    "BaseServer",
    "Between",
    "EchoServer",
    "MaxBytes",
    "ReplayServer",
]
