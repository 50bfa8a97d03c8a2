"""What the view shows: pure functions from frames and state to text and HTML.

A frame is somebody else's text. It is shown and never interpreted: markup is escaped, every
character that a terminal or a browser would act on is written out, and all of it stands in a
`<pre>`, which no typesetter of formulas enters.
"""

import time
from collections.abc import Iterator, Sequence
from functools import lru_cache
from heapq import merge
from html import escape
from typing import Any, NamedTuple

from ipywsecho.frames import Frame, Frames, Notice

__all__ = ["STYLE", "Rendering", "describe_state", "header", "output", "visible"]

CHARACTERS = 1_000
"""How many characters of a frame are shown."""

BYTES = 48
"""How many bytes of a binary frame are shown."""

_INDENT = " " * 17

# Letters by their category, but nothing that one sees.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")

# It stands in the page once: a style sheet that comes and goes with each drawing would have the
# browser restyle the whole page each time.
STYLE = (
    ".ipywsecho{margin:0;padding:4px 8px;white-space:pre-wrap;overflow-wrap:anywhere;"
    "font-size:var(--jp-code-font-size,13px);line-height:1.4}"
    ".ipywsecho div{padding-left:17ch;text-indent:-17ch;overflow:hidden}"
    ".ipywsecho time,.ipywsecho i,.ipywsecho .note{color:var(--jp-ui-font-color2,#616161)}"
    ".ipywsecho i{font-style:normal}"
    ".ipywsecho .sent b{color:var(--jp-brand-color1,#1976d2)}"
    ".ipywsecho .got b{color:var(--jp-success-color0,#1b5e20)}"
    ".ipywsecho .error{color:var(--jp-error-color0,#b71c1c)}"
)

_STATE_COLOURS = {
    "open": "--jp-success-color1,#388e3c",
    "connecting": "--jp-warn-color1,#f57c00",
    "waiting": "--jp-warn-color1,#f57c00",
    "closing": "--jp-warn-color1,#f57c00",
    "closed": "--jp-ui-font-color2,#757575",
}


class Rendering(NamedTuple):
    """What the Output is to show.

    Attributes:
        outputs: Its entries, in the format of a notebook.
        size: About how many bytes they take on their way to the page.
        is_cut: Whether rows were left out for their size.
    """

    outputs: tuple[dict[str, Any], ...]
    size: int
    is_cut: bool


class _Row(NamedTuple):
    html: str
    plain: str

    @property
    def size(self) -> int:
        return len(self.html.encode()) + len(self.plain.encode())


def output(
    received: Frames, sent: Frames, notices: Sequence[Notice], *, seen: int, limit: int
) -> Rendering:
    """Return the newest rows of a log, as many as fit.

    Args:
        received: Frames received.
        sent: Frames sent.
        notices: What happened to the connection.
        seen: How many frames there were since the log was cleared; those not shown are counted.
        limit: About how many bytes may be shown. The newest row is always shown.
    """
    rows: list[_Row] = []
    size = frames = 0
    is_cut = False
    for entry in _newest_first(received, sent, notices):
        row = _row(entry)
        if rows and size + row.size > limit:
            is_cut = True
            break
        rows.append(row)
        size += row.size
        frames += isinstance(entry, Frame)
    if seen > frames:
        rows.append(_earlier(seen - frames))
    if not rows:
        return Rendering((), 0, False)
    rows.reverse()
    body = "".join(row.html for row in rows)
    html = f'<pre class="ipywsecho" role="log">{body}</pre>'
    bundle = {"text/html": html, "text/plain": "\n".join(row.plain for row in rows)}
    entry_ = {"output_type": "display_data", "data": bundle, "metadata": {}}
    return Rendering((entry_,), size, is_cut)


