"""The server in a terminal: `python -m ipywsecho`, or `ipywsecho`."""

import argparse
import asyncio
import errno
import ipaddress
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from ipywsecho.errors import ConsoleError
from ipywsecho.server import (
    MAX_CONNECTIONS,
    MAX_SIZE,
    BaseServer,
    EchoServer,
    ReplayServer,
)

__all__ = ["main"]

_log = logging.getLogger("ipywsecho.server")

PORT = 8765
"""The default port, which the examples in the documentation of websockets also use."""


class StartError(Exception):
    """The server cannot start with these arguments."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until Ctrl-C or SIGTERM.

    Args:
        arguments: The arguments, or `None` for those of the command line.

    Returns:
        The exit status: 0, or 2 if the server cannot start.
    """
    options = _parser().parse_args(arguments)
    try:
        server = _server(options)
        _listen(server, options)
        _warn_if_public(server)
    except StartError as exc:
        print(f"ipywsecho: error: {exc}", file=sys.stderr)
        return 2
    _log_to_stderr()
    # Without signal handlers, as on Windows, Ctrl-C raises this after the server is closed.
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(server))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ipywsecho",
        description="A WebSocket server for lessons: it echoes, ticks, floods, rejects and closes. "
        "Open its address in a browser for a list of its paths.",
        epilog="Press Ctrl-C to stop the server.",
    )
    _add_network_options(parser)
    _add_limits(parser)
    _add_replay_options(parser)
    _add_tls_options(parser)
    return parser


def _add_network_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; 0.0.0.0 lets other machines connect (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=_port,
        default=PORT,
        help="port to listen on; 0 selects a free port (default: %(default)s)",
    )
    parser.add_argument(
        "--allow-origin",
        type=_origin,
        action="append",
        default=[],
        metavar="ORIGIN",
        help="origin whose web pages may connect, such as https://example.org; may be repeated",
    )


def _add_limits(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-size",
        type=_limit,
        default=MAX_SIZE,
        metavar="BYTES",
        help="largest message that a client may send; 0 for no limit (default: %(default)s)",
    )
    parser.add_argument(
        "--max-connections",
        type=_limit,
        default=MAX_CONNECTIONS,
        metavar="COUNT",
        help="connections at a time; 0 for no limit (default: %(default)s)",
    )


def _add_replay_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--replay",
        metavar="FILE",
        help="replay the server's side of a recording instead, from a .jsonl or .har file",
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        help="factor of the replay speed; inf replays as fast as possible (default: 1)",
    )


def _add_tls_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ssl-cert", metavar="FILE", help="serve wss:// with this certificate, in PEM format"
    )
    parser.add_argument(
        "--ssl-key", metavar="FILE", help="private key of the certificate, if it is in another file"
    )


def _port(text: str) -> int:
    if not (text.isdecimal() and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def _limit(text: str) -> int | None:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; 0 means no limit")
    return int(text) or None


def _origin(text: str) -> str:
    # The origin of a page opened from a file is "null".
    parts = urlsplit(text)
    if text != "null" and not (parts.netloc and text == f"{parts.scheme}://{parts.netloc}"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not an origin; write one like https://example.org or "
            "http://localhost:8888"
        )
    return text


def _server(options: argparse.Namespace) -> BaseServer:
    where: dict[str, Any] = {
        "host": options.host,
        "port": options.port,
        "allow_origins": options.allow_origin,
        "ssl": _ssl_context(options.ssl_cert, options.ssl_key),
        "max_size": options.max_size,
        "max_connections": options.max_connections,
    }
    if options.replay is None:
        return EchoServer(**where)
    try:
        return ReplayServer(options.replay, speed=options.speed, **where)
    except ConsoleError as exc:
        raise StartError(str(exc)) from exc


def _ssl_context(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    if cert is None:
        if key is not None:
            raise StartError("--ssl-key requires --ssl-cert")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        for name in filter(None, (cert, key)):
            # The error of load_cert_chain does not name the missing file.
            with open(name, "rb"):
                pass
        context.load_cert_chain(cert, key)
    except ssl.SSLError as exc:
        files = f"{cert} and {key}" if key else cert
        reason = f" ({exc.reason})" if exc.reason else ""
        raise StartError(
            f"cannot load a certificate and its private key from {files}{reason}; check that they "
            "belong together, in PEM format"
        ) from exc
    except OSError as exc:
        raise StartError(f"cannot read {exc.filename} ({exc.strerror}); check the path") from exc
    return context


def _listen(server: BaseServer, options: argparse.Namespace) -> None:
    try:
        server.listen()
    except OSError as exc:
        reason = getattr(exc.__cause__, "strerror", exc.strerror)
        what = f"cannot listen on {options.host}, port {options.port} ({reason})"
        # Access is denied to privileged ports, and on Windows to those reserved by other programs.
        is_unavailable = exc.errno in (errno.EADDRINUSE, errno.EACCES)
        advice = "choose another --port" if is_unavailable else "check --host and --port"
        raise StartError(f"{what}; {advice}") from exc


async def _serve(server: BaseServer) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with server:
        for uri in _uris(server):
            print(uri, flush=True)
        await stopped.wait()


def _uris(server: BaseServer) -> Iterator[str]:
    yield server.uri
    host = server.host
    if ipaddress.ip_address(host).is_unspecified:
        outward = _outward_address(host)
        if outward is not None:
            yield server.uri_at(outward)


def _warn_if_public(server: BaseServer) -> None:
    if not ipaddress.ip_address(server.host).is_loopback:
        encrypted = "encrypted" if server.uri.startswith("wss:") else "unencrypted"
        print(
            f"ipywsecho: warning: other machines can connect over the network, {encrypted} and "
            "without a password; omit --host to allow local connections only",
            file=sys.stderr,
        )


def _outward_address(host: str) -> str | None:
    is_v6 = ":" in host
    with socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing, but selects the local address of the route to an address that is
            # reserved for documentation (RFC 3849, RFC 5737).
            probe.connect(("2001:db8::1" if is_v6 else "192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


class _Escaping(logging.Formatter):
    """Escapes what affects a terminal, such as control sequences in the error of a client."""

    def format(self, record: logging.LogRecord) -> str:
        return "".join(
            char if char.isprintable() or char == "\n" else repr(char)[1:-1]
            for char in super().format(record)
        )


def _log_to_stderr() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_Escaping("%(asctime)s %(message)s", "%H:%M:%S"))
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
