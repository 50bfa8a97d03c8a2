"""The console as a Python object, on an event loop without a kernel or a page."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import ipywidgets
import pandas as pd
import pytest
import pytest_asyncio
from traitlets import All, TraitError, observe
from websockets.asyncio.server import serve

from ipywsecho import (
    ClosedError,
    EchoServer,
    Frame,
    NotConnectedError,
    OptionError,
    Reconnect,
    WebSocketConsole,
    widget,
)

DEADLINE = 20.0


@pytest_asyncio.fixture
async def console() -> AsyncIterator[WebSocketConsole]:
    """A console that is connected to its own echo server."""
    console = WebSocketConsole()
    await console.connect()
    yield console
    await _closed(console)


async def _closed(console: WebSocketConsole) -> None:
    console.close()
    await asyncio.gather(*console._home._tasks)


async def until(console: WebSocketConsole, holds: Callable[[], object]) -> None:
    """Wait until something holds, looking whenever the console has news."""
    async with asyncio.timeout(DEADLINE):
        await console._signal.wait_for(lambda: bool(holds()))


def shown(console: WebSocketConsole) -> str:
    """Return what the Output shows as text, once it is up to date."""
    console._show_log(10**9)
    return str(console.output.outputs[0]["data"]["text/plain"]) if console.output.outputs else ""


async def _until_shown(console: WebSocketConsole, text: str) -> None:
    """Wait until the Output shows a text, by itself."""
    is_shown = asyncio.Event()

    def look(_: Any = None) -> None:
        if text in str(console.output.outputs):
            is_shown.set()

    console.output.observe(look, names="outputs")
    look()
    async with asyncio.timeout(DEADLINE):
        await is_shown.wait()


def test_it_is_a_box_that_holds_a_text_a_button_and_an_output() -> None:
    console = WebSocketConsole()

    def inside(widget: ipywidgets.Widget) -> list[ipywidgets.Widget]:
        return [widget, *(w for child in getattr(widget, "children", ()) for w in inside(child))]

    assert isinstance(console, ipywidgets.VBox)
    assert type(console.text) is ipywidgets.Text
    assert type(console.button) is ipywidgets.Button
    assert type(console.output) is ipywidgets.Output
    assert {console.text, console.button, console.output} <= set(inside(console))
    console.close()


def test_it_bears_the_words_of_the_recipe() -> None:
    console = WebSocketConsole()

    assert "WebSocket Demo" in console._controls._title.value
    assert console.text.placeholder == "Send a message"
    assert console.button.tooltip == "Send message"
    console.close()


def test_a_title_of_ones_own_is_shown_and_not_interpreted() -> None:
    console = WebSocketConsole(title="<b>Prices</b>")

    assert "&lt;b&gt;Prices&lt;/b&gt;" in console._controls._title.value
    console.close()


def test_made_without_a_loop_it_connects_once_connect_is_awaited() -> None:
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


def test_it_can_be_used_on_one_loop_after_another_and_leaves_no_socket_open() -> None:
    console = WebSocketConsole()

    async def talk() -> str | bytes:
        await console.connect()
        reply = await console.request("Hello!")
        await console.disconnect()
        return reply.data

    replies = [asyncio.run(talk()), asyncio.run(talk())]
    console.close()

    assert replies == ["Hello!", "Hello!"]
    assert console._server is not None
    assert console._server.uri is None


async def test_made_where_a_loop_runs_it_connects_by_itself_and_knows_its_address() -> None:
    console = WebSocketConsole()

    assert console.state == "connecting"
    assert str(console.uri).startswith("ws://127.0.0.1:")
    await until(console, lambda: console.state == "open")
    await _closed(console)


async def test_it_talks_to_the_server_that_it_is_given() -> None:
    async with EchoServer() as server:
        console = WebSocketConsole(server.uri)
        await console.connect()

        assert console.uri == server.uri
        assert (await console.request("Hello!")).data == "Hello!"
        await _closed(console)


async def test_observers_are_called_exactly_once_for_each_frame_also_for_equal_ones(
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


async def test_observers_of_everything_and_of_a_subclass_hear_of_frames() -> None:
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


async def test_an_observer_that_was_removed_is_not_called(console: WebSocketConsole) -> None:
    heard: list[Any] = []
    console.observe(heard.append, names="frames")
    console.unobserve(heard.append, names="frames")

    await console.request("Hello!")

    assert heard == []


async def test_an_observer_that_raises_is_told_and_harms_nobody(console: WebSocketConsole) -> None:
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
    assert "LookupError: not <here>" in shown(console)
    assert "<here>" not in console.output.outputs[0]["data"]["text/html"]


async def test_a_value_of_frames_does_not_change(console: WebSocketConsole) -> None:
    await console.request("one")
    before = console.frames

    await console.request("two")

    assert [frame.data for frame in before] == ["one"]
    assert [frame.data for frame in console.frames] == ["one", "two"]


async def test_sent_frames_are_observed_as_well(console: WebSocketConsole) -> None:
    heard: list[str | bytes] = []
    console.observe(lambda change: heard.append(change.new[-1].data), names="sent")

    await console.send_message("Hello!")
    await console.send_message(bytearray(b"\x00"))

    assert heard == ["Hello!", b"\x00"]
    assert [frame.sent for frame in console.sent] == [True, True]


async def test_the_traits_that_tell_cannot_be_set(console: WebSocketConsole) -> None:
    for name in ("frames", "sent", "state", "error", "uri", "close_code", "subprotocol"):
        with pytest.raises(TraitError):
            setattr(console, name, None)


async def test_the_history_is_not_sent_to_the_page(console: WebSocketConsole) -> None:
    assert {"frames", "sent", "state", "error"}.isdisjoint(console.keys)


async def test_frames_make_a_data_frame_with_a_row_each(console: WebSocketConsole) -> None:
    await console.request("one")
    await console.request(b"\x02")

    table = pd.DataFrame(console.frames)

    assert list(table["data"]) == ["one", b"\x02"]
    assert list(table.columns) == ["data", "time", "sent", "size"]


async def test_the_history_is_bounded_and_the_total_is_not() -> None:
    console = WebSocketConsole(history=10)
    await console.connect()

    for number in range(30):
        console.send_message(str(number))
    await until(console, lambda: console.frames.total == 30)

    assert [frame.data for frame in console.frames] == [str(number) for number in range(20, 30)]
    assert "… 10 earlier frames" not in shown(console)
    await _closed(console)


async def test_what_is_neither_text_nor_bytes_is_refused_and_the_connection_lives_on(
    console: WebSocketConsole,
) -> None:
    with pytest.raises(TypeError, match=r"json\.dumps"):
        console.send_message({"a": 1})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="surrogates"):
        console.send_message("\ud800")

    assert (await console.request("still here")).data == "still here"


async def test_messages_can_be_sent_from_another_thread(console: WebSocketConsole) -> None:
    threads = [
        threading.Thread(target=console.send_message, args=(str(number),)) for number in range(10)
    ]
    for thread in threads:
        thread.start()

    await until(console, lambda: len(console.frames) == 10)

    for thread in threads:
        thread.join()
    assert sorted(frame.data for frame in console.frames) == [str(number) for number in range(10)]


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


async def test_iteration_yields_each_frame_from_now_on_and_ends_with_the_connection(
    console: WebSocketConsole,
) -> None:
    await console.request("before")
    heard: list[list[str | bytes]] = [[], []]

    async def listen(number: int, frames: Any) -> None:
        async for frame in frames:
            heard[number].append(frame.data)

    listeners = [asyncio.ensure_future(listen(n, aiter(console))) for n in (0, 1)]
    await console.request("one")
    await console.request("two")
    await console.disconnect()
    await asyncio.wait_for(asyncio.gather(*listeners), DEADLINE)

    assert heard == [["one", "two"], ["one", "two"]]


async def test_a_request_without_an_answer_times_out() -> None:
    async def keep_silent(websocket: Any) -> None:
        await websocket.wait_closed()

    async with serve(keep_silent, "127.0.0.1", 0) as server:
        console = WebSocketConsole(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await console.connect()

        with pytest.raises(TimeoutError):
            await console.request("anybody?", timeout=0.01)

        assert console.state == "open"
        await _closed(console)


async def test_a_request_over_a_closed_connection_says_so(console: WebSocketConsole) -> None:
    await console.disconnect()

    with pytest.raises(NotConnectedError):
        await console.request("anybody?")


async def test_callbacks_on_frames_come_and_go(console: WebSocketConsole) -> None:
    heard: list[Frame] = []
    console.on_frame(heard.append)
    await console.request("one")

    console.on_frame(heard.append, remove=True)
    await console.request("two")

    assert [frame.data for frame in heard] == ["one"]


async def test_typing_and_enter_send_what_was_typed_once_and_clear_the_field(
    console: WebSocketConsole,
) -> None:
    _press_enter(console, "Hello!")
    await until(console, lambda: console.frames)

    assert console.text.value == ""
    assert [frame.data for frame in console.sent] == ["Hello!"]


def _press_enter(console: WebSocketConsole, text: str) -> None:
    """Do as a front end does: it tells of Enter first, and then of the value if it is new."""
    console.text._handle_custom_msg({"event": "submit"}, [])
    console.text.set_state({"value": text})


async def test_the_same_text_can_be_sent_again(console: WebSocketConsole) -> None:
    _press_enter(console, "same")
    await until(console, lambda: len(console.frames) == 1)
    _press_enter(console, "same")
    await until(console, lambda: len(console.frames) == 2)

    assert [frame.data for frame in console.sent] == ["same", "same"]


async def test_leaving_the_field_sends_nothing_and_the_button_sends_it_then(
    console: WebSocketConsole,
) -> None:
    console.text.set_state({"value": "typed"})
    await console.request("other")
    assert [frame.data for frame in console.sent] == ["other"]

    console.button.click()
    await until(console, lambda: len(console.frames) == 2)

    assert [frame.data for frame in console.sent] == ["other", "typed"]
    assert console.text.value == ""


async def test_an_empty_field_sends_nothing(console: WebSocketConsole) -> None:
    console.button.click()
    _press_enter(console, "")
    await console.request("marker")

    assert [frame.data for frame in console.sent] == ["marker"]


async def test_a_message_that_is_not_accepted_stays_in_the_field_and_says_why(
    console: WebSocketConsole,
) -> None:
    await console.disconnect()

    console.text.value = "precious"
    console.button.click()

    assert console.text.value == "precious"
    assert "NotConnectedError: " in shown(console)


async def test_a_text_that_cannot_be_encoded_stays_in_the_field_and_says_why(
    console: WebSocketConsole,
) -> None:
    console.text.value = "\ud800"

    console.button.click()

    assert console.text.value == "\ud800"
    assert "UnicodeEncodeError: " in shown(console)
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
        "↑  Hello!",
        "↓  Hello!",
        "↑  00 ff (2 bytes)",
        "↓  00 ff (2 bytes)",
    ]


async def test_the_header_tells_state_address_and_count(console: WebSocketConsole) -> None:
    await console.request("Hello!")
    console._show_header()

    assert "open" in console._controls._title.value
    assert str(console.uri) in console._controls._title.value
    assert "2 frames" in console._controls._title.value
    assert console._controls.switch.description == "Disconnect"


async def test_the_switch_closes_and_opens(console: WebSocketConsole) -> None:
    console._controls.switch.click()
    await until(console, lambda: console.state == "closed")
    console._show_header()
    assert console._controls.switch.description == "Connect"

    console._controls.switch.click()
    await until(console, lambda: console.state == "open")

    assert console.close_code == 1000


async def test_a_pause_holds_the_view_and_keeps_the_frames(console: WebSocketConsole) -> None:
    await console.request("before")
    await _until_shown(console, "before")
    console.paused = True

    await console.request("meanwhile")
    console._show_log(10**9)
    assert "meanwhile" not in str(console.output.outputs)
    console.paused = False
    await _until_shown(console, "meanwhile")

    assert len(console.frames) == 2


async def test_nothing_is_drawn_once_the_view_is_gone_until_there_is_one_again(
    console: WebSocketConsole,
) -> None:
    console._controls.header.set_state({"_view_count": 1})
    await console.request("seen")
    await _until_shown(console, "seen")
    console._controls.header.set_state({"_view_count": 0})

    await console.request("unseen")
    console._show_log(10**9)
    assert "unseen" not in str(console.output.outputs)
    console._controls.header.set_state({"_view_count": 1})
    await _until_shown(console, "unseen")


async def test_the_connection_closes_when_its_last_view_has_gone(
    console: WebSocketConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(widget, "_GRACE", 0.0)
    console._controls.header.set_state({"_view_count": 1})

    console._controls.header.set_state({"_view_count": 0})
    await until(console, lambda: console.state == "closed")

    assert console.close_code == 1001


async def test_a_page_that_asks_for_the_state_counts_its_views_anew(
    console: WebSocketConsole,
) -> None:
    console._controls.header.set_state({"_view_count": 1})

    told = console._controls.header.get_state()

    assert told["_view_count"] == 0
    assert console._controls.header.get_state("_view_count") == {"_view_count": 1}


async def test_a_view_that_comes_back_within_the_grace_keeps_the_connection(
    console: WebSocketConsole,
) -> None:
    console._controls.header.set_state({"_view_count": 1})
    console._controls.header.set_state({"_view_count": 0})
    console._controls.header.set_state({"_view_count": 1})

    console._close_unseen()

    assert console.state == "open"


async def test_a_hundred_thousand_messages_arrive_complete_and_in_order(
    console: WebSocketConsole,
) -> None:
    count = 100_000
    console.close()
    console = WebSocketConsole(history=count)
    await console.connect()

    for number in range(count):
        console.send_message(str(number))
    await until(console, lambda: console.frames.total == count)

    assert [frame.data for frame in console.sent] == [str(number) for number in range(count)]
    assert [frame.data for frame in console.frames] == [str(number) for number in range(count)]
    assert "99999" in shown(console)
    await _closed(console)


async def test_more_than_may_wait_to_be_sent_is_refused_with_what_to_do() -> None:
    console = WebSocketConsole("ws://127.0.0.1:9", reconnect=False)
    megabyte = bytes(1_000_000)

    sendings = [console.send_message(megabyte) for _ in range(70)]

    with pytest.raises(NotConnectedError, match="await send_message"):
        await sendings[-1]
    await until(console, lambda: console.state == "closed")
    await _closed(console)


async def test_clear_forgets_what_was_kept_and_counts_on(console: WebSocketConsole) -> None:
    await console.request("before")

    console.clear()

    assert console.output.outputs == ()
    assert len(console.frames) == len(console.sent) == 0
    await console.request("after")
    assert [frame.data for frame in console.frames] == ["after"]
    assert console.frames.total == 2
    assert "before" not in shown(console)
    assert "earlier" not in shown(console)


async def test_disconnect_keeps_the_log_and_connect_opens_again(console: WebSocketConsole) -> None:
    await console.request("one")
    await console.disconnect(4000, "enough")

    assert console.state == "closed"
    assert (console.close_code, console.close_reason) == (4000, "enough")
    assert [frame.data for frame in console.frames] == ["one"]
    assert "closed by this console: 4000 “enough”" in shown(console)
    await console.connect()
    assert (await console.request("two")).data == "two"


async def test_a_bad_close_code_is_refused(console: WebSocketConsole) -> None:
    with pytest.raises(OptionError):
        await console.disconnect(1006)

    assert console.state == "open"


async def test_a_failure_is_raised_kept_and_shown_in_one_line() -> None:
    console = WebSocketConsole("http://example.org", reconnect=False)

    with pytest.raises(ValueError, match=r"ws://example\.org") as caught:
        await console.connect()

    await until(console, lambda: console.state == "closed")
    assert console.error is caught.value
    assert "InvalidURIError: 'http://example.org'" in shown(console)
    assert "Traceback" not in shown(console)
    await _closed(console)


async def test_a_server_that_goes_away_is_told_and_not_given_up() -> None:
    async with EchoServer() as server:
        console = WebSocketConsole(server.uri, reconnect=Reconnect(delays=lambda: iter([1e6])))
        await console.connect()
    await until(console, lambda: console.state == "waiting")

    assert console.close_code == 1001
    assert "closed by the server: 1001" in shown(console)
    await console.disconnect()
    assert console.state == "closed"
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


async def test_closing_ends_everything_that_it_started() -> None:
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


async def test_its_repr_says_what_one_wants_to_know(console: WebSocketConsole) -> None:
    await console.request("Hello!")

    assert repr(console) == f"WebSocketConsole({console.uri!r}, state='open', frames=1, sent=1)"
