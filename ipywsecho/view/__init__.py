"""Turns frames and state into rows of HTML and text, without widgets; imports frames."""

from ipywsecho.view.finding import Criteria
from ipywsecho.view.header import describe_state, describe_traffic, header
from ipywsecho.view.payloads import Kind, View
from ipywsecho.view.pictures import Gallery
from ipywsecho.view.rows import paragraph, weight_of
from ipywsecho.view.screen import Screen
from ipywsecho.view.style import STYLE

__all__ = [
    "STYLE",
    "Criteria",
    "Gallery",
    "Kind",
    "Screen",
    "View",
    "describe_state",
    "describe_traffic",
    "header",
    "paragraph",
    "weight_of",
]
