"""Turns frames and state into rows of HTML and text, without widgets; imports frames."""

from ipywsecho.view.catalog import Catalog, Row, Shape
from ipywsecho.view.decoding import Decodings
from ipywsecho.view.finding import Criteria
from ipywsecho.view.header import (
    complaint,
    counts_of,
    describe_state,
    describe_traffic,
    header,
)
from ipywsecho.view.order import Place
from ipywsecho.view.parts import Parts
from ipywsecho.view.payloads import Kind, View, size_in_words
from ipywsecho.view.pictures import Gallery
from ipywsecho.view.pieces import DECODED, PICTURE, Piece, picture_type_of, piece_of, views_of
from ipywsecho.view.rows import paragraph, weight_of
from ipywsecho.view.saved import copy_of, hiding_copy
from ipywsecho.view.screen import Screen
from ipywsecho.view.style import STYLE

__all__ = [
    "DECODED",
    "PICTURE",
    "STYLE",
    "Catalog",
    "Criteria",
    "Decodings",
    "Gallery",
    "Kind",
    "Parts",
    "Piece",
    "Place",
    "Row",
    "Screen",
    "Shape",
    "View",
    "complaint",
    "copy_of",
    "counts_of",
    "describe_state",
    "describe_traffic",
    "header",
    "hiding_copy",
    "paragraph",
    "picture_type_of",
    "piece_of",
    "size_in_words",
    "views_of",
    "weight_of",
]
