import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any, SupportsIndex, overload

import pytest
from PIL import Image

from ipywsecho.escaping import visible
from ipywsecho.frames.log import Frame, FrameLog, Frames, Notice
from ipywsecho.view.payloads import View
from ipywsecho.view.pictures import Picture
from ipywsecho.view.rows import (
    STYLE,
    Rendering,
    describe_state,
    header,
    newest_first,
    output,
    paragraph,
    preview,
    weight_of,
)
from tests.markup import HOSTILE, Page, Row, unsafe_in

NOON = 1_700_000_000.0
CLOCK = r"\d\d:\d\d:\d\d\.\d{3}"
Source = Callable[[bytes, Picture], str | None]


def log_of(*frames: Frame) -> Frames:
    log = FrameLog(1_000_000, 10**12)
    for frame in frames:
        log.append(frame)
    return log.frames


NONE = log_of()


def received(data: str | bytes, moment: float = NOON) -> Frame:
    return Frame(data, moment)


def sent(data: str | bytes, moment: float = NOON) -> Frame:
    return Frame(data, moment, sent=True)


def no_source(_data: bytes, _picture: Picture) -> None:
    """A gallery that has no picture yet."""


def rendered(
    got: Sequence[Frame] = (),
    put: Sequence[Frame] = (),
    notices: Sequence[Notice] = (),
    *,
    seen: int | None = None,
    hidden: int = 0,
    limit: int = 10**9,
    view: View = View.AUTOMATIC,
    source_of: Source = no_source,
) -> Rendering:
    return output(
        newest_first(log_of(*got), log_of(*put), notices),
        seen=len(got) + len(put) if seen is None else seen,
        hidden=hidden,
        limit=limit,
        view=view,
        source_of=source_of,
    )


def bundle_of(rendering: Rendering) -> dict[str, str]:
    (entry,) = rendering.outputs
    bundle: dict[str, str] = entry["data"]
    return bundle


def html_of(rendering: Rendering) -> str:
    return bundle_of(rendering)["text/html"]


def plain_of(rendering: Rendering) -> str:
    return bundle_of(rendering)["text/plain"]


def weight_in_json(rendering: Rendering) -> int:
    return len(json.dumps(rendering.outputs, ensure_ascii=False).encode())


def rows_of(rendering: Rendering) -> list[Row]:
    """Return the rows of the HTML, after making sure that the plain text has the same ones."""
    rows = Page(html_of(rendering)).rows
    plain = re.split(r"\n(?! )", plain_of(rendering))
    for row, text in zip(rows, plain, strict=True):
        note = f"({row.note})" if row.note else ""
        if row.block is None:
            assert text == (row.line + note).replace("\n", "\n" + " " * 17)
        else:
            # Below the line stands more than the plain text tells.
            assert text.startswith(row.line[:17])
            assert text.endswith("  " + note)
    return rows


def texts_of(rendering: Rendering) -> list[str]:
    """Return the rows without their time and their note."""
    return [
        re.sub(rf"\A{CLOCK}  ", "", row.line.removesuffix("  ") if row.note else row.line)
        for row in rows_of(rendering)
    ]


def notes_of(rendering: Rendering) -> list[str]:
    return [row.note for row in rows_of(rendering)]


def png(width: int, height: int) -> bytes:
    file = BytesIO()
    Image.effect_noise((width, height), 80).save(file, "PNG")
    return file.getvalue()


class WatchedFrames(Frames):
    """Frames that count how many of them are looked at."""

    __slots__ = ("looks",)

    def __init__(self, frames: list[Frame]) -> None:
        super().__init__(((frames,), (0,)), 0, len(frames), len(frames))
        self.looks = 0

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Frames: ...
    def __getitem__(self, index: int | slice) -> Frame | Frames:
        self.looks += 1 if isinstance(index, int) else len(range(*index.indices(len(self))))
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Frame]:
        for frame in super().__iter__():
            self.looks += 1
            yield frame

    def __reversed__(self) -> Iterator[Frame]:
        for frame in super().__reversed__():
            self.looks += 1
            yield frame


