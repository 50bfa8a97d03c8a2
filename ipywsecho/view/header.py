"""The line above the log: title, state, address, counts and details; and what is wrong."""

from collections.abc import Sequence
from typing import Protocol

from ipywsecho.escaping import html_of
from ipywsecho.view.payloads import size_in_words

__all__ = ["complaint", "counts_of", "describe_state", "describe_traffic", "header"]

_STATE_COLOURS = {
    "open": "--jp-success-color1,#388e3c",
    "connecting": "--jp-warn-color1,#f57c00",
    "waiting": "--jp-warn-color1,#f57c00",
    "closing": "--jp-warn-color1,#f57c00",
    "closed": "--jp-ui-font-color2,#757575",
}


class Count(Protocol):
    """What went one way."""

    @property
    def frames(self) -> int:
        """Messages."""

    @property
    def bytes(self) -> int:
        """Bytes of payload."""

    @property
    def wire_bytes(self) -> int:
        """Bytes on the wire."""


class Traffic(Protocol):
    """What went each way."""

    @property
    def received(self) -> Count:
        """From the server."""

    @property
    def sent(self) -> Count:
        """To the server."""


def header(
    title: str,
    state: str,
    uri: str | None,
    counts: str,
    details: Sequence[str],
) -> str:
    """Return the line above the log as HTML; where it is narrow, the style sheet makes it two.

    Args:
        title: The title of the console.
        state: The state of the connection.
        uri: The address of the server, or `None` to show no address.
        counts: How many frames went each way, see `counts_of`.
        details: What else to show, see `describe_state`.
    """
    colour = _STATE_COLOURS[state]
    said = html_of(" · ".join(details))
    address = html_of(uri or "")
    return (
        '<div class="ipywsecho-header"><div>'
        f'<div><b title="{html_of(title)}">{html_of(title)}</b>'
        f'<span role="status" class="{state}">'
        f'<span style="color:var({colour})" aria-hidden="true">●</span> '
        f"<span>{html_of(state)}</span></span>{counts}</div>"
        # What does not fit is cut, and shown when pointed at.
        f'<div><code title="{address}">{address}</code><span title="{said}">{said}</span></div>'
        "</div></div>"
    )


def counts_of(sent: int, received: int, tooltip: str = "") -> str:
    """Return how many frames went each way as HTML.

    Args:
        sent: Frames sent so far.
        received: Frames received so far.
        tooltip: What is shown when they are pointed at.
    """
    return (
        f'<span class="counts" title="{html_of(tooltip)}">'
        f'<span aria-hidden="true">↑ {sent:,}&ensp;↓ {received:,}</span>'
        f'<span class="ipywsecho-spoken">{sent:,} {_frames(sent)} sent, {received:,} received'
        "</span></span>"
    )


def complaint(text: str) -> str:
    """Return an error as HTML that a screen reader reads at once, or "" for no error."""
    return f'<div class="ipywsecho-wrong" role="alert">{html_of(text)}</div>' if text else ""


def describe_state(
    subprotocol: str | None,
    latency: float | None,
    wait: float | None,
    held: int | None = None,
    unsent: int = 0,
) -> list[str]:
    """Return the details of the header, the most important first, as the others may be cut.

    Args:
        subprotocol: The negotiated subprotocol, or `None` if there is none.
        latency: Seconds of the last round trip, or `None` if it was not measured.
        wait: Seconds until the next attempt to connect, or `None` if there is no further attempt.
        held: Number of frames since the view was paused, or `None` if it is not paused.
        unsent: Number of frames that wait to be sent.
    """
    details = []
    if wait is not None:
        details.append(f"retrying in {max(wait, 0):.0f} s")
    if unsent:
        details.append(f"{unsent:,} waiting to be sent")
    if held is not None:
        details.append(f"paused, {held:,} new {_frames(held)}")
    if latency is not None:
        details.append(f"ping {latency * 1000:.1f} ms")
    if subprotocol:
        details.append(subprotocol)
    return details


def describe_traffic(traffic: Traffic) -> str:
    """Return what went over a connection in words.

    Args:
        traffic: Frames, bytes of payload, and bytes on the wire in each direction.
    """
    return "; ".join(
        f"{mark} {count.frames:,} {_frames(count.frames)}, "
        f"{size_in_words(count.bytes)} of payload{_on_the_wire(count)}"
        for mark, count in (("↑", traffic.sent), ("↓", traffic.received))
    )


def _on_the_wire(count: Count) -> str:
    # A web page does not tell.
    is_known = count.wire_bytes or not count.frames
    return f", {size_in_words(count.wire_bytes)} on the wire{_saved(count)}" if is_known else ""


def _saved(count: Count) -> str:
    """Return what compression saved, which is more than the headers of the frames cost."""
    if count.wire_bytes >= count.bytes:
        return ""
    return f" ({1 - count.wire_bytes / count.bytes:.0%} saved by compression)"


def _frames(count: int) -> str:
    return "frame" if count == 1 else "frames"
