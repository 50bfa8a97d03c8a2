import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipywsecho.escaping import visible
from ipywsecho.frames.log import Frame
from ipywsecho.view import indenting
from ipywsecho.view.indenting import indented_lines, whole_tokens
from ipywsecho.view.payloads import View, body_of
from tests.markup import Page
from tests.view.test_payloads import containers, values


def tokens_of(text: str) -> list[str]:
    """Return the tokens of a JSON text, or of its beginning, as the grammar has them."""
    return re.findall(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+|"', text)


@given(containers, st.integers(0, 300), st.sampled_from([None, 1]), st.booleans())
def test_a_cut_text_consists_of_the_first_whole_tokens(
    value: Any, limit: int, indent: int | None, is_indented: bool
) -> None:
    text = json.dumps(value, indent=indent)

    cut = whole_tokens(text, limit, is_indented=is_indented)

    shown, whole = tokens_of(cut), tokens_of(text)
    assert text.startswith(cut)
    assert shown == whole[: len(shown)]
    if not is_indented:
        assert len(cut) <= limit
        # Nothing more would have fit.
        assert shown == whole or len(cut) + len(whole[len(shown)]) > limit - 2 - (indent or 0) * 99


@settings(max_examples=25, deadline=None)
@given(values)
def test_whatever_is_shown_of_json_in_a_row_consists_of_its_first_whole_tokens(value: Any) -> None:
    text = json.dumps([value, "padding "] * 150)

    body = body_of(Frame(text, 1.5), View.AUTOMATIC, lambda *_: None)

    (row,) = Page(f"<div>{body.block}</div>").rows
    whole = tokens_of(visible(text))
    for shown in (body.plain, row.block, row.summary):
        tokens = tokens_of((shown or "").removesuffix("…"))
        assert 0 < len(tokens) < len(whole)
        assert ["".join(token.split()) for token in tokens] == [
            "".join(token.split()) for token in whole[: len(tokens)]
        ]


@pytest.mark.parametrize(
    ("limit", "cut"),
    [
        (0, ""),
        (1, "["),
        (4, "["),
        (5, "[30.0"),
        (6, "[30.0,"),
        (9, "[30.0,"),
        (10, "[30.0, 1e5"),
        (11, "[30.0, 1e5]"),
        (99, "[30.0, 1e5]"),
    ],
)
def test_a_number_is_shown_whole_or_not_at_all(limit: int, cut: str) -> None:
    assert whole_tokens("[30.0, 1e5]", limit) == cut


def test_a_cut_text_is_coloured_and_indented_as_its_whole() -> None:
    whole = indented_lines('{"a": [1, {"b": "c"}], "d": null}')

    cut = indented_lines('{"a": [1, {"b": "c"')

    assert whole[: len(cut)] == cut


def test_long_json_is_not_cached() -> None:
    indenting._lines.cache_clear()

    for number in range(300):
        indented_lines(json.dumps([" " * 5_000, number]))
    held_of_long = indenting._lines.cache_info().currsize
    for number in range(300):
        indented_lines(json.dumps(["x" * 1_000, number]))
    held = indenting._lines.cache_info().currsize

    assert held_of_long == 0
    assert 0 < held <= 256
