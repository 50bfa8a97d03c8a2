"""What can go wrong, in words.

ConsoleError
├── InvalidURIError (also a ValueError)     the address is not that of a WebSocket
├── OptionError (also a ValueError)         an option for the connection cannot be used
├── ConnectError (also a ConnectionError)   the connection could not be opened
│   └── HandshakeError                      something answered, but did not open a WebSocket
├── ClosedError (also a ConnectionError)    the connection ended otherwise than normally
├── NotConnectedError (also a RuntimeError) there is no connection to send over
├── InputError (also a ValueError)          what somebody typed cannot be used
├── RecordingError (also a ValueError)      a file or a value is no recording that can be used
└── SaveError (also an OSError)             a recording cannot be written

`translate` turns the errors of the network, of TLS and of the WebSocket protocol into these, in one
place. Each says in one line what happened and what to do, and keeps the original as `__cause__`.
"""

import socket
import ssl
from collections.abc import Collection
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ipywsecho.escaping import visible
from ipywsecho.masking import mask, secrets_of

if TYPE_CHECKING:
    from websockets.exceptions import ConnectionClosed

__all__ = [
    "ClosedError",
    "ConnectError",
    "ConsoleError",
    "HandshakeError",
    "InputError",
    "InvalidURIError",
    "NotConnectedError",
    "OptionError",
    "RecordingError",
    "SaveError",
    "check_close_frame",
    "closing",
    "line_of",
    "translate",
]

NORMAL_CODES = frozenset({1000, 1001, 1005})
"""Close codes of a connection that ended as it should (RFC 6455, section 7.4.1)."""

_BODY_SHOWN = 200


class ConsoleError(Exception):
    """Something that a person should read."""


class InvalidURIError(ConsoleError, ValueError):
    """The address is not that of a WebSocket."""


class OptionError(ConsoleError, ValueError):
    """An option for the connection cannot be used."""


class ConnectError(ConsoleError, ConnectionError):
    """The connection could not be opened."""


class HandshakeError(ConnectError):
    """Something answered, but did not open a WebSocket.

    Attributes:
        status: The HTTP status of the answer, or `None` if it had none.
        body: The beginning of the answer's text.
    """

    def __init__(self, message: str, *, status: int | None = None, body: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.body = body


class ClosedError(ConsoleError, ConnectionError):
    """The connection ended otherwise than normally.

    Attributes:
        code: The close code (RFC 6455, section 7.4), 1006 if there was no close frame.
        reason: What the close frame said.
    """

    def __init__(self, message: str, *, code: int, reason: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason


class NotConnectedError(ConsoleError, RuntimeError):
    """There is no connection to send over."""


class InputError(ConsoleError, ValueError):
    """What somebody typed cannot be used."""


class RecordingError(ConsoleError, ValueError):
    """A file or a value is no recording that can be used."""


class SaveError(ConsoleError, OSError):
    """A recording cannot be written."""


def line_of(error: BaseException) -> str:
    """Return an error as one line that names its type, as some have no message at all."""
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def check_close_frame(code: int, reason: str) -> None:
    """Raise if a close frame cannot carry this code and reason (RFC 6455, sections 5.5.1 and 7.4).

    Raises:
        OptionError: If the code is reserved or the reason too long.
    """
    if code not in _CODES_TO_SEND and not 3000 <= code < 5000:
        raise OptionError(
            f"a close frame cannot carry the code {code!r}; use 1000, or 3000 to 4999"
        )
    if len(reason.encode()) > 123:
        raise OptionError(f"a close frame has room for a reason of 123 bytes, not for {reason!r}")


_CODES_TO_SEND = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015)})


def closing(end: "ConnectionClosed") -> tuple[int, str, str]:
    """Return the close code, the reason, and a line that tells who closed.

    The code is that of the close frame that came first, or 1006 if neither side sent one
    (RFC 6455, section 7.1.5).
    """
    if end.rcvd is not None and (end.sent is None or end.rcvd_then_sent):
        frame, who = end.rcvd, "closed by the server"
    elif end.sent is not None:
        frame, who = end.sent, "closed by this console"
    else:
        return 1006, "", "connection lost, with no close frame (1006)"
    reason = f" “{_one_line(frame.reason)}”" if frame.reason else ""
    code = "without a code (1005)" if frame.code == 1005 else str(int(frame.code))
    return int(frame.code), frame.reason, f"{who}: {code}{reason}"


