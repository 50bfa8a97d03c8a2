import asyncio
import errno
import socket
import ssl
import traceback
from collections.abc import Callable
from itertools import product

import pytest
from websockets import exceptions
from websockets.datastructures import Headers
from websockets.frames import Close
from websockets.http11 import Response

from ipywsecho.connection.translation import closing, translate
from ipywsecho.errors import (
    ClosedError,
    ConnectError,
    ConsoleError,
    HandshakeError,
    InvalidURIError,
    OptionError,
)
from ipywsecho.masking import Secrets
from tests.test_errors import OURS

URI = "ws://localhost:8765/path"


def answer(status: int, body: bytes = b"", phrase: str = "Phrase") -> Response:
    return Response(status, phrase, Headers(), body)


def refusal(status: int, body: bytes = b"", phrase: str = "Phrase") -> HandshakeError:
    error = translate(exceptions.InvalidStatus(answer(status, body, phrase)), URI)
    assert isinstance(error, HandshakeError)
    return error


def end_of(
    received: Close | None, sent: Close | None, received_first: bool | None = None
) -> exceptions.ConnectionClosed:
    return exceptions.ConnectionClosedError(received, sent, received_first)


def closed_by(who: str, code: int, reason: str = "") -> exceptions.ConnectionClosed:
    """Return the end of a connection that one side closed and the other side confirmed."""
    close = Close(code, reason)
    return end_of(close, close, received_first=who == "server")


# For each foreign class: an instance, the class that replaces it, and a text the line must hold.
Sample = tuple[Callable[[], BaseException], type[ConsoleError], str]
FOREIGN: dict[str, Sample] = {
    "WebSocketException": (
        lambda: exceptions.WebSocketException("odd"),
        ConnectError,
        "WebSocketException: odd",
    ),
    "ConnectionClosed": (
        lambda: exceptions.ConnectionClosed(Close(1011, "oops"), None),
        ClosedError,
        "1011",
    ),
    "ConnectionClosedOK": (
        lambda: exceptions.ConnectionClosedOK(Close(1000, ""), Close(1000, ""), True),
        ClosedError,
        "1000",
    ),
    "ConnectionClosedError": (
        lambda: exceptions.ConnectionClosedError(None, None),
        ClosedError,
        "1006",
    ),
    "InvalidURI": (
        lambda: exceptions.InvalidURI(URI, "scheme isn't ws or wss"),
        InvalidURIError,
        "scheme isn't ws or wss",
    ),
    "InvalidProxy": (
        lambda: exceptions.InvalidProxy("gopher://x", "scheme gopher isn't supported"),
        ConnectError,
        "InvalidProxy",
    ),
    "InvalidHandshake": (lambda: exceptions.InvalidHandshake(), HandshakeError, "InvalidHandshake"),
    "SecurityError": (
        lambda: exceptions.SecurityError("more than 10 redirects"),
        HandshakeError,
        "SecurityError: more than 10 redirects",
    ),
    "RequestLineTooLong": (
        lambda: exceptions.RequestLineTooLong(),
        HandshakeError,
        "RequestLineTooLong",
    ),
    "StatusLineTooLong": (
        lambda: exceptions.StatusLineTooLong(),
        HandshakeError,
        "StatusLineTooLong",
    ),
    "HeaderLineTooLong": (
        lambda: exceptions.HeaderLineTooLong(),
        HandshakeError,
        "HeaderLineTooLong",
    ),
    "TooManyHeaders": (lambda: exceptions.TooManyHeaders(), HandshakeError, "TooManyHeaders"),
    "TooManyFragments": (lambda: exceptions.TooManyFragments(8), ConnectError, "TooManyFragments"),
    "ProxyError": (lambda: exceptions.ProxyError("no route"), ConnectError, "ProxyError: no route"),
    "InvalidProxyMessage": (
        lambda: exceptions.InvalidProxyMessage("did not receive a valid HTTP response"),
        ConnectError,
        "InvalidProxyMessage",
    ),
    "InvalidProxyStatus": (
        lambda: exceptions.InvalidProxyStatus(answer(407)),
        ConnectError,
        "HTTP 407",
    ),
    "InvalidMessage": (
        lambda: exceptions.InvalidMessage("did not receive a valid HTTP response"),
        HandshakeError,
        "InvalidMessage",
    ),
    "InvalidMethod": (lambda: exceptions.InvalidMethod("POST"), HandshakeError, "InvalidMethod"),
    "InvalidProtocol": (
        lambda: exceptions.InvalidProtocol("HTTP/2"),
        HandshakeError,
        "InvalidProtocol",
    ),
    "InvalidStatus": (lambda: exceptions.InvalidStatus(answer(503)), HandshakeError, "HTTP 503"),
    "InvalidHeader": (lambda: exceptions.InvalidHeader("Date"), HandshakeError, "InvalidHeader"),
    "InvalidHeaderFormat": (
        lambda: exceptions.InvalidHeaderFormat("Date", "expected token", "?", 0),
        HandshakeError,
        "InvalidHeaderFormat",
    ),
    "InvalidHeaderValue": (
        lambda: exceptions.InvalidHeaderValue("Sec-WebSocket-Accept", "x"),
        HandshakeError,
        "InvalidHeaderValue",
    ),
    "InvalidOrigin": (
        lambda: exceptions.InvalidOrigin("http://evil"),
        HandshakeError,
        "InvalidOrigin",
    ),
    "InvalidUpgrade": (
        lambda: exceptions.InvalidUpgrade("Connection", "close"),
        HandshakeError,
        "InvalidUpgrade",
    ),
    "NegotiationError": (
        lambda: exceptions.NegotiationError(),
        HandshakeError,
        "NegotiationError",
    ),
    "DuplicateParameter": (
        lambda: exceptions.DuplicateParameter("max_window_bits"),
        HandshakeError,
        "duplicate parameter: max_window_bits",
    ),
    "InvalidParameterName": (
        lambda: exceptions.InvalidParameterName("x"),
        HandshakeError,
        "invalid parameter name: x",
    ),
    "InvalidParameterValue": (
        lambda: exceptions.InvalidParameterValue("x", "y"),
        HandshakeError,
        "invalid value for parameter x: y",
    ),
    "ProtocolError": (lambda: exceptions.ProtocolError(), ConnectError, "ProtocolError"),
    "PayloadTooBig": (lambda: exceptions.PayloadTooBig(9, 8), ConnectError, "PayloadTooBig"),
    "InvalidState": (lambda: exceptions.InvalidState("closed"), ConnectError, "InvalidState"),
    "ConcurrencyError": (
        lambda: exceptions.ConcurrencyError("cannot call recv"),
        ConnectError,
        "ConcurrencyError",
    ),
}


