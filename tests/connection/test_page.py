"""What a WebSocket of a web page cannot do, in words."""

import sys
from typing import Any

import pytest

from ipywsecho import OptionError, Session
from ipywsecho.connection.page import (
    check_close_code_in_page,
    check_options_in_page,
    is_reached_by_page,
    not_opened,
)


@pytest.mark.parametrize(
    ("platform", "uri", "expected"),
    [
        ("linux", "wss://example.org", False),
        ("emscripten", "wss://example.org", True),
        ("emscripten", "ws://127.0.0.1:8765", True),
        ("emscripten", "ws://in-process.invalid:49152", False),
    ],
)
def test_a_page_connects_to_servers_elsewhere_if_python_runs_inside_it(
    platform: str, uri: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)

    assert is_reached_by_page(uri) is expected


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("additional_headers", {"X": "1"}, "the browser writes the headers itself"),
        ("user_agent_header", "me", "the browser writes the headers itself"),
        ("origin", "https://example.org", "the browser sends the origin of the page"),
        ("ssl", object(), "the browser checks certificates itself"),
        ("server_hostname", "example.org", "the browser checks certificates itself"),
        ("proxy", None, "the browser chooses the proxy itself"),
        ("proxy", "http://proxy.example:3128", "the browser chooses the proxy itself"),
        ("compression", None, "the browser chooses the compression itself"),
        ("max_size", 2**20, "the browser accepts messages of any size"),
        ("ping_interval", 20, "the browser watches over the connection itself"),
        ("ping_timeout", 20, "the browser watches over the connection itself"),
        ("unix", True, "a web page has no sockets"),
        ("local_addr", ("127.0.0.1", 0), "a web page has no sockets"),
    ],
)
def test_an_option_that_a_page_lacks_is_refused_with_the_reason(
    name: str, value: Any, reason: str
) -> None:
    with pytest.raises(OptionError, match=f"^{name}=… is not available in a web page: {reason}"):
        check_options_in_page({name: value})


def test_options_that_a_page_has_or_that_ask_for_nothing_are_accepted() -> None:
    check_options_in_page(
        {
            "subprotocols": ["chat"],
            "open_timeout": 5,
            "close_timeout": None,
            "write_limit": 1_000,
            "additional_headers": None,
            "compression": "deflate",
            "max_size": None,
            "ping_interval": None,
            "proxy": True,
            "ssl": True,
        }
    )


def test_options_of_a_session_are_checked_for_servers_elsewhere_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "emscripten")

    Session("ws://in-process.invalid:49152", max_size=100)
    Session(max_size=100)
    with pytest.raises(OptionError, match="max_size"):
        Session("wss://example.org", max_size=100)


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
def test_some_close_codes_may_be_sent(code: int) -> None:
    check_close_code_in_page(code)


@pytest.mark.parametrize("code", [1002, 1008, 1011, 2999, 5000])
def test_other_close_codes_are_refused(code: int) -> None:
    with pytest.raises(OptionError, match=f"with the code {code}; use 1000, or 3000 to 4999"):
        check_close_code_in_page(code)


@pytest.mark.parametrize(
    ("uri", "origin", "checks"),
    [
        ("ws://a.example", "", "check that the server runs at this address and port"),
        (
            "ws://a.example",
            "http://b.example",
            "check that the server runs at this address and port, and that it accepts web pages "
            "from http://b.example (allow_origins=… of EchoServer)",
        ),
        (
            "ws://a.example",
            "https://b.example",
            "check that the server runs at this address and port, that it accepts web pages from "
            "https://b.example (allow_origins=… of EchoServer), and whether it has a wss:// "
            "address, as this page came over https",
        ),
        (
            "wss://a.example",
            "https://b.example",
            "check that the server runs at this address and port, and that it accepts web pages "
            "from https://b.example (allow_origins=… of EchoServer)",
        ),
    ],
)
def test_a_failure_to_open_lists_the_usual_causes(uri: str, origin: str, checks: str) -> None:
    error = not_opened(uri, origin)

    assert str(error) == (
        f"the browser could not connect to {uri}, and does not tell why; {checks}"
    )