class WatchedNotices(list[Notice]):
    """Notices that count how many of them are looked at."""

    looks = 0

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        self.looks += 1 if not isinstance(index, slice) else len(range(*index.indices(len(self))))
        return super().__getitem__(index)

    def __iter__(self) -> Iterator[Notice]:
        for notice in super().__iter__():
            self.looks += 1
            yield notice

    def __reversed__(self) -> Iterator[Notice]:
        for notice in super().__reversed__():
            self.looks += 1
            yield notice


# The bundle


def test_nothing_to_show_is_no_output() -> None:
    assert output((), seen=0, limit=1_000) == Rendering((), 0, False)


def test_log_is_one_output_in_the_format_of_a_notebook() -> None:
    (entry,) = rendered([received("hello")]).outputs

    assert entry.keys() == {"output_type", "data", "metadata"}
    assert (entry["output_type"], entry["metadata"]) == ("display_data", {})
    assert entry["data"].keys() == {"text/html", "text/plain"}


def test_log_says_to_screen_readers_what_it_is_and_keeps_its_spaces() -> None:
    html = html_of(rendered([received("hello")]))

    assert re.search(
        r'<pre class="ipywsecho even" role="log" tabindex="0">.*</pre>\Z', html, re.DOTALL
    )


def test_row_has_time_direction_and_payload() -> None:
    rendering = rendered([received("hi")], [sent("hello")], [Notice(NOON, "connected")])

    assert re.fullmatch(
        rf"{CLOCK}  ↑  hello  \(text, 5 B\)\n{CLOCK}  —  connected\n{CLOCK}  ↓  hi  \(text, 2 B\)",
        plain_of(rendering),
    )


def test_direction_is_said_in_words_too() -> None:
    html = html_of(rendered([received("hi", NOON + 1)], [sent("hello")]))

    assert re.findall(r'title="(\w+)">(.)<', html) == [("sent", "↑"), ("received", "↓")]


@pytest.mark.parametrize(("is_error", "kind"), [(True, "error"), (False, "note")])
def test_error_looks_other_than_a_note(is_error: bool, kind: str) -> None:
    html = html_of(rendered(notices=[Notice(NOON, "lost", is_error)]))

    assert f'<div class="{kind}">' in html


@pytest.mark.parametrize(("fraction", "shown"), [(0, "000"), (0.125, "125"), (0.0625, "062")])
def test_time_is_that_of_the_clock_on_the_wall_with_milliseconds(
    fraction: float, shown: str
) -> None:
    on_the_wall = time.strftime("%H:%M:%S", time.localtime(NOON))

    rendering = rendered([received("hi", NOON + fraction)])

    assert plain_of(rendering) == f"{on_the_wall}.{shown}  ↓  hi  (text, 2 B)"


# Order


def test_rows_stand_in_the_order_of_time() -> None:
    got = [received(str(number), NOON + number) for number in (1, 4, 6)]
    put = [sent(str(number), NOON + number) for number in (0, 3, 7)]
    notices = [Notice(NOON + number, str(number)) for number in (2, 5, 8)]

    rendering = rendered(got, put, notices)

    assert [text[-1] for text in texts_of(rendering)] == list("012345678")


def test_what_was_sent_stands_before_what_came_at_the_same_moment() -> None:
    rendering = rendered([received("answer")], [sent("question")], [Notice(NOON, "connected")])

    assert texts_of(rendering) == ["↑  question", "—  connected", "↓  answer"]


def test_rows_of_the_same_moment_stay_in_the_order_they_came() -> None:
    rendering = rendered(
        [received("3"), received("4")],
        [sent("1"), sent("2")],
    )

    assert texts_of(rendering) == ["↑  1", "↑  2", "↓  3", "↓  4"]


def test_clock_that_is_set_back_loses_no_row() -> None:
    got = [received(str(number), NOON - 100 * number) for number in range(5)]
    put = [sent(str(number), NOON + 100 * number) for number in range(5)]

    rendering = rendered(got, put)

    assert sorted(texts_of(rendering)) == sorted(
        f"{mark}  {number}" for mark in "↑↓" for number in range(5)
    )


