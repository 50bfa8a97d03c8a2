"""Frames and state in, rows of HTML and text out, with no widget in sight; looks at the frames."""

from ipywsecho.view.finding import Criteria
from ipywsecho.view.payloads import Kind, View
from ipywsecho.view.pictures import Gallery
from ipywsecho.view.rows import STYLE, describe_state, header, paragraph, weight_of
from ipywsecho.view.screen import Screen

__all__ = [
    "STYLE",
    "Criteria",
    "Gallery",
    "Kind",
    "Screen",
    "View",
    "describe_state",
    "header",
    "paragraph",
    "weight_of",
]
