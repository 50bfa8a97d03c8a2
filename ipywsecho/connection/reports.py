"""What a connection says of itself, with its secrets masked."""

from collections.abc import Callable, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ipywsecho.errors import ConsoleError
from ipywsecho.frames import Notice
from ipywsecho.in_process import HOST
from ipywsecho.masking import mask, secrets_of

__all__ = ["Reports", "is_loopback"]


class Reports:
    """Notices and errors of a connection.

    Args:
        uri: Where it connects.
        options: Options of `websockets.asyncio.client.connect`.
        noticed: Called with each notice.
        clock: Returns the time in seconds since the epoch.

    Attributes:
        destination: Where it connects now, which a redirect may change.
        secrets: What nothing may show.
    """

    def __init__(
        self,
        uri: str,
        options: Mapping[str, Any],
        noticed: Callable[[Notice], None],
        clock: Callable[[], float],
    ) -> None:
        self.destination = uri
        self.secrets = self._own = secrets_of(uri, options)
        self._options = options
        self._noticed = noticed
        self._clock = clock

    def follow(self, uri: str) -> None:
        """Note where it connects now."""
        self.destination = uri
        self.secrets = self._own | secrets_of(uri)

    def notice(self, text: str, *, is_error: bool = False) -> None:
        """Tell what has happened."""
        self._noticed(Notice(self._clock(), mask(text, self.secrets), is_error))

    def translate(self, error: Exception) -> ConsoleError:
        """Return any error as one of this package."""
        from ipywsecho.connection.translation import translate

        proxy = _proxy_to(self.destination, self._options)
        return translate(error, self.destination, self.secrets, proxy=proxy)

    def scrub(self, error: Exception) -> None:
        """Mask the secrets in an error of another library that is to be a cause."""
        from ipywsecho.connection.scrubbing import scrub

        scrub(error, self.secrets)


def is_loopback(uri: str) -> bool:
    """Tell whether an address leads to this machine."""
    try:
        host = urlsplit(uri).hostname or ""
        return host in ("localhost", HOST) or ip_address(host).is_loopback
    except ValueError:
        return False


def _proxy_to(uri: str, options: Mapping[str, Any]) -> str | None:
    """Return the address of the proxy on the way, as websockets chooses it, or `None`."""
    if options.get("unix") or options.get("sock"):
        return None
    proxy: str | bool | None = options.get("proxy", None if is_loopback(uri) else True)
    if not isinstance(proxy, bool):
        return proxy
    from ipywsecho.connection.dialing import proxy_to

    return proxy_to(uri)
