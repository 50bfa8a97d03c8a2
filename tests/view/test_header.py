import re

import pytest

from ipywsecho.connection import Traffic
from ipywsecho.connection.link import Count
from ipywsecho.escaping import visible
from ipywsecho.view.header import describe_state, describe_traffic, header
from tests.markup import HOSTILE, Page


def test_the_header_shows_title_state_address_and_details() -> None:
    html = header("My server", "open", "ws://127.0.0.1:1/", ["3 frames", "0.4 ms"])

    text = re.sub("<[^>]*>", " ", html)
    assert " ".join(text.split()) == "My server ● open ws://127.0.0.1:1/ 3 frames · 0.4 ms"


def test_the_header_ends_with_the_error() -> None:
    html = header("My server", "closed", "ws://127.0.0.1:1/", ["0 frames"], "ConnectError: it <is>")

    text = Page(html).rows[0].line
    assert text.endswith("0 framesConnectError: it <is>")
    assert "--jp-error-color" in html


@pytest.mark.parametrize("state", ["connecting", "open", "waiting", "closing", "closed"])
def test_the_state_is_given_in_words_and_its_dot_is_hidden_from_screen_readers(state: str) -> None:
    html = header("Title", state, None, [])

    assert re.search(rf'<span role="status"><span [^>]*aria-hidden="true">●</span> {state}<', html)


def test_open_connecting_and_closed_have_different_colours() -> None:
    colours = {
        state: re.findall(r"color:(.*?)\"", header("Title", state, None, []))
        for state in ("connecting", "open", "closed")
    }

    assert len({str(colour) for colour in colours.values()}) == 3


@pytest.mark.parametrize("uri", [None, ""])
def test_a_header_without_an_address_has_no_empty_element(uri: str | None) -> None:
    html = header("Title", "closed", uri, [])

    assert "<code>" not in html
    assert "<span></span>" not in html


@pytest.mark.parametrize("text", [*HOSTILE, '" onload="alert(1)', "' x='"])
@pytest.mark.parametrize("place", ["title", "uri", "details", "error"])
def test_a_hostile_text_in_the_header_is_shown_as_text(text: str, place: str) -> None:
    html = header(
        text if place == "title" else "Title",
        "open",
        text if place == "uri" else "ws://host",
        [text] if place == "details" else ["3 frames"],
        text if place == "error" else "it failed",
    )

    page = Page(html)
    assert page.tags <= {"div", "span", "b", "code"}
    assert page.attributes <= {"style", "role", "aria-hidden"}
    assert visible(text) in page.rows[0].line
    harmless = header("Title", "open", "ws://host", ["3 frames"], "it failed")
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
        (2, None, None, 7.6, ["2 frames", "retrying in 8 s"]),
        (2, None, None, 0.0, ["2 frames", "retrying in 0 s"]),
        (2, None, None, -3.0, ["2 frames", "retrying in 0 s"]),
    ],
)
def test_details_contain_what_is_known(
    frames: int,
    subprotocol: str | None,
    latency: float | None,
    wait: float | None,
    details: list[str],
) -> None:
    assert describe_state(frames, subprotocol, latency, wait) == details


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (0, "paused, 0 new frames"),
        (1, "paused, 1 new frame"),
        (1_234, "paused, 1,234 new frames"),
    ],
)
def test_details_contain_the_number_of_frames_since_the_pause(held: int, said: str) -> None:
    assert describe_state(2, "chat", None, None, held) == ["2 frames", said, "chat"]


def test_traffic_is_given_in_each_direction_with_what_compression_saved() -> None:
    traffic = Traffic(received=Count(1_204, 360_000, 90_000), sent=Count(1, 5, 11))

    assert describe_traffic(traffic) == (
        "↑ 1 frame, 5 B of payload, 11 B on the wire; "
        "↓ 1,204 frames, 360.0 kB of payload, 90.0 kB on the wire (75% saved by compression)"
    )


def test_traffic_without_any_frame_saves_nothing() -> None:
    assert describe_traffic(Traffic()) == (
        "↑ 0 frames, 0 B of payload, 0 B on the wire; ↓ 0 frames, 0 B of payload, 0 B on the wire"
    )


def test_the_details_have_a_tooltip_that_is_escaped() -> None:
    html = header("Title", "open", None, ["3 frames"], tooltip='"><script>')

    assert '<span title="&quot;&gt;&lt;script&gt;">3 frames</span>' in html
