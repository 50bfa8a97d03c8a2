"""Converts objects that IPython can display into the entries of an Output."""

import sys
from base64 import b64encode
from typing import Any

from IPython.core.formatters import DisplayFormatter
from IPython.core.getipython import get_ipython

__all__ = ["outputs_of", "place_name"]


def outputs_of(shown: Any) -> tuple[dict[str, Any], ...]:
    """Return an object as the entries of an Output, in the format of a notebook."""
    formatter = getattr(get_ipython(), "display_formatter", None) or DisplayFormatter()
    bundle, metadata = formatter.format(shown)
    if "image/png" not in bundle and hasattr(shown, "savefig"):
        from IPython.core.pylabtools import print_figure

        # IPython formats figures only after pyplot was imported, but a figure does not need pyplot.
        picture = print_figure(shown, base64=True)  # type: ignore[no-untyped-call]
        # An empty figure has no picture.
        if picture is not None:
            bundle["image/png"] = picture
    _close_figure(shown)
    for mime_type, data in bundle.items():
        if isinstance(data, bytes):
            bundle[mime_type] = b64encode(data).decode()
    return ({"output_type": "display_data", "data": bundle, "metadata": metadata},)


def place_name(file: str) -> str:
    """Return the display name of a source file, such as "In[3]" for a cell."""
    name_of = getattr(getattr(get_ipython(), "compile", None), "format_code_name", None)
    named = name_of(file) if name_of is not None else None
    return named[1] if named else file


def _close_figure(figure: Any) -> None:
    # pyplot keeps every figure until it is closed; a builder may make one in each call.
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None and isinstance(figure, pyplot.Figure):
        pyplot.close(figure)
