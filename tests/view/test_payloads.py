import json
import random
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipywsecho.escaping import visible
from ipywsecho.frames import Decoded, Frame
from ipywsecho.view import payloads
from ipywsecho.view.payloads import Body, Kind, View, body_of, kind_of, size_in_words
from ipywsecho.view.pictures import Picture
from tests.markup import HOSTILE, Page, Row, unsafe_in
from tests.view.test_pictures import picture

# None of these is valid JSON (RFC 8259), though some parsers accept them.
NO_JSON = [
    "[NaN]",
    '{"a": Infinity}',
    "[-Infinity]",
    "[1,]",
    "{a: 1}",
    "['a']",
    '["a\nb"]',
    "[01]",
    "[1] // comment",
    "[1] [2]",
    "[",
    "{",
    '["\\x"]',
    "\ufeff[1]",
    "\xa0[1]",
]
JSON = [
    "[]",
    "{}",
    " \t\r\n[ ]",
    '{"a": {"b": [1, 2.50, -0, 1e400, true, false, null]}}',
    '["\\ud800", "\\u0000", "é", "\u202e", "\x7f"]',
    "[[[[[[[[[[]]]]]]]]]]",
]

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=20,
)
containers = st.lists(values, max_size=9) | st.dictionaries(st.text(max_size=9), values)


def no_source(_data: bytes, _picture: Picture) -> None:
    """A source without any picture ready."""


def body(data: str | bytes, view: View = View.AUTOMATIC) -> Body:
    return body_of(Frame(data, 1.5), view, no_source)


def row_of(body: Body) -> Row:
    """Return a body as a row, after checking that it contains only harmless elements."""
    html = f"<div>{body.html}  <i>{body.note}</i>{body.block}</div>"
    assert unsafe_in(html) == []
    (row,) = Page(html).rows
    row.line = row.line.removesuffix("  ")
    return row


def indented(text: str) -> str:
    """Return JSON as it is shown, on the line or below it."""
    row = row_of(body(text, View.JSON))
    return row.line if row.block is None else row.block


# Kinds


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("", Kind.TEXT),
        ("hello", Kind.TEXT),
        ("1", Kind.TEXT),
        ("null", Kind.TEXT),
        ('"text"', Kind.TEXT),
        ("<p>markup</p>", Kind.TEXT),
        ("see <svg>", Kind.TEXT),
        (b"", Kind.BYTES),
        (b"hello", Kind.BYTES),
        (b'{"a": 1}', Kind.BYTES),
        (b"\x89PNG\r\n\x1a\n", Kind.BYTES),
        (b"\xff\xd8\xff", Kind.BYTES),
        (picture("PNG"), Kind.PICTURE),
        (picture("JPEG"), Kind.PICTURE),
        ("<svg/>", Kind.PICTURE),
        ("<svg>", Kind.PICTURE),
        ("<?xml version='1.0'?>\n<svg width='1'/>", Kind.PICTURE),
    ],
)
def test_the_kind_depends_on_the_content(data: str | bytes, kind: Kind) -> None:
    assert kind_of(data) is kind


@pytest.mark.parametrize("text", JSON)
def test_objects_and_arrays_are_json(text: str) -> None:
    assert kind_of(text) is Kind.JSON
    assert body(text).note.startswith("JSON, ")


@pytest.mark.parametrize("text", NO_JSON)
def test_text_that_is_not_valid_json_is_text(text: str) -> None:
    assert kind_of(text) is Kind.TEXT
    for view in (View.AUTOMATIC, View.JSON):
        assert body(text, view).note.startswith("text, ")
        assert row_of(body(text, view)).payload == visible(text)


def test_deeply_nested_json_is_json_or_text_but_never_an_error() -> None:
    for depth in (1, 10, 100, 1_000, 10_000, 100_000):
        text = "[" * depth + "]" * depth

        assert kind_of(text) in (Kind.JSON, Kind.TEXT)
        assert body(text).note.endswith("B")
    assert kind_of("[" * 100 + "]" * 100) is Kind.JSON


