"""`WebSocketConsole` and all that knows Jupyter; looks at everything, and nothing looks at it."""

from ipywsecho.widget.building import Snapshot
from ipywsecho.widget.console import WebSocketConsole
from ipywsecho.widget.magic import load_ipython_extension

__all__ = ["Snapshot", "WebSocketConsole", "load_ipython_extension"]
