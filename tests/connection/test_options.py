"""Options with a value of the wrong type are refused at once, by name."""

import re
import ssl
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.datastructures import Headers

from ipywsecho import OptionError, Session, WebSocketConsole
from ipywsecho.connection import options
from ipywsecho.connection.options import check_options

WRONG: list[tuple[str, Any]] = [
    *((name, value) for name in ("open_timeout", "close_timeout") for value in ("10", -1, True)),
    *(("ping_timeout", value) for value in ("20", [20], float("inf"))),
    *(("ping_interval", value) for value in ("20", 0, -5, False)),
    *(("max_size", value) for value in ("1", 1.5, -1, (1, 2, 3), ("1", 2), True)),
    *(("write_limit", value) for value in ("1", None, -1)),
    *(("compression", value) for value in ("gzip", True)),
    *(("subprotocols", value) for value in ("chat", [1], 5)),
    *(("additional_headers", value) for value in ("X: 1", {"X": 1}, [("X",)], 5)),
    *(("user_agent_header", value) for value in (1, b"x")),
    *(("origin", value) for value in (1, ["http://x"])),
    *(("proxy", value) for value in (1, False, b"http://x")),
    *((name, value) for name in ("ssl", "proxy_ssl") for value in ("yes", 1)),
    *(("server_hostname", value) for value in (1,)),
    *(("host", value) for value in (1,)),
    *(("port", value) for value in ("80", -1)),
    *(("unix", value) for value in (1, "yes")),
    *(("path", value) for value in (1,)),
    *(("extensions", value) for value in ("deflate", 1)),
]
RIGHT: list[tuple[str, Any]] = [
    *((name, value) for name in ("open_timeout", "close_timeout") for value in (10, 0, 0.5, None)),
    *(("ping_timeout", value) for value in (1, 1.5, None)),
    *(("ping_interval", value) for value in (1, 0.1, None)),
    *(("max_size", value) for value in (0, 2**20, None, (1, None), (None, 2))),
    *(("write_limit", value) for value in (0, 2**15, (2**15, None))),
    *(("compression", value) for value in ("deflate", None)),
    *(("subprotocols", value) for value in (["chat"], ("a", "b"), None)),
    *(("additional_headers", value) for value in ({"X": "1"}, [("X", "1")], Headers(X="1"), None)),
    *(("proxy", value) for value in ("http://x", None, True)),
    *(("ssl", value) for value in (ssl.create_default_context(), True, None)),
    *(("path", value) for value in ("/run/x", b"/run/x")),
    ("something_else", object()),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_of_the_wrong_type_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"^{name}=.* is invalid; it must be "):
        check_options({name: value})


@pytest.mark.parametrize(("name", "value"), RIGHT)
def test_a_value_that_websockets_accepts_is_accepted(name: str, value: Any) -> None:
    check_options({name: value})


@pytest.mark.parametrize(
    "name", ["max_queue", "create_connection", "process_exception", "reconnect_delays"]
)
def test_an_option_that_is_not_available_is_refused_with_the_reason(name: str) -> None:
    with pytest.raises(OptionError, match=rf"^{name}=… is not available: .*; leave it out$"):
        check_options({name: 16})


@pytest.mark.parametrize("make", [Session, WebSocketConsole])
def test_an_invalid_option_is_refused_when_the_console_is_created(make: Any) -> None:
    with pytest.raises(OptionError, match=r"^ping_interval=<str> is invalid"):
        make("ws://127.0.0.1:9", ping_interval="20")


@pytest.mark.parametrize(
    "invalid",
    [
        {"additional_headers": "Authorization: Bearer hunter22hunter"},
        {"additional_headers": [("Authorization", "Bearer hunter22hunter"), ("X", 1)]},
        {"subprotocols": ["bearer.hunter22hunter", 1]},
    ],
)
def test_the_error_shows_no_secret(invalid: dict[str, Any]) -> None:
    with pytest.raises(OptionError) as caught:
        check_options(invalid)

    assert "hunter22" not in str(caught.value)


def test_every_option_that_websockets_documents_is_known() -> None:
    arguments, _, _ = (connect.__doc__ or "").partition("Any other keyword arguments")
    documented = set(re.findall(r"^        (\w+): ", arguments, re.MULTILINE))

    assert "ping_interval" in documented
    assert documented - {"uri", "logger"} - {*options._CHECKS, *options._REFUSED} == set()
