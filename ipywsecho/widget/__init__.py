"""`WebSocketConsole`, and everything that needs Jupyter; imports all other layers."""

from typing import TYPE_CHECKING

from ipywsecho.widget.building import Snapshot
from ipywsecho.widget.console import WebSocketConsole

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Snapshot", "WebSocketConsole", "load_ipython_extension"]


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Add the magic to a shell; `%load_ext ipywsecho` calls this."""
    # Most notebooks use no magic.
    from ipywsecho.widget.magic import add_magic

    add_magic(shell)