# What is left out


def test_frames_no_longer_kept_are_counted() -> None:
    rendering = rendered([received("hi")], [sent("ho")], seen=12_347)

    assert texts_of(rendering) == ["… 12,345 earlier frames", "↑  ho", "↓  hi"]
    assert rendering.is_cut is False


def test_one_frame_is_counted_as_one() -> None:
    assert texts_of(rendered([received("hi")], seen=2)) == ["… 1 earlier frame", "↓  hi"]


def test_notices_are_not_counted_as_frames() -> None:
    rendering = rendered([received("hi")], notices=[Notice(NOON, "connected")] * 3, seen=1)

    assert texts_of(rendering) == ["—  connected"] * 3 + ["↓  hi"]


def test_frames_are_counted_where_none_is_kept() -> None:
    rendering = rendered(seen=3)

    assert texts_of(rendering) == ["… 3 earlier frames"]


def test_newest_rows_are_shown_and_the_others_counted() -> None:
    got = [received(f"frame {number}", NOON + number) for number in range(1_000)]

    rendering = rendered(got, limit=5_000)

    first, *rest = texts_of(rendering)
    assert rendering.is_cut is True
    assert 10 < len(rest) < 100
    assert first == f"… {1_000 - len(rest):,} earlier frames"
    assert rest == [f"↓  frame {number}" for number in range(1_000 - len(rest), 1_000)]


def test_log_that_fits_exactly_is_not_cut() -> None:
    got = [received(f"frame {number}", NOON + number) for number in range(10, 60)]
    whole = rendered(got)
    rows = re.findall("<div.*?</div>", html_of(whole))
    texts = [*rows, *plain_of(whole).split("\n")]
    size = sum(len(json.dumps(text, ensure_ascii=False).encode()) for text in texts)

    fits = rendered(got, limit=size)
    does_not = rendered(got, limit=size - 300)

    assert (fits.is_cut, len(rows_of(fits))) == (False, 50)
    assert does_not.is_cut is True


PAYLOADS: dict[str, str | bytes] = {
    "short": "x" * 32,
    "long": "x" * 5_000,
    "cjk": "語" * 20,
    "long cjk": "語" * 5_000,
    "emoji": "🙂" * 400,
    "markup": '<a href="&">' * 80,
    "quotation marks": '"' * 1_000,
    "backslashes": "\\" * 1_000,
    "line breaks": "\n" * 100,
    "direction": "\u202e" * 100,
    "bytes": b"\xff" * 100,
    "many bytes": bytes(range(256)) * 10,
    "bytes that look like markup": b'<&>"' * 100,
    "empty": "",
    "JSON": '{"name": "value", "number": 12345}',
    "JSON of many numbers": json.dumps(list(range(1_000))),
    "JSON of many ones": json.dumps([1] * 5_000),
    "deep JSON": "[" * 400 + "]" * 400,
    "deep JSON with members": '[1,{"":' * 200 + "1" + "}]" * 200,
    "JSON of markup": json.dumps({'<a href="&">' * 5: '<a href="&">' * 300}),
    "JSON of what does not show": json.dumps(["\u202e" * 5_000], ensure_ascii=False),
    "SVG": '<svg width="9" height="9"><script>alert(1)</script></svg>',
    "small picture": png(20, 20),
    "large picture": png(200, 200),
}
LARGEST_ROW = 60_000


def any_source(data: bytes, _picture: Picture) -> str:
    """A gallery that has every picture, at its worst."""
    return "data:image/webp;base64," + "A" * (1_000 if len(data) < 1_000 else 38_000)


