"""The kernel's side of the pane: sends the whole payload of a row, a piece at a time."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from ipywsecho.frames import Control, Frame, Notice
from ipywsecho.view import (
    DECODED,
    PICTURE,
    Catalog,
    Place,
    View,
    picture_type_of,
    piece_of,
    size_in_words,
    views_of,
)
from ipywsecho.widget.channel import Channel, Message

__all__ = ["Details"]

_PAYLOAD_BYTES = 250_000
_LOGS = ("sent", "notices", "controls", "received")


class Details:
    """Answers what a page asks of a row that is open there.

    Args:
        channel: The way to the pages.
        catalog: The rows.
        view: Returns how payloads are shown in the rows.
        spawn: Runs a coroutine function on the event loop.
    """

    def __init__(
        self,
        channel: Channel,
        catalog: Catalog,
        *,
        view: Callable[[], View],
        spawn: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
    ) -> None:
        self._channel = channel
        self._catalog = catalog
        self._view = view
        channel.hear("piece", lambda message: spawn(lambda: self._answer(self._piece, message)))
        channel.hear("payload", lambda message: spawn(lambda: self._answer(self._payload, message)))

    async def _answer(
        self,
        answer: Callable[[Frame | Notice | Control, int, Message], tuple[Message, list[bytes]]],
        message: Message,
    ) -> None:
        place = Place(message["log"], message["position"])
        self._catalog.refresh()
        entry = self._catalog.entry(place)
        content: Message
        buffers: list[bytes]
        if entry is None:
            gone = {"title": "this row is not kept any more", "name": "", "views": [], "log": ""}
            content, buffers = {**gone, "is_gone": True, "html": "", "end": None, "view": ""}, []
        else:
            number = self._catalog.number_of(place)
            # In a thread, as a long payload may take a while.
            content, buffers = await asyncio.to_thread(answer, entry, number, message)
        asked = {name: message[name] for name in ("page", "key")}
        self._channel.tell({"kind": "answer", **content, **asked}, buffers)

    def _piece(
        self, entry: Frame | Notice | Control, number: int, message: Message
    ) -> tuple[Message, list[bytes]]:
        decoded = self._catalog.decoded(entry)
        views = views_of(entry, decoded)
        view = message["view"]
        if view not in views:
            view = self._view()
            # As in the row, where what was made of a frame stands for it in all views but hex.
            if view not in views or (views[0] == DECODED and view is not View.HEX):
                view = views[0]
        piece = piece_of(entry, view, message["start"], decoded)
        what = next(each for each in views if each != DECODED)
        head = {
            "title": _title(entry, number, what),
            "name": _name(entry, number, what),
            "views": views,
            "view": view,
            "log": _LOGS[message["log"]],
            "is_picture": view == PICTURE,
        }
        return {**head, "html": piece.html, "end": piece.end}, []

    def _payload(
        self, entry: Frame | Notice | Control, _: int, message: Message
    ) -> tuple[Message, list[bytes]]:
        data = entry.data if isinstance(entry, Frame | Control) else entry.text
        octets = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        end = message["start"] + _PAYLOAD_BYTES
        other = "text/plain" if isinstance(data, str) else "application/octet-stream"
        content = {
            "end": end if end < len(octets) else None,
            "media": picture_type_of(entry) or other,
        }
        return content, [octets[message["start"] : end]]


def _title(entry: Frame | Notice | Control, number: int, what: str) -> str:
    moment = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(entry.time))}.{_millis(entry)}"
    if isinstance(entry, Notice):
        return moment
    way = "sent" if entry.sent else "received"
    if isinstance(entry, Control):
        return f"control frame, {way} {moment}"
    return f"frame {number:,}, {way} {moment}, {_kind(entry, what)}, {size_in_words(entry.size)}"


def _kind(frame: Frame, what: str) -> str:
    if what == View.HEX or what == View.TEXT:
        return "text" if isinstance(frame.data, str) else "bytes"
    return what


def _millis(entry: Frame | Notice | Control) -> str:
    return f"{int(entry.time % 1 * 1000):03d}"


def _name(entry: Frame | Notice | Control, number: int, what: str) -> str:
    """Return the name of the file that a payload is saved as."""
    if not isinstance(entry, Frame):
        return "event.txt"
    if picture := picture_type_of(entry):
        return f"frame-{number}.{picture.removeprefix('image/')}"
    if isinstance(entry.data, bytes):
        return f"frame-{number}.bin"
    return f"frame-{number}.{'json' if what == View.JSON else 'txt'}"
