"""Random actions of a user and a server, in any order: the invariants hold."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby, pairwise, repeat
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import Request, Response, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from ipywsecho import ConsoleError, Frame, Reconnect, WebSocketConsole
from ipywsecho.connection.states import TRANSITIONS

DEADLINE = 60.0
SHORT = 0.03

# What a server does to a client: refuse it, or send a number of frames and then act.
Behaviour = tuple[str, int]
BEHAVIOURS = st.one_of(
    st.tuples(st.just("refuse"), st.sampled_from([401, 404, 500, 503])),
    st.tuples(st.sampled_from(["echo", "stall", "reset", "close"]), st.integers(0, 12)),
)
CODES = st.sampled_from([1000, 1001, 3000, 4999])
ACTIONS = st.one_of(
    st.tuples(st.sampled_from(["connect", "press", "pause", "clear", "settle"]), st.none()),
    st.tuples(st.just("send"), st.one_of(st.text(max_size=3), st.binary(max_size=3))),
    st.tuples(st.just("disconnect"), CODES),
    st.tuples(st.just("let go on"), st.integers(1, 40)),
)


@dataclass
class Client:
    """What a server knows about one client.

    Attributes:
        pushed: What the server has sent to it, or was about to send.
        confirmed: How many of these the client has confirmed.
    """

    pushed: list[str | bytes] = field(default_factory=list)
    confirmed: int = 0


class Server:
    """Treats each client as the next behaviour says, and echoes once there are no more."""

    def __init__(self, behaviours: Sequence[Behaviour]) -> None:
        self._behaviours = list(reversed(behaviours))
        self._is_over = asyncio.Event()
        self.clients: list[Client] = []
        self.heard: list[str | bytes] = []

    def end(self) -> None:
        self._is_over.set()

    def answer(self, websocket: ServerConnection, _: Request) -> Response | None:
        what, number = self._behaviours.pop() if self._behaviours else ("echo", 0)
        if what == "refuse":
            return websocket.respond(number, "no")  # type: ignore[arg-type]
        websocket.behaviour = what, number  # type: ignore[attr-defined]
        return None

    async def talk(self, websocket: ServerConnection) -> None:
        what, count = websocket.behaviour  # type: ignore[attr-defined]
        name = len(self.clients)
        client = Client()
        self.clients.append(client)
        with suppress(ConnectionClosed):
            for _ in range(count):
                await self._push(websocket, name, client)
            if what == "stall":
                websocket.transport.pause_reading()
                await self._is_over.wait()
                websocket.transport.abort()
            elif what == "reset":
                websocket.transport.abort()
            elif what == "close":
                code = 4000 + name
                await websocket.close(code)
                # The client answers a close frame after it has read everything sent before it.
                if websocket.close_code == code:
                    client.confirmed = len(client.pushed)
            async for message in websocket:
                self.heard.append(message)
                await self._push(websocket, name, client)

    async def _push(self, websocket: ServerConnection, name: int, client: Client) -> None:
        number = len(client.pushed)
        text = f"{name} {number}"
        if number % 3 == 0:
            client.pushed.append(text)
            await websocket.send(text)
        elif number % 3 == 1:
            client.pushed.append(text)
            # In fragments.
            await websocket.send(list(text))
        else:
            client.pushed.append(text.encode())
            await websocket.send(text.encode())


def client_of(frame: Frame) -> int:
    text = frame.data if isinstance(frame.data, str) else frame.data.decode()
    return int(text.split()[0])


class User:
    """Uses a console, and records what it reports."""

    def __init__(self, uri: str) -> None:
        self.frames: list[Frame] = []
        self.sendings: list[Any] = []
        self.console = WebSocketConsole(
            uri,
            reconnect=Reconnect(delays=lambda: repeat(0.0)),
            open_timeout=DEADLINE,
            close_timeout=SHORT,
        )
        self.states = [self.console.state]
        self.console.observe(lambda change: self.states.append(change.new), names="state")
        self.console.on_frame(self.frames.append)
        self._cleared = 0

    async def do(self, action: str, argument: Any) -> None:
        console = self.console
        match action:
            case "connect":
                with suppress(ConsoleError):
                    await console.connect()
            case "press":
                console._controls.switch.click()
            case "pause":
                console.paused = not console.paused
            case "clear":
                console.clear()
                self._cleared = len(self.frames)
            case "send":
                self.sendings.append((argument, console.send_message(argument)))
            case "disconnect":
                await console.disconnect(argument)
            case "settle":
                await console._session.journal.signal.wait_for(
                    lambda: console.state in ("open", "closed")
                )
            case "let go on":
                for _ in range(argument):
                    await asyncio.sleep(0)

    async def leave(self) -> None:
        await self.console.disconnect()
        self.console.close()
        await asyncio.gather(*self.console._session.home._tasks)

    def assert_sound(self) -> None:
        """Assert the invariants of a console by itself."""
        assert self.states[-1] == "closed"
        for before, after in pairwise(self.states):
            assert after in TRANSITIONS[before].values()  # type: ignore[index]
        assert list(self.console.frames) == self.frames[self._cleared :]
        assert self.console.frames.total == len(self.frames)
        receipts = [(data, sending.receipt) for data, sending in self.sendings]
        assert all(receipt.done() for _, receipt in receipts)
        handed_over = [data for data, receipt in receipts if receipt.exception() is None]
        sent = list(self.console.sent)
        assert [frame.data for frame in sent] == handed_over[len(handed_over) - len(sent) :]
        assert self.console.sent.total == len(handed_over)


def assert_agree(server: Server, user: User) -> None:
    """Assert the invariants between a console and its server."""
    names = [name for name, _ in groupby(user.frames, client_of)]
    assert names == sorted(set(names))
    for name, client in enumerate(server.clients):
        got = [frame.data for frame in user.frames if client_of(frame) == name]
        assert got == client.pushed[: len(got)]
        assert len(got) >= client.confirmed
    tried = iter([data for data, _ in user.sendings])
    # In order, and no frame twice.
    assert all(any(data == message for data in tried) for message in server.heard)


async def live_through(behaviours: Sequence[Behaviour], actions: Sequence[tuple[str, Any]]) -> None:
    server = Server(behaviours)
    async with serve(
        server.talk,
        "127.0.0.1",
        0,
        process_request=server.answer,
        close_timeout=DEADLINE,
        ping_interval=None,
    ) as serving:
        user = User(f"ws://127.0.0.1:{serving.sockets[0].getsockname()[1]}")
        for action, argument in actions:
            await user.do(action, argument)
        await user.leave()
        server.end()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    user.assert_sound()
    assert_agree(server, user)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.lists(BEHAVIOURS, max_size=4), st.lists(ACTIONS, max_size=12))
def test_invariants_hold_after_any_actions(
    behaviours: Sequence[Behaviour], actions: Sequence[tuple[str, Any]]
) -> None:
    async def within_time() -> None:
        async with asyncio.timeout(DEADLINE):
            await live_through(behaviours, actions)

    asyncio.run(within_time())
