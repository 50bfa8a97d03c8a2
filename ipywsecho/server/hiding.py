"""Secrets of clients, which the log of a server does not show."""

import logging
import re
from traceback import format_exception
from typing import TYPE_CHECKING

from ipywsecho.masking import MASK, Secrets, mask, secrets_of

if TYPE_CHECKING:
    from websockets.http11 import Request

__all__ = ["hidden", "hide_in_traceback", "secrets_in"]

# Nobody has more. To look for the thousands that fit into a request would occupy the event loop.
_MOST_SECRETS = 300

# The target of a request, not the file of a traceback, which is in quotation marks.
_TARGET = re.compile(r"(?<=\s)/\S+")


def secrets_in(request: "Request | None") -> Secrets:
    """Return the secrets in the path and in the headers of a request."""
    if request is None:
        return Secrets()
    return secrets_of(request.path, {"additional_headers": request.headers})


def hidden(text: str, secrets: Secrets) -> str:
    """Return a text with these secrets masked, or nothing of it if there are too many of them."""
    count = len(secrets.anywhere) + len(secrets.placed)
    return mask(text, secrets) if count <= _MOST_SECRETS else MASK


def hide_in_traceback(record: logging.LogRecord) -> bool:
    """Mask the secrets in the traceback of a log record; a filter of a logger.

    These are the attribute `secrets` of the record, and those of each address in the traceback.
    """
    if record.exc_info and record.exc_info[1] is not None:
        text = "".join(format_exception(record.exc_info[1])).rstrip()
        text = _TARGET.sub(lambda found: mask(found[0], secrets_of(found[0])), text)
        # Formatters show this text instead of making another.
        record.exc_text = hidden(text, getattr(record, "secrets", Secrets()))
    return True
