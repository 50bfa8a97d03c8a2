import json
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from ipywsecho.frames import Control, Decode, Frame, FrameLog, Journal, Notice
from ipywsecho.view import Catalog, Decodings, Screen, View
from ipywsecho.widget.channel import Message
from ipywsecho.widget.details import Details
from tests.markup import HOSTILE, unsafe_in
from tests.view.test_pictures import picture

SENT, NOTICES, CONTROLS, RECEIVED = range(4)
NOON = 1_700_000_000.25


class Pages:
    """Stands for the way to the pages, and keeps the last answer."""

    def __init__(self) -> None:
        self.hearers: dict[str, Callable[[Message], object]] = {}
        self.answer: Message = {}
        self.buffers: Sequence[bytes] = ()

    def hear(self, kind: str, hearer: Callable[[Message], object]) -> None:
        self.hearers[kind] = hearer

    def tell(self, message: Message, buffers: Sequence[bytes] = ()) -> None:
        self.answer, self.buffers = json.loads(json.dumps(message)), buffers


class Desk:
    """A log whose rows a page opens."""

    def __init__(self, history: int = 100, decode: Decode | None = None) -> None:
        self.journal = Journal(
            FrameLog(history, 10**9), FrameLog(history, 10**9), changed=lambda: None, name_of=str
        )
        # Another thread never comes to it: what is opened does not wait for the rows.
        decodings = Decodings(decode, lambda _work, _done: None)
        decodings.SLICE = 0.0
        self.screen = Screen(self.journal, lambda *_: None, decodings)
        self.pages = Pages()
        self._work: list[Callable[[], Coroutine[Any, Any, None]]] = []
        self._details = Details(
            self.pages,  # type: ignore[arg-type]
            Catalog(self.screen),
            view=lambda: self.screen.view,
            spawn=self._work.append,
        )

    async def ask(self, kind: str, log: int, position: int, **more: Any) -> Message:
        message = {"kind": kind, "page": "a", "key": "k", "log": log, "position": position}
        self.pages.hearers[kind](message | {"start": 0, "view": ""} | more)
        await self._work.pop()()
        return self.pages.answer

    async def whole(self, log: int, position: int, view: str = "") -> str:
        """Return all pieces together."""
        html, start = "", 0
        while start is not None:
            piece = await self.ask("piece", log, position, view=view, start=start)
            html, start, view = html + piece["html"], piece["end"], piece["view"]
        return html

    async def payload(self, log: int, position: int) -> bytes:
        octets, start = b"", 0
        while start is not None:
            answer = await self.ask("payload", log, position, start=start)
            octets, start = octets + b"".join(self.pages.buffers), answer["end"]
        return octets


def received(*payloads: str | bytes, history: int = 100, decode: Decode | None = None) -> Desk:
    desk = Desk(history, decode)
    for payload in payloads:
        desk.journal.receive([Frame(payload, NOON)])
    return desk


async def test_a_piece_tells_what_the_row_is() -> None:
    answer = await received("one", "<two>").ask("piece", RECEIVED, 1)

    assert answer["title"].startswith("frame 2, received 20")
    assert answer["title"].endswith(".250, text, 5 B")
    assert answer["html"] == "&lt;two&gt;"
    assert (answer["views"], answer["view"]) == (["text", "hex"], "text")
    assert (answer["name"], answer["log"], answer["end"]) == ("frame-2.txt", "received", None)
    assert (answer["page"], answer["key"]) == ("a", "k")


@pytest.mark.parametrize(
    ("payload", "views", "name", "what"),
    [
        ("text", ["text", "hex"], "frame-1.txt", "text"),
        ("[1]", ["JSON", "text", "hex"], "frame-1.json", "JSON"),
        (b"\x00\xff", ["hex", "text"], "frame-1.bin", "bytes"),
        (b"[1]", ["hex", "text", "JSON"], "frame-1.bin", "bytes"),
        (picture("PNG", (3, 4)), ["picture", "hex", "text"], "frame-1.png", "picture"),
        ("<svg width='9' height='9'>", ["text", "hex"], "frame-1.txt", "text"),
    ],
)
async def test_a_payload_is_shown_in_the_view_that_tells_most(
    payload: str | bytes, views: list[str], name: str, what: str
) -> None:
    answer = await received(payload).ask("piece", RECEIVED, 0)

    assert (answer["views"], answer["view"], answer["name"]) == (views, views[0], name)
    assert f", {what}, " in answer["title"]


async def test_the_view_of_the_rows_is_that_of_an_opened_row() -> None:
    desk = received("[1]")
    desk.screen.show_as(View.HEX)

    answer = await desk.ask("piece", RECEIVED, 0)

    assert answer["html"].startswith("00000000  5b 31 5d")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("view", ["text", "JSON", "hex"])
async def test_a_hostile_payload_is_shown_as_text(text: str, view: str) -> None:
    desk = received(text, json.dumps([text]), text.encode("utf-8", "replace"))

    for position in range(3):
        assert unsafe_in(f"<div>{await desk.whole(RECEIVED, position, view)}</div>") == []


