import json
import re
import time
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser
from typing import Any, ClassVar, SupportsIndex, overload

import pytest

from ipywsecho.frames import Frame, FrameLog, Frames, Notice
from ipywsecho.rendering import Rendering, describe_state, header, output, visible

NOON = 1_700_000_000.0
CLOCK = r"\d\d:\d\d:\d\d\.\d{3}"
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload="alert(1)">',
    "' onmouseover='alert(1)",
    "</pre><h1>mine</h1>",
    "</bdi></div></pre><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<!-- <b>",
    "<![CDATA[<b>]]>",
    "&lt;script&gt;&#60;&amp;",
    "$\\href{javascript:alert(1)}{x}$",
    "javascript:alert(1)",
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "overwritten\rnew",
    "secret\b\b\b\b\b\bpublic",
    "\x00\x01\x7f\x80\x9f",
    "a\u202egnp.exe",
    "\u2066\u2067\u2068\u2069\u061c",
    "pay\u200bpal\u200c\u200d\u2060\ufeff\u00ad",
    "line\u2028separator\u2029paragraph\x85next\x0bvertical\x0cform",
    "one\ntwo\n10:41:07.120  ↓  forged",
    "\r\n\r\n10:41:07.120  ↓  forged",
    "\ud800 lone",
    "\U000e0041 tag",
]


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


def rendered(
    got: Sequence[Frame] = (),
    put: Sequence[Frame] = (),
    notices: Sequence[Notice] = (),
    *,
    seen: int | None = None,
    limit: int = 10**9,
) -> Rendering:
    counted = len(got) + len(put) if seen is None else seen
    return output(log_of(*got), log_of(*put), notices, seen=counted, limit=limit)


def bundle_of(rendering: Rendering) -> dict[str, str]:
    (entry,) = rendering.outputs
    bundle: dict[str, str] = entry["data"]
    return bundle


def html_of(rendering: Rendering) -> str:
    return bundle_of(rendering)["text/html"]


def plain_of(rendering: Rendering) -> str:
    return bundle_of(rendering)["text/plain"]


def weight_of(rendering: Rendering) -> int:
    return len(json.dumps(rendering.outputs, ensure_ascii=False).encode())