@pytest.mark.parametrize("limit", [8_000, 20_000, 40_000])
@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("name", PAYLOADS)
def test_limit_is_kept_in_bytes_whatever_the_frames_hold(name: str, view: View, limit: int) -> None:
    got = [received(PAYLOADS[name], NOON + number) for number in range(1_000)]
    newest = rendered(got[-1:], view=view, source_of=any_source)

    rendering = rendered(got, limit=limit, view=view, source_of=any_source)

    # The newest row is shown however large it is.
    assert weight_in_json(rendering) <= max(limit, weight_in_json(newest)) + 500
    assert weight_in_json(newest) <= LARGEST_ROW
    assert rendering.is_cut is True
    # The limit must not be kept by showing next to nothing.
    assert weight_in_json(rendering) >= 0.4 * limit


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("name", PAYLOADS)
def test_size_is_about_what_goes_to_the_page(name: str, view: View) -> None:
    got = [received(PAYLOADS[name], NOON + number) for number in range(100)]

    rendering = rendered(got, limit=40_000, view=view, source_of=any_source)

    assert rendering.size == pytest.approx(weight_in_json(rendering), rel=0.02, abs=300)


@pytest.mark.parametrize("name", PAYLOADS)
def test_newest_row_is_shown_whatever_the_limit(name: str) -> None:
    got = [received("old"), received(PAYLOADS[name], NOON + 1)]

    rendering = rendered(got, limit=1)

    first, newest = rows_of(rendering)
    assert first.line == "… 1 earlier frame"
    assert newest == rows_of(rendered(got[1:]))[0]
    assert rendering.is_cut is True


def test_notice_that_does_not_fit_is_left_out_too() -> None:
    notices = [Notice(NOON, "connected")]

    rendering = rendered([received("hi", NOON + 1)], notices=notices, limit=1)

    assert texts_of(rendering) == ["↓  hi"]
    assert rendering.is_cut is True


@pytest.mark.parametrize(
    ("seen", "hidden", "said"),
    [
        (1, 5, "5 hidden by the filter"),
        (1, 12_345, "12,345 hidden by the filter"),
        (2, 1, "… 1 earlier frame · 1 hidden by the filter"),
        (1_235, 2, "… 1,234 earlier frames · 2 hidden by the filter"),
    ],
)
def test_frames_that_a_filter_leaves_out_are_counted(seen: int, hidden: int, said: str) -> None:
    rendering = rendered([received("hi")], seen=seen, hidden=hidden)

    assert texts_of(rendering) == [said, "↓  hi"]


def test_filter_that_leaves_out_everything_says_so() -> None:
    assert texts_of(rendered(hidden=3)) == ["3 hidden by the filter"]


# Costs


def test_drawing_looks_only_at_what_it_shows() -> None:
    got = WatchedFrames([received("x", NOON + number) for number in range(100_000)])
    put = WatchedFrames([sent("x", NOON + number) for number in range(100_000)])
    notices = WatchedNotices(Notice(NOON + number, "x") for number in range(1_000))
    notices.looks = 0

    rendering = output(newest_first(got, put, notices), seen=200_000, limit=8_000)

    shown = len(rows_of(rendering))
    assert 10 < shown < 200
    # One row more than fits, and the next of each kind for comparison.
    assert got.looks + put.looks + notices.looks <= shown + 4


def test_frames_not_shown_are_not_looked_at_among_frames_of_one_kind() -> None:
    got = WatchedFrames([received("x", NOON - number) for number in range(50_000)])

    rendering = output(newest_first(got, NONE, ()), seen=50_000, limit=8_000)

    assert got.looks <= len(rows_of(rendering)) + 2


# Payloads


def test_row_says_what_its_payload_is_and_how_large() -> None:
    got = [received(payload) for payload in ("hi", '{"a": 1}', b"\x00", "", b"")]

    assert notes_of(rendered(got)) == [
        "text, 2 B",
        "JSON, 8 B",
        "bytes, 1 B",
        "text, empty",
        "bytes, empty",
    ]


def test_text_at_the_limit_is_shown_whole() -> None:
    rendering = rendered([received("x" * 1_000)])

    assert texts_of(rendering) == [f"↓  {'x' * 1_000}"]
    assert notes_of(rendering) == ["text, 1.0 kB"]


def test_longer_text_is_cut_and_its_size_named() -> None:
    rendering = rendered([received("é" + "x" * 1_000)])

    assert texts_of(rendering) == [f"↓  é{'x' * 999}…"]
    assert notes_of(rendering) == ["text, 1.0 kB in all"]


