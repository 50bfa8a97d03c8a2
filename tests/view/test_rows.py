import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any, SupportsIndex, overload

import pytest
from PIL import Image

from ipywsecho.escaping import visible
from ipywsecho.frames.log import Control, Frame, FrameLog, Frames, Notice
from ipywsecho.frames.moments import Clock
from ipywsecho.view.payloads import View
from ipywsecho.view.pictures import Picture
from ipywsecho.view.rows import (
    Rendering,
    newest_first,
    output,
    paragraph,
    text_of,
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
    """A source without any picture ready."""


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
    """Return the rows of the HTML, after checking that the plain text has the same rows."""
    rows = Page(html_of(rendering)).rows
    plain = re.split(r"\n(?! )", plain_of(rendering))
    for row, text in zip(rows, plain, strict=True):
        note = f"({row.note})" if row.note else ""
        if row.block is None:
            assert text == (row.line + note).replace("\n", "\n" + " " * 17)
        else:
            # The block below the line contains more than the plain text.
            assert text.startswith(row.line[:17])
            assert text.endswith("  " + note)
    return rows


def texts_of(rendering: Rendering) -> list[str]:
    """Return the rows without their times and notes."""
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
    """Frames that count how many of them are read."""

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
    """Notices that count how many of them are read."""

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


def test_an_empty_log_has_no_output() -> None:
    assert output((), seen=0, limit=1_000) == Rendering((), 0, False)


def test_a_log_is_one_output_in_the_format_of_a_notebook() -> None:
    (entry,) = rendered([received("hello")]).outputs

    assert entry.keys() == {"output_type", "data", "metadata"}
    assert (entry["output_type"], entry["metadata"]) == ("display_data", {})
    assert entry["data"].keys() == {"text/html", "text/plain"}


def test_a_log_has_a_role_can_be_focused_and_keeps_white_space() -> None:
    html = html_of(rendered([received("hello")]))

    assert re.search(r'<pre class="ipywsecho" role="log" tabindex="0">.*</pre>\Z', html, re.DOTALL)


def test_a_row_has_time_direction_and_payload() -> None:
    rendering = rendered([received("hi")], [sent("hello")], [Notice(NOON, "connected")])

    assert re.fullmatch(
        rf"{CLOCK}  ↑  hello  \(text, 5 B\)\n{CLOCK}  —  connected\n{CLOCK}  ↓  hi  \(text, 2 B\)",
        plain_of(rendering),
    )


def test_the_direction_is_also_given_in_words() -> None:
    html = html_of(rendered([received("hi", NOON + 1)], [sent("hello")]))

    assert re.findall(r'title="(\w+)">(.)<', html) == [("sent", "↑"), ("received", "↓")]


@pytest.mark.parametrize(("is_error", "kind"), [(True, "error"), (False, "note")])
def test_errors_and_notes_have_different_classes(is_error: bool, kind: str) -> None:
    html = html_of(rendered(notices=[Notice(NOON, "lost", is_error)]))

    assert f'<div class="{kind}">' in html


@pytest.mark.parametrize(("fraction", "shown"), [(0, "000"), (0.125, "125"), (0.0625, "062")])
def test_the_time_is_local_and_in_milliseconds(fraction: float, shown: str) -> None:
    on_the_wall = time.strftime("%H:%M:%S", time.localtime(NOON))

    rendering = rendered([received("hi", NOON + fraction)])

    assert plain_of(rendering) == f"{on_the_wall}.{shown}  ↓  hi  (text, 2 B)"


# Order


def test_rows_are_in_the_order_of_their_times() -> None:
    got = [received(str(number), NOON + number) for number in (1, 4, 6)]
    put = [sent(str(number), NOON + number) for number in (0, 3, 7)]
    notices = [Notice(NOON + number, str(number)) for number in (2, 5, 8)]

    rendering = rendered(got, put, notices)

    assert [text[-1] for text in texts_of(rendering)] == list("012345678")


def test_a_sent_frame_comes_before_a_received_frame_of_the_same_time() -> None:
    rendering = rendered([received("answer")], [sent("question")], [Notice(NOON, "connected")])

    assert texts_of(rendering) == ["↑  question", "—  connected", "↓  answer"]


def test_rows_of_the_same_time_and_direction_keep_their_order() -> None:
    rendering = rendered(
        [received("3"), received("4")],
        [sent("1"), sent("2")],
    )

    assert texts_of(rendering) == ["↑  1", "↑  2", "↓  3", "↓  4"]


def test_no_row_is_lost_when_the_clock_is_set_back() -> None:
    got = [received(str(number), NOON - 100 * number) for number in range(5)]
    put = [sent(str(number), NOON + 100 * number) for number in range(5)]

    rendering = rendered(got, put)

    assert sorted(texts_of(rendering)) == sorted(
        f"{mark}  {number}" for mark in "↑↓" for number in range(5)
    )


# Omitted rows


def test_forgotten_frames_are_counted() -> None:
    rendering = rendered([received("hi")], [sent("ho")], seen=12_347)

    assert texts_of(rendering) == ["… 12,345 earlier frames", "↑  ho", "↓  hi"]
    assert rendering.is_cut is False


def test_one_forgotten_frame_is_counted_in_the_singular() -> None:
    assert texts_of(rendered([received("hi")], seen=2)) == ["… 1 earlier frame", "↓  hi"]


def test_notices_are_not_counted_as_frames() -> None:
    rendering = rendered([received("hi")], notices=[Notice(NOON, "connected")] * 3, seen=1)

    assert texts_of(rendering) == ["—  connected"] * 3 + ["↓  hi"]


def test_forgotten_frames_are_counted_if_none_is_kept() -> None:
    rendering = rendered(seen=3)

    assert texts_of(rendering) == ["… 3 earlier frames"]


def test_rows_that_were_cleared_are_counted() -> None:
    texts = [
        texts_of(output([], seen=0, covered=1_204, limit=10**9)),
        texts_of(output([received("hi")], seen=3, hidden=4, covered=1, limit=10**9)),
    ]

    assert texts == [
        ["no frames yet · 1,204 earlier rows hidden by Clear"],
        [
            "… 2 earlier frames · 4 hidden by the filter · 1 earlier row hidden by Clear",
            "↓  hi",
        ],
    ]


def test_the_newest_rows_are_shown_and_the_others_are_counted() -> None:
    got = [received(f"frame {number}", NOON + number) for number in range(1_000)]

    rendering = rendered(got, limit=5_000)

    first, *rest = texts_of(rendering)
    assert rendering.is_cut is True
    assert 10 < len(rest) < 100
    assert first == f"… {1_000 - len(rest):,} earlier frames"
    assert rest == [f"↓  frame {number}" for number in range(1_000 - len(rest), 1_000)]


def test_a_log_that_fits_exactly_is_not_cut() -> None:
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
    """A source with a large URI for every picture."""
    return "data:image/webp;base64," + "A" * (1_000 if len(data) < 1_000 else 38_000)


@pytest.mark.parametrize("limit", [8_000, 20_000, 40_000])
@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("name", PAYLOADS)
def test_the_size_stays_within_the_limit_whatever_the_payloads(
    name: str, view: View, limit: int
) -> None:
    got = [received(PAYLOADS[name], NOON + number) for number in range(1_000)]
    newest = rendered(got[-1:], view=view, source_of=any_source)

    rendering = rendered(got, limit=limit, view=view, source_of=any_source)

    # The newest row is shown whatever its size.
    assert weight_in_json(rendering) <= max(limit, weight_in_json(newest)) + 500
    assert weight_in_json(newest) <= LARGEST_ROW
    assert rendering.is_cut is True
    # Showing next to nothing would also respect the limit.
    assert weight_in_json(rendering) >= 0.4 * limit


@pytest.mark.parametrize("view", View)
@pytest.mark.parametrize("name", PAYLOADS)
def test_the_size_is_about_that_of_the_message_to_the_page(name: str, view: View) -> None:
    got = [received(PAYLOADS[name], NOON + number) for number in range(100)]

    rendering = rendered(got, limit=40_000, view=view, source_of=any_source)

    assert rendering.size == pytest.approx(weight_in_json(rendering), rel=0.02, abs=300)


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_newest_row_is_shown_whatever_the_limit(name: str) -> None:
    got = [received("old"), received(PAYLOADS[name], NOON + 1)]

    rendering = rendered(got, limit=1)

    first, newest = rows_of(rendering)
    assert first.line == "… 1 earlier frame"
    assert newest == rows_of(rendered(got[1:]))[0]
    assert rendering.is_cut is True


def test_a_notice_that_does_not_fit_is_omitted() -> None:
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
def test_frames_hidden_by_a_filter_are_counted(seen: int, hidden: int, said: str) -> None:
    rendering = rendered([received("hi")], seen=seen, hidden=hidden)

    assert texts_of(rendering) == [said, "↓  hi"]


def test_a_filter_that_hides_all_frames_shows_their_number() -> None:
    assert texts_of(rendered(hidden=3)) == ["3 hidden by the filter"]


# Costs


def test_drawing_reads_only_the_frames_it_shows() -> None:
    got = WatchedFrames([received("x", NOON + number) for number in range(100_000)])
    put = WatchedFrames([sent("x", NOON + number) for number in range(100_000)])
    notices = WatchedNotices(Notice(NOON + number, "x") for number in range(1_000))
    notices.looks = 0

    rendering = output(newest_first(got, put, notices), seen=200_000, limit=8_000)

    shown = len(rows_of(rendering))
    assert 10 < shown < 200
    # One row that does not fit, and the next of each kind for the comparison.
    assert got.looks + put.looks + notices.looks <= shown + 4


def test_drawing_frames_of_one_direction_reads_only_those_it_shows() -> None:
    got = WatchedFrames([received("x", NOON - number) for number in range(50_000)])

    rendering = output(newest_first(got, NONE, ()), seen=50_000, limit=8_000)

    assert got.looks <= len(rows_of(rendering)) + 2


# Payloads


def test_a_row_names_the_kind_and_size_of_its_payload() -> None:
    got = [received(payload) for payload in ("hi", '{"a": 1}', b"\x00", "", b"")]

    assert notes_of(rendered(got)) == [
        "text, 2 B",
        "JSON, 8 B",
        "bytes, 1 B",
        "text, empty",
        "bytes, empty",
    ]


def test_a_text_at_the_limit_is_shown_completely() -> None:
    rendering = rendered([received("x" * 1_000)])

    assert texts_of(rendering) == [f"↓  {'x' * 1_000}"]
    assert notes_of(rendering) == ["text, 1.0 kB"]


def test_a_longer_text_is_truncated_and_says_which_part_is_shown() -> None:
    rendering = rendered([received("é" + "x" * 1_000)])

    assert texts_of(rendering) == [f"↓  é{'x' * 999}…"]
    assert notes_of(rendering) == ["text, first 1,001 B of 1,002 B"]


def test_a_hex_dump_is_below_the_line_and_on_one_line_in_plain_text() -> None:
    rendering = rendered([received(b"\x00" * 16 + b"!")])

    (row,) = rows_of(rendering)
    assert row.block is not None
    assert row.block.splitlines()[1] == f"00000010  {'21':<48}  !"
    assert plain_of(rendering)[14:] == f"↓  {'00 ' * 16}21  (bytes, 17 B)"


def test_plain_text_contains_all_bytes_up_to_the_limit() -> None:
    data = bytes(range(48))

    assert plain_of(rendered([received(data)]))[14:] == f"↓  {data.hex(' ')}  (bytes, 48 B)"


def test_plain_text_truncates_more_bytes_and_shows_their_size() -> None:
    data = bytes(range(49)) * 100

    plain = plain_of(rendered([received(data)]))

    assert plain[14:] == f"↓  {data[:48].hex(' ')}…  (bytes, first 256 B of 4.9 kB)"


def test_a_picture_is_described_and_shown_once_it_is_ready() -> None:
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
    assert texts_of(never) == ["↓  PNG image, 20 × 10 (cannot be shown)"]


@pytest.mark.parametrize("text", ["  indented", "trailing   ", "   ", "a    b", "\t\t"])
def test_white_space_of_a_payload_is_preserved(text: str) -> None:
    rendering = rendered([received(text)])

    assert plain_of(rendering).endswith(f"↓  {text}  (text, {len(text)} B)")
    assert [row.payload for row in rows_of(rendering)] == [text]


def test_the_note_is_separate_from_the_payload() -> None:
    rendering = rendered([received("x" * 1_001), received("text, empty"), received("")])

    assert [row.payload for row in rows_of(rendering)] == ["x" * 1_000 + "…", "text, empty", ""]


# Hostile payloads


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["received", "sent", "notice", "error"])
def test_a_hostile_text_is_shown_as_text(text: str, place: str) -> None:
    rendering = rendered(
        [received(text)] if place == "received" else [],
        [sent(text)] if place == "sent" else [],
        [Notice(NOON, text, place == "error")] if place in ("notice", "error") else [],
    )

    assert unsafe_in(html_of(rendering)) == []
    assert Page(html_of(rendering)).tags <= {"pre", "div", "time", "b", "bdi", "i", "span"}
    (shown,) = texts_of(rendering)
    assert shown[3:] == visible(text)
    assert [c for c in plain_of(rendering) if not c.isprintable() and c not in "\n\t"] == []


