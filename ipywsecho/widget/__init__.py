"""`WebSocketConsole`, and everything that needs Jupyter; imports all other layers."""

from ipywsecho.widget.building import Snapshot
from ipywsecho.widget.console import WebSocketConsole
from ipywsecho.widget.magic import load_ipython_extension

__all__ = ["Snapshot", "WebSocketConsole", "load_ipython_extension"]
