"""What serves: echo, the paths of the lessons, and replay; looks at the recordings."""

from ipywsecho.server.echo import EchoServer
from ipywsecho.server.parameters import Between, MaxBytes
from ipywsecho.server.replay import ReplayServer
from ipywsecho.server.serving import BaseServer

__all__ = ["BaseServer", "Between", "EchoServer", "MaxBytes", "ReplayServer"]
