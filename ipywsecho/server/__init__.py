"""WebSocket servers: echo, the paths for the lessons, and replay; imports recordings."""

from ipywsecho.server.echo import EchoServer
from ipywsecho.server.parameters import Between, MaxBytes
from ipywsecho.server.replay import ReplayServer
from ipywsecho.server.serving import BaseServer

__all__ = ["BaseServer", "Between", "EchoServer", "MaxBytes", "ReplayServer"]
