"""The console as a Python object, on an event loop without a kernel or a page."""

import asyncio
import base64
import os
import re
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any

import ipywidgets
import pytest
import pytest_asyncio
from IPython.display import HTML
from traitlets import All, TraitError, observe
from websockets.asyncio.server import serve

from ipywsecho import (
    ClosedError,
    ConnectError,
    EchoServer,
    Frame,
    NotConnectedError,
    OptionError,
    Reconnect,
    SaveError,
    Session,
    WebSocketConsole,
    load,
)
from ipywsecho.frames import now
from ipywsecho.view.decoding import Decodings
from ipywsecho.view.payloads import Kind, View
from ipywsecho.widget import building, sight, viewing
from ipywsecho.widget.building import Snapshot
from ipywsecho.widget.composing import Form
from ipywsecho.widget.controls import Direction, descendants_of
from tests.timing import eventually
from tests.view.test_pictures import picture

DEADLINE = 60.0


@pytest_asyncio.fixture
async def console() -> AsyncIterator[WebSocketConsole]:
    """A console that is connected to its own echo server."""
    console = WebSocketConsole()
    await console.connect()
    yield console
    await _closed(console)


async def _closed(console: WebSocketConsole) -> None:
    console.close()
    await asyncio.gather(*console._session.home._tasks)


async def until(console: WebSocketConsole, holds: Callable[[], object]) -> None:
    """Wait until a condition holds; it is checked whenever the console has news."""
    async with asyncio.timeout(DEADLINE):
        await console._session.journal.signal.wait_for(lambda: bool(holds()))


def shown(console: WebSocketConsole) -> str:
    """Update the Output, and return its text."""
    while not console._view._screen.search(1.0):
        pass
    console._view.show_log(10**9)
    return str(console.output.outputs[0]["data"]["text/plain"]) if console.output.outputs else ""


def title(console: WebSocketConsole) -> str:
    """Update the header above the log, and return its HTML."""
    console._view.show_header()
    return str(console._controls._title.value)


def payloads_shown(console: WebSocketConsole) -> list[str]:
    """Return the texts of the frames in the Output, and its note on the frames left out."""
    lines = shown(console).splitlines()
    return [line[14:].removesuffix(")").rpartition("  (")[0] or line for line in lines]


def tell(console: WebSocketConsole, views: int, page: str = "page") -> None:
    """Tell the console how many views a page has, as a front end does."""
    hear(console._controls.header, {"_view_count": views}, page)


def hear(widget: ipywidgets.Widget, state: dict[str, Any], page: str = "page") -> None:
    """Set traits of a widget, as a page does."""
    data = {"method": "update", "state": state, "buffer_paths": []}
    widget.comm.handle_msg({"header": {"session": page}, "content": {"data": data}})


async def _until_shown(console: WebSocketConsole, text: str) -> None:
    """Wait until the Output shows a text without an update by the test."""
    await _until(console, lambda: text in _all_shown(console))


def _all_shown(console: WebSocketConsole) -> str:
    return "".join(str(twin) for entry in console.output.outputs for twin in entry["data"].values())


async def _until(console: WebSocketConsole, holds: Callable[[], object]) -> None:
    """Wait until a condition holds; it is checked whenever the Output changes."""
    is_shown = asyncio.Event()

    def look(_: Any = None) -> None:
        if holds():
            is_shown.set()

    console.output.observe(look, names="outputs")
    look()
    async with asyncio.timeout(DEADLINE):
        await is_shown.wait()


