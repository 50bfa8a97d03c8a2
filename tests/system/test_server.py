"""The server with a browser, and with a client that reads faster than the server can write."""

import asyncio
import sys

import aiohttp
import pytest
from playwright.async_api import Browser

from ipywsecho.server.echo import EchoServer
from tests.clients import DEADLINE, handshake_request


@pytest.mark.asyncio(loop_scope="session")
async def test_a_browser_shows_the_picture(browser: Browser) -> None:
    page = await browser.new_page()
    origin = await page.evaluate("location.origin")

    async with EchoServer(allow_origins=[origin]) as server:
        shown = await page.evaluate(
            """uri => new Promise((resolve, reject) => {
                const websocket = new WebSocket(uri);
                websocket.onerror = () => reject("refused");
                websocket.onmessage = async ({data}) => {
                    const bitmap = await createImageBitmap(data);
                    websocket.close();
                    resolve([bitmap.width, bitmap.height]);
                };
            })""",
            f"{server.uri}/picture",
        )

    await page.close()
    assert shown == [128, 128]


# Reads everything until the end, faster than a server can write in Python.
READER = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    connection.sendall(sys.argv[2].encode())
    print("reading", flush=True)
    while connection.recv(2**20):
        pass
"""


async def test_a_flood_does_not_block_other_clients() -> None:
    request = handshake_request("/flood?count=1000000&size=2")
    async with (
        asyncio.timeout(DEADLINE),
        EchoServer() as server,
        aiohttp.ClientSession() as session,
    ):
        port = str(server.uri).rpartition(":")[2]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", READER, port, request), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        beside = await session.ws_connect(server.uri)

        for _ in range(10):
            await beside.send_str("Am I late?")
            await beside.receive_str()

        assert process.returncode is None
        process.kill()
        await process.communicate()
        await beside.close()