@pytest.mark.parametrize("character", ["1", "é", "🙂"])
def test_text_of_more_than_200_000_characters_is_not_parsed_as_json(character: str) -> None:
    longest = json.dumps(["x" * 199_996]).replace("x", character)
    longer = json.dumps(["x" * 199_997]).replace("x", character)

    kinds = kind_of(longest), kind_of(longer)

    assert (len(longest), len(longer)) == (200_000, 200_001)
    assert kinds == (Kind.JSON, Kind.TEXT)
    assert [body(text).note.partition(",")[0] for text in (longest, longer)] == ["JSON", "text"]


def test_text_with_much_leading_white_space_is_not_parsed_as_json() -> None:
    text = " " * 100 + "[1]"

    assert (kind_of(text), kind_of(text[1:])) == (Kind.TEXT, Kind.JSON)


# Sizes


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (1, "1 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (1_249, "1.2 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_000_000, "1.0 MB"),
        (999_950_000, "1.0 GB"),
        (12_345_678_901_234, "12345.7 GB"),
    ],
)
def test_sizes_have_readable_units(size: int, words: str) -> None:
    assert size_in_words(size) == words


# Views


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize(("data", "note"), [("", "text, empty"), (b"", "bytes, empty")])
def test_an_empty_frame_is_described_as_empty_in_every_view(
    data: str | bytes, note: str, view: View
) -> None:
    assert body(data, view) == Body("", "", note)


NOTES: list[tuple[str | bytes, dict[View, str]]] = [
    (
        "héllo",
        {
            View.AUTOMATIC: "text, 6 B",
            View.TEXT: "text, 6 B",
            View.JSON: "text, 6 B",
            View.HEX: "text as bytes, 6 B",
        },
    ),
    (
        "[1]",
        {
            View.AUTOMATIC: "JSON, 3 B",
            View.TEXT: "text, 3 B",
            View.JSON: "JSON, 3 B",
            View.HEX: "text as bytes, 3 B",
        },
    ),
    (
        b"[1]",
        {
            View.AUTOMATIC: "bytes, 3 B",
            View.TEXT: "bytes as text, 3 B",
            View.JSON: "bytes as JSON, 3 B",
            View.HEX: "bytes, 3 B",
        },
    ),
    (
        '<svg width="3" height="4">',
        {
            View.AUTOMATIC: "SVG image, 3 × 4, 26 B",
            View.TEXT: "text, 26 B",
            View.JSON: "text, 26 B",
            View.HEX: "text as bytes, 26 B",
        },
    ),
    (
        b'<svg width="3" height="4">',
        {
            View.AUTOMATIC: "bytes, 26 B",
            View.TEXT: "bytes as text, 26 B",
            View.JSON: "bytes as text, 26 B",
            View.HEX: "bytes, 26 B",
        },
    ),
]


@pytest.mark.parametrize(
    ("data", "view", "note"),
    [(data, view, note) for data, notes in NOTES for view, note in notes.items()],
)
def test_the_note_says_what_the_view_shows(data: str | bytes, view: View, note: str) -> None:
    assert body(data, view).note == note


def test_bytes_as_text_have_replacement_characters_for_invalid_utf_8() -> None:
    assert row_of(body(b"a\xffb\xc3\xa9", View.TEXT)).payload == "a�bé"


@pytest.mark.parametrize(
    ("source", "html"),
    [
        (None, "JPEG image, 9 × 5"),
        ("", "JPEG image, 9 × 5 (cannot be shown)"),
        ("data:image/jpeg;base64,AAAA", "JPEG image, 9 × 5"),
    ],
)
def test_a_picture_is_described_and_shown_if_possible(source: str | None, html: str) -> None:
    data = picture("JPEG", (9, 5))

    shown = body_of(Frame(data, 1.5), View.AUTOMATIC, lambda *_: source)

    assert (shown.html, shown.plain) == (html, html)
    assert shown.note == f"picture, {size_in_words(len(data))}"
    assert row_of(shown).pictures == ([source] if source else [])


