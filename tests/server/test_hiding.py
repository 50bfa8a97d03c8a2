"""The log of a server shows no secret of a client."""

import asyncio
import logging
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from ipywsecho.server import EchoServer
from tests.clients import DEADLINE

SECRETS = {
    "path": "9aa3d95b3bc440fa88ea12eaa4456161",
    "query": "tok-8c1f2a",
    "cookie": "c00kie-one",
    "subprotocol": "sub-token-1",
    "header": "battery-staple",
}
PATH = f"/v3?k={SECRETS['path']}&token={SECRETS['query']}"
OPTIONS: dict[str, Any] = {
    "additional_headers": {
        "Cookie": f"a={SECRETS['cookie']}",
        "Authorization": f"Bearer {SECRETS['header']}",
    },
    "subprotocols": [f"bearer.{SECRETS['subprotocol']}"],
}


def found_in(log: str) -> list[str]:
    assert "•••" in log
    return [name for name, secret in SECRETS.items() if secret in log]


async def test_a_connection_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    async def quote(connection: Any, k: str, token: str) -> None:  # noqa: ARG001
        await connection.close(4001, " ".join(SECRETS.values()))

    caplog.set_level(logging.INFO, "ipywsecho.server")

    async with (
        asyncio.timeout(DEADLINE),
        EchoServer(paths={"/v3": quote}) as server,
        connect(f"{server.uri}{PATH}", **OPTIONS) as client,
    ):
        await client.wait_closed()

    assert "4001" in caplog.text
    assert found_in(caplog.text) == []


async def test_the_error_of_a_path_is_logged_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_: Any, k: str, token: str) -> None:  # noqa: ARG001
        raise LookupError(f"nobody has {' '.join(SECRETS.values())}")

    async with (
        asyncio.timeout(DEADLINE),
        EchoServer(paths={"/v3": fail}) as server,
        connect(f"{server.uri}{PATH}", **OPTIONS) as client,
    ):
        with pytest.raises(ConnectionClosed):
            await client.recv()

    assert "LookupError: nobody has •••" in caplog.text
    assert found_in(caplog.text) == []


def test_an_error_of_the_protocol_is_logged_without_secrets(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = logging.getLogger("ipywsecho.server.protocol")

    try:
        raise ValueError(f"invalid HTTP request line: GET {PATH} HTTP/0.9")
    except ValueError:
        log.exception("opening handshake failed")

    assert "GET /v3?k=•••&token=••• HTTP/0.9" in caplog.text
    assert __file__ in caplog.text
    assert found_in(caplog.text) == []


async def test_a_request_with_thousands_of_cookies_is_logged_without_a_search_for_each(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "ipywsecho.server")
    cookies = ";".join(f"{number:x}={number:x}" for number in range(800))

    async with (
        asyncio.timeout(DEADLINE),
        EchoServer() as server,
        connect(server.uri, additional_headers={"Cookie": cookies}) as client,
    ):
        await client.close(4001, "31f 31f")

    await asyncio.sleep(0)
    assert "opened •••" in caplog.text
    assert "31f" not in caplog.text