def header(title: str, state: str, uri: str | None, details: Sequence[str]) -> str:
    """Return the line above the log as HTML: title, state in words, address and details."""
    colour = _STATE_COLOURS[state]
    parts = [
        f"<b>{_html(title)}</b>",
        f'<span role="status"><span style="color:var({colour})" aria-hidden="true">●</span> '
        f"{_html(state)}</span>",
        f"<code>{_html(uri)}</code>" if uri else "",
        _html(" · ".join(details)),
    ]
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:0 1.2em;align-items:baseline">{}</div>'.format(
            "".join(f"<span>{part}</span>" for part in parts if part)
        )
    )


def describe_state(
    frames: int, subprotocol: str | None, latency: float | None, wait: float | None
) -> list[str]:
    """Return the details of the header.

    Args:
        frames: How many frames there were.
        subprotocol: The subprotocol negotiated, if any.
        latency: Seconds of the last round trip, if it was measured.
        wait: Seconds until the next attempt to connect, if there will be one.
    """
    details = [f"{frames:,} {'frame' if frames == 1 else 'frames'}"]
    if latency is not None:
        details.append(f"{latency * 1000:.1f} ms")
    if subprotocol:
        details.append(subprotocol)
    if wait is not None:
        details.append(f"trying again in {max(wait, 0):.0f} s")
    return details


def visible(text: str) -> str:
    """Return the text with everything written out that does not show, or that acts when shown.

    That is control characters (terminal colours, carriage return, backspace), characters that
    change the direction of writing, and those without width. Line breaks and tabs stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and c not in _BLANK else _written_out(c) for c in text)


def _written_out(character: str) -> str:
    code = ord(character)
    if character == "\n":
        return "↵\n"
    if character == "\t":
        return character
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else f"⟨U+{code:04X}⟩"


def _html(text: str) -> str:
    return escape(visible(text))


def _newest_first(
    received: Frames, sent: Frames, notices: Sequence[Notice]
) -> Iterator[Frame | Notice]:
    # Of the same moment, what was received came last: it may be the answer to what was sent.
    return merge(
        reversed(received), reversed(notices), reversed(sent), key=lambda entry: -entry.time
    )


def _row(entry: Frame | Notice) -> _Row:
    clock = _clock(entry.time)
    if isinstance(entry, Notice):
        text = visible(entry.text)
        kind = "error" if entry.is_error else "note"
        return _laid_out(clock, "—", kind, text, f"<bdi>{escape(text, quote=False)}</bdi>")
    mark, kind, title = ("↑", "sent", "sent") if entry.sent else ("↓", "got", "received")
    text, note = _payload(entry)
    html = f"<bdi>{escape(text, quote=False)}</bdi>" + (f" <i>{note}</i>" if note else "")
    return _laid_out(clock, mark, kind, f"{text} {note}" if note else text, html, title)


def _laid_out(
    clock: str, mark: str, kind: str, plain: str, html: str, title: str = "event"
) -> _Row:
    return _Row(
        f'<div class="{kind}"><time>{clock}</time>  <b title="{title}">{mark}</b>  {html}</div>',
        f"{clock}  {mark}  {plain}".replace("\n", "\n" + _INDENT),
    )


def _payload(frame: Frame) -> tuple[str, str]:
    """Return the payload as text, and a note on what the text does not show."""
    data = frame.data
    if isinstance(data, bytes):
        note = f"({frame.size:,} bytes)"
        return data[:BYTES].hex(" ") + ("…" if frame.size > BYTES else ""), note
    if not data:
        return "", "(empty)"
    if len(data) > CHARACTERS:
        return visible(data[:CHARACTERS]) + "…", f"({frame.size:,} bytes in all)"
    return visible(data), ""


def _earlier(count: int) -> _Row:
    text = f"… {count:,} earlier {'frame' if count == 1 else 'frames'}"
    return _Row(f'<div class="note">{text}</div>', text)


def _clock(moment: float) -> str:
    second = int(moment)
    return f"{_clock_second(second)}.{int((moment - second) * 1000):03d}"


@lru_cache(maxsize=64)
def _clock_second(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))