def test_a_picture_is_requested_with_its_dimensions() -> None:
    asked: list[tuple[bytes, Picture]] = []
    data = picture("PNG", (9, 5))

    for view in View:
        body_of(Frame(data, 1.5), view, lambda data, known: asked.append((data, known)))  # type: ignore[func-returns-value]

    assert asked == [(data, Picture("PNG", (9, 5)))]


def test_svg_is_shown_as_text() -> None:
    text = '<svg width="3" height="4" onload="alert(1)"><script>alert(1)</script></svg>'

    assert row_of(body(text)).payload == text


# Text


@pytest.mark.parametrize(
    ("length", "shown", "note"),
    [
        (1_000, "é" * 1_000, "text, 2.0 kB"),
        (1_001, "é" * 1_000 + "…", "text, first 2,000 B of 2,002 B"),
        (5_000, "é" * 1_000 + "…", "text, first 2.0 kB of 10.0 kB"),
    ],
)
def test_a_long_text_is_truncated_and_says_which_part_is_shown(
    length: int, shown: str, note: str
) -> None:
    text = body("é" * length)

    assert (row_of(text).payload, text.plain, text.note) == (shown, shown, note)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_is_escaped(text: str) -> None:
    assert row_of(body(text)).payload == visible(text)
    assert body(text).plain == visible(text)


@pytest.mark.parametrize("marks", [1, 2, 15])
def test_a_long_text_is_not_cut_between_a_letter_and_its_accents(marks: int) -> None:
    text = "x" * (1_000 - marks) + "e" + "\u0301" * marks + "y" * 9

    assert body(text).plain == "x" * (1_000 - marks) + "…"


def test_a_letter_with_any_number_of_accents_does_not_hide_the_text_before_it() -> None:
    assert body("Z" + "\u0301" * 5_000).plain == "Z" + "\u0301" * 999 + "…"


def test_bytes_read_as_text_say_how_many_characters_are_shown() -> None:
    note = body(b"\xff" * 1_500, View.TEXT).note

    assert note == "bytes as text, 1.5 kB, 1,000 of 1,500 characters"


# Bytes


def test_a_hex_dump_has_sixteen_bytes_per_line_with_ascii_beside_them() -> None:
    (dump,) = [row_of(body(bytes(range(0x1A, 0x3C)))).block]

    assert dump == (
        "00000000  1a 1b 1c 1d 1e 1f 20 21  22 23 24 25 26 27 28 29  ······ !\"#$%&'()\n"
        "00000010  2a 2b 2c 2d 2e 2f 30 31  32 33 34 35 36 37 38 39  *+,-./0123456789\n"
        "00000020  3a 3b                                             :;"
    )


def test_few_bytes_are_on_one_line_with_ascii_beside_them() -> None:
    row = row_of(body(b"\x00Hi<"))

    assert row.payload == "00 48 69 3c   ·Hi<"
    assert row.block is None
    assert row.note == "bytes, 4 B"


@given(st.binary(min_size=17, max_size=payloads.BYTES))
def test_a_hex_dump_can_be_decoded(data: bytes) -> None:
    dump = row_of(body(data, View.HEX)).block

    assert dump is not None
    lines = [re.fullmatch(r"([0-9a-f]{8})  (.{48})  (.{1,16})", line) for line in dump.split("\n")]
    assert [int(line[1], 16) for line in lines if line] == list(range(0, len(data), 16))
    assert b"".join(bytes.fromhex(line[2]) for line in lines if line) == data
    letters = "".join(line[3] for line in lines if line)
    assert letters == re.sub(r"[^ -~]", "·", data.decode("latin-1"))