def translate(
    error: BaseException,
    uri: str,
    secrets: Collection[str] = frozenset(),
    *,
    proxy: str | None = None,
) -> ConsoleError:
    """Return a foreign error as one of ours.

    Args:
        error: What was raised while connecting to `uri` or while being connected.
        uri: The address, for the message.
        secrets: What the message must not show.
        proxy: The address of the proxy on the way, if there is one.
    """
    if isinstance(error, ConsoleError):
        return error
    ours = _translated(error, uri, proxy)
    if isinstance(target := getattr(error, "uri", None), str):
        # Where a redirect leads has secrets of its own.
        secrets = {*secrets, *secrets_of(target)}
    ours.args = (visible(mask(_one_line(str(ours)), secrets)),)
    if isinstance(ours, HandshakeError):
        ours.body = visible(mask(ours.body, secrets))
    _make_harmless(error, secrets)
    ours.__cause__ = error
    return ours


def _make_harmless(error: BaseException, secrets: Collection[str]) -> None:
    """Mask the secrets in a foreign error, and write out what would act.

    A traceback shows it as well, and a cell's output obeys what a terminal would.
    """
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain:
        chain.append(following)
        following = following.__cause__ or following.__context__
    for each in chain:
        each.args = tuple(_harmless(value, secrets) for value in each.args)
        for name, value in vars(each).items():
            if isinstance(value, str):
                setattr(each, name, _harmless(value, secrets))
            elif isinstance(reason := getattr(value, "reason", None), str):
                # That of a close frame.
                value.reason = _harmless(reason, secrets)


def _harmless(value: Any, secrets: Collection[str]) -> Any:
    return visible(mask(value, secrets)) if isinstance(value, str) else value


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _translated(error: BaseException, uri: str, proxy: str | None) -> ConsoleError:
    from websockets import exceptions as ws

    match error:
        case ws.ConnectionClosed():
            return _closed(error)
        case ws.InvalidURI() if error.uri != uri:
            return HandshakeError(f"{uri} redirects: {_invalid_uri(error.uri, error.msg)}")
        case ws.InvalidURI():
            return _invalid_uri(uri, error.msg)
        case ws.InvalidStatus():
            return _refused(error.response, uri)
        case ws.InvalidProxy() | ws.ProxyError():
            return _unusable_proxy(error, uri)
        case ImportError() if "python-socks" in str(error):
            return ConnectError(
                f"the proxy on the way to {uri} speaks SOCKS, which takes one more package "
                f"({line_of(error)}); run %pip install 'ipywsecho[socks]', and restart the kernel"
            )
        # Its subclasses are about answers that are too long.
        case ws.SecurityError() if type(error) is ws.SecurityError:
            return HandshakeError(
                f"{uri} redirects to where this console does not follow ({line_of(error)}); "
                "give the address that it should lead to"
            )
        case ws.NegotiationError():
            return HandshakeError(
                f"{uri} and this console agree on no subprotocol or extension ({line_of(error)}); "
                "change subprotocols=… or compression=…"
            )
        case ws.InvalidHandshake():
            # What makes no HTTP response of an answer is known to the cause alone.
            what = error.__cause__ or error
            # A server over TLS hangs up on a client without the certificate that it should have.
            wanted = _CLIENT_CERTIFICATE if _is_secure(uri) else "wss:// instead of ws://"
            return HandshakeError(
                f"{uri} answered, but not as a WebSocket server ({line_of(what)}); check the "
                f"port, and whether it wants {wanted}"
            )
        case OSError():
            return _unreachable(error, uri, proxy)
        case NotImplementedError():
            return ConnectError(
                "this Python has no network sockets, as in a notebook that runs inside the "
                "browser; use a kernel on a real machine"
            )
        case UnicodeError():
            return _invalid_uri(uri, str(error))
        case ValueError() if not _has_valid_port(uri) or "\0" in uri:
            return _invalid_uri(uri, str(error))
        case TypeError() | ValueError():
            return OptionError(
                f"the connection cannot use an option as given ({line_of(error)}); change it, or "
                "leave it out"
            )
    return ConnectError(f"the connection to {uri} failed unexpectedly: {line_of(error)}")


