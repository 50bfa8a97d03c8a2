"""The classes of ipywidgets that a console is made of; `base.pyi` declares their types.

ipywidgets has no annotations. To a type checker its classes are of any type, and a class derived
from one of them would have every attribute that a user misspells.
"""

from ipywidgets import Box, Button, Combobox, DOMWidget, Layout, Output, Text, VBox, Widget

__all__ = ["Box", "Button", "Combobox", "DOMWidget", "Layout", "Output", "Text", "VBox", "Widget"]