def within(text: str) -> dict[str, str | bytes]:
    """Return payloads of each kind that contain a text."""
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
def test_a_hostile_text_within_a_payload_is_shown_as_text(kind: str, view: View, text: str) -> None:
    got = [received(within(text)[kind])]

    rendering = rendered(got, view=view, source_of=lambda *_: "data:image/png;base64,AAAA")

    assert unsafe_in(html_of(rendering)) == []
    assert len(rows_of(rendering)) == 1
    assert [c for c in plain_of(rendering) if not c.isprintable() and c not in "\n\t"] == []


def test_each_hostile_frame_makes_one_row() -> None:
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


def test_continuation_lines_are_aligned_with_the_payload() -> None:
    first, second = plain_of(rendered([received("one\ntwo")])).split("\n")

    assert first.index("one") == second.index("two") == 17


def test_a_payload_truncated_within_markup_is_escaped() -> None:
    text = "x" * 996 + "<script>alert(1)</script>"

    (row,) = rows_of(rendered([received(text)]))

    assert row.payload == "x" * 996 + "<scr…"


# A paragraph


@pytest.mark.parametrize("text", ["hello", "one\ntwo", *HOSTILE])
@pytest.mark.parametrize("is_error", [True, False])
def test_a_paragraph_is_escaped(text: str, is_error: bool) -> None:
    rendering = paragraph(text, is_error=is_error)

    assert unsafe_in(html_of(rendering)) == []
    assert Page(html_of(rendering)).tags == {"pre", "div"}
    assert [row.line for row in Page(html_of(rendering)).rows] == [visible(text)]
    assert plain_of(rendering) == visible(text)
    assert ('class="error"' in html_of(rendering)) is is_error