def _has_valid_port(uri: str) -> bool:
    try:
        _ = urlsplit(uri).port
    except ValueError:
        return False
    return True


def _invalid_uri(uri: str, problem: str) -> InvalidURIError:
    scheme, _, rest = uri.partition("://")
    if scheme in ("http", "https") and rest:
        hint = f"write {scheme.replace('http', 'ws')}://{rest}"
    elif uri and "://" not in uri:
        hint = f"write ws://{uri}"
    else:
        hint = "it looks like ws://host:port/path, or wss://… with encryption"
    return InvalidURIError(f"{uri!r} is not the address of a WebSocket ({problem}); {hint}")


def _refused(response: Any, uri: str) -> HandshakeError:
    status = response.status_code
    try:
        phrase = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = f"{status} {response.reason_phrase}"
    body = " ".join(bytes(response.body or b"").decode("utf-8", "replace").split())
    if len(body) > _BODY_SHOWN:
        body = body[:_BODY_SHOWN] + "…"
    said = f", and said: “{body}”" if body else ""
    return HandshakeError(
        f"{uri} answered with HTTP {phrase} instead of opening a WebSocket; "
        f"{_STATUS_HINTS.get(status, 'check the address')}{said}",
        status=status,
        body=body,
    )


_STATUS_HINTS = {
    200: "it is a web page; a WebSocket often has a path of its own",
    400: "check the address, and subprotocols=… and additional_headers=… if you gave them",
    401: "it wants to know who you are; write user:password@ before the host, or give "
    "additional_headers={'Authorization': …}",
    403: "it does not let you in; check your rights, and the origin=… that it expects",
    404: "check the path",
    426: "it is a web server; a WebSocket often has a path of its own",
    500: "the server failed; try again later",
    502: "a gateway does not reach the server; try again later",
    503: "the server is busy or being repaired; try again later",
    504: "a gateway waited for the server in vain; try again later",
}


def _unusable_proxy(error: Exception, uri: str) -> ConnectError:
    status = getattr(getattr(error, "response", None), "status_code", 0)
    # What a SOCKS proxy says is in the cause alone.
    said = ": ".join(line_of(each) for each in (error, error.__cause__) if each)
    hint = _PROXY_HINTS.get(status, "give another one with proxy=…, or none with proxy=None")
    return ConnectError(f"the proxy on the way to {uri} cannot be used ({said}); {hint}")


_WHO_YOU_ARE = "it wants to know who you are; write user:password@ before its host in proxy=…"
_PROXY_HINTS = {
    401: _WHO_YOU_ARE,
    403: "it forbids this address; ask who runs it, or give none with proxy=None",
    407: _WHO_YOU_ARE,
    502: "it does not reach the server; check the address",
    503: "it does not reach the server; try again later",
    504: "it waited for the server in vain; try again later",
}


def _unreachable(error: OSError, uri: str, proxy: str | None) -> ConnectError:
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return ConnectError(
            f"{uri} did not answer in time ({name}); check the address and its scheme, or give it "
            "longer with open_timeout=…"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        fault, hint = _CERTIFICATE_FAULTS.get(error.verify_code, _DISTRUST)
        return ConnectError(
            f"the certificate of {uri} {fault} ({name}: {error.verify_message}); {hint}"
        )
    if isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or ""):
        return ConnectError(
            f"{uri} refused to begin with TLS ({name}: {error.reason}); check whether it wants "
            f"{_CLIENT_CERTIFICATE}"
        )
    if isinstance(error, ssl.SSLError):
        return ConnectError(
            f"{uri} speaks no TLS that this console understands ({name}: {error.reason}); check "
            "the port, and whether it wants ws:// instead of wss://"
        )
    if isinstance(error, ConnectionResetError) and _is_secure(uri):
        return ConnectError(
            f"{uri} broke off before TLS began ({line_of(error)}); check the port, and whether it "
            f"wants ws:// instead of wss://, or {_CLIENT_CERTIFICATE}"
        )
    if proxy is not None:
        return ConnectError(
            f"the proxy {proxy} on the way to {uri} cannot be reached ({line_of(error)}); start "
            "it, give another one with proxy=…, or none with proxy=None"
        )
    if isinstance(error, socket.gaierror):
        return ConnectError(
            f"the name {urlsplit(uri).hostname!r} is not known ({name}); check its spelling and "
            "the network"
        )
    if isinstance(error, FileNotFoundError):
        return ConnectError(
            f"the Unix socket of {uri} does not exist ({name}); start the server, or check path=…"
        )
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return ConnectError(
            f"no server listens at {uri} ({name}); start it, or check the host and the port"
        )
    return ConnectError(
        f"{uri} cannot be reached ({line_of(error)}); check the address and the network"
    )


