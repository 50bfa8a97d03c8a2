import re
from html import unescape

import pytest

from ipywsecho.connection import Traffic
from ipywsecho.connection.link import Count
from ipywsecho.escaping import visible
from ipywsecho.view.header import (
    complaint,
    counts_of,
    describe_state,
    describe_traffic,
    header,
)
from tests.markup import HOSTILE, Page


def test_the_header_shows_title_state_address_and_details() -> None:
    counts = counts_of(12, 1_204)
    html = header("My server", "open", "ws://127.0.0.1:1/", counts, ["ping 0.4 ms", "chat"])

    text = re.sub("<[^>]*>", " ", unescape(html))
    assert " ".join(text.split()) == (
        "My server ● open ↑ 12 ↓ 1,204 12 frames sent, 1,204 received "
        "ws://127.0.0.1:1/ ping 0.4 ms · chat"
    )


def test_counts_are_symbols_for_the_eye_and_words_for_screen_readers() -> None:
    html = counts_of(1, 1_204, "payload <and> more")

    assert '<span aria-hidden="true">↑ 1&ensp;↓ 1,204</span>' in html
    assert '<span class="ipywsecho-spoken">1 frame sent, 1,204 received</span>' in html
    assert 'title="payload &lt;and&gt; more"' in html


def test_a_complaint_is_read_at_once_and_nothing_is_shown_for_none() -> None:
    assert complaint("it <is>") == '<div class="ipywsecho-wrong" role="alert">it &lt;is&gt;</div>'
    assert complaint("") == ""


@pytest.mark.parametrize("state", ["connecting", "open", "waiting", "closing", "closed"])
def test_the_state_is_given_in_words_and_its_dot_is_hidden_from_screen_readers(state: str) -> None:
    html = header("Title", state, None, "", [])

    dot = '<span [^>]*aria-hidden="true">●</span>'
    assert re.search(rf'<span role="status" class="{state}">{dot} <span>{state}<', html)


def test_open_connecting_and_closed_have_different_colours() -> None:
    colours = {
        state: re.findall(r"color:(.*?)\"", header("Title", state, None, "", []))
        for state in ("connecting", "open", "closed")
    }

    assert len({str(colour) for colour in colours.values()}) == 3


@pytest.mark.parametrize("text", [*HOSTILE, '" onload="alert(1)', "' x='"])
@pytest.mark.parametrize("place", ["title", "uri", "details", "tooltip"])
def test_a_hostile_text_in_the_header_is_shown_as_text(text: str, place: str) -> None:
    def made(**texts: str) -> str:
        return header(
            texts.get("title", "Title"),
            "open",
            texts.get("uri", "ws://host"),
            counts_of(1, 2, texts.get("tooltip", "traffic")),
            [texts.get("details", "ping 0.4 ms")],
        )

    html = made(**{place: text})

    page = Page(html)
    assert page.tags <= {"div", "span", "b", "code"}
    assert page.attributes <= {"class", "style", "role", "title", "aria-hidden"}
    assert visible(text) in unescape(html)
    harmless = made()
    assert [html.count(mark) for mark in "<>\"'"] == [harmless.count(mark) for mark in "<>\"'"]
    assert [c for c in html if not c.isprintable() and c not in "\n\t"] == []


@pytest.mark.parametrize(
    ("subprotocol", "latency", "wait", "details"),
    [
        (None, None, None, []),
        (None, 0.00042, None, ["ping 0.4 ms"]),
        ("chat", None, None, ["chat"]),
        ("chat", 1.5, None, ["ping 1500.0 ms", "chat"]),
        ("", 0.0, None, ["ping 0.0 ms"]),
        (None, None, 7.6, ["retrying in 8 s"]),
        (None, None, 0.0, ["retrying in 0 s"]),
        (None, None, -3.0, ["retrying in 0 s"]),
    ],
)
def test_details_contain_what_is_known(
    subprotocol: str | None, latency: float | None, wait: float | None, details: list[str]
) -> None:
    assert describe_state(subprotocol, latency, wait) == details


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (0, "paused, 0 new frames"),
        (1, "paused, 1 new frame"),
        (1_234, "paused, 1,234 new frames"),
    ],
)
def test_details_contain_the_number_of_frames_since_the_pause(held: int, said: str) -> None:
    assert describe_state("chat", None, None, held) == [said, "chat"]


def test_what_changes_comes_first_in_the_details_as_the_end_may_be_cut() -> None:
    assert describe_state("chat", 0.001, 3.0, 7, 1_000) == [
        "retrying in 3 s",
        "1,000 waiting to be sent",
        "paused, 7 new frames",
        "ping 1.0 ms",
        "chat",
    ]


def test_traffic_is_given_in_each_direction_with_what_compression_saved() -> None:
    traffic = Traffic(received=Count(1_204, 360_000, 90_000), sent=Count(1, 5, 11))

    assert describe_traffic(traffic) == (
        "↑ 1 frame, 5 B of payload, 11 B on the wire; "
        "↓ 1,204 frames, 360.0 kB of payload, 90.0 kB on the wire (75% saved by compression)"
    )


def test_bytes_on_the_wire_are_left_out_where_nobody_knows_them() -> None:
    traffic = Traffic(Count(2, 10, 0), Count(1, 5, 0))

    assert describe_traffic(traffic) == "↑ 1 frame, 5 B of payload; ↓ 2 frames, 10 B of payload"


def test_traffic_without_any_frame_saves_nothing() -> None:
    assert describe_traffic(Traffic()) == (
        "↑ 0 frames, 0 B of payload, 0 B on the wire; ↓ 0 frames, 0 B of payload, 0 B on the wire"
    )
