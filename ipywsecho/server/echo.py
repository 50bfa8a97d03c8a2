"""An echo server for notebooks, lessons and tests, with further paths for other behaviours.

It runs on the event loop that starts it, listens on a free port of the loopback interface, and
needs no network.
"""

import inspect
from collections.abc import Awaitable, Mapping, Sequence
from html import escape
from http import HTTPStatus
from reprlib import repr as shortened
from typing import TYPE_CHECKING, ClassVar, cast

from ipywsecho.errors import OptionError
from ipywsecho.server.parameters import arguments_of, meaning_of, parameters_of
from ipywsecho.server.paths import PATHS, Behaviour
from ipywsecho.server.serving import MAX_CONNECTIONS, MAX_SIZE, BaseServer

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
<p>A WebSocket server for lessons. Connect a WebSocket client to one of these paths. Parameters go
into the query, as in <code>/clock?interval=0.5</code>.</p>
<dl>
{paths}</dl>
</html>
"""


class EchoServer(BaseServer):
    """A WebSocket server that echoes at `/`, and behaves differently at other paths.

    Use it as an asynchronous context manager, or call `start` and `close`:

        async with EchoServer() as server:
            console = WebSocketConsole(server.uri)
            ticking = WebSocketConsole(f"{server.uri}/clock?interval=0.5")

    To add a path, add a coroutine function. Its parameters, except for the first, may be set in the
    query of the address. An invalid query is rejected with HTTP status 400 and an explanation:

        async def shout(connection, *, times: Annotated[int, Between(1, 9)] = 1):
            "Answer each text in upper case."
            async for text in connection:
                await connection.send(text.upper() * times)

        server = EchoServer(paths={**EchoServer.PATHS, "/shout": shout})

    A plain function instead of a coroutine function is called before the handshake, and rejects it:
    it returns the response, made by `connection.respond(status, text)`.

    Args:
        host: The address to listen on.
        port: The port to listen on; 0 selects a free port.
        paths: The function for each path.
        allow_origins: Origins of web pages that may connect, such as `"https://example.org"`.
        ssl: The TLS context for `wss://`, or `None` to serve `ws://`.
        max_size: Bytes that a message may have, or `None` for no limit. A client that sends a
            larger one is disconnected with code 1009.
        max_connections: Connections at a time, or `None` for no limit. Further ones are refused
            with HTTP status 503.
        in_process: Whether to listen at an address that only this process can reach, without a
            socket; `host` then means nothing. `None` does so where no socket can listen.

    Raises:
        OptionError: If a limit is less than 1, the port is none, or a path is without its slash
            or its function.
        TypeError: If a parameter of a path is neither a number nor a string.
    """

    PATHS: ClassVar[Mapping[str, Behaviour]] = PATHS
    """The function for each path by default."""

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        paths: Mapping[str, Behaviour] = PATHS,
        allow_origins: Sequence[str] = (),
        ssl: "SSLContext | None" = None,
        max_size: int | None = MAX_SIZE,
        max_connections: int | None = MAX_CONNECTIONS,
        in_process: bool | None = None,
    ) -> None:
        super().__init__(
            host,
            port,
            allow_origins=allow_origins,
            ssl=ssl,
            max_size=max_size,
            max_connections=max_connections,
            in_process=in_process,
        )
        for path, behaviour in paths.items():
            if not path.startswith("/"):
                raise OptionError(f"the path {path!r} must begin with a slash: {'/' + path!r}")
            if not callable(behaviour):
                raise OptionError(
                    f"paths={{{path!r}: {shortened(behaviour)}}} is not valid; it must be a "
                    "function of the connection"
                )
        self._paths = dict(paths)
        self._parameters = {path: parameters_of(paths[path]) for path in paths}

    def refuse(self, connection: "ServerConnection", request: "Request") -> "Response | None":
        """Reject unknown paths and invalid parameters, and answer plain HTTP requests."""
        path, _, query = request.path.partition("?")
        behaviour = self._paths.get(path)
        if behaviour is None:
            text = f"unknown path {shortened(path)}; known paths: {', '.join(self._paths)}\n"
            return connection.respond(HTTPStatus.NOT_FOUND, text)
        try:
            arguments = arguments_of(query, self._parameters[path])
        except ValueError as exc:
            return connection.respond(HTTPStatus.BAD_REQUEST, f"{path}: {exc}\n")
        if not inspect.iscoroutinefunction(behaviour):
            return _response_of(path, behaviour(connection, **arguments), connection)
        if "Upgrade" in request.headers:
            return None
        return self._page(connection) if path == "/" else _upgrade_required(connection, path)

    async def handle(self, connection: "ServerConnection") -> None:
        """Call the function for the path of the connection."""
        request = connection.request
        path, _, query = (request.path if request is not None else "/").partition("?")
        arguments = arguments_of(query, self._parameters[path])
        await cast("Awaitable[object]", self._paths[path](connection, **arguments))

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


def _response_of(path: str, result: object, connection: "ServerConnection") -> "Response":
    """Return what a plain function returned, or what is wrong with it: all else would hang."""
    from websockets.http11 import Response

    if isinstance(result, Response):
        return result
    if inspect.iscoroutine(result):
        result.close()
    text = (
        f"{path}: its function returned {shortened(result)}, not a response; to serve the open"
        " connection, define it with async def\n"
    )
    return connection.respond(HTTPStatus.INTERNAL_SERVER_ERROR, text)


def _upgrade_required(connection: "ServerConnection", path: str) -> "Response":
    text = f"{path} requires a WebSocket client; / lists all paths\n"
    response = connection.respond(HTTPStatus.UPGRADE_REQUIRED, text)
    response.headers["Upgrade"] = "websocket"
    return response
