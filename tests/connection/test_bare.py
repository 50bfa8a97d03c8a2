"""Bare WebSockets, over the network and inside the process."""

import pytest
from websockets.exceptions import ConnectionClosedOK, InvalidStatus

from ipywsecho import EchoServer, open_websocket


@pytest.fixture(params=[False, True], ids=["network", "in-process"])
def in_process(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_a_bare_websocket_sends_and_receives(in_process: bool) -> None:
    async with (
        EchoServer(in_process=in_process) as server,
        await open_websocket(str(server.uri)) as websocket,
    ):
        await websocket.send("Hello!")
        assert await websocket.recv() == "Hello!"
        await (await websocket.ping())

    assert websocket.close_code == 1000


async def test_a_bare_websocket_reads_a_flood_to_its_end(in_process: bool) -> None:
    async with (
        EchoServer(in_process=in_process) as server,
        await open_websocket(f"{server.uri}/flood?count=2000") as websocket,
    ):
        assert len([frame async for frame in websocket]) == 2_000
        with pytest.raises(ConnectionClosedOK):
            await websocket.recv()


async def test_no_proxy_is_on_the_way_to_this_machine(
    in_process: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    async with (
        EchoServer(in_process=in_process) as server,
        await open_websocket(str(server.uri), additional_headers={"X": "1"}) as websocket,
    ):
        assert websocket.request is not None
        assert websocket.request.headers["X"] == "1"


async def test_a_refused_handshake_is_an_error_of_websockets(in_process: bool) -> None:
    async with EchoServer(in_process=in_process) as server:
        with pytest.raises(InvalidStatus) as refused:
            await open_websocket(f"{server.uri}/status?code=404")

    assert refused.value.response.status_code == 404


async def test_nobody_listens_inside_the_process() -> None:
    async with EchoServer(in_process=True) as server:
        uri = str(server.uri)

    with pytest.raises(ConnectionRefusedError):
        await open_websocket(uri)
