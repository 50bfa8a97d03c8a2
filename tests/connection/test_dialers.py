"""Which kind of link leads to an address."""

import time
from typing import Any

import pytest

from ipywsecho.connection.dialers import dialer_for
from ipywsecho.connection.dialing import Dialing
from ipywsecho.connection.link import Traffic
from ipywsecho.connection.memory import MemoryDialing
from ipywsecho.connection.reports import Reports, is_loopback
from ipywsecho.in_process import HOST


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        (f"ws://{HOST}:49152/clock", MemoryDialing),
        ("ws://127.0.0.1:49152", Dialing),
        ("wss://example.org/chat", Dialing),
    ],
)
async def test_an_address_leads_inside_the_process_or_over_the_network(
    uri: str, kind: type
) -> None:
    dialer: Any = dialer_for(uri, {"proxy": None}, traffic=Traffic(), clock=time.time)

    assert type(dialer) is kind
    assert dialer.uri == uri


def test_no_proxy_is_on_the_way_to_an_address_inside_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    uri = f"ws://{HOST}:49152"

    error = Reports(uri, {}, lambda _: None, time.time).translate(ConnectionRefusedError())

    assert is_loopback(uri)
    assert "proxy" not in str(error)