@pytest.mark.parametrize(
    ("length", "lines", "last", "note"),
    [
        (17, 2, "00000010", "bytes, 17 B"),
        (256, 16, "000000f0", "bytes, 256 B"),
        (257, 17, "…", "bytes, first 256 B of 257 B"),
        (2_000_000, 17, "…", "bytes, first 256 B of 2.0 MB"),
    ],
)
def test_many_bytes_are_truncated_and_say_which_part_is_shown(
    length: int, lines: int, last: str, note: str
) -> None:
    row = row_of(body(bytes(length)))

    assert row.block is not None
    assert (row.block.count("\n") + 1, row.block.split("\n")[-1][:8]) == (lines, last)
    assert row.note == note


@pytest.mark.parametrize(("length", "is_folded"), [(8 * 16, False), (8 * 16 + 1, True)])
def test_a_hex_dump_of_more_than_eight_lines_is_folded(length: int, is_folded: bool) -> None:
    row = row_of(body(b"<" * length))

    assert (row.summary is not None) is is_folded
    assert row.summary is None or row.summary == (row.block or "").split("\n")[0]


@pytest.mark.parametrize(("length", "plain"), [(48, "ab " * 47 + "ab"), (49, "ab " * 47 + "ab…")])
def test_the_plain_text_contains_the_first_bytes(length: int, plain: str) -> None:
    assert body(b"\xab" * length).plain == plain


@pytest.mark.parametrize(
    ("text", "plain"),
    [("é", "c3 a9   ··"), ("\ud800", "ed a0 80   ···"), ("🙂", "f0 9f 99 82   ····")],
)
def test_text_in_the_hex_view_is_encoded_as_utf_8(text: str, plain: str) -> None:
    assert body(text, View.HEX).plain == plain


# JSON


@pytest.mark.parametrize(
    "text", ["[]", '{"a": 1,  "b":[2]}', "[1e400]", '["' + "x" * 68 + '"]', '["<b>&amp;"]']
)
def test_short_json_is_unchanged(text: str) -> None:
    row = row_of(body(text))

    assert (row.line, row.block) == (text, None)
    assert body(text).plain == text


def test_longer_json_is_indented_with_one_value_per_line() -> None:
    text = json.dumps({"name": "x" * 60, "list": [1, {}, [], {"a": None}], "more": {"b": [[]]}})

    row = row_of(body(text))

    assert row.line == ""
    assert row.block == (
        "{\n"
        f'  "name": "{"x" * 60}",\n'
        '  "list": [\n'
        "    1,\n"
        "    {},\n"
        "    [],\n"
        "    {\n"
        '      "a": null\n'
        "    }\n"
        "  ],\n"
        '  "more": {\n'
        '    "b": [\n'
        "      []\n"
        "    ]\n"
        "  }\n"
        "}"
    )


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n"])
def test_short_json_with_line_breaks_is_indented(line_break: str) -> None:
    assert row_of(body(f"[1,{line_break}2]")).block == "[\n  1,\n  2\n]"


@given(containers, st.sampled_from([None, 0, 1, 2, "\t"]), st.booleans())
def test_indented_json_has_the_same_value(
    value: Any, indent: int | str | None, ensure_ascii: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ensure_ascii)

    shown = indented(text)

    if shown.endswith("…"):
        assert len(text) > payloads.PRETTY_CHARACTERS / 10
    elif visible(text).replace("↵\n", "\n") == text:
        assert json.loads(shown) == value
    else:
        assert re.sub(r"\s", "", shown) == re.sub(r"[ \t\r\n]|↵\n", "", visible(text))


@given(containers)
def test_highlighting_neither_adds_nor_removes_characters(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)

    shown = indented(text)

    blank = re.compile(r"\s")
    if not shown.endswith("…"):
        assert blank.sub("", shown) == blank.sub("", visible(text))


