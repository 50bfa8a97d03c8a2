"""Secrets of clients, which the log of a server does not show."""

import logging
import re
from traceback import format_exception
from typing import TYPE_CHECKING

from ipywsecho.masking import Secrets, mask, secrets_of

if TYPE_CHECKING:
    from websockets.http11 import Request

__all__ = ["hide_in_traceback", "secrets_in"]

# The target of a request, not the file of a traceback, which is in quotation marks.
_TARGET = re.compile(r"(?<=\s)/\S+")


def secrets_in(request: "Request | None") -> Secrets:
    """Return the secrets in the path and in the headers of a request."""
    if request is None:
        return Secrets()
    return secrets_of(request.path, {"additional_headers": request.headers})


def hide_in_traceback(record: logging.LogRecord) -> bool:
    """Mask the secrets in the traceback of a log record; a filter of a logger.

    These are the attribute `secrets` of the record, and those of each address in the traceback.
    """
    if record.exc_info and record.exc_info[1] is not None:
        text = "".join(format_exception(record.exc_info[1])).rstrip()
        text = _TARGET.sub(lambda found: mask(found[0], secrets_of(found[0])), text)
        # Formatters show this text instead of making another.
        record.exc_text = mask(text, getattr(record, "secrets", Secrets()))
    return True