def test_bytes_stand_below_the_line_and_briefly_in_the_plain_text() -> None:
    rendering = rendered([received(b"\x00" * 16 + b"!")])

    (row,) = rows_of(rendering)
    assert row.block is not None
    assert row.block.splitlines()[1] == f"00000010  {'21':<48}  !"
    assert plain_of(rendering)[14:] == f"↓  {'00 ' * 16}21  (bytes, 17 B)"


def test_bytes_at_the_limit_are_all_in_the_plain_text() -> None:
    data = bytes(range(48))

    assert plain_of(rendered([received(data)]))[14:] == f"↓  {data.hex(' ')}  (bytes, 48 B)"


def test_more_bytes_are_cut_in_the_plain_text_and_their_size_named() -> None:
    data = bytes(range(49)) * 100

    plain = plain_of(rendered([received(data)]))

    assert plain[14:] == f"↓  {data[:48].hex(' ')}…  (bytes, 4.9 kB in all)"


def test_picture_is_named_and_shown_once_there_is_one_of_it() -> None:
    got = [received(png(20, 10))]

    soon, now, never = (
        rendered(got, source_of=lambda *_, source=source: source)  # type: ignore[misc]
        for source in (None, "data:image/png;base64,AAAA", "")
    )

    assert [rows_of(rendering)[0].pictures for rendering in (soon, now, never)] == [
        [],
        ["data:image/png;base64,AAAA"],
        [],
    ]
    assert texts_of(soon) == texts_of(now) == ["↓  PNG image, 20 × 10"]
    assert texts_of(never) == ["↓  PNG image, 20 × 10 (it cannot be shown)"]


@pytest.mark.parametrize("text", ["  indented", "trailing   ", "   ", "a    b", "\t\t"])
def test_spaces_of_a_payload_are_shown(text: str) -> None:
    rendering = rendered([received(text)])

    assert plain_of(rendering).endswith(f"↓  {text}  (text, {len(text)} B)")
    assert [row.payload for row in rows_of(rendering)] == [text]


def test_note_on_a_payload_is_not_part_of_it() -> None:
    rendering = rendered([received("x" * 1_001), received("text, empty"), received("")])

    assert [row.payload for row in rows_of(rendering)] == ["x" * 1_000 + "…", "text, empty", ""]


# Hostile payloads


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["received", "sent", "notice", "error"])
def test_nothing_hostile_comes_out_as_anything_but_text(text: str, place: str) -> None:
    rendering = rendered(
        [received(text)] if place == "received" else [],
        [sent(text)] if place == "sent" else [],
        [Notice(NOON, text, place == "error")] if place in ("notice", "error") else [],
    )

    assert unsafe_in(html_of(rendering)) == []
    assert Page(html_of(rendering)).tags <= {"pre", "div", "time", "b", "bdi", "i"}
    (shown,) = texts_of(rendering)
    assert shown[3:] == visible(text)
    assert [c for c in plain_of(rendering) if not c.isprintable() and c not in "\n\t"] == []


def within(text: str) -> dict[str, str | bytes]:
    """Return payloads of each kind that have a text in them."""
    encoded = text.encode("utf-8", "surrogatepass")
    return {
        "JSON in a line": json.dumps([text], ensure_ascii=False),
        "JSON in many lines": json.dumps({text: [text] * 9}, indent=1, ensure_ascii=False),
        "bytes": b"\x00" + encoded,
        "bytes as text": encoded,
        "SVG": f'<svg width="{text}" viewBox="0 0 {text}">{text}</svg>',
        "picture": png(8, 8) + encoded,
    }


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("kind", within(""))
def test_nothing_hostile_within_a_payload_comes_out_as_anything_but_text(
    kind: str, view: View, text: str
) -> None:
    got = [received(within(text)[kind])]

    rendering = rendered(got, view=view, source_of=lambda *_: "data:image/png;base64,AAAA")

    assert unsafe_in(html_of(rendering)) == []
    assert len(rows_of(rendering)) == 1
    assert [c for c in plain_of(rendering) if not c.isprintable() and c not in "\n\t"] == []