@pytest.mark.parametrize("size", [0, 1, 19_999, 20_000, 20_001, 123_456])
async def test_a_long_payload_comes_in_pieces(size: int) -> None:
    text = ("line\n" * (size // 5 + 1))[:size]
    desk = received(text, text.encode(), json.dumps(text.split("\n")))

    assert await desk.whole(RECEIVED, 0) == text
    dump = await desk.whole(RECEIVED, 1)
    assert dump.count("\n") == -(-size // 16)
    pretty = await desk.whole(RECEIVED, 2)
    assert pretty.count("</bdi>") == len(text.split("\n"))
    assert await desk.payload(RECEIVED, 0) == text.encode()


@pytest.mark.parametrize("line", ["", "x" * 100, "x" * 19_999])
async def test_a_piece_of_a_text_ends_with_a_line(line: str) -> None:
    text = f"{line}\n" * (100_000 // (len(line) + 1))
    desk = received(text)

    piece = await desk.ask("piece", RECEIVED, 0, view="text", start=0)

    assert piece["end"] is not None
    assert piece["html"].endswith("\n")
    assert await desk.whole(RECEIVED, 0, "text") == text


async def test_a_large_payload_is_copied_whole() -> None:
    desk = received("é" * 400_000)

    assert await desk.payload(RECEIVED, 0) == ("é" * 400_000).encode()


async def test_a_picture_comes_with_its_type() -> None:
    desk = received(picture("PNG", (3, 4)))

    piece = await desk.ask("piece", RECEIVED, 0)
    payload = await desk.ask("payload", RECEIVED, 0)

    assert (piece["is_picture"], piece["html"], payload["media"]) == (True, "", "image/png")


async def test_events_are_shown_as_text() -> None:
    desk = Desk()
    desk.journal.add(Notice(NOON, "<lost>"))
    desk.journal.control(Control(NOON, 9, b"hey", sent=True))

    assert await desk.whole(NOTICES, 0) == "&lt;lost&gt;"
    assert await desk.whole(CONTROLS, 0) == "ping “hey”"
    assert await desk.payload(NOTICES, 0) == b"<lost>"
    assert await desk.payload(CONTROLS, 0) == b"hey"
    assert desk.pages.answer["media"] == "application/octet-stream"


async def test_a_row_that_is_forgotten_is_said_to_be() -> None:
    desk = received("one", "two", history=1)

    answer = await desk.ask("piece", RECEIVED, 0)

    assert answer["is_gone"] is True
    assert answer["title"] == "this row is not kept any more"
    assert (await desk.ask("payload", RECEIVED, 0))["is_gone"] is True


@pytest.mark.parametrize(
    ("chosen", "view", "html"),
    [
        (
            View.AUTOMATIC,
            "decoded",
            '{\n  <bdi class="key">"size"</bdi>: <bdi class="num">2</bdi>\n}\n',
        ),
        (View.TEXT, "decoded", '{\n  <bdi class="key">"size"</bdi>: <bdi class="num">2</bdi>\n}\n'),
        (View.HEX, "hex", f"00000000  {'ff 00':<48}  ··\n"),
    ],
)
async def test_what_was_made_of_a_frame_is_its_first_view(
    chosen: View, view: str, html: str
) -> None:
    desk = received(b"\xff\0", decode=lambda frame: {"size": frame.size})
    desk.screen.view = chosen

    answer = await desk.ask("piece", RECEIVED, 0)

    assert answer["views"] == ["decoded", "hex", "text"]
    assert (answer["view"], answer["html"]) == (view, html)
    # The payload stays what it is.
    assert answer["title"].endswith(", bytes, 2 B")
    assert answer["name"] == "frame-1.bin"
    assert await desk.payload(RECEIVED, 0) == b"\xff\0"


async def test_why_nothing_was_made_of_a_frame_is_its_last_view() -> None:
    desk = received("{}", decode=lambda _: b"no text")

    answer = await desk.ask("piece", RECEIVED, 0)

    assert answer["views"] == ["JSON", "text", "hex", "decoded"]
    assert answer["view"] == "JSON"
    assert (await desk.whole(RECEIVED, 0, "decoded")).startswith("decode returned bytes; return")


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_that_was_made_of_a_frame_is_shown_as_text(text: str) -> None:
    for made in (text, [text], {text: 1}):
        desk = received(b"1", decode=lambda _, made=made: made)  # type: ignore[misc]

        assert unsafe_in(f"<pre>{await desk.whole(RECEIVED, 0, 'decoded')}</pre>") == []


@pytest.mark.parametrize("made", ["x" * 300_000, ["x" * 300_000], ["x"] * 30_000])
async def test_whatever_is_made_of_a_frame_is_shown_whole(made: str | list[str]) -> None:
    html = await received(b"1", decode=lambda _: made).whole(RECEIVED, 0)

    assert html.count("x") == "".join(made).count("x")
