"""An echo server for notebooks, lessons and tests, with a path for each thing worth teaching.

It runs on the event loop that starts it, listens on a free port of the loopback interface, and
needs no network.
"""

import inspect
from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus
from reprlib import repr as shortened
from typing import TYPE_CHECKING, ClassVar

from ipywsecho.server.parameters import arguments_of, meaning_of, parameters_of
from ipywsecho.server.paths import PATHS, Behaviour
from ipywsecho.server.serving import BaseServer

if TYPE_CHECKING:
    from ssl import SSLContext

    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

__all__ = ["EchoServer"]

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>ipywsecho</title>
<style>
body {{ font: 1rem/1.5 sans-serif; max-width: 45rem; margin: 2rem auto; padding: 0 1rem }}
dt {{ font: bold 1.1rem monospace; margin-top: 1rem }}
</style>
<h1>ipywsecho</h1>
<p>A WebSocket server for lessons. Connect a WebSocket client to one of its paths; what a path takes
goes into the query, as in <code>/clock?interval=0.5</code>.</p>
<dl>
{paths}</dl>
</html>
"""


class EchoServer(BaseServer):
    """A WebSocket server that echoes at `/`, and does other things at other paths.

    Use it as an asynchronous context manager, or call `start` and `close`:

        async with EchoServer() as server:
            console = WebSocketConsole(server.uri)
            ticking = WebSocketConsole(f"{server.uri}/clock?interval=0.5")

    A path more is a coroutine function more. What follows its first parameter is what may be given
    in the query; a handshake with anything else is refused with HTTP status 400, in words:

        async def shout(connection, *, times: Annotated[int, Between(1, 9)] = 1):
            "Answer each text in capitals."
            async for text in connection:
                await connection.send(text.upper() * times)

        server = EchoServer(paths={**EchoServer.PATHS, "/shout": shout})

    A plain function instead of a coroutine function is called before the handshake and refuses it,
    with what `connection.respond(status, text)` returns.

    Args:
        host: The address to listen at.
        port: The port to listen at; 0 takes a free one.
        paths: What the server does at each path.
        allow_origins: Origins of web pages that may connect, such as `"https://example.org"`.
        ssl: Serves `wss://` with this context; `None` serves `ws://`.

    Raises:
        TypeError: If a parameter of a path is neither a number nor a text.
    """

    PATHS: ClassVar[Mapping[str, Behaviour]] = PATHS
    """What the server does at each path unless told otherwise."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        paths: Mapping[str, Behaviour] = PATHS,
        allow_origins: Sequence[str] = (),
        ssl: "SSLContext | None" = None,
    ) -> None:
        super().__init__(host, port, allow_origins=allow_origins, ssl=ssl)
        self._paths = dict(paths)
        self._parameters = {path: parameters_of(paths[path]) for path in paths}

    def refuse(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        """Refuse unknown paths and wrong parameters, and answer what is no handshake."""
        path, _, query = request.path.partition("?")
        behaviour = self._paths.get(path)
        if behaviour is None:
            text = f"there is nothing at {shortened(path)}; there is {', '.join(self._paths)}\n"
            return connection.respond(HTTPStatus.NOT_FOUND, text)
        try:
            arguments = arguments_of(query, self._parameters[path])
        except ValueError as exc:
            return connection.respond(HTTPStatus.BAD_REQUEST, f"{path}: {exc}\n")
        if not inspect.iscoroutinefunction(behaviour):
            response: Response = behaviour(connection, **arguments)
            return response
        if "Upgrade" in request.headers:
            return None
        return self._page(connection) if path == "/" else _upgrade_required(connection, path)

    async def handle(self, connection: "ServerConnection") -> None:
        """Do what is done at the path of the connection."""
        request = connection.request
        path, _, query = (request.path if request is not None else "/").partition("?")
        arguments = arguments_of(query, self._parameters[path])
        await self._paths[path](connection, **arguments)

    def _page(self, connection: "ServerConnection") -> "Response":
        paths = "".join(
            f"<dt>{escape(path)}</dt>\n<dd>{escape(meaning_of(behaviour))}</dd>\n"
            + "".join(
                f"<dd><code>{escape(name)}</code>: {escape(str(parameter))}</dd>\n"
                for name, parameter in self._parameters[path].items()
            )
            for path, behaviour in self._paths.items()
        )
        response = connection.respond(HTTPStatus.OK, _PAGE.format(paths=paths))
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "text/html; charset=utf-8"
        response.headers["Content-Security-Policy"] = (
            "default-src 'none'; style-src 'unsafe-inline'"
        )
        return response


def _upgrade_required(connection: "ServerConnection", path: str) -> "Response":
    text = f"{path} is for WebSockets: connect a WebSocket client; / lists all paths\n"
    response = connection.respond(HTTPStatus.UPGRADE_REQUIRED, text)
    response.headers["Upgrade"] = "websocket"
    return response