def test_hostile_frames_together_make_one_row_each() -> None:
    got = [received(text, NOON + number) for number, text in enumerate(HOSTILE)]

    rendering = rendered(got)

    assert [row.payload for row in rows_of(rendering)] == [visible(text) for text in HOSTILE]


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\n\n\n", "\x0b", "\x85", "\u2028"])
@pytest.mark.parametrize("form", ["{}", '["{}"]', '[1,{}"forged"]'])
def test_line_breaks_cannot_forge_a_row(form: str, line_break: str) -> None:
    forged = form.format(f"{line_break}10:41:07.120  ↓  forged")

    rendering = rendered([received(forged)], notices=[Notice(NOON, forged)])

    lines = plain_of(rendering).splitlines()
    assert len([line for line in lines if re.match(CLOCK, line)]) == 2
    assert all(re.match(rf"{CLOCK}  [↓—]  | {{17}}", line) for line in lines)


def test_continued_lines_stand_below_the_beginning_of_the_payload() -> None:
    first, second = plain_of(rendered([received("one\ntwo")])).split("\n")

    assert first.index("one") == second.index("two") == 17


def test_payload_cut_within_markup_is_still_escaped() -> None:
    text = "x" * 996 + "<script>alert(1)</script>"

    (row,) = rows_of(rendered([received(text)]))

    assert row.payload == "x" * 996 + "<scr…"


# A text alone


@pytest.mark.parametrize("text", ["hello", "one\ntwo", *HOSTILE])
@pytest.mark.parametrize("is_error", [True, False])
def test_text_alone_is_shown_and_not_interpreted(text: str, is_error: bool) -> None:
    rendering = paragraph(text, is_error=is_error)

    assert unsafe_in(html_of(rendering)) == []
    assert Page(html_of(rendering)).tags == {"pre", "div"}
    assert [row.line for row in Page(html_of(rendering)).rows] == [visible(text)]
    assert plain_of(rendering) == visible(text)
    assert ('class="error"' in html_of(rendering)) is is_error


# The style


def test_style_is_plain_text_and_fetches_nothing() -> None:
    assert not re.search(r"[<>]/|url\(|@import|expression", STYLE)


def test_every_class_of_a_row_that_is_coloured_is_in_the_style() -> None:
    got = [received('{"key": ["text", 1]}'), received("x" * 9)]
    html = html_of(rendered(got, [sent("hi")], [Notice(NOON, "lost", True), Notice(NOON, "ok")]))

    classes = set(" ".join(re.findall(r'class="([\w ]+)"', html)).split())

    assert classes == {"ipywsecho", "even", "got", "sent", "error", "note", "key", "str", "num"}
    assert [name for name in classes if f".{name}" not in STYLE] == []


# The preview


def test_preview_has_the_same_rows_as_the_log() -> None:
    newest = received("<b>hi</b>"), Notice(NOON, "lost", True), sent(b"\xff")

    html = preview(newest, view=View.AUTOMATIC, source_of=no_source, parity="odd")

    log = html_of(output(newest, seen=2, limit=10**9, parity="odd"))
    assert re.sub("<pre.*?>", "", html) == re.sub("<pre.*?>", "", log)
    assert 'class="ipywsecho odd"' in html
    assert 'class="ipywsecho odd"' in log