def _is_secure(uri: str) -> bool:
    return uri.lower().startswith("wss:")


_CLIENT_CERTIFICATE = "a certificate of yours: ssl=… with a context after load_cert_chain(…)"
_UNVERIFIED = (
    "to connect all the same, with nothing to keep others from listening in, give ssl=… a context "
    "with check_hostname=False and verify_mode=ssl.CERT_NONE"
)
_DISTRUST = ("is not trusted", "give an ssl.SSLContext that trusts it with ssl=…")
_OF_UNKNOWN_AUTHORITY = (
    "comes from an authority that this machine does not know",
    "if you trust that, give its own certificate with ssl=ssl.create_default_context(cafile=…)",
)
_FOR_ANOTHER_NAME = (
    "is for another name",
    "connect by a name that it is for, or give such a name with server_hostname=…",
)

# By OpenSSL's numbers (X509_V_ERR_…): what it says in words depends on its version.
_CERTIFICATE_FAULTS = {
    2: _OF_UNKNOWN_AUTHORITY,
    9: ("is not valid yet", f"check this machine's clock; {_UNVERIFIED}"),
    10: (
        "has expired",
        "only who runs the server can renew it, unless this machine's clock is wrong; "
        f"{_UNVERIFIED}",
    ),
    18: (
        "is signed by itself alone",
        "if you trust it, save it and give ssl=ssl.create_default_context(cafile=…)",
    ),
    19: _OF_UNKNOWN_AUTHORITY,
    20: _OF_UNKNOWN_AUTHORITY,
    21: _OF_UNKNOWN_AUTHORITY,
    62: _FOR_ANOTHER_NAME,
    64: _FOR_ANOTHER_NAME,
}


def _closed(end: "ConnectionClosed") -> ClosedError:
    code, reason, line = closing(end)
    by_us = end.sent is not None and not (end.rcvd is not None and end.rcvd_then_sent)
    hint = "" if by_us else _CODE_HINTS.get(code, "")
    if reason.startswith("keepalive ping timeout"):
        silent = (
            "the server did not answer a ping" if by_us else "the server's ping went unanswered"
        )
        hint = (
            f"{silent} in time: a cell kept the kernel busy for too long, or the link was dead; "
            "await asyncio.to_thread(…) runs long work beside the connection"
        )
        if by_us:
            hint += ", and ping_timeout=… gives the server longer"
    elif by_us and reason == "too many fragments":
        hint = "the server sent a message in more pieces than this console puts together"
    elif by_us and code == 1009:
        hint = "a message was longer than max_size allows; give max_size=… in bytes, or None"
    elif by_us and code in (1002, 1007):
        hint = "the server broke the rules of the protocol"
    cause = f" ({line_of(end.__cause__)})" if end.__cause__ and code == 1006 else ""
    return ClosedError(f"{line}{cause}{'; ' if hint else ''}{hint}", code=code, reason=reason)


_CODE_HINTS = {
    1002: "the server found that a frame broke the protocol",
    1003: "the server does not take frames of this kind",
    1006: "the server or the network went away; connect again",
    1007: "the server found a text that is not UTF-8",
    1008: "the server's policy forbids what was sent, or the connection",
    1009: "what was sent was longer than the server takes",
    1011: "the server failed",
    1012: "the server restarts; connect again",
    1013: "the server is busy; connect again later",
}
