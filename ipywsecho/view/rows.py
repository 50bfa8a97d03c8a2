"""The rows of the log: pure functions from frames and notices to HTML and text.

Frames come from the peer, so they are shown and never interpreted: markup is escaped, and so is
every character that has an effect in a terminal or a browser. The rows are inside a `<pre>`, which
MathJax skips.
"""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from heapq import merge
from html import escape
from typing import Any, NamedTuple

from ipywsecho.escaping import visible
from ipywsecho.frames import AS_IT_IS, Control, Frame, Notice, order_of
from ipywsecho.view.decoding import DecodedOf
from ipywsecho.view.payloads import View, body_of
from ipywsecho.view.pictures import SourceOf

__all__ = [
    "Rendering",
    "clock",
    "newest_first",
    "output",
    "paragraph",
    "text_of",
    "weight_of",
    "words_of",
]

_INDENT = " " * 17
_CONTROLS = {8: "close", 9: "ping", 10: "pong"}


class Rendering(NamedTuple):
    """What the Output is to show.

    Attributes:
        outputs: The entries of the Output, in the format of a notebook.
        size: Approximate size of the message to the page, in bytes.
        is_cut: Whether rows were omitted because of the size limit.
        rows: How many of the entries are shown.
    """

    outputs: tuple[dict[str, Any], ...]
    size: int
    is_cut: bool
    rows: int = 0


class _Row(NamedTuple):
    html: str
    plain: str

    @property
    def size(self) -> int:
        return weight_of(self.html) + weight_of(self.plain)


def weight_of(shown: object) -> int:
    """Return how many bytes a text, or what consists of texts, takes in a message to the page."""
    # The message is JSON, in which quotation marks, backslashes and line breaks take two bytes.
    text = json.dumps(shown, ensure_ascii=False, default=str)
    return len(text.encode("utf-8", "surrogatepass"))


def output(
    entries: Iterable[Frame | Notice | Control],
    *,
    seen: int,
    limit: int,
    hidden: int = 0,
    covered: int = 0,
    view: View = View.AUTOMATIC,
    source_of: SourceOf = lambda data, picture: None,  # noqa: ARG005
    decoded: DecodedOf = lambda frame: None,  # noqa: ARG005
) -> Rendering:
    """Return the newest rows of a log, as many as fit.

    Args:
        entries: Frames and notices, newest first.
        seen: Number of frames, shown or not; a row tells how many of them are not shown.
        limit: Approximate number of bytes that may be shown. The newest row is always shown.
        hidden: Number of further frames that the filter hides.
        covered: Number of further rows that *Clear* hides.
        view: How to show payloads.
        source_of: Returns a picture as a URI.
        decoded: Returns what was made of a frame.
    """
    rows: list[_Row] = []
    size = frames = 0
    is_cut = False
    for entry in entries:
        row = _row(entry, view, source_of, decoded)
        if rows and size + row.size > limit:
            is_cut = True
            break
        rows.append(row)
        size += row.size
        frames += isinstance(entry, Frame)
    shown = len(rows)
    if seen > frames or hidden or covered:
        is_empty = not rows and seen == hidden == 0
        rows.append(_omission(seen - frames, hidden, covered, is_empty=is_empty))
    if not rows:
        return Rendering((), 0, False)
    rows.reverse()
    html = "".join(row.html for row in rows)
    plain = "\n".join(row.plain for row in rows)
    return Rendering(_display_data(html, plain), size, is_cut, shown)


def paragraph(text: str, *, is_error: bool = False) -> Rendering:
    """Return a text to be shown in place of the log."""
    shown = visible(text)
    html = f'<div class="{"error" if is_error else "text"}">{escape(shown, quote=False)}</div>'
    return Rendering(_display_data(html, shown), weight_of(html) + weight_of(shown), False)


def newest_first(
    received: Sequence[Frame], sent: Sequence[Frame], events: Sequence[Notice | Control]
) -> Iterator[Frame | Notice | Control]:
    """Yield frames and events in the order in which they happened, newest first."""
    # With equal times, a received frame counts as newer: it may answer the frame that was sent.
    return merge(
        reversed(received), reversed(events), reversed(sent), key=lambda entry: -order_of(entry)
    )


def words_of(notice: Notice) -> str:
    """Return what happened, and how often."""
    if notice.occurrences == 1:
        return notice.text
    return f"{notice.text} ×{notice.occurrences:,}, last {clock(notice.last or notice.time)[:8]}"


def text_of(control: Control) -> str:
    """Return a control frame in words."""
    if control.fragments:
        return f"in {control.fragments:,} fragments"
    name, data = _CONTROLS.get(control.opcode, "control frame"), control.data
    if not data:
        return name
    is_text = data.isascii() and data.decode().isprintable()
    return f"{name} “{data.decode()}”" if is_text else f"{name} {data.hex(' ')}"


def _display_data(html: str, plain: str) -> tuple[dict[str, Any], ...]:
    bundle = {
        # The log can be focused, so that it can be scrolled with the keyboard.
        "text/html": f'<pre class="ipywsecho" role="log" tabindex="0">{html}</pre>',
        "text/plain": plain,
    }
    return ({"output_type": "display_data", "data": bundle, "metadata": {}},)


def _row(
    entry: Frame | Notice | Control, view: View, source_of: SourceOf, decoded: DecodedOf
) -> _Row:
    if isinstance(entry, Notice):
        text = visible(words_of(entry))
        kind = "error" if entry.is_error else "note"
        html = f"<bdi>{escape(text, quote=False)}</bdi>"
        return _with_time(entry.time, "—", kind, text, html)
    mark, kind, title = ("↑", "sent", "sent") if entry.sent else ("↓", "got", "received")
    if isinstance(entry, Control):
        text = text_of(entry)
        html = f'<bdi class="note">{escape(text, quote=False)}</bdi>'
        return _with_time(entry.time, mark, kind, text, html, title)
    body = body_of(entry, view, source_of, decoded(entry) or AS_IT_IS)
    html = f"<span>{body.html}</span>  <i>{body.note}</i>{body.block}"
    return _with_time(entry.time, mark, kind, f"{body.plain}  ({body.note})", html, title)


def _with_time(
    moment: float, mark: str, kind: str, plain: str, html: str, title: str = "event"
) -> _Row:
    shown = clock(moment)
    return _Row(
        f'<div class="{kind}"><time>{shown}</time>  <b title="{title}">{mark}</b>  {html}</div>',
        f"{shown}  {mark}  {plain}".replace("\n", "\n" + _INDENT),
    )


def _omission(earlier: int, hidden: int, covered: int, *, is_empty: bool) -> _Row:
    parts = ["no frames yet"] if is_empty else []
    if earlier:
        parts.append(f"… {earlier:,} earlier {'frame' if earlier == 1 else 'frames'}")
    if hidden:
        parts.append(f"{hidden:,} hidden by the filter")
    if covered:
        parts.append(f"{covered:,} earlier {'row' if covered == 1 else 'rows'} hidden by Clear")
    text = " · ".join(parts)
    return _Row(f'<div class="note">{text}</div>', text)


def clock(moment: float) -> str:
    """Return the local time of day, to the millisecond."""
    second = int(moment)
    return f"{_clock_second(second)}.{int((moment - second) * 1000):03d}"


@lru_cache(maxsize=64)
def _clock_second(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))
