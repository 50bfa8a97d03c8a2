"""What the view shows: pure functions from frames and state to text and HTML.

A frame is somebody else's text. It is shown and never interpreted: markup is escaped, every
character that a terminal or a browser would act on is written out, and all of it stands in a
`<pre>`, which no typesetter of formulas enters.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from heapq import merge
from html import escape
from typing import Any, Literal, NamedTuple

from ipywsecho.escaping import html_of, visible
from ipywsecho.frames import Frame, Notice
from ipywsecho.view.payloads import View, body_of
from ipywsecho.view.pictures import Picture

__all__ = [
    "STYLE",
    "Parity",
    "Rendering",
    "describe_state",
    "header",
    "newest_first",
    "output",
    "paragraph",
    "preview",
    "weight_of",
]

Parity = Literal["even", "odd"]
"""A preview is seen only below an Output of its own parity, and so goes as the next one comes."""

_INDENT = " " * 17

# It stands in the page once: a style sheet that comes and goes with each drawing would have the
# browser restyle the whole page each time.
STYLE = (
    # Named by its role as well, or JupyterLab's margins for a `pre` would win, and Voilà's font.
    "pre.ipywsecho[role]{container-type:inline-size;margin:0;padding:4px 8px;white-space:pre-wrap;"
    "word-break:normal;overflow-wrap:anywhere;font-family:var(--jp-code-font-family,monospace);"
    "font-size:var(--jp-code-font-size,13px);line-height:1.4;"
    "color:var(--jp-content-font-color1,#212121)}"
    ".ipywsecho>div{padding-left:17ch;text-indent:-17ch;overflow:hidden}"
    # Older rows are mostly out of sight, and need not be laid out.
    ".ipywsecho>div:nth-last-child(n+31){content-visibility:auto;"
    "contain-intrinsic-height:auto 1.4em}"
    # Wrapped, as each part that scrolls by itself would be one more stop for the Tab key.
    ".ipywsecho div div,.ipywsecho details{text-indent:0}"
    ".ipywsecho>div>div,.ipywsecho details[open]{clear:both}"
    ".ipywsecho details:not([open]){display:inline-block;vertical-align:top;"
    "max-width:max(100% - 24ch,70%)}"
    ".ipywsecho summary{cursor:pointer;white-space:pre;overflow:hidden;text-overflow:ellipsis}"
    ".ipywsecho details[open] summary{color:var(--jp-ui-font-color2,#616161)}"
    ".ipywsecho time,.ipywsecho i,.ipywsecho .note{color:var(--jp-ui-font-color2,#616161)}"
    ".ipywsecho i{font-style:normal;float:right;text-indent:0;padding-left:2ch}"
    ".ipywsecho img{display:block;max-width:128px;max-height:128px;margin:2px 0}"
    ".ipywsecho .sent b{color:var(--jp-brand-color1,#1976d2)}"
    ".ipywsecho .got b{color:var(--jp-success-color0,#1b5e20)}"
    ".ipywsecho .error{color:var(--jp-error-color1,#b71c1c)}"
    ".ipywsecho .key{color:var(--jp-mirror-editor-property-color,#0055aa)}"
    ".ipywsecho .str{color:var(--jp-mirror-editor-string-color,#a31515)}"
    ".ipywsecho .num{color:var(--jp-mirror-editor-number-color,#086)}"
    # The rows of a preview stand where they will stand in the Output.
    ".ipywsecho-screen .jp-RenderedHTMLCommon{padding:0}"
    ".ipywsecho-preview pre.ipywsecho[role]{padding-top:0;margin-top:-4px}"
    # A preview gives way in the very moment in which the Output shows its rows: were it told to go,
    # they would be seen twice, or not at all, until the page has heard of both.
    ".ipywsecho-screen>.ipywsecho-preview{display:none}"
    ".ipywsecho-screen:has(.even[role=log]):has(.even[role=none])>.ipywsecho-preview,"
    ".ipywsecho-screen:has(.odd[role=log]):has(.odd[role=none])>.ipywsecho-preview{display:flex}"
    "@container (max-width:60ch){.ipywsecho>div{padding-left:2ch;text-indent:-2ch}}"
    # The labels name the fields to a screen reader; what is in the fields tells the rest.
    ".ipywsecho-named .widget-label{position:absolute;clip-path:inset(50%)}"
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
        return weight_of(self.html) + weight_of(self.plain)


def weight_of(text: str) -> int:
    """Return how many bytes a text takes on its way to the page."""
    # As JSON: quotation marks, backslashes and line breaks take twice as much.
    return len(json.dumps(text, ensure_ascii=False).encode())


def output(
    entries: Iterable[Frame | Notice],
    *,
    seen: int,
    limit: int,
    hidden: int = 0,
    view: View = View.AUTOMATIC,
    source_of: Callable[[bytes, Picture], str | None] = lambda data, picture: None,  # noqa: ARG005
    parity: Parity = "even",
) -> Rendering:
    """Return the newest rows of a log, as many as fit.

    Args:
        entries: Frames, and what happened to the connection, newest first.
        seen: How many frames there are, shown or not; those not shown are counted.
        limit: About how many bytes may be shown. The newest row is always shown.
        hidden: How many more frames a filter leaves out.
        view: How payloads are shown.
        source_of: Returns a picture as a URI, "" if it cannot be shown, or `None` if not yet.
        parity: Of which previews stand below it.
    """
    rows: list[_Row] = []
    size = frames = 0
    is_cut = False
    for entry in entries:
        row = _row(entry, view, source_of)
        if rows and size + row.size > limit:
            is_cut = True
            break
        rows.append(row)
        size += row.size
        frames += isinstance(entry, Frame)
    if seen > frames or hidden:
        rows.append(_left_out(seen - frames, hidden))
    if not rows:
        return Rendering((), 0, False)
    rows.reverse()
    html = "".join(row.html for row in rows)
    plain = "\n".join(row.plain for row in rows)
    return Rendering(_entry(html, plain, parity), size, is_cut)


def preview(
    entries: Iterable[Frame | Notice],
    *,
    view: View,
    source_of: Callable[[bytes, Picture], str | None],
    parity: Parity,
) -> str:
    """Return rows as HTML that stands below the Output until it shows them itself.

    Args:
        entries: Frames, and what happened to the connection, newest first.
        view: How payloads are shown.
        source_of: Returns a picture as a URI, "" if it cannot be shown, or `None` if not yet.
        parity: That of the Output above.
    """
    rows = [_row(entry, view, source_of).html for entry in entries]
    rows.reverse()
    html = "".join(rows)
    # Nobody shall be told twice, nor step into what is about to go.
    return f'<pre class="ipywsecho {parity}" role="none" aria-hidden="true" inert>{html}</pre>'


def paragraph(text: str, *, is_error: bool = False) -> Rendering:
    """Return a text alone, as all there is to show."""
    shown = visible(text)
    html = f'<div class="{"error" if is_error else "text"}">{escape(shown, quote=False)}</div>'
    return Rendering(_entry(html, shown), len(html) + len(shown), False)


def newest_first(
    received: Sequence[Frame], sent: Sequence[Frame], notices: Sequence[Notice]
) -> Iterator[Frame | Notice]:
    """Yield frames and notices in the order in which they happened, backwards."""
    # Of the same moment, what was received came last: it may be the answer to what was sent.
    return merge(
        reversed(received), reversed(notices), reversed(sent), key=lambda entry: -entry.time
    )


def _entry(html: str, plain: str, parity: Parity = "even") -> tuple[dict[str, Any], ...]:
    bundle = {
        # The Tab key stops here, so that other keys can scroll.
        "text/html": f'<pre class="ipywsecho {parity}" role="log" tabindex="0">{html}</pre>',
        "text/plain": plain,
    }
    return ({"output_type": "display_data", "data": bundle, "metadata": {}},)


def header(title: str, state: str, uri: str | None, details: Sequence[str], error: str = "") -> str:
    """Return the line above the log as HTML: title, state in words, address, details and error."""
    colour = _STATE_COLOURS[state]
    parts = [
        f"<b>{html_of(title)}</b>",
        f'<span role="status"><span style="color:var({colour})" aria-hidden="true">●</span> '
        f"{html_of(state)}</span>",
        f"<code>{html_of(uri)}</code>" if uri else "",
        html_of(" · ".join(details)),
        f'<span style="color:var(--jp-error-color1,#b71c1c)">{html_of(error)}</span>'
        if error
        else "",
    ]
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:0 1.2em;align-items:baseline">{}</div>'.format(
            "".join(f"<span>{part}</span>" for part in parts if part)
        )
    )


def describe_state(
    frames: int,
    subprotocol: str | None,
    latency: float | None,
    wait: float | None,
    held: int | None = None,
) -> list[str]:
    """Return the details of the header.

    Args:
        frames: How many frames there were.
        subprotocol: The subprotocol negotiated, if any.
        latency: Seconds of the last round trip, if it was measured.
        wait: Seconds until the next attempt to connect, if there will be one.
        held: How many frames came since the view is paused, if it is.
    """
    details = [f"{frames:,} {'frame' if frames == 1 else 'frames'}"]
    if held is not None:
        details.append(f"paused, {held:,} more {'waits' if held == 1 else 'wait'}")
    if latency is not None:
        details.append(f"{latency * 1000:.1f} ms")
    if subprotocol:
        details.append(subprotocol)
    if wait is not None:
        details.append(f"trying again in {max(wait, 0):.0f} s")
    return details


def _row(
    entry: Frame | Notice, view: View, source_of: Callable[[bytes, Picture], str | None]
) -> _Row:
    clock = _clock(entry.time)
    if isinstance(entry, Notice):
        text = visible(entry.text)
        kind = "error" if entry.is_error else "note"
        return _laid_out(clock, "—", kind, text, f"<bdi>{escape(text, quote=False)}</bdi>")
    mark, kind, title = ("↑", "sent", "sent") if entry.sent else ("↓", "got", "received")
    body = body_of(entry, view, source_of)
    html = f"{body.html}  <i>{body.note}</i>{body.block}"
    return _laid_out(clock, mark, kind, f"{body.plain}  ({body.note})", html, title)


def _laid_out(
    clock: str, mark: str, kind: str, plain: str, html: str, title: str = "event"
) -> _Row:
    return _Row(
        f'<div class="{kind}"><time>{clock}</time>  <b title="{title}">{mark}</b>  {html}</div>',
        f"{clock}  {mark}  {plain}".replace("\n", "\n" + _INDENT),
    )


def _left_out(earlier: int, hidden: int) -> _Row:
    parts = []
    if earlier:
        parts.append(f"… {earlier:,} earlier {'frame' if earlier == 1 else 'frames'}")
    if hidden:
        parts.append(f"{hidden:,} hidden by the filter")
    text = " · ".join(parts)
    return _Row(f'<div class="note">{text}</div>', text)


def _clock(moment: float) -> str:
    second = int(moment)
    return f"{_clock_second(second)}.{int((moment - second) * 1000):03d}"


@lru_cache(maxsize=64)
def _clock_second(second: int) -> str:
    return time.strftime("%H:%M:%S", time.localtime(second))