def test_the_weight_is_the_size_in_the_message_to_the_page() -> None:
    assert weight_of('"é"\n') == len(b'"\\"\xc3\xa9\\"\\n"')
    assert weight_of(({"text/plain": "é"},)) == len(b'[{"text/plain": "\xc3\xa9"}]')


# Control frames


@pytest.mark.parametrize(
    ("control", "text"),
    [
        (Control(NOON, 9, b"hey"), "ping “hey”"),
        (Control(NOON, 10, b"\x00\xff"), "pong 00 ff"),
        (Control(NOON, 9), "ping"),
        (Control(NOON, 8, b"\x03\xe8"), "close 03 e8"),
        (Control(NOON, 0, fragments=3), "in 3 fragments"),
        (Control(NOON, 10, b"\x1b[31m"), "pong 1b 5b 33 31 6d"),
        (Control(NOON, 11), "control frame"),
    ],
)
def test_a_control_frame_is_shown_in_words(control: Control, text: str) -> None:
    assert text_of(control) == text


@pytest.mark.parametrize(("sent", "mark"), [(True, "↑"), (False, "↓")])
def test_the_row_of_a_control_frame_shows_its_direction(sent: bool, mark: str) -> None:
    rendering = output([Control(NOON, 9, b"<hey>", sent)], seen=0, limit=10**6)

    [row] = Page(rendering.outputs[0]["data"]["text/html"]).rows
    assert row.line.endswith(f"{mark}  ping “<hey>”")
    assert "<hey>" not in rendering.outputs[0]["data"]["text/html"]


def test_entries_are_shown_in_their_order_whatever_their_times_are() -> None:
    clock = Clock(iter([NOON, NOON - 3_600, NOON - 7_200, NOON - 1]).__next__)
    first, second, third, fourth = (clock() for _ in range(4))

    entries = newest_first(
        [Frame("b", second)],
        [Frame("a", first, sent=True)],
        [Notice(third, "c"), Control(fourth, 9)],
    )

    assert [entry.time for entry in entries] == [fourth, third, second, first]