def tls_error() -> ssl.SSLError:
    """Return the error of TLS for a server that answers without TLS."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    incoming.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ssl.SSLError) as caught:
        client.do_handshake()
    return caught.value


def distrust(code: int = 18) -> ssl.SSLCertVerificationError:
    """Return the error of TLS for a certificate that is not trusted."""
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, "self-signed certificate"
    return error


NETWORK: dict[str, Sample] = {
    "refused": (
        lambda: ConnectionRefusedError(errno.ECONNREFUSED, "Connect call failed ('::1', 1)"),
        ConnectError,
        "ConnectionRefusedError",
    ),
    "refused on several addresses": (
        lambda: OSError(
            "Multiple exceptions: [Errno 111] Connect call failed ('::1', 1, 0, 0), "
            "[Errno 111] Connect call failed ('127.0.0.1', 1)"
        ),
        ConnectError,
        "no server listens",
    ),
    "reset": (ConnectionResetError, ConnectError, "ConnectionResetError"),
    "broken pipe": (lambda: BrokenPipeError(errno.EPIPE, "Broken"), ConnectError, "BrokenPipe"),
    "no route": (lambda: OSError(errno.EHOSTUNREACH, "No route"), ConnectError, "No route"),
    "not permitted": (lambda: PermissionError(1, "No"), ConnectError, "PermissionError"),
    "timed out": (lambda: TimeoutError("timed out in opening"), ConnectError, "TimeoutError"),
    "timed out, says asyncio": (asyncio.TimeoutError, ConnectError, "TimeoutError"),
    "unknown name": (
        lambda: socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        ConnectError,
        "gaierror",
    ),
    "no TLS there": (tls_error, ConnectError, "SSLError"),
    "no trust": (distrust, ConnectError, "SSLCertVerificationError"),
    "no package for SOCKS": (
        lambda: ImportError("connecting through a SOCKS proxy requires python-socks"),
        ConnectError,
        "python-socks",
    ),
    "no such socket": (
        lambda: FileNotFoundError(errno.ENOENT, "No such file or directory"),
        ConnectError,
        "Unix socket",
    ),
    "Windows": (NotImplementedError, ConnectError, "no Unix sockets"),
    "unknown option": (
        lambda: TypeError("create_connection() got an unexpected keyword argument 'colour'"),
        OptionError,
        "'colour'",
    ),
    "wrong option": (
        lambda: ValueError("ssl argument is incompatible with a ws:// URI"),
        OptionError,
        "ssl argument",
    ),
    "anything": (lambda: LookupError("whatever"), ConnectError, "LookupError: whatever"),
    "nothing said": (RuntimeError, ConnectError, "RuntimeError"),
}
# A class that this version of websockets does not have needs no translation.
SAMPLES = NETWORK | {name: FOREIGN[name] for name in exceptions.__all__ if name in FOREIGN}

# No advice can be given on these.
UNKNOWN = {
    *("WebSocketException", "TooManyFragments", "ProtocolError", "PayloadTooBig"),
    *("InvalidState", "ConcurrencyError", "anything", "nothing said"),
    # These are normal ends.
    "ConnectionClosedOK",
}

# Errors whose texts have line breaks.
MULTILINE: dict[str, Callable[[], BaseException]] = {
    "closed": lambda: closed_by("server", 4001, "first\nsecond\r\nthird"),
    "lost": lambda: lost_through(OSError("first\nsecond")),
    "uri": lambda: exceptions.InvalidURI(URI, "first\nsecond"),
    "body": lambda: exceptions.InvalidStatus(answer(404, b"first\r\n\r\nsecond")),
    "proxy": lambda: exceptions.ProxyError("first\nsecond"),
    "negotiation": lambda: exceptions.NegotiationError("first\nsecond"),
    "handshake": lambda: exceptions.InvalidMessage("first\nsecond"),
    "network": lambda: OSError("first\nsecond"),
    "option": lambda: TypeError("first\nsecond"),
    "value": lambda: ValueError("first\nsecond"),
    "anything": lambda: LookupError("first\nsecond"),
}


def lost_through(cause: BaseException) -> exceptions.ConnectionClosed:
    end = end_of(None, None)
    end.__cause__ = cause
    return end


# One line


@pytest.mark.parametrize("name", MULTILINE)
def test_a_message_is_one_line_whatever_the_original_says(name: str) -> None:
    error = translate(MULTILINE[name](), URI)

    assert len(str(error).splitlines()) == 1
    assert "first" in str(error)
    assert "second" in str(error)


@pytest.mark.parametrize(
    "uri", ["ws://localhost/\nforged", "forged\r\nlines", "http://localhost/\nforged"]
)
def test_a_message_is_one_line_whatever_the_address_is(uri: str) -> None:
    messages = [str(translate(make(), uri)) for make, _, _ in SAMPLES.values()]

    assert [message for message in messages if len(message.splitlines()) != 1] == []


# Translation


def test_every_foreign_class_has_a_sample() -> None:
    assert set(exceptions.__all__) - set(FOREIGN) == set()


@pytest.mark.parametrize("name", [name for name in SAMPLES if name in FOREIGN])
def test_a_sample_is_an_instance_of_the_class_it_stands_for(name: str) -> None:
    assert type(FOREIGN[name][0]()).__name__ == name


@pytest.mark.parametrize("name", SAMPLES)
def test_a_foreign_error_becomes_a_console_error(name: str) -> None:
    make, kind, named = SAMPLES[name]

    error = translate(make(), URI)

    assert type(error) is kind
    assert named in str(error)
    assert str(error).strip() == str(error) != ""


@pytest.mark.parametrize("name", SAMPLES)
def test_the_original_error_is_kept_as_the_cause(name: str) -> None:
    original = SAMPLES[name][0]()

    assert translate(original, URI).__cause__ is original


@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in UNKNOWN])
def test_a_message_says_what_to_do(name: str) -> None:
    error = translate(SAMPLES[name][0](), URI)

    happened, _, advice = str(error).partition("; ")
    assert len(happened) > 20
    assert len(advice) > 10


@pytest.mark.parametrize("kind", [TypeError, ValueError, exceptions.NegotiationError])
def test_an_error_without_a_text_is_shown_by_its_type(kind: type[Exception]) -> None:
    error = translate(kind(), URI)

    assert kind.__name__ in str(error)


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
def test_a_console_error_is_not_translated(kind: type[ConsoleError]) -> None:
    cause = LookupError("before")
    error = kind("hello", code=1006) if kind is ClosedError else kind("hello")
    error.__cause__ = cause

    translated = translate(error, URI)

    assert translated is error
    assert error.__cause__ is cause


@pytest.mark.parametrize(
    "name", [name for name, (_, kind, _) in SAMPLES.items() if issubclass(kind, ConnectError)]
)
def test_a_failure_to_connect_names_the_address(name: str) -> None:
    error = translate(SAMPLES[name][0](), "wss://example.org:1/path")

    assert "example.org" in str(error)


# Secrets


SECRET = "hunter22"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_message_does_not_show_the_secrets_of_the_address(name: str) -> None:
    uri = f"wss://ann:{SECRET}@example.org/path?token={SECRET}"

    error = translate(SAMPLES[name][0](), uri, Secrets(frozenset({f"ann:{SECRET}", SECRET})))

    assert SECRET not in str(error)
    assert error.args == (str(error),)


def test_a_secret_in_the_response_of_a_server_is_not_shown() -> None:
    original = exceptions.InvalidStatus(answer(403, f"no {SECRET} here".encode()))

    error = translate(original, URI, Secrets(frozenset({SECRET})))

    assert isinstance(error, HandshakeError)
    assert SECRET not in error.body
    assert error.body.startswith("no ")
    assert SECRET not in str(error)


def test_a_response_that_is_cut_shows_no_part_of_a_secret() -> None:
    body = b"x" * 196 + SECRET.encode()

    error = translate(exceptions.InvalidStatus(answer(403, body)), f"{URI}?token={SECRET}")

    assert SECRET[:4] not in f"{error} {error.__cause__} {vars(error)}"


@pytest.mark.parametrize(
    "original",
    [
        exceptions.InvalidURI(f"ws://ann:{SECRET}@host/#x", "fragment identifier is meaningless"),
        exceptions.InvalidProxy(f"gopher://ann:{SECRET}@host", "scheme isn't supported"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_cause_in_a_traceback_does_not_show_a_secret(original: Exception) -> None:
    error = translate(original, URI, Secrets(frozenset({SECRET})))

    assert error.__cause__ is original
    assert SECRET not in str(original)


# Addresses


@pytest.mark.parametrize(
    ("uri", "hint"),
    [
        ("http://localhost:1/path", "write ws://localhost:1/path"),
        ("https://localhost:1/path", "write wss://localhost:1/path"),
        ("http://http.example/http", "write ws://http.example/http"),
        ("localhost:8000/path", "write ws://localhost:8000/path"),
        ("ws://", "write ws://host:port/path"),
        ("http://", "write ws://host:port/path"),
        ("ftp://localhost", "write ws://host:port/path"),
    ],
)
def test_the_hint_for_an_invalid_address_is_a_valid_address(uri: str, hint: str) -> None:
    error = translate(exceptions.InvalidURI(uri, "the problem"), uri)

    assert str(error).startswith(f"{uri!r} is not a WebSocket address (the problem); {hint}")


def test_the_hint_for_an_empty_address_is_a_complete_address() -> None:
    error = translate(exceptions.InvalidURI("", "scheme isn't ws or wss"), "")

    assert "write ws://host:port/path" in str(error)


@pytest.mark.parametrize(
    ("uri", "original"),
    [
        ("ws://localhost:99999", ValueError("Port out of range 0-65535")),
        ("ws://localhost:abc", ValueError("Port could not be cast to integer value as 'abc'")),
        ("ws://[::1", ValueError("Invalid IPv6 URL")),
        ("ws://a..b", UnicodeError("encoding with 'idna' codec failed")),
        (f"ws://{'a' * 64}.org", UnicodeError("label empty or too long")),
        ("ws://\x00/", ValueError("embedded null character")),
    ],
)
def test_an_address_that_cannot_be_parsed_is_not_an_option_error(
    uri: str, original: Exception
) -> None:
    error = translate(original, uri)

    assert type(error) is InvalidURIError
    assert str(original) in str(error)


def test_an_invalid_value_with_a_valid_address_is_an_option_error() -> None:
    error = translate(ValueError("ssl argument is incompatible"), "ws://[::1]:8000/x")

    assert type(error) is OptionError


# Handshakes


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 426, 500, 502, 503, 504])
def test_a_refusal_names_its_status_and_its_meaning(status: int) -> None:
    error = refusal(status)

    happened, advice = str(error).split("; ", 1)
    assert happened.startswith(f"{URI} answered with HTTP {status} ")
    assert (error.status, error.body) == (status, "")
    assert advice != "check the address"


def test_refusals_with_different_meanings_have_different_advice() -> None:
    advice = {str(refusal(status)).split("; ")[1] for status in (401, 403, 404, 500, 503)}

    assert len(advice) == 5


def test_a_refusal_with_any_other_status_advises_to_check_the_address() -> None:
    error = refusal(418)

    assert str(error).endswith(
        "HTTP 418 I'm a Teapot instead of opening a WebSocket; check the address"
    )


def test_an_unknown_status_is_shown_with_the_phrase_of_the_server() -> None:
    error = refusal(599, phrase="Tired")

    assert "HTTP 599 Tired instead" in str(error)
    assert error.status == 599


@pytest.mark.parametrize("body", [b"", b" \n "])
def test_a_refusal_without_a_text_quotes_nothing(body: bytes) -> None:
    error = refusal(404, body)

    assert error.body == ""
    assert "said" not in str(error)


def test_a_refusal_quotes_the_response() -> None:
    error = refusal(403, "  Zutritt\r\n verböten ".encode())

    assert error.body == "Zutritt verböten"
    assert str(error).endswith("; the response says: “Zutritt verböten”")


def test_a_refusal_with_invalid_text_is_decoded_with_replacements() -> None:
    assert refusal(403, b"\xff\xfe hello").body == "\ufffd\ufffd hello"


def test_a_long_response_is_truncated() -> None:
    whole, cut = refusal(403, b"x" * 200), refusal(403, b"x" * 201)

    assert whole.body == "x" * 200
    assert cut.body == "x" * 200 + "…"


# The network


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("refused", "start it"),
        ("refused on several addresses", "start it"),
        ("timed out", "open_timeout=…"),
        ("unknown name", "spelling"),
        ("no TLS there", "ws:// instead of wss://"),
        ("no trust", "ssl=ssl.create_default_context(cafile=…)"),
        ("reset", "check the address and network"),
        ("Windows", "without unix=True"),
        ("InvalidProxy", "proxy=None"),
        ("InvalidProxyStatus", "user:password@"),
        ("ProxyError", "proxy=None"),
        ("no package for SOCKS", "%pip install 'ipywsecho[socks]'"),
        ("no such socket", "path=…"),
        ("SecurityError", "the final address"),
        ("NegotiationError", "subprotocols=…"),
        ("InvalidMessage", "wss:// instead of ws://"),
    ],
)
def test_the_advice_fits_the_error(name: str, advice: str) -> None:
    _, _, told = str(translate(SAMPLES[name][0](), URI)).partition("; ")

    assert advice in told


def test_an_unknown_name_is_quoted_without_the_rest_of_the_address() -> None:
    error = translate(socket.gaierror(socket.EAI_NONAME, "unknown"), "wss://exmaple.org:1/x")

    assert "'exmaple.org'" in str(error)
    assert "/x" not in str(error)


@pytest.mark.parametrize(
    ("name", "detail"),
    [("no trust", "self-signed certificate"), ("no TLS there", "WRONG_VERSION_NUMBER")],
)
def test_an_error_of_tls_gives_its_reason(name: str, detail: str) -> None:
    assert detail in str(translate(SAMPLES[name][0](), URI))


@pytest.mark.parametrize("code", [2, 9, 10, 18, 19, 20, 21, 62, 64])
def test_a_known_certificate_fault_has_a_specific_message(code: int) -> None:
    error = str(translate(distrust(code), "wss://example.org"))

    assert "is not trusted" not in error
    assert "; " in error


def test_any_other_certificate_fault_is_reported_in_the_words_of_tls() -> None:
    error = translate(distrust(23), "wss://example.org")

    assert str(error) == (
        "the certificate of wss://example.org is not trusted (SSLCertVerificationError: "
        "self-signed certificate); set ssl=… to an ssl.SSLContext that trusts it"
    )


def test_a_reset_before_tls_names_both_possible_causes() -> None:
    error = str(translate(ConnectionResetError(), "wss://example.org"))

    assert "ws:// instead of wss://" in error
    assert "load_cert_chain(…)" in error


def test_a_certificate_alert_of_a_server_means_it_requires_a_client_certificate() -> None:
    alert = ssl.SSLError(1, "alert")
    alert.reason = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

    error = str(translate(alert, "wss://example.org"))

    assert "TLSV13_ALERT_CERTIFICATE_REQUIRED" in error
    assert "load_cert_chain(…)" in error


@pytest.mark.parametrize("name", ["refused", "unknown name", "no route", "reset"])
def test_an_unreachable_proxy_is_named_instead_of_the_server(name: str) -> None:
    proxy = f"http://ann:{SECRET}@proxy.example:3128"

    error = str(translate(SAMPLES[name][0](), URI, proxy=proxy))

    assert error.startswith(f"the proxy http://•••@proxy.example:3128 for {URI} ")
    assert "proxy=None" in error


def test_a_proxy_is_not_blamed_for_the_certificate_of_the_server() -> None:
    error = str(translate(distrust(), "wss://example.org", proxy="http://proxy.example"))

    assert error.startswith("the certificate of wss://example.org ")


def test_the_error_of_a_socks_proxy_is_reported() -> None:
    refused = exceptions.ProxyError("failed to connect to SOCKS proxy")
    refused.__cause__ = OSError("Host unreachable")

    assert "Host unreachable" in str(translate(refused, URI))


def test_a_redirect_to_another_scheme_is_reported_without_secrets() -> None:
    target = f"https://example.org/?token={SECRET}"

    error = translate(exceptions.InvalidURI(target, "scheme isn't ws or wss"), URI)

    assert type(error) is HandshakeError
    assert str(error).startswith(f"{URI} redirects: ")
    assert "write wss://example.org/?token=•••" in str(error)
    assert SECRET not in str(error.__cause__)


# Ends


BYE, HI = Close(4001, "bye"), Close(1000, "hi")


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (end_of(None, None), (1006, "", "connection lost without a close frame (1006)")),
        (end_of(BYE, None), (4001, "bye", "closed by the server: 4001 “bye”")),
        (end_of(None, HI), (1000, "hi", "closed by this console: 1000 “hi”")),
        (end_of(BYE, HI, True), (4001, "bye", "closed by the server: 4001 “bye”")),
        (end_of(BYE, HI, False), (1000, "hi", "closed by this console: 1000 “hi”")),
        (
            end_of(Close(1005, ""), Close(1005, ""), True),
            (1005, "", "closed by the server: without a code (1005)"),
        ),
        (end_of(Close(1001, ""), None), (1001, "", "closed by the server: 1001")),
    ],
    ids=str,
)
def test_the_first_close_frame_determines_who_closed_and_why(
    end: exceptions.ConnectionClosed, expected: tuple[int, str, str]
) -> None:
    code, reason, line = closing(end)

    assert (code, reason, line) == expected
    assert type(code) is int


@pytest.mark.parametrize(
    ("received", "sent", "received_first"),
    [
        (received, sent, first)
        for received, sent, first in product([None, BYE], [None, HI], [None, True, False])
        if (first is None) == (received is None or sent is None)
    ],
)
def test_the_error_of_an_end_has_its_code_reason_and_line(
    received: Close | None, sent: Close | None, received_first: bool | None
) -> None:
    end = end_of(received, sent, received_first)

    error = translate(end, URI)

    code, reason, line = closing(end)
    assert isinstance(error, ClosedError)
    assert (error.code, error.reason) == (code, reason)
    assert str(error).startswith(line)


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013])
def test_a_close_by_the_server_is_explained(code: int) -> None:
    line, _, advice = str(translate(closed_by("server", code), URI)).partition("; ")

    assert line == f"closed by the server: {code}"
    assert "server" in advice


@pytest.mark.parametrize("code", [1000, 1001, 1005, 3000, 4999])
def test_a_self_explanatory_close_code_is_not_explained(code: int) -> None:
    error = translate(closed_by("server", code), URI)

    assert "; " not in str(error)
    assert not str(error).endswith(" ")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (1009, "max_size=…"),
        (1002, "server violated the WebSocket protocol"),
        (1007, "server violated the WebSocket protocol"),
    ],
)
def test_a_close_by_this_console_is_explained_from_its_side(code: int, advice: str) -> None:
    by_us = str(translate(closed_by("console", code), URI))
    by_them = str(translate(closed_by("server", code), URI))
    unanswered = str(translate(end_of(None, Close(code, "")), URI))

    assert by_us.startswith(f"closed by this console: {code}")
    assert advice in by_us
    assert advice in unanswered
    assert advice not in by_them


def test_a_close_after_a_missing_pong_is_explained() -> None:
    end = end_of(None, Close(1011, "keepalive ping timeout"))

    error = translate(end, URI)

    assert "did not answer a ping in time" in str(error)
    assert "ping_timeout" in str(error)


def test_a_ping_timeout_of_the_server_is_explained_by_a_busy_kernel() -> None:
    error = translate(closed_by("server", 1011, "keepalive ping timeout"), URI)

    assert "the server's ping went unanswered in time" in str(error)
    assert "a cell kept the kernel busy for too long" in str(error)
    assert "asyncio.to_thread" in str(error)


@pytest.mark.parametrize("code", [1003, 1008, 1011, 1012, 1013])
def test_a_close_by_this_console_does_not_blame_the_server(code: int) -> None:
    error = translate(closed_by("console", code), URI)

    assert "server" not in str(error)


def test_the_cause_of_a_lost_connection_is_named() -> None:
    error = translate(lost_through(ConnectionResetError(errno.ECONNRESET, "reset by peer")), URI)

    assert "(ConnectionResetError: [Errno 104] reset by peer); " in str(error)


def test_the_cause_of_a_closed_connection_is_not_named() -> None:
    end = closed_by("server", 1011, "oops")
    end.__cause__ = EOFError("stream ended")

    error = translate(end, URI)

    assert "EOFError" not in str(error)


def test_the_error_for_invalid_http_says_what_is_wrong() -> None:
    error = exceptions.InvalidMessage("did not receive a valid HTTP response")
    error.__cause__ = ValueError("invalid HTTP status line: SSH-2.0-OpenSSH_9.6")

    assert "(ValueError: invalid HTTP status line: SSH-2.0-OpenSSH_9.6)" in str(
        translate(error, URI)
    )


def test_too_many_fragments_are_not_blamed_on_the_size() -> None:
    line = str(translate(end_of(None, Close(1009, "too many fragments")), URI))

    assert "more fragments" in line
    assert "max_size" not in line


def test_a_response_that_is_too_long_is_not_reported_as_a_redirect() -> None:
    assert "redirect" not in str(translate(exceptions.StatusLineTooLong("read 9000 bytes"), URI))


@pytest.mark.parametrize("error", ["status", "close", "cause"])
def test_control_characters_of_a_peer_are_escaped_in_a_traceback(error: str) -> None:
    evil = "\x1b[31mred\b\u202eevil"
    foreign: BaseException = {
        "status": exceptions.InvalidStatus(Response(503, "Busy", Headers(), evil.encode())),
        "close": exceptions.ConnectionClosedError(Close(4001, evil), None),
        "cause": OSError("broken"),
    }[error]
    if error == "cause":
        foreign.__cause__ = exceptions.InvalidHeader("Upgrade", evil)

    ours = translate(foreign, URI)

    shown = "".join(traceback.format_exception(ours))
    assert not {"\x1b", "\b", "\u202e"} & set(shown)
    assert "⟨U+202E⟩evil" in shown