def test_a_console_is_a_box_with_a_text_field_a_button_and_an_output() -> None:
    console = WebSocketConsole()

    def inside(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
        return [widget, *(w for child in getattr(widget, "children", ()) for w in inside(child))]

    assert isinstance(console, ipywidgets.VBox)
    assert isinstance(console.text, ipywidgets.Text)
    assert type(console.button) is ipywidgets.Button
    assert type(console.output) is ipywidgets.Output
    assert {console.text, console.button, console.output} <= set(inside(console))
    console.close()


def test_the_field_and_the_button_have_the_texts_of_the_recipe() -> None:
    console = WebSocketConsole()

    assert "WebSocket Demo" in title(console)
    assert console.text.placeholder == "Send a message"
    assert console.button.tooltip == "Send message"
    console.close()


def test_a_custom_title_is_shown_and_not_interpreted() -> None:
    console = WebSocketConsole(title="<b>Prices</b>")

    assert "&lt;b&gt;Prices&lt;/b&gt;" in title(console)
    console.close()


def test_a_console_created_without_a_loop_connects_when_connect_is_awaited() -> None:
    console = WebSocketConsole()
    assert console.state == "closed"
    assert console.uri is None

    async def talk() -> Frame:
        early = console.send_message("early")
        await console.connect()
        await early
        assert console.uri is not None
        frame = await anext(console.__aiter__()) if not console.frames else console.frames[0]
        await _closed(console)
        return frame

    assert asyncio.run(talk()).data == "early"


async def test_a_console_created_on_a_loop_connects_by_itself() -> None:
    console = WebSocketConsole()

    assert console.state == "connecting"
    assert str(console.uri).startswith("ws://127.0.0.1:")
    await until(console, lambda: console.state == "open")
    await _closed(console)


async def test_a_console_connects_to_the_given_server() -> None:
    async with EchoServer() as server:
        console = WebSocketConsole(server.uri)
        await console.connect()

        assert console.uri == server.uri
        assert (await console.request("Hello!")).data == "Hello!"
        await _closed(console)


async def test_observers_are_called_exactly_once_per_frame_even_for_equal_frames(
    console: WebSocketConsole,
) -> None:
    changes: list[Any] = []
    console.observe(changes.append, names="frames")

    for _ in range(3):
        console.send_message("same")
    await until(console, lambda: len(console.frames) == 3)

    assert [change.new.total for change in changes] == [1, 2, 3]
    assert [change.old.total for change in changes] == [0, 1, 2]
    assert [len(change.new) for change in changes] == [1, 2, 3]
    assert {change.name for change in changes} == {"frames"}
    assert all(change.owner is console and change.type == "change" for change in changes)
    assert [change.new[-1].data for change in changes] == ["same"] * 3


async def test_observers_of_all_traits_and_of_a_subclass_are_notified_of_frames() -> None:
    heard: list[str] = []

    class Listening(WebSocketConsole):
        @observe("frames")
        def _hear(self, change: Any) -> None:
            heard.append(f"subclass {change.new[-1].data}")

    console = Listening()
    await console.connect()
    console.observe(
        lambda change: heard.append(f"all {change.name}") if change.name == "frames" else None,
        names=All,
    )

    await console.request("Hello!")

    assert sorted(heard) == ["all frames", "subclass Hello!"]
    await _closed(console)


async def test_a_removed_observer_is_not_called(console: WebSocketConsole) -> None:
    heard: list[Any] = []
    console.observe(heard.append, names="frames")
    console.unobserve(heard.append, names="frames")

    await console.request("Hello!")

    assert heard == []


async def test_an_error_in_an_observer_is_shown_and_does_not_affect_others(
    console: WebSocketConsole,
) -> None:
    heard: list[Any] = []

    def fail(_: Any) -> None:
        raise LookupError("not <here>")

    console.observe(fail, names="frames")
    console.observe(heard.append, names="frames")
    console.on_frame(fail)
    console.on_frame(heard.append)

    await console.request("one")
    await console.request("two")

    assert len(heard) == 4
    assert console.state == "open"
    line = fail.__code__.co_firstlineno + 1
    told = f"a callback failed: LookupError: not <here> (in fail, {__file__}, line {line})"
    assert f"{told} ×4, last " in shown(console)
    assert "<here>" not in console.output.outputs[0]["data"]["text/html"]


async def test_sent_frames_can_be_observed(console: WebSocketConsole) -> None:
    heard: list[str | bytes] = []
    console.observe(lambda change: heard.append(change.new[-1].data), names="sent")

    await console.send_message("Hello!")
    await console.send_message(bytearray(b"\x00"))

    assert heard == ["Hello!", b"\x00"]
    assert [frame.sent for frame in console.sent] == [True, True]


async def test_read_only_traits_cannot_be_set(console: WebSocketConsole) -> None:
    for name in ("frames", "sent", "state", "error", "uri", "close_code", "subprotocol"):
        with pytest.raises(TraitError):
            setattr(console, name, None)


async def test_the_history_is_not_sent_to_the_page(console: WebSocketConsole) -> None:
    assert {"frames", "sent", "state", "error"}.isdisjoint(console.keys)


async def test_the_history_is_bounded_but_the_total_is_not() -> None:
    console = WebSocketConsole(history=10)
    await console.connect()

    for number in range(30):
        console.send_message(str(number))
    await until(console, lambda: console.frames.total == 30)

    assert [frame.data for frame in console.frames] == [str(number) for number in range(20, 30)]
    assert "… 10 earlier frames" not in shown(console)
    await _closed(console)


async def test_every_public_coroutine_works_on_another_loop(console: WebSocketConsole) -> None:
    async def elsewhere() -> list[str | bytes]:
        replies = aiter(console)
        await console.connect()
        await console.send_message("from")
        await console.send_message("afar")
        heard = [(await anext(replies)).data, (await anext(replies)).data]
        await console.disconnect()
        return heard

    heard = await asyncio.to_thread(lambda: asyncio.run(elsewhere()))

    assert heard == ["from", "afar"]
    assert console.state == "closed"


async def test_enter_sends_the_text_once_and_clears_the_field(
    console: WebSocketConsole,
) -> None:
    _press_enter(console, "Hello!")
    await until(console, lambda: console.frames)

    assert console.text.value == ""
    assert [frame.data for frame in console.sent] == ["Hello!"]


def _press_enter(console: WebSocketConsole, text: str) -> None:
    """Press Enter as a front end does: it sends the event first, then the value if it is new."""
    console.text._handle_custom_msg({"event": "submit"}, [])
    console.text.set_state({"value": text})


async def test_the_same_text_can_be_sent_again(console: WebSocketConsole) -> None:
    _press_enter(console, "same")
    await until(console, lambda: len(console.frames) == 1)
    _press_enter(console, "same")
    await until(console, lambda: len(console.frames) == 2)

    assert [frame.data for frame in console.sent] == ["same", "same"]


async def test_leaving_the_field_sends_nothing_until_the_button_is_clicked(
    console: WebSocketConsole,
) -> None:
    console.text.set_state({"value": "typed"})
    await console.request("other")
    assert [frame.data for frame in console.sent] == ["other"]

    console.button.click()
    await until(console, lambda: len(console.frames) == 2)

    assert [frame.data for frame in console.sent] == ["other", "typed"]
    assert console.text.value == ""


async def test_the_button_sends_a_text_that_arrives_after_the_click(
    console: WebSocketConsole,
) -> None:
    console.button.click()
    console.text.set_state({"value": "typed"})
    await until(console, lambda: console.frames)

    assert [frame.data for frame in console.sent] == ["typed"]


async def test_other_events_of_the_field_send_nothing(console: WebSocketConsole) -> None:
    console.text.set_state({"value": "typed"})
    console.text._handle_custom_msg({"event": "blur"}, [])
    console.text.set_state({"value": "typed on"})
    await console.request("marker")

    assert [frame.data for frame in console.sent] == ["marker"]


async def test_an_empty_field_sends_nothing(console: WebSocketConsole) -> None:
    console.button.click()
    _press_enter(console, "")
    await console.request("marker")

    assert [frame.data for frame in console.sent] == ["marker"]


async def test_a_rejected_message_stays_in_the_field_and_the_reason_is_shown(
    console: WebSocketConsole,
) -> None:
    await console.disconnect()

    console.text.value = "precious"
    console.button.click()

    assert console.text.value == "precious"
    assert "NotConnectedError: " in console._controls.wrong_text.value
    assert "NotConnectedError" not in shown(console)

    console._controls.switch.click()

    assert console._controls.wrong_text.value == ""
    await until(console, lambda: console.state == "open")


async def test_a_text_that_cannot_be_encoded_stays_in_the_field_and_the_reason_is_shown(
    console: WebSocketConsole,
) -> None:
    console.text.value = "\ud800"

    console.button.click()

    assert console.text.value == "\ud800"
    assert "InputError: the message is not valid UTF-8 (" in console._controls.wrong_text.value
    assert (await console.request("still here")).data == "still here"


async def test_a_widget_event_from_another_thread_is_handled_on_the_loop(
    console: WebSocketConsole,
) -> None:
    threads: list[str] = []
    console.observe(lambda _: threads.append(threading.current_thread().name), names="sent")
    console.text.value = "from a thread"

    await asyncio.to_thread(console.button.click)
    await until(console, lambda: console.frames)

    assert threads == [threading.main_thread().name]


async def test_the_output_shows_rows_in_one_entry_with_html_and_text(
    console: WebSocketConsole,
) -> None:
    await console.request("Hello!")
    await console.request(b"\x00\xff")
    await _until_shown(console, "00 ff")

    (entry,) = console.output.outputs
    assert entry["output_type"] == "display_data"
    assert set(entry["data"]) == {"text/html", "text/plain"}
    lines = entry["data"]["text/plain"].splitlines()
    assert [line[14:] for line in lines] == [
        f"—  connected to {console.uri}",
        "↑  Hello!  (text, 6 B)",
        "↓  Hello!  (text, 6 B)",
        "↑  00 ff   ··  (bytes, 2 B)",
        "↓  00 ff   ··  (bytes, 2 B)",
    ]


async def test_the_header_shows_state_address_and_count(console: WebSocketConsole) -> None:
    await console.request("Hello!")

    assert "open" in title(console)
    assert str(console.uri) in title(console)
    assert "1 frame sent, 1 received" in title(console)
    assert console._controls.switch.description == "Disconnect"


async def test_the_switch_closes_and_reopens_the_connection(console: WebSocketConsole) -> None:
    console._controls.switch.click()
    await until(console, lambda: console.state == "closed")
    console._view.show_header()
    assert console._controls.switch.description == "Connect"

    console._controls.switch.click()
    await until(console, lambda: console.state == "open")

    assert console.close_code == 1000


async def test_a_pause_freezes_the_view_but_keeps_the_frames(console: WebSocketConsole) -> None:
    await console.request("before")
    await _until_shown(console, "before")
    console.paused = True

    await console.request("meanwhile")
    console._view.show_log(10**9)
    assert "meanwhile" not in str(console.output.outputs)
    console.paused = False
    await _until_shown(console, "meanwhile")

    assert len(console.frames) == 2


async def test_the_button_pauses_and_resumes_and_the_header_counts_new_frames(
    console: WebSocketConsole,
) -> None:
    pause = console._controls.pause
    await console.request("before")
    seen = [("paused" in title(console), pause.description, console.paused)]

    pause.click()
    await console.request("meanwhile")
    seen.append(("paused, 2 new frames" in title(console), pause.description, console.paused))
    assert "meanwhile" not in shown(console)
    pause.click()
    seen.append(("paused" in title(console), pause.description, console.paused))

    assert "meanwhile" in shown(console)
    assert seen == [(False, "Pause", False), (True, "Resume", True), (False, "Pause", False)]


async def test_a_pause_set_by_the_trait_is_shown_like_one_set_by_the_button(
    console: WebSocketConsole,
) -> None:
    console.paused = True
    await console.request("meanwhile")

    assert console._controls.pause.description == "Resume"
    assert "paused, 2 new frames" in title(console)


async def test_clearing_during_a_pause_empties_the_view_and_restarts_the_count(
    console: WebSocketConsole,
) -> None:
    await console.request("before")
    console.paused = True
    await console.request("meanwhile")

    console._controls.forget.click()

    assert shown(console) == ""
    assert "paused, 0 new frames" in title(console)
    assert len(console.frames) == 0


async def test_the_clear_button_empties_the_view_and_keeps_the_frames(
    console: WebSocketConsole,
) -> None:
    controls = console._controls
    await console.request("before")

    controls.clear.click()
    emptied = shown(console)
    title(console)
    way_back = controls.uncover.layout.display
    await console.request("after")
    cleared = shown(console)
    controls.uncover.click()
    title(console)

    assert emptied == "no frames yet · 3 earlier rows hidden by Clear"
    assert way_back is None
    assert "3 earlier rows hidden by Clear" in cleared
    assert "before" not in cleared
    assert "↓  after" in cleared
    assert [frame.data for frame in console.frames] == ["before", "after"]
    assert re.findall(r"[↑↓]  (\w+)", shown(console)) == [*("before",) * 2, *("after",) * 2]
    assert controls.uncover.layout.display == "none"


async def test_a_page_can_show_again_what_was_cleared(console: WebSocketConsole) -> None:
    await console.request("before")
    console._controls.clear.click()
    assert "before" not in shown(console)

    console._controls.channel._hear(None, {"kind": "uncover", "page": "a"}, [])

    assert "before" in shown(console)


async def test_a_filter_is_removed_at_once(console: WebSocketConsole) -> None:
    controls = console._controls
    await console.request("soup")
    controls.search.value = "/(/"
    controls.search.value = "bread"
    controls.direction.value = Direction.SENT
    assert (controls.more.description, "soup" in shown(console)) == ("Tools (filter)", False)

    controls.unfilter.click()

    assert (controls.more.description, "soup" in shown(console)) == ("Tools", True)
    assert controls.search.value == ""


async def test_two_buttons_go_through_the_rows_of_a_paused_log(console: WebSocketConsole) -> None:
    pager = console._controls.pager
    console._session.journal.receive([Frame(f"frame {number}", now()) for number in range(1_000)])
    before = pager.row.layout.display
    console.paused = True
    newest, words = shown(console), [pager._words.value]
    states = [(pager.row.layout.display, pager.earlier.disabled, pager.later.disabled)]

    pager.earlier.click()
    words.append(pager._words.value)
    states.append((pager.row.layout.display, pager.earlier.disabled, pager.later.disabled))
    earlier = console.output.outputs[0]["data"]["text/plain"]
    while not pager.earlier.disabled:
        pager.earlier.click()
    oldest = console.output.outputs[0]["data"]["text/plain"]
    console.paused = False

    assert before == "none"
    assert states == [(None, False, True), (None, False, False)]
    assert re.search(r"rows [\d,]+ to 1,001 of 1,001", words[0])
    assert re.search(r"rows [\d,]+ to [\d,]+ of 1,001", words[1])
    assert "frame 999" in newest
    assert "frame 999" not in earlier
    assert "connected to" in oldest
    assert "frame 0 " in oldest
    assert pager.row.layout.display == "none"
    assert "frame 999" in shown(console)


async def test_what_was_cleared_comes_back_with_the_newest_rows_of_a_paused_log(
    console: WebSocketConsole,
) -> None:
    controls = console._controls
    console._session.journal.receive([Frame(f"frame {number}", now()) for number in range(1_000)])
    console.paused = True
    shown(console)
    controls.pager.earlier.click()

    controls.clear.click()
    shown(console)
    emptied = controls.pager._words.value, controls.pager.later.disabled
    controls.uncover.click()

    assert emptied == ('<span role="status">no rows</span>', True)
    assert "frame 999" in shown(console)


async def test_a_new_filter_begins_with_the_newest_rows_of_a_paused_log(
    console: WebSocketConsole,
) -> None:
    console._session.journal.receive([Frame(f"frame {number}", now()) for number in range(1_000)])
    console.paused = True
    shown(console)
    console._controls.pager.earlier.click()

    console._controls.search.value = "frame"

    assert "frame 999" in shown(console)
    assert console._controls.pager.later.disabled


# Tools.


@pytest.mark.parametrize("tools", [False, True])
async def test_tools_are_folded_unless_requested(tools: bool) -> None:
    console = WebSocketConsole(tools=tools)
    controls = console._controls
    row = controls._tools.layout

    at_first = row.display
    controls.more.click()
    then = row.display
    controls.more.click()

    assert (at_first, then) == (("flex", "none") if tools else ("none", "flex"))
    assert row.display == at_first
    await _closed(console)


async def test_rows_are_filtered_by_text_direction_and_kind(console: WebSocketConsole) -> None:
    for message in ("apple", '["apple"]', "pear", b"apple"):
        await console.request(message)
    controls = console._controls

    controls.search.value = "APP"
    by_text = payloads_shown(console)
    controls.direction.value = Direction.RECEIVED
    and_direction = payloads_shown(console)
    controls.kind.value = Kind.JSON
    and_kind = payloads_shown(console)
    controls.search.value = "/^pear$/"
    nothing = payloads_shown(console)

    both = ["↑  apple", "↓  apple", '↑  ["apple"]', '↓  ["apple"]']
    apple = f"{b'apple'.hex(' ')}   apple"
    assert by_text == ["2 hidden by the filter", *both, f"↑  {apple}", f"↓  {apple}"]
    assert and_direction == ["5 hidden by the filter", both[1], both[3], f"↓  {apple}"]
    assert and_kind == ["7 hidden by the filter", both[3]]
    assert nothing == ["8 hidden by the filter"]


async def test_what_decode_makes_of_frames_is_shown_and_found() -> None:
    def decode(frame: Frame) -> object:
        return {"answer": frame.data[0]} if frame.data[1:] else frame.data.no_such_attribute  # type: ignore[union-attr]

    async with WebSocketConsole(decode=decode) as console:
        for data in (b"*\x00", b"+\x00", b"!"):
            await console.request(data)
        await _until_shown(console, "decode failed: AttributeError")
        every = shown(console)
        console._controls.search.value = '"answer": 42'
        await _until(console, lambda: "hidden" in shown(console))
        found = payloads_shown(console)
        kept = console.frames[0].data

    console.close()
    assert '{"answer": 42}  (JSON decoded from 2 B)' in every
    assert "decode failed: AttributeError: 'bytes' object has no attribute" in every
    assert "in decode, " in every
    assert "21   !  (bytes, 1 B)" in every
    assert [row.split("  (")[0] for row in found] == [
        "4 hidden by the filter",
        '↑  {"answer": 42}',
        '↓  {"answer": 42}',
    ]
    assert kept == b"*\x00"


async def test_a_slow_decode_holds_neither_the_loop_nor_the_rows() -> None:
    may_end = threading.Event()
    own = threading.get_ident()
    at_once = []

    def decode(frame: Frame) -> object:
        if threading.get_ident() == own:
            at_once.append(frame)
            # The first call tells that it is slow.
            end = monotonic() + 2 * Decodings.SLICE
            while monotonic() < end:
                pass
        else:
            may_end.wait(DEADLINE)
        return f"decoded {frame.size}"

    async with WebSocketConsole(decode=decode) as console:
        for size in range(1, 9):
            await console.request(bytes(size))
        # The other thread is at work, and the bytes are shown meanwhile.
        await _until_shown(console, "(bytes, 8 B)")
        await console.request(bytes(9))
        may_end.set()
        for size in range(1, 10):
            await _until_shown(console, f"decoded {size}")

    console.close()
    # Each slow call has the next ones made aside, until the thread has told that they are quick.
    assert 1 <= len(at_once) <= 4


async def test_a_filter_is_applied_and_removed_without_a_new_frame(
    console: WebSocketConsole,
) -> None:
    await console.request("apple")
    await console.request("pear")

    console._controls.search.value = "apple"
    await _until_shown(console, "2 hidden by the filter")
    console._controls.search.value = ""
    await _until_shown(console, "pear")

    assert "hidden" not in shown(console)


async def test_an_invalid_expression_is_reported_and_leaves_the_view_unchanged(
    console: WebSocketConsole,
) -> None:
    await console.request("apple")
    await console.request("pear")
    console._controls.search.value = "apple"
    before = payloads_shown(console)

    console._controls.search.value = "/app[/"
    after = payloads_shown(console)
    complaint = console._controls.wrong_search.value
    console._controls.search.value = "/^app/"

    assert after == before
    assert (
        "InputError: /app[/ is not a valid regular expression (unterminated character set"
        in complaint
    )
    assert "remove the slashes" in complaint
    assert payloads_shown(console) == before
    assert console._controls.wrong_search.value == ""


async def test_what_is_wrong_with_an_input_is_said_at_that_input_alone(
    console: WebSocketConsole,
) -> None:
    controls = console._controls
    controls.form.value = Form.JSON

    _press_enter(console, "{no")
    controls.search.value = "/[/"

    assert "InputError: the message is not valid JSON" in controls.wrong_text.value
    assert "InputError: /[/ is not a valid" in controls.wrong_search.value
    for place in (controls.wrong_text, controls.wrong_search):
        assert 'role="alert"' in place.value
        assert place.layout.display == "flex"
    assert "InputError" not in shown(console) + title(console)
    # Another message is not known to be wrong.
    console.text.value = "{yes"
    assert controls.wrong_text.layout.display == "none"
    assert "InputError" in controls.wrong_search.value


async def test_an_expression_that_takes_too_long_is_reported_and_the_rest_is_found(
    console: WebSocketConsole,
) -> None:
    await console.request("a" * 60 + "b")
    await console.request("aaa")

    console._controls.search.value = "/(a|aa)+$/"

    assert payloads_shown(console) == ["2 hidden by the filter", "↑  aaa", "↓  aaa"]
    await eventually(lambda: console._controls.wrong_search.value != "")
    assert (
        "InputError: /(a|aa)+$/ takes too long on received frame 1, sent frame 1 (hidden by the "
        "filter); simplify the regular expression"
    ) in console._controls.wrong_search.value
    console._controls.search.value = ""
    assert console._controls.wrong_search.value == ""


async def test_filtering_during_a_pause_finds_only_earlier_frames(
    console: WebSocketConsole,
) -> None:
    await console.request("apple one")
    await console.request("pear")
    console.paused = True
    await console.request("apple two")

    console._controls.search.value = "apple"
    paused = payloads_shown(console)
    console.paused = False

    assert paused == ["2 hidden by the filter", "↑  apple one", "↓  apple one"]
    assert payloads_shown(console) == [*paused, "↑  apple two", "↓  apple two"]


async def test_a_long_search_continues_in_slices_and_does_not_block_others(
    console: WebSocketConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without time, a search examines one frame in each direction before other tasks run.
    monkeypatch.setattr(viewing, "_SLICE", 0.0)
    for number in range(200):
        console.send_message(str(number))
    await until(console, lambda: console.frames.total == 200)

    console._controls.search.value = "/^7$/"
    reply = await console.request("meanwhile")
    await _until_shown(console, "400 hidden by the filter")

    assert reply.data == "meanwhile"
    assert payloads_shown(console)[1:] == ["↑  7", "↓  7"]


async def test_closing_ends_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewing, "_SLICE", 0.0)
    console = WebSocketConsole()
    await console.connect()
    for number in range(1_000):
        console.send_message(str(number))
    await until(console, lambda: console.frames.total == 1_000)

    console._controls.search.value = "nowhere"
    console._view.show_log(10**9)
    await asyncio.wait_for(_closed(console), DEADLINE)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_payloads_are_shown_in_the_chosen_view(console: WebSocketConsole) -> None:
    await console.request("AB")

    console._controls.view.value = View.HEX
    await _until_shown(console, "41 42   AB  (text as bytes, 2 B)")

    assert payloads_shown(console)[1:] == ["↑  41 42   AB", "↓  41 42   AB"]


async def test_a_large_picture_is_shown_once_it_has_been_scaled_down(
    console: WebSocketConsole,
) -> None:
    data = picture("PNG", (200, 100))

    await console.request(data)
    await _until_shown(console, "data:image/webp;base64,")

    assert payloads_shown(console)[1:] == ["↑  PNG image, 200 × 100", "↓  PNG image, 200 × 100"]


# Composing.


@pytest.mark.parametrize(
    ("form", "text", "payload"),
    [
        (Form.JSON, '{"a": 1}', '{"a": 1}'),
        (Form.HEX, "00 ff", b"\x00\xff"),
        (Form.BASE64, "AP8=", b"\x00\xff"),
    ],
)
async def test_a_message_is_sent_in_the_chosen_form(
    console: WebSocketConsole, form: Form, text: str, payload: str | bytes
) -> None:
    console._controls.form.value = form

    _press_enter(console, text)
    await until(console, lambda: console.frames)

    assert console.frames[0].data == payload
    assert console.text.value == ""


async def test_a_message_is_sent_in_the_form_that_its_page_shows(
    console: WebSocketConsole,
) -> None:
    def send(number: int, text: str, **more: object) -> None:
        message = {"kind": "send", "page": "a", "number": number, "text": text, **more}
        console._controls.channel._hear(None, message, [])

    # A kernel may handle the choice on another thread than the message, and later.
    send(0, "00 ff", form=2)
    send(1, "0x0g", form=2)
    console._controls.form.index = 2
    complaint = console._controls.wrong_text.value
    for number, more in enumerate([{}, *({"form": form} for form in (-1, 4, "0", None))], 2):
        send(number, "ab", **more)
    await until(console, lambda: console.frames.total == 6)

    assert [frame.data for frame in console.frames] == [b"\x00\xff", *[b"\xab"] * 5]
    assert "the message is not valid hex (" in complaint


@pytest.mark.parametrize("form", [Form.JSON, Form.HEX, Form.BASE64])
@pytest.mark.parametrize("is_paused", [False, True])
async def test_a_message_invalid_in_the_chosen_form_stays_in_the_field(
    console: WebSocketConsole, form: Form, is_paused: bool
) -> None:
    console._controls.form.value = form
    console.paused = is_paused

    _press_enter(console, "{no")
    complaint = console._controls.wrong_text.value
    kept = console.text.value
    console._controls.form.value = Form.TEXT
    console.button.click()
    await until(console, lambda: console.frames)

    assert kept == "{no"
    assert f"InputError: the message is not valid {form} (" in complaint
    assert "InputError: " not in shown(console)
    # The error disappears once the message has been sent.
    assert console._controls.wrong_text.value == ""
    assert [frame.data for frame in console.sent] == ["{no"]


# Builders.


def _count(snapshot: Snapshot) -> str:
    newest = snapshot.frame.data if snapshot.frame else None
    return f"{snapshot.state}: {len(snapshot.frames)} frames, then <{newest!r}>"


async def test_the_result_of_a_builder_is_shown_instead_of_the_log() -> None:
    console = WebSocketConsole(builder=_count)
    await console.connect()

    await console.request("one")
    await console.request("two")
    await _until_shown(console, "open: 2 frames, then <'two'>")

    (entry,) = console.output.outputs
    assert entry["data"]["text/plain"] == "open: 2 frames, then <'two'>"
    assert "&lt;'two'&gt;" in entry["data"]["text/html"]
    await console.disconnect()
    await _until_shown(console, "closed: 2 frames")
    await _closed(console)


async def test_a_builder_may_return_a_displayable_object_or_none() -> None:
    def show(snapshot: Snapshot) -> HTML | None:
        return HTML(f"<b>{len(snapshot.frames)}</b>") if len(snapshot.frames) % 2 else None

    console = WebSocketConsole(builder=show)
    await console.connect()
    await console.request("one")
    await _until_shown(console, "<b>1</b>")
    (entry,) = console.output.outputs

    await console.request("two")
    await _until(console, lambda: console.output.outputs == ())

    assert entry["data"]["text/html"] == "<b>1</b>"
    await _closed(console)


async def test_an_asynchronous_builder_is_awaited() -> None:
    async def wait(snapshot: Snapshot) -> str:
        await asyncio.sleep(0)
        return _count(snapshot)

    console = WebSocketConsole(builder=wait)
    await console.connect()
    await console.request("one")

    await _until_shown(console, "open: 1 frames")
    await _closed(console)


async def test_an_error_in_a_builder_is_shown_with_its_place_and_the_connection_stays_open() -> (
    None
):
    def fail(snapshot: Snapshot) -> str:
        if len(snapshot.frames) == 1:
            raise LookupError("not <here>")
        return _count(snapshot)

    console = WebSocketConsole(builder=fail)
    await console.connect()
    await console.request("one")
    await _until_shown(console, "LookupError")
    (entry,) = console.output.outputs

    reply = await console.request("two")
    await _until_shown(console, "open: 2 frames")

    line = fail.__code__.co_firstlineno + 2
    assert entry["data"]["text/plain"] == (
        f"the builder failed: LookupError: not <here> (in fail, {__file__}, line {line})"
    )
    assert "not &lt;here&gt;" in entry["data"]["text/html"]
    assert 'class="error"' in entry["data"]["text/html"]
    assert reply.data == "two"
    await _closed(console)


async def test_a_builder_that_fails_without_a_frame_is_shown_after_the_reason() -> None:
    console = WebSocketConsole(
        "ws://127.0.0.1:9", builder=lambda snapshot: snapshot.frame.data, reconnect=False
    )
    with pytest.raises(ConnectError):
        await console.connect()

    await _until_shown(console, "no server listens at")

    (entry,) = console.output.outputs
    assert re.match(
        r"no server listens at ws://127\.0\.0\.1:9 .*; the builder failed: AttributeError: ",
        entry["data"]["text/plain"],
    )
    await _closed(console)


@pytest.mark.parametrize("reason", ["paused", "out of sight"])
async def test_nothing_is_built_while_paused_or_not_visible(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "INTERVAL", 0.0)
    built: list[int] = []

    def build(snapshot: Snapshot) -> str:
        built.append(len(snapshot.frames))
        return _count(snapshot)

    def hold(is_held: bool) -> None:
        if reason == "paused":
            console.paused = is_held
        else:
            tell(console, int(not is_held))

    console = WebSocketConsole(builder=build)
    await console.connect()
    hold(False)
    await console.request("before")
    await _until_shown(console, "open: 1 frames")

    hold(True)
    # Each round trip takes long enough for a builder that is not held.
    for _ in range(10):
        await console.request("meanwhile")
    held = built[-1]
    hold(False)
    await _until_shown(console, "open: 11 frames")

    assert held == 1
    await _closed(console)


async def test_a_slow_builder_does_not_slow_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    may_go_on = asyncio.Event()

    async def wait(snapshot: Snapshot) -> str:
        await may_go_on.wait()
        return _count(snapshot)

    monkeypatch.setattr(building, "INTERVAL", 0.0)
    console = WebSocketConsole(builder=wait)
    await console.connect()
    for number in range(100):
        await console.request(str(number))
    meanwhile = console.output.outputs
    may_go_on.set()

    await _until_shown(console, "open: 100 frames, then <'99'>")
    assert meanwhile == ()
    await _closed(console)


async def test_closing_cancels_a_builder_that_waits_for_ever() -> None:
    async def wait(_: Snapshot) -> None:
        await asyncio.Event().wait()

    console = WebSocketConsole(builder=wait)
    await console.connect()

    await asyncio.wait_for(_closed(console), DEADLINE)

    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_with_a_builder_errors_are_shown_above_the_field() -> None:
    console = WebSocketConsole("http://example.org", reconnect=False, builder=_count)
    with pytest.raises(ValueError, match=r"ws://example\.org"):
        await console.connect()
    await until(console, lambda: console.state == "closed")
    title(console)
    of_connection = console._controls.failure.value

    console._controls.form.value = Form.HEX
    console.text.value = "no hex"
    console.button.click()
    of_message = console._controls.wrong_text.value

    assert "InvalidURIError: " in of_connection
    assert "InputError: the message is not valid hex (" in of_message
    assert console.text.value == "no hex"
    await _closed(console)


async def test_clearing_empties_the_output_and_runs_the_builder_again() -> None:
    console = WebSocketConsole(builder=_count)
    await console.connect()
    await console.request("one")
    await _until_shown(console, "open: 1 frames")

    console.clear()
    outputs = console.output.outputs

    assert outputs == ()
    await _until_shown(console, "open: 0 frames, then <None>")
    await _closed(console)


# Views.


async def test_nothing_is_drawn_between_the_last_view_and_the_next_one(
    console: WebSocketConsole,
) -> None:
    tell(console, 1)
    await console.request("seen")
    await _until_shown(console, "seen")
    tell(console, 0)

    await console.request("unseen")
    console._view.show_log(10**9)
    assert "unseen" not in str(console.output.outputs)
    tell(console, 1)
    await _until_shown(console, "unseen")


async def test_the_connection_closes_after_its_last_view(
    console: WebSocketConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "GRACE", 0.0)
    tell(console, 1)

    tell(console, 0)
    await until(console, lambda: console.state == "closed")

    assert console.close_code == 1001


async def test_a_page_that_hides_a_console_tells_the_others_nothing(
    console: WebSocketConsole,
) -> None:
    tell(console, 1, "A")
    tell(console, 1, "B")
    tell(console, 0, "A")

    assert console._controls.header._view_count == 0
    assert console._controls.header.get_state()["_view_count"] == 0
    assert not console._view.is_out_of_sight
    assert not console._presence.is_unneeded


async def test_pages_are_asked_by_a_box_that_they_count_the_views_of(
    console: WebSocketConsole,
) -> None:
    for page, views in (("A", 1), ("B", 1), ("A", 0)):
        tell(console, views, page)
    [first] = console._controls._roll.children

    hear(first, {"_view_count": 1}, "B")
    console._presence._sight._end_roll()
    is_out_of_sight = console._view.is_out_of_sight
    for views in (1, 0):
        tell(console, views, "A")
    [second] = console._controls._roll.children
    console._presence._sight._end_roll()

    assert not is_out_of_sight
    assert console._view.is_out_of_sight
    assert (first.comm, first._view_count) == (None, None)
    assert second is not first


@pytest.mark.parametrize("state", ["closing", "closed"])
async def test_a_connection_closed_for_the_lack_of_a_page_opens_again_with_one(
    console: WebSocketConsole, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    monkeypatch.setattr(sight, "GRACE", 0.0)
    console.paused = True
    tell(console, 1)
    tell(console, 0)
    await until(console, lambda: console.state == state)
    if state == "closed":
        await asyncio.gather(*console._session.home._tasks)

    hear(console._controls.more, {})
    await until(console, lambda: console.state == "open")

    assert console.paused
    assert not console._view.is_out_of_sight
    assert (await console.request("Hello!")).data == "Hello!"
    assert console.uri == console._session.uri


async def test_a_connection_that_the_user_closed_stays_closed_when_shown_again(
    console: WebSocketConsole,
) -> None:
    await console.disconnect()
    tell(console, 1)
    tell(console, 0)
    console._presence._rest()
    await asyncio.gather(*console._session.home._tasks)

    tell(console, 1)

    assert console.state == "closed"
    assert console.close_code == 1000
    assert console._session.lifetime._server is None


@pytest.mark.parametrize("way", ["connect", "async with"])
async def test_a_connection_that_code_opened_and_closed_again_is_not_opened_by_a_page(
    console: WebSocketConsole, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(sight, "GRACE", 0.0)
    tell(console, 1)
    tell(console, 0)
    await until(console, lambda: console.state == "closed")
    await asyncio.gather(*console._session.home._tasks)

    if way == "connect":
        await console.connect()
        await console.disconnect()
    else:
        async with console:
            pass
    tell(console, 1)

    assert console.state == "closed"
    assert not console._view.is_out_of_sight


async def test_a_page_that_loads_brings_the_view_back(console: WebSocketConsole) -> None:
    tell(console, 1)
    tell(console, 0)
    assert console._view.is_out_of_sight

    console._controls.header.get_state()

    assert not console._view.is_out_of_sight


async def test_connect_asks_the_pages_whether_they_show_the_console(
    console: WebSocketConsole,
) -> None:
    tell(console, 1)
    tell(console, 0)

    await console.connect()
    [box] = console._controls._roll.children
    hear(box, {"_view_count": 1})

    assert not console._view.is_out_of_sight


async def test_clear_removes_all_frames_and_keeps_the_total(console: WebSocketConsole) -> None:
    await console.request("before")

    console.clear()

    assert console.output.outputs == ()
    assert len(console.frames) == len(console.sent) == 0
    await console.request("after")
    assert [frame.data for frame in console.frames] == ["after"]
    assert console.frames.total == 2
    assert "before" not in shown(console)
    assert "earlier" not in shown(console)


async def test_disconnect_keeps_the_log_and_connect_reopens(console: WebSocketConsole) -> None:
    await console.request("one")
    await console.disconnect(4000, "enough")

    assert console.state == "closed"
    assert (console.close_code, console.close_reason) == (4000, "enough")
    assert [frame.data for frame in console.frames] == ["one"]
    assert "closed by this console: 4000 “enough”" in shown(console)
    await console.connect()
    assert (await console.request("two")).data == "two"


async def test_a_failure_is_raised_stored_and_shown_in_one_line() -> None:
    console = WebSocketConsole("http://example.org", reconnect=False)

    with pytest.raises(ValueError, match=r"ws://example\.org") as caught:
        await console.connect()

    await until(console, lambda: console.state == "closed")
    assert console.error is caught.value
    assert "InvalidURIError: 'http://example.org'" in shown(console)
    assert "Traceback" not in shown(console)
    await _closed(console)


async def test_a_closing_server_is_reported_and_retried() -> None:
    async with EchoServer() as server:
        console = WebSocketConsole(server.uri, reconnect=Reconnect(delays=lambda: iter([1e6])))
        await console.connect()
    await until(console, lambda: console.state == "waiting")

    assert console.close_code == 1001
    assert "closed by the server: 1001" in shown(console)
    assert "retrying in " in title(console)
    await console.disconnect()
    assert console.state == "closed"
    await _closed(console)


async def test_a_loop_that_falls_behind_is_reported_with_the_number_of_lost_frames() -> None:
    console = WebSocketConsole(history=1)
    await console.connect()
    frames = aiter(console)

    for text in ("one", "two", "three"):
        await console.request(text)
    newest = await anext(frames)

    assert newest.data == "three"
    assert "fell behind: 2 were forgotten before it came" in shown(console)
    await _closed(console)


async def test_subprotocol_and_other_options_reach_the_server() -> None:
    seen: list[str | None] = []

    async def handler(websocket: Any) -> None:
        seen.append(websocket.request.headers.get("X-Token"))
        await websocket.wait_closed()

    async with serve(handler, "127.0.0.1", 0, subprotocols=["chat"]) as server:  # type: ignore[list-item]
        port = server.sockets[0].getsockname()[1]
        console = WebSocketConsole(
            f"ws://127.0.0.1:{port}",
            subprotocols=["other", "chat"],
            additional_headers={"X-Token": "t"},
        )
        await console.connect()
        assert console.subprotocol == "chat"
        await _closed(console)

    assert seen == ["t"]


async def test_closing_ends_everything_the_console_started() -> None:
    from ipywidgets.widgets.widget import _instances

    before = set(_instances)
    console = WebSocketConsole()
    await console.connect()
    assert set(_instances) - before

    await _closed(console)
    console.close()

    assert set(_instances) - before == set()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert console.state == "closed"
    with pytest.raises((OSError, ClosedError)):
        await asyncio.open_connection("127.0.0.1", int(str(console.uri).rpartition(":")[2]))


async def test_the_repr_shows_address_state_and_counts(console: WebSocketConsole) -> None:
    await console.request("Hello!")

    assert repr(console) == f"WebSocketConsole({console.uri!r}, state='open', frames=1, sent=1)"


async def test_the_save_button_saves_the_frames_and_offers_the_file(
    console: WebSocketConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await console.request("Hello!")

    console._controls.save.click()
    await _until_shown(console, f"saved to {tmp_path}")

    offered = re.search(r'download="(.*)" href="data:(.*);base64,(.*)"', offer(console))
    assert offered is not None
    name, kind, data = offered.groups()
    assert name.endswith(".jsonl")
    assert kind == "application/octet-stream"
    assert base64.b64decode(data) == (tmp_path / name).read_bytes()
    assert [frame.data for frame in load(tmp_path / name).frames] == ["Hello!", "Hello!"]


async def test_the_save_button_saves_in_the_format_that_was_chosen(
    console: WebSocketConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await console.request("Hello!")
    console._controls.file_format.value = ".har"

    console._controls.save.click()
    await _until_shown(console, f"saved to {tmp_path}")

    offered = re.search(r'download="(.*\.har)"', offer(console))
    assert offered is not None
    assert [frame.data for frame in load(tmp_path / offered[1]).frames] == ["Hello!", "Hello!"]


@pytest.mark.parametrize("way", ["button", "method"])
async def test_forgetting_removes_the_file_that_was_offered(
    console: WebSocketConsole, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await console.request("a secret frame")
    console._controls.save.click()
    await _until_shown(console, f"saved to {tmp_path}")
    assert "base64" in offer(console)

    if way == "button":
        console._controls.forget.click()
    else:
        console.clear()
    await until(console, lambda: offer(console) == "")

    encoded = base64.b64encode(b"a secret frame").decode()[1:-2]
    assert all(encoded not in str(w.get_state()) for w in descendants_of(console))


async def test_a_file_that_is_saved_while_the_log_is_cleared_is_not_offered(
    console: WebSocketConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await console.request("Hello!")

    console._controls.save.click()
    # Called once saving has begun, and long before a thread has written the file.
    asyncio.get_running_loop().call_soon(console.clear)
    await _until_shown(console, f"saved to {tmp_path}")

    assert offer(console) == ""


async def test_a_failure_of_the_save_button_is_reported(
    console: WebSocketConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()

    console._controls.save.click()
    await _until_shown(console, "FileNotFoundError: ")

    assert offer(console) == ""
    assert console.state == "open"


def offer(console: WebSocketConsole) -> str:
    """Return the HTML of the download link, empty if there is none."""
    return str(console._controls.offer.value)


async def test_only_a_cell_on_the_loop_of_the_console_is_notified_of_the_view(
    console: WebSocketConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[threading.Thread] = []
    monkeypatch.setattr(console._view, "tell_cell", lambda: told.append(threading.current_thread()))

    await asyncio.to_thread(lambda: asyncio.run(console.disconnect()))
    await console.disconnect()

    assert told == [threading.current_thread()]


async def test_a_console_has_the_methods_of_a_session(
    console: WebSocketConsole, tmp_path: Path
) -> None:
    heard: list[Frame] = []
    console.on_frame(heard.append)

    frames = aiter(console)
    await console.request("one", timeout=DEADLINE)
    console.on_frame(heard.append, remove=True)
    await console.send_message(b"two")
    first, second = await anext(frames), await anext(frames)
    await console.save(tmp_path / "talk.jsonl")
    with pytest.raises(OptionError):
        await console.disconnect(1006)

    assert (first.data, second.data) == ("one", b"two")
    assert [frame.data for frame in heard] == ["one"]
    assert len(load(tmp_path / "talk.jsonl").frames) == len(console.recording.frames) == 4
    assert console.state == "open"


@pytest.mark.parametrize(
    "name", ["connect", "disconnect", "send_message", "on_frame", "request", "save", "__aiter__"]
)
def test_a_method_has_the_docstring_of_the_session_method(name: str) -> None:
    documented = getattr(WebSocketConsole, name).__doc__

    assert documented == getattr(Session, name).__doc__
    assert documented


# Observers, and callbacks that are coroutine functions.


def fail_on(state: str) -> Callable[[Any], None]:
    """Return an observer of the state that fails in one."""

    def fail(change: Any) -> None:
        if change.new == state:
            raise LookupError(f"not {state}")

    return fail


@pytest.mark.parametrize("error", [LookupError("not open"), asyncio.CancelledError()], ids=repr)
async def test_an_observer_that_fails_on_open_prevents_neither_the_connection_nor_the_others(
    error: BaseException,
) -> None:
    def fail(change: Any) -> None:
        if change.new == "open":
            raise error

    heard: list[str] = []
    console = WebSocketConsole()
    console.observe(fail, names="state")
    console.observe(lambda change: heard.append(change.new), names="state")

    await console.connect()
    assert (await console.request("one")).data == "one"

    assert heard == ["open"]
    assert f"a callback failed: {type(error).__name__}" in shown(console)
    await _closed(console)


async def test_an_observer_that_fails_while_waiting_does_not_end_the_retries() -> None:
    async with EchoServer() as server:
        console = WebSocketConsole(
            f"{server.uri}/close?code=1012", reconnect=Reconnect(delays=lambda: iter([0.0] * 3))
        )
        console.observe(fail_on("waiting"), names="state")

        await until(console, lambda: console.state == "closed" and console.error is not None)

    assert "gave up after 4 attempts" in shown(console)
    await _closed(console)


async def test_an_observer_that_fails_on_closed_keeps_no_loop_from_ending(
    console: WebSocketConsole,
) -> None:
    console.observe(fail_on("closed"), names="state")
    frames = aiter(console)

    await console.disconnect()

    assert [frame async for frame in frames] == []
    assert "LookupError: not closed" in shown(console)


@pytest.mark.parametrize("name", ["uri", "error", "close_code", "close_reason", "latency"])
async def test_a_failing_observer_of_any_trait_harms_nothing(name: str) -> None:
    def fail(_: Any) -> None:
        raise LookupError("not here")

    console = WebSocketConsole()
    console.observe(fail, names=name)
    console.observe(fail)
    await console.connect()
    await console.ping()
    await console.disconnect(4000, "enough")
    await console.connect()

    assert (await console.request("one")).data == "one"
    assert console.close_code == 4000
    await _closed(console)


async def test_three_thousand_failures_are_one_row(console: WebSocketConsole) -> None:
    def fail(change: Any) -> None:
        raise LookupError(change.new[-1].data)

    console.observe(fail, names="frames")
    for number in range(3_000):
        console.send_message(str(number))
    await until(console, lambda: console.frames.total == 3_000)

    notices = console._session.notices
    assert [each.occurrences for each in notices] == [1, 3_000]
    assert notices[0].text.startswith("connected to")


async def test_observers_of_the_state_find_the_other_traits_in_place() -> None:
    seen: list[tuple[Any, ...]] = []
    async with EchoServer() as server:
        console = WebSocketConsole(f"{server.uri}/close?code=4001&reason=bye", reconnect=False)
        console.observe(
            lambda change: seen.append(
                (change.old, change.new, console.state, console.close_code, console.error)
            ),
            names="state",
        )
        await until(console, lambda: console.state == "closed" and console.error is not None)

    assert [each[:4] for each in seen] == [
        ("connecting", "open", "open", None),
        ("open", "closed", "closed", 4001),
    ]
    assert isinstance(seen[-1][4], ClosedError)
    await _closed(console)


async def test_an_observer_of_frames_may_be_a_coroutine_function(
    console: WebSocketConsole,
) -> None:
    heard: list[tuple[int, int, Any]] = []

    async def hear(change: Any) -> None:
        await asyncio.sleep(0)
        heard.append((len(change.old), len(change.new), change.new[-1].data))

    console.observe(hear, names="frames")
    for number in range(20):
        console.send_message(str(number))
    await eventually(lambda: len(heard) == 20)

    assert heard == [(number, number + 1, str(number)) for number in range(20)]


async def test_a_coroutine_function_that_observes_no_longer_is_not_called_again(
    console: WebSocketConsole,
) -> None:
    go_on = asyncio.Event()
    heard: list[Any] = []

    async def hear(change: Any) -> None:
        await go_on.wait()
        heard.append(change.new[-1].data)

    console.observe(hear, names="frames")
    for text in ("one", "two"):
        await console.request(text)
    console.unobserve(hear, names="frames")
    go_on.set()
    await eventually(lambda: heard)
    await console.request("three")

    assert heard == ["one"]


async def test_an_observer_of_the_state_may_be_a_coroutine_function() -> None:
    heard: list[str] = []

    async def hear(change: Any) -> None:
        await asyncio.sleep(0)
        heard.append(change.new)

    console = WebSocketConsole()
    console.observe(hear, names="state")
    await console.connect()
    await console.disconnect()
    await eventually(lambda: len(heard) == 3)

    assert heard == ["open", "closing", "closed"]
    await _closed(console)


async def test_an_asynchronous_observer_of_a_subclass_is_called_once_at_a_time() -> None:
    running = most = 0
    heard: list[Any] = []

    class Listening(WebSocketConsole):
        @observe("frames")
        async def _hear(self, change: Any) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            heard.append(change.new[-1].data)
            running -= 1

    console = Listening()
    await console.connect()
    for text in ("one", "two", "three"):
        console.send_message(text)
    await eventually(lambda: len(heard) == 3)

    assert heard == ["one", "two", "three"]
    assert most == 1
    await _closed(console)


# As a context manager.


async def test_a_console_is_connected_inside_its_context_and_closed_after_it() -> None:
    async with WebSocketConsole() as console:
        assert console.state == "open"
        await console.request("one")
        port = int(str(console.uri).rpartition(":")[2])

    assert console.state == "closed"
    assert console.close_code == 1000
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)
    assert "one" in shown(console)

    await console.connect()
    assert (await console.request("two")).data == "two"
    await _closed(console)


async def test_frames_that_are_kept_and_those_that_come_can_be_streamed(
    console: WebSocketConsole,
) -> None:
    await console.request("one")
    frames = console.stream(from_start=True)
    await console.request("two")
    await console.disconnect()

    assert [frame.data async for frame in frames] == ["one", "two"]


async def test_messages_that_wait_are_shown_in_the_header() -> None:
    console = WebSocketConsole(
        "ws://127.0.0.1:9", reconnect=Reconnect(delays=lambda: iter([3600.0]))
    )
    await until(console, lambda: console.state == "waiting")

    console.send_message("one")
    console.send_message("two")

    assert "2 waiting to be sent" in title(console)
    await _closed(console)


async def test_a_message_that_waits_appears_in_the_header_by_itself() -> None:
    console = WebSocketConsole(
        "ws://127.0.0.1:9", reconnect=Reconnect(delays=lambda: iter([3600.0]))
    )
    await until(console, lambda: console.state == "waiting")

    console.send_message("one")

    await eventually(lambda: "1 waiting" in console._controls._title.value)
    await _closed(console)


async def test_a_console_cannot_be_connected_after_close(console: WebSocketConsole) -> None:
    await _closed(console)

    with pytest.raises(NotConnectedError, match="closed for good"):
        await console.connect()


async def test_two_consoles_that_save_in_the_same_second_write_two_files(
    console: WebSocketConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one_second = SimpleNamespace(strftime=lambda _: "websocket-2026-01-01-120000.jsonl")
    monkeypatch.setattr("ipywsecho.widget.gestures.time", one_second)
    other = WebSocketConsole()
    await other.connect()
    await console.request("one")
    await other.request("two")

    for each in (console, other):
        each._controls.save.click()
    await eventually(lambda: all("saved to" in shown(each) for each in (console, other)))

    names = ["websocket-2026-01-01-120000.jsonl", "websocket-2026-01-01-120000-2.jsonl"]
    assert [load(tmp_path / name).frames[-1].data for name in names] == ["one", "two"]
    await _closed(other)


async def test_a_builder_that_raises_a_cancellation_is_called_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(building, "INTERVAL", 0.0)

    async def build(snapshot: Snapshot) -> str:
        if snapshot.frames.total == 1:
            raise asyncio.CancelledError
        return f"{snapshot.frames.total} frames"

    console = WebSocketConsole(builder=build)
    await console.connect()
    await console.request("one")
    await _until_shown(console, "the builder failed: CancelledError")

    await console.request("two")

    await _until_shown(console, "2 frames")
    await _closed(console)


async def test_observers_are_called_only_for_traits_that_have_changed() -> None:
    changed: list[str] = []
    console = WebSocketConsole()
    console.observe(lambda change: changed.append(change.name), names=["uri", "error", "state"])
    await console.connect()
    console.send_message("one")
    await console.ping()

    await console.disconnect()

    assert changed == ["state", "state", "state"]
    await _closed(console)


async def test_a_file_that_could_not_be_saved_is_not_left_empty(
    console: WebSocketConsole, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Path) -> None:
        raise SaveError("no space is left")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console._session, "save", fail)

    console._controls.save.click()

    await eventually(lambda: "SaveError: no space is left" in shown(console))
    assert os.listdir(tmp_path) == []


async def test_an_asynchronous_observer_ends_with_the_console(console: WebSocketConsole) -> None:
    ended = asyncio.Event()

    async def wait_for_ever(_: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    console.observe(wait_for_ever, names="frames")
    await console.request("one")
    await asyncio.sleep(0)
    await _closed(console)

    await asyncio.wait_for(ended.wait(), DEADLINE)


async def test_frames_that_an_observer_missed_are_counted() -> None:
    go_on = asyncio.Event()
    heard: list[Any] = []

    async def hear(change: Any) -> None:
        await go_on.wait()
        heard.append(change.new[-1].data)

    async with WebSocketConsole(history=2) as console:
        console.observe(hear, names="frames")
        for number in range(6):
            await console.request(str(number))
        go_on.set()
        await eventually(lambda: len(heard) == 3)

        assert heard == ["0", "4", "5"]
        assert "an observer fell behind: 3 were forgotten before it came" in shown(console)
    await _closed(console)