@pytest.mark.parametrize(
    "number",
    [
        "1.0",
        "1.50",
        "1E5",
        "1e+05",
        "-0",
        "-0.0",
        "12345678901234567890123",
        "0.1e-400",
        "9" * 5_000,
    ],
)
def test_numbers_keep_their_notation(number: str) -> None:
    assert kind_of(f"[{number}]") is Kind.JSON
    # A number that is too long to be shown is left out as a whole.
    shown = number if len(number) < payloads.PRETTY_CHARACTERS else ""
    assert indented(f"[{number}]").strip("[\n …]") == shown


def test_duplicate_keys_are_all_shown() -> None:
    text = '{"a": 1, "a": 2, "padding": "' + "x" * 60 + '", "a": 3}'

    shown = indented(text)

    assert re.findall(r'"a": (\d)', shown) == ["1", "2", "3"]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("padding", [0, 80])
def test_hostile_texts_in_json_are_escaped(text: str, padding: int) -> None:
    data = json.dumps({text: [text, "x" * padding]}, ensure_ascii=False)

    shown = indented(data)

    quoted = visible(json.dumps(text, ensure_ascii=False))
    assert shown.count(quoted) == 2
    assert visible(data).startswith(body(data).plain.removesuffix("…"))


def test_keys_strings_and_numbers_are_highlighted_differently() -> None:
    html = body('{"a": ["b", 1, 2.5, true, null]}').html

    assert re.findall(r'<bdi class="(\w+)">(.*?)</bdi>', html) == [
        ("key", '"a"'),
        ("str", '"b"'),
        ("num", "1"),
        ("num", "2.5"),
        ("num", "true"),
        ("num", "null"),
    ]


@pytest.mark.parametrize(("values", "is_folded"), [(6, False), (7, True)])
def test_json_of_more_than_eight_lines_is_folded(values: int, is_folded: bool) -> None:
    text = json.dumps(["<b> and some more"] * values)

    row = row_of(body(text))

    assert (row.block or "").count("\n") + 1 == values + 2
    assert row.summary == (
        "[" + ", ".join(['"<b> and some more"'] * 5) + ",…" if is_folded else None
    )


def test_long_json_is_cut_between_two_tokens_and_says_which_part_is_shown() -> None:
    text = json.dumps({"readings": [30.0] * 1_000})

    row = row_of(body(text))
    plain = body(text).plain

    numbers = (row.block or "").split("[\n", 1)[1].removesuffix("…").split(",\n")
    assert {number.strip() for number in numbers} == {"30.0", ""}
    assert re.fullmatch(r'\{"readings": \[(30\.0, )+30\.0,…', plain)
    shown = len(text[: text.index("[") + 1]) + 6 * (len(numbers) - 1) - 1
    assert row.note == f"JSON, first {size_in_words(shown)} of 6.0 kB"


def test_a_text_that_is_too_long_for_its_row_is_left_out_of_json() -> None:
    text = json.dumps({"name": "soup", "picture": "x" * 50_000})

    row = row_of(body(text))

    assert row.block == '{\n  "name": "soup",\n  "picture": …'
    assert row.note == "JSON, first 27 B of 50.0 kB"
    assert body(text).plain == '{"name": "soup", "picture":…'


def test_json_that_just_fits_is_not_described_as_truncated() -> None:
    bodies = [body(json.dumps(["x" * length])) for length in range(2_950, 3_010)]

    cut = ["first" in row_of(each).note for each in bodies]

    assert cut == sorted(cut)
    # Brackets, quotation marks and one level of indentation count as well.
    assert 2_950 + cut.index(True) == payloads.PRETTY_CHARACTERS - 5
    for each, is_cut in zip(bodies, cut, strict=True):
        block = row_of(each).block or ""
        assert block.endswith("…" if is_cut else 'x"\n]')


