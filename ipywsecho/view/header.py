"""The line above the log: title, state, address, details and error."""

from collections.abc import Sequence
from typing import Protocol

from ipywsecho.escaping import html_of
from ipywsecho.view.payloads import size_in_words

__all__ = ["describe_state", "describe_traffic", "header"]

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
    details: Sequence[str],
    error: str = "",
    tooltip: str = "",
) -> str:
    """Return the line above the log as HTML.

    Args:
        title: The title of the console.
        state: The state of the connection.
        uri: The address of the server, or `None` to show no address.
        details: What else to show, see `describe_state`.
        error: An error message, or "" for no error.
        tooltip: What the details show when pointed at.
    """
    colour = _STATE_COLOURS[state]
    said = html_of(" · ".join(details))
    parts = [
        f"<b>{html_of(title)}</b>",
        f'<span role="status"><span style="color:var({colour})" aria-hidden="true">●</span> '
        f"{html_of(state)}</span>",
        f"<code>{html_of(uri)}</code>" if uri else "",
        f'<span title="{html_of(tooltip)}">{said}</span>' if tooltip else said,
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
    unsent: int = 0,
) -> list[str]:
    """Return the details of the header.

    Args:
        frames: Number of frames sent and received so far.
        subprotocol: The negotiated subprotocol, or `None` if there is none.
        latency: Seconds of the last round trip, or `None` if it was not measured.
        wait: Seconds until the next attempt to connect, or `None` if there is no further attempt.
        held: Number of frames since the view was paused, or `None` if it is not paused.
        unsent: Number of frames that wait to be sent.
    """
    details = [f"{frames:,} {_frames(frames)}"]
    if unsent:
        details.append(f"⧗ {unsent:,} waiting to be sent")
    if held is not None:
        details.append(f"paused, {held:,} new {_frames(held)}")
    if latency is not None:
        details.append(f"{latency * 1000:.1f} ms")
    if subprotocol:
        details.append(subprotocol)
    if wait is not None:
        details.append(f"retrying in {max(wait, 0):.0f} s")
    return details


def describe_traffic(traffic: Traffic) -> str:
    """Return what went over a connection in words.

    Args:
        traffic: Frames, bytes of payload, and bytes on the wire in each direction.
    """
    return "; ".join(
        f"{mark} {count.frames:,} {_frames(count.frames)}, "
        f"{size_in_words(count.bytes)} of payload, "
        f"{size_in_words(count.wire_bytes)} on the wire{_saved(count)}"
        for mark, count in (("↑", traffic.sent), ("↓", traffic.received))
    )


def _saved(count: Count) -> str:
    """Return what compression saved, which is more than the headers of the frames cost."""
    if count.wire_bytes >= count.bytes:
        return ""
    return f" ({1 - count.wire_bytes / count.bytes:.0%} saved by compression)"


def _frames(count: int) -> str:
    return "frame" if count == 1 else "frames"