def test_preview_is_neither_told_nor_reached() -> None:
    html = preview([received("hi")], view=View.TEXT, source_of=no_source, parity="even")

    assert Page(html).elements[0].attributes == (
        ("class", "ipywsecho even"),
        ("role", "none"),
        ("aria-hidden", "true"),
        ("inert", None),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_out_of_a_preview_as_anything_but_text(text: str) -> None:
    newest = received(text), sent(text), Notice(NOON, text)

    html = preview(newest, view=View.AUTOMATIC, source_of=no_source, parity="even")

    assert unsafe_in(html) == []
    assert visible(text) in Page(html).rows[0].line


def test_weight_is_that_of_the_message_to_the_page() -> None:
    assert weight_of('"é"\n') == len(b'"\\"\xc3\xa9\\"\\n"')


# The header


def test_header_says_title_state_address_and_details() -> None:
    html = header("My server", "open", "ws://127.0.0.1:1/", ["3 frames", "0.4 ms"])

    text = re.sub("<[^>]*>", " ", html)
    assert " ".join(text.split()) == "My server ● open ws://127.0.0.1:1/ 3 frames · 0.4 ms"


def test_header_says_what_went_wrong_after_the_rest() -> None:
    html = header("My server", "closed", "ws://127.0.0.1:1/", ["0 frames"], "ConnectError: it <is>")

    text = Page(html).rows[0].line
    assert text.endswith("0 framesConnectError: it <is>")
    assert "--jp-error-color" in html


@pytest.mark.parametrize("state", ["connecting", "open", "waiting", "closing", "closed"])
def test_state_is_said_in_words_and_its_colour_is_not_read_out(state: str) -> None:
    html = header("Title", state, None, [])

    assert re.search(rf'<span role="status"><span [^>]*aria-hidden="true">●</span> {state}<', html)


def test_states_of_different_kind_have_different_colours() -> None:
    colours = {
        state: re.findall(r"color:(.*?)\"", header("Title", state, None, []))
        for state in ("connecting", "open", "closed")
    }

    assert len({str(colour) for colour in colours.values()}) == 3


@pytest.mark.parametrize("uri", [None, ""])
def test_header_without_an_address_has_no_place_for_it(uri: str | None) -> None:
    html = header("Title", "closed", uri, [])

    assert "<code>" not in html
    assert "<span></span>" not in html


@pytest.mark.parametrize("text", [*HOSTILE, '" onload="alert(1)', "' x='"])
@pytest.mark.parametrize("place", ["title", "uri", "details", "error"])
def test_nothing_hostile_in_the_header_comes_out_as_anything_but_text(
    text: str, place: str
) -> None:
    html = header(
        text if place == "title" else "Title",
        "open",
        text if place == "uri" else "ws://host",
        [text] if place == "details" else ["3 frames"],
        text if place == "error" else "it failed",
    )

    page = Page(html)
    assert page.tags <= {"div", "span", "b", "code"}
    assert page.attributes <= {"style", "role", "aria-hidden"}
    assert visible(text) in page.rows[0].line
    harmless = header("Title", "open", "ws://host", ["3 frames"], "it failed")
    assert [html.count(mark) for mark in "<>\"'"] == [harmless.count(mark) for mark in "<>\"'"]
    assert [c for c in html if not c.isprintable() and c not in "\n\t"] == []


@pytest.mark.parametrize(
    ("frames", "subprotocol", "latency", "wait", "details"),
    [
        (0, None, None, None, ["0 frames"]),
        (1, None, None, None, ["1 frame"]),
        (1_234_567, None, 0.00042, None, ["1,234,567 frames", "0.4 ms"]),
        (2, "chat", None, None, ["2 frames", "chat"]),
        (2, "chat", 1.5, None, ["2 frames", "1500.0 ms", "chat"]),
        (2, "", 0.0, None, ["2 frames", "0.0 ms"]),
        (2, None, None, 7.6, ["2 frames", "trying again in 8 s"]),
        (2, None, None, 0.0, ["2 frames", "trying again in 0 s"]),
        (2, None, None, -3.0, ["2 frames", "trying again in 0 s"]),
    ],
)
def test_details_are_what_is_known(
    frames: int,
    subprotocol: str | None,
    latency: float | None,
    wait: float | None,
    details: list[str],
) -> None:
    assert describe_state(frames, subprotocol, latency, wait) == details


@pytest.mark.parametrize(
    ("held", "said"),
    [(0, "paused, 0 more wait"), (1, "paused, 1 more waits"), (1_234, "paused, 1,234 more wait")],
)
def test_details_name_the_frames_that_wait_for_the_end_of_a_pause(held: int, said: str) -> None:
    assert describe_state(2, "chat", None, None, held) == ["2 frames", said, "chat"]