@pytest.mark.parametrize("depth", [100, 400])
def test_deep_json_is_truncated_before_its_indentation_grows_large(depth: int) -> None:
    text = "[1," * depth + "1" + "]" * depth

    shown = indented(text)

    assert len(shown) < 3 * payloads.PRETTY_CHARACTERS
    assert shown.startswith("[\n  1,\n  [\n    1,\n    [\n")
    assert shown.endswith("…")


def test_random_bytes_are_shown_in_every_view() -> None:
    source = random.Random(7)
    for length in range(1, 400, 7):
        for start in (b"", b"[", b"\x89PNG\r\n\x1a\n", b"RIFF1234WEBP", b"GIF89a", b"\xff\xd8\xff"):
            for view in View:
                row = row_of(body(start + source.randbytes(length), view))

                assert row.note


# Decoded payloads


def decoded_row(
    decoded: Decoded, view: View = View.AUTOMATIC, data: bytes = b"\x93\x01"
) -> tuple[Row, Body]:
    shown = body_of(Frame(data, 1.5), view, no_source, decoded)
    return row_of(shown), shown


@pytest.mark.parametrize(
    ("decoded", "line", "note"),
    [
        (Decoded('{"a": 30.0}', is_json=True), '{"a": 30.0}', "JSON decoded from 2 B"),
        (Decoded("42", is_json=True), "42", "JSON decoded from 2 B"),
        (Decoded("null", is_json=True), "null", "JSON decoded from 2 B"),
        (Decoded("[1]"), "[1]", "JSON decoded from 2 B"),
        (Decoded("hello"), "hello", "text decoded from 2 B"),
        (Decoded("42"), "42", "text decoded from 2 B"),
        (Decoded(""), "", "text decoded from 2 B"),
    ],
)
def test_what_was_made_of_a_payload_is_shown_instead(
    decoded: Decoded, line: str, note: str
) -> None:
    row, shown = decoded_row(decoded)

    assert (row.line.strip(), shown.plain, shown.note) == (line, line, note)


def test_what_was_made_of_a_payload_is_shown_as_text_or_json_but_never_as_hex() -> None:
    decoded = Decoded('{"a": 1}', is_json=True)

    notes = [decoded_row(decoded, view)[1].note for view in View]

    assert notes == [
        "JSON decoded from 2 B",
        "text decoded from 2 B",
        "JSON decoded from 2 B",
        "bytes, 2 B",
    ]


def test_what_was_made_of_an_empty_payload_is_shown() -> None:
    assert decoded_row(Decoded("nothing"), data=b"")[1].plain == "nothing"


def test_long_json_that_was_made_of_a_payload_says_how_many_characters_are_shown() -> None:
    text = json.dumps([30.0] * 1_000)

    note = decoded_row(Decoded(text, is_json=True))[1].note

    assert re.fullmatch(r"JSON decoded from 2 B, 2,\d{3} of 6,000 characters", note)


@pytest.mark.parametrize("data", [b"\x93\x01", bytes(40), b"", picture("PNG")])
def test_an_error_of_decoding_is_shown_above_the_payload_as_it_is(data: bytes) -> None:
    as_it_is = body(data)

    row, shown = decoded_row(Decoded(error="decode failed: ValueError: <b>"), data=data)

    assert row.line.strip() == "decode failed: ValueError: <b>"
    assert '<bdi class="error">' in shown.html
    assert as_it_is.html in shown.block
    assert as_it_is.block in shown.block
    assert shown.plain == f"decode failed: ValueError: <b>\n{as_it_is.plain}"
    assert shown.note == as_it_is.note


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_that_was_made_of_a_payload_is_escaped(text: str) -> None:
    for decoded in (
        Decoded(text),
        Decoded(json.dumps([text, "x" * 80], ensure_ascii=False), is_json=True),
        Decoded(error=text),
    ):
        row, shown = decoded_row(decoded)

        quoted = json.dumps(text, ensure_ascii=False)[1:-1] if decoded.is_json else text
        assert visible(quoted) in f"{row.line}\n{row.block}"
        assert visible(quoted)[:900] in shown.plain