class Page(HTMLParser):
    """HTML as a browser reads it: which elements there are, and the text of each row."""

    VOID: ClassVar[set[str]] = {"img", "br", "hr", "input", "link", "meta"}

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.rows: list[str] = []
        self.payloads: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        if tag == "div":
            self.rows.append("")
        elif tag == "bdi":
            self.payloads.append("")
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "div" in self._open:
            self.rows[-1] += data
        if "bdi" in self._open:
            self.payloads[-1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(data)


def rows_of(rendering: Rendering) -> list[str]:
    """Return the rows of the plain text, after making sure that the HTML has the same ones."""
    plain = re.split(r"\n(?! )", plain_of(rendering))
    html = [row.replace("\n", "\n" + " " * 17) for row in Page(html_of(rendering)).rows]
    assert html == plain
    return plain


def texts_of(rendering: Rendering) -> list[str]:
    """Return the rows without their time."""
    return [re.sub(rf"\A{CLOCK}  ", "", row) for row in rows_of(rendering)]


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
    assert output(NONE, NONE, (), seen=0, limit=1_000) == Rendering((), 0, False)


def test_log_is_one_output_in_the_format_of_a_notebook() -> None:
    (entry,) = rendered([received("hello")]).outputs

    assert entry.keys() == {"output_type", "data", "metadata"}
    assert (entry["output_type"], entry["metadata"]) == ("display_data", {})
    assert entry["data"].keys() == {"text/html", "text/plain"}


def test_log_says_to_screen_readers_what_it_is_and_keeps_its_spaces() -> None:
    html = html_of(rendered([received("hello")]))

    assert re.search(r'<pre class="ipywsecho" role="log">.*</pre>\Z', html, re.DOTALL)


def test_row_has_time_direction_and_payload() -> None:
    rendering = rendered([received("hi")], [sent("hello")], [Notice(NOON, "connected")])

    assert re.fullmatch(
        rf"{CLOCK}  ↑  hello\n{CLOCK}  —  connected\n{CLOCK}  ↓  hi", plain_of(rendering)
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

    assert plain_of(rendering) == f"{on_the_wall}.{shown}  ↓  hi"


# Order


def test_rows_stand_in_the_order_of_time() -> None:
    got = [received(str(number), NOON + number) for number in (1, 4, 6)]
    put = [sent(str(number), NOON + number) for number in (0, 3, 7)]
    notices = [Notice(NOON + number, str(number)) for number in (2, 5, 8)]

    rendering = rendered(got, put, notices)

    assert [row[-1] for row in rows_of(rendering)] == list("012345678")


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
    size = sum(map(len, rows)) + sum(map(len, plain_of(whole).split("\n")))
    # The arrows take three bytes each, in both twins.
    size += 2 * 2 * len(got)

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
    "line breaks": "\n" * 100,
    "direction": "\u202e" * 100,
    "bytes": b"\xff" * 100,
    "empty": "",
}


@pytest.mark.parametrize("limit", [8_000, 20_000, 40_000])
@pytest.mark.parametrize("name", PAYLOADS)
def test_limit_is_kept_in_bytes_whatever_the_frames_hold(name: str, limit: int) -> None:
    got = [received(PAYLOADS[name], NOON + number) for number in range(1_000)]

    rendering = rendered(got, limit=limit)

    # The style, and what JSON writes twice, come on top.
    assert weight_of(rendering) <= 1.15 * limit + 1_500
    assert rendering.is_cut is True
    # The limit must not be kept by showing next to nothing.
    assert weight_of(rendering) >= 0.4 * limit


@pytest.mark.parametrize("name", PAYLOADS)
def test_size_is_about_what_goes_to_the_page(name: str) -> None:
    got = [received(PAYLOADS[name], NOON + number) for number in range(100)]

    rendering = rendered(got, limit=40_000)

    assert rendering.size == pytest.approx(weight_of(rendering), rel=0.15)


@pytest.mark.parametrize("name", PAYLOADS)
def test_newest_row_is_shown_whatever_the_limit(name: str) -> None:
    got = [received("old"), received(PAYLOADS[name], NOON + 1)]

    rendering = rendered(got, limit=1)

    first, newest = rows_of(rendering)
    assert first == "… 1 earlier frame"
    assert newest == rows_of(rendered(got[1:]))[0]
    assert rendering.is_cut is True


def test_notice_that_does_not_fit_is_left_out_too() -> None:
    notices = [Notice(NOON, "connected")]

    rendering = rendered([received("hi", NOON + 1)], notices=notices, limit=1)

    assert texts_of(rendering) == ["↓  hi"]
    assert rendering.is_cut is True


# Costs


def test_drawing_looks_only_at_what_it_shows() -> None:
    got = WatchedFrames([received("x", NOON + number) for number in range(100_000)])
    put = WatchedFrames([sent("x", NOON + number) for number in range(100_000)])
    notices = WatchedNotices(Notice(NOON + number, "x") for number in range(1_000))
    notices.looks = 0

    rendering = output(got, put, notices, seen=200_000, limit=8_000)

    shown = len(rows_of(rendering))
    assert 10 < shown < 200
    # One row more than fits, and the next of each kind for comparison.
    assert got.looks + put.looks + notices.looks <= shown + 4


def test_frames_not_shown_are_not_looked_at_among_frames_of_one_kind() -> None:
    got = WatchedFrames([received("x", NOON - number) for number in range(50_000)])

    rendering = output(got, NONE, (), seen=50_000, limit=8_000)

    assert got.looks <= len(rows_of(rendering)) + 2


# Payloads


def test_text_at_the_limit_is_shown_whole() -> None:
    assert texts_of(rendered([received("x" * 1_000)])) == [f"↓  {'x' * 1_000}"]


def test_longer_text_is_cut_and_its_size_named() -> None:
    text = "é" + "x" * 1_000

    rendering = rendered([received(text)])

    assert texts_of(rendering) == [f"↓  é{'x' * 999}… (1,002 bytes in all)"]


def test_bytes_at_the_limit_are_shown_whole() -> None:
    data = bytes(range(48))

    assert texts_of(rendered([received(data)])) == [f"↓  {data.hex(' ')} (48 bytes)"]


def test_more_bytes_are_cut_and_their_size_named() -> None:
    data = bytes(range(49)) * 100

    assert texts_of(rendered([received(data)])) == [f"↓  {data[:48].hex(' ')}… (4,900 bytes)"]


@pytest.mark.parametrize(("data", "note"), [("", "(empty)"), (b"", "(0 bytes)")])
def test_empty_frame_says_that_it_is_empty(data: str | bytes, note: str) -> None:
    (row,) = texts_of(rendered([received(data)]))

    assert re.fullmatch(rf"↓ +{re.escape(note)}", row)


@pytest.mark.parametrize("text", ["  indented", "trailing   ", "   ", "a    b", "\t\t"])
def test_spaces_of_a_payload_are_shown(text: str) -> None:
    rendering = rendered([received(text)])

    assert plain_of(rendering).endswith(f"↓  {text}")
    assert Page(html_of(rendering)).payloads == [text]


def test_note_on_a_payload_is_not_part_of_it() -> None:
    rendering = rendered([received("x" * 1_001), received("(empty)"), received("")])

    assert Page(html_of(rendering)).payloads == ["x" * 1_000 + "…", "(empty)", ""]


# Hostile payloads


@pytest.mark.parametrize("text", ["", "hello", "Grüße, 日本語 🙂", "a\tb", "<b>&amp;'\"", "עברית"])
def test_harmless_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a↵\nb"),
        ("a\r\nb", "a␍↵\nb"),
        ("\x00\x07\x08\x0d\x1b", "␀␇␈␍␛"),
        ("\x7f", "␡"),
        ("\x85\x9b", "⟨U+0085⟩⟨U+009B⟩"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\u200b\u200d\ufeff", "⟨U+200B⟩⟨U+200D⟩⟨U+FEFF⟩"),
        ("\u2028\u2029", "⟨U+2028⟩⟨U+2029⟩"),
        ("\ud800", "⟨U+D800⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
    ],
)
def test_what_acts_or_does_not_show_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_every_character_of_control_direction_and_no_width_is_written_out() -> None:
    codes = [*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, *range(0x200B, 0x2010)]
    codes += [*range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF, *range(0xFFF9, 0xFFFC)]

    survivors = [code for code in codes if chr(code) in visible(chr(code))]

    assert survivors == [ord("\t"), ord("\n")]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("place", ["received", "sent", "notice", "error"])
def test_nothing_hostile_comes_out_as_anything_but_text(text: str, place: str) -> None:
    rendering = rendered(
        [received(text)] if place == "received" else [],
        [sent(text)] if place == "sent" else [],
        [Notice(NOON, text, place == "error")] if place in ("notice", "error") else [],
    )

    page = Page(html_of(rendering))
    assert page.tags <= {"style", "pre", "div", "time", "b", "bdi", "i"}
    assert page.attributes <= {"class", "role", "title"}
    (row,) = texts_of(rendering)
    assert row[3:].replace("\n" + " " * 17, "\n") == visible(text)
    for form in bundle_of(rendering).values():
        assert [c for c in form if not c.isprintable() and c not in "\n\t"] == []


def test_hostile_frames_together_make_one_row_each() -> None:
    got = [received(text, NOON + number) for number, text in enumerate(HOSTILE)]

    rendering = rendered(got)

    assert Page(html_of(rendering)).payloads == [visible(text) for text in HOSTILE]
    assert len(rows_of(rendering)) == len(HOSTILE)


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\n\n\n", "\x0b", "\x85", "\u2028"])
def test_line_breaks_cannot_forge_a_row(line_break: str) -> None:
    forged = f"hello{line_break}10:41:07.120  ↓  forged"

    rendering = rendered([received(forged)], notices=[Notice(NOON, forged)])

    lines = plain_of(rendering).splitlines()
    assert len([line for line in lines if re.match(CLOCK, line)]) == 2
    assert all(re.match(rf"{CLOCK}  [↓—]  hello| {{17}}", line) for line in lines)


def test_continued_lines_stand_below_the_beginning_of_the_payload() -> None:
    first, second = plain_of(rendered([received("one\ntwo")])).split("\n")

    assert first.index("one") == second.index("two") == 17


def test_payload_cut_within_markup_is_still_escaped() -> None:
    text = "x" * 996 + "<script>alert(1)</script>"

    page = Page(html_of(rendered([received(text)])))

    assert page.payloads == ["x" * 996 + "<scr…"]


# The header


def test_header_says_title_state_address_and_details() -> None:
    html = header("My server", "open", "ws://127.0.0.1:1/", ["3 frames", "0.4 ms"])

    text = re.sub("<[^>]*>", " ", html)
    assert " ".join(text.split()) == "My server ● open ws://127.0.0.1:1/ 3 frames · 0.4 ms"


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
@pytest.mark.parametrize("place", ["title", "uri", "details"])
def test_nothing_hostile_in_the_header_comes_out_as_anything_but_text(
    text: str, place: str
) -> None:
    html = header(
        text if place == "title" else "Title",
        "open",
        text if place == "uri" else "ws://host",
        [text] if place == "details" else ["3 frames"],
    )

    page = Page(html)
    assert page.tags <= {"div", "span", "b", "code"}
    assert page.attributes <= {"style", "role", "aria-hidden"}
    assert visible(text) in page.rows[0]
    harmless = header("Title", "open", "ws://host", ["3 frames"])
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
