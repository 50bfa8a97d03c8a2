"""Why a server or a proxy cannot be reached, in words: errors of the network and of TLS."""

import socket
import ssl
from urllib.parse import urlsplit

from ipywsecho.errors import ConnectError, line_of

__all__ = ["CLIENT_CERTIFICATE", "is_secure", "unreachable", "unusable_proxy"]

CLIENT_CERTIFICATE = "a client certificate: ssl=… with a context after load_cert_chain(…)"


def is_secure(uri: str) -> bool:
    """Tell whether an address asks for TLS."""
    return uri.lower().startswith("wss:")


def unreachable(error: OSError, uri: str, proxy: str | None) -> ConnectError:
    """Return an error of the network or of TLS as one that says what to do.

    Args:
        error: What was raised while connecting.
        uri: The address of the server.
        proxy: The address of the proxy on the way, if there is one.
    """
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return ConnectError(
            f"timed out waiting for {uri} ({name}); check the address and its scheme, or allow "
            "more time with open_timeout=…"
        )
    if isinstance(error, ssl.SSLError):
        return _tls_failed(error, uri)
    if isinstance(error, ConnectionResetError) and is_secure(uri):
        return ConnectError(
            f"{uri} closed the connection before the TLS handshake ({line_of(error)}); check the "
            "port, and whether the server requires ws:// instead of wss://, or "
            f"{CLIENT_CERTIFICATE}"
        )
    if proxy is not None:
        return ConnectError(
            f"the proxy {proxy} for {uri} is unreachable ({line_of(error)}); start it, set another "
            "one with proxy=…, or none with proxy=None"
        )
    if isinstance(error, socket.gaierror):
        return ConnectError(
            f"the host name {urlsplit(uri).hostname!r} could not be resolved ({name}); check its "
            "spelling and the network"
        )
    if isinstance(error, FileNotFoundError):
        return ConnectError(
            f"the Unix socket of {uri} does not exist ({name}); start the server, or check path=…"
        )
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return ConnectError(
            f"no server listens at {uri} ({name}); start it, or check the host and the port"
        )
    return ConnectError(f"{uri} is unreachable ({line_of(error)}); check the address and network")


def _tls_failed(error: ssl.SSLError, uri: str) -> ConnectError:
    name = type(error).__name__
    if isinstance(error, ssl.SSLCertVerificationError):
        fault, hint = _CERTIFICATE_FAULTS.get(error.verify_code, _UNTRUSTED)
        return ConnectError(
            f"the certificate of {uri} {fault} ({name}: {error.verify_message}); {hint}"
        )
    if "ALERT" in (error.reason or ""):
        return ConnectError(
            f"{uri} rejected the TLS handshake ({name}: {error.reason}); check whether it requires "
            f"{CLIENT_CERTIFICATE}"
        )
    return ConnectError(
        f"the TLS handshake with {uri} failed ({name}: {error.reason}); check the port, and "
        "whether the server requires ws:// instead of wss://"
    )


_UNVERIFIED = (
    "to connect without verification, which lets others listen in, set ssl=… to a context with "
    "check_hostname=False and verify_mode=ssl.CERT_NONE"
)
_UNTRUSTED = ("is not trusted", "set ssl=… to an ssl.SSLContext that trusts it")
_UNKNOWN_AUTHORITY = (
    "is signed by an unknown certificate authority",
    "if you trust the authority, set ssl=ssl.create_default_context(cafile=…) with its certificate",
)
_OTHER_HOST = (
    "was issued for another host name",
    "connect by a host name in the certificate, or set server_hostname=… to one",
)

# By OpenSSL's numbers (X509_V_ERR_…): its wording depends on its version.
_CERTIFICATE_FAULTS = {
    2: _UNKNOWN_AUTHORITY,
    9: ("is not valid yet", f"check this machine's clock; {_UNVERIFIED}"),
    10: (
        "has expired",
        "only the server's operator can renew it, unless this machine's clock is wrong; "
        f"{_UNVERIFIED}",
    ),
    18: (
        "is self-signed",
        "if you trust it, save it and set ssl=ssl.create_default_context(cafile=…)",
    ),
    19: _UNKNOWN_AUTHORITY,
    20: _UNKNOWN_AUTHORITY,
    21: _UNKNOWN_AUTHORITY,
    62: _OTHER_HOST,
    64: _OTHER_HOST,
}


def unusable_proxy(error: Exception, uri: str) -> ConnectError:
    """Return an error of a proxy that answered, as one that says what to do."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    # What a SOCKS proxy says is in the cause alone.
    said = ": ".join(line_of(each) for each in (error, error.__cause__) if each)
    hint = _PROXY_HINTS.get(status, "set another one with proxy=…, or none with proxy=None")
    return ConnectError(f"the proxy for {uri} failed ({said}); {hint}")


_PROXY_HINTS = {
    401: "it requires authentication (HTTP 401); put user:password@ before its host in proxy=…",
    403: "it forbids this address (HTTP 403); ask its operator, or set proxy=None",
    407: "it requires authentication (HTTP 407); put user:password@ before its host in proxy=…",
    502: "it cannot reach the server (HTTP 502); check the address",
    503: "it cannot reach the server (HTTP 503); try again later",
    504: "it timed out waiting for the server (HTTP 504); try again later",
}
