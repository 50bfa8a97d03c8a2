"""Errors of other libraries keep no secret, in none of their attributes."""

import errno
from urllib.parse import SplitResult, urlsplit

from websockets import exceptions
from websockets.datastructures import Headers
from websockets.frames import Close
from websockets.http11 import Response

from ipywsecho.connection.scrubbing import scrub, secrets_in
from ipywsecho.masking import Secrets, mask

SECRET = "hunter22"
HIDDEN = Secrets(frozenset({SECRET}))


def test_the_response_in_an_error_is_masked() -> None:
    headers = Headers([("Set-Cookie", "a=fresh; Path=/"), ("Set-Cookie", "b=x"), ("X", SECRET)])
    error = exceptions.InvalidStatus(
        Response(401, f"no {SECRET}", headers, f"\xff no {SECRET}".encode("latin-1"))
    )

    scrub(error, HIDDEN)

    response = error.response
    assert response.reason_phrase == "no •••"
    assert bytes(response.body or b"") == b"\xff no " + "•••".encode()
    # A header can hold no "•".
    assert response.headers.get_all("Set-Cookie") == ["a=***; Path=/", "b=***"]
    assert response.headers["X"] == "***"


def test_a_body_without_secrets_stays_as_it_is() -> None:
    body = b"\xff\x00\x1b nothing"
    error = exceptions.InvalidStatus(Response(401, "No", Headers(), body))

    scrub(error, HIDDEN)

    assert error.response.body is body


def test_a_close_frame_in_an_error_is_masked() -> None:
    error = exceptions.ConnectionClosedError(Close(4001, f"no {SECRET}"), None)

    scrub(error, HIDDEN)

    assert str(error) == "received 4001 (private use) no •••; no close frame sent"


def test_an_error_of_the_system_is_masked_in_all_its_attributes() -> None:
    error = FileNotFoundError(errno.ENOENT, f"no {SECRET}", f"/run/{SECRET}.sock")

    scrub(error, HIDDEN)

    assert SECRET not in f"{error} {error!r} {error.filename} {error.strerror} {error.args}"


def test_the_text_in_an_error_of_a_codec_is_masked() -> None:
    error = UnicodeEncodeError("idna", f"{SECRET}\ud800", 0, 1, "not this")

    scrub(error, HIDDEN)

    assert SECRET not in f"{error} {error!r} {error.object}"


def test_causes_contexts_groups_and_notes_are_masked() -> None:
    cause, context, member = (ValueError(f"no {SECRET}") for _ in range(3))
    error = ExceptionGroup(f"all {SECRET}", [member])
    error.__cause__, error.__context__ = cause, context
    context.__context__ = error
    member.add_note(f"for {SECRET}")

    scrub(error, HIDDEN)

    assert [str(each) for each in (cause, context, member)] == ["no •••"] * 3
    assert member.__notes__ == ["for •••"]
    assert SECRET not in repr(error.args)


def test_an_error_that_another_one_holds_is_masked() -> None:
    held = exceptions.ConnectionClosedError(Close(4001, f"no {SECRET}"), None)
    other = ValueError(f"no {SECRET}")
    error = ValueError("held", held)
    error.other = other  # type: ignore[attr-defined]

    scrub(error, HIDDEN)

    assert SECRET not in f"{held} {other}"


def test_where_a_redirect_leads_has_secrets_of_its_own() -> None:
    headers = Headers([("Location", "/chat?token=fresh-1")])
    error = exceptions.InvalidURI("https://host/?token=fresh-2", "no")
    error.__cause__ = exceptions.InvalidStatus(Response(302, "Found", headers))

    assert mask("fresh-1 fresh-2", secrets_in(error)) == "••• •••"


def test_a_named_tuple_in_an_error_is_masked() -> None:
    error = ValueError("invalid")
    error.address = urlsplit(f"ws://user:{SECRET}@host/")  # type: ignore[attr-defined]

    scrub(error, HIDDEN)

    address = error.address  # type: ignore[attr-defined]
    assert isinstance(address, SplitResult)
    assert address.netloc == "user:•••@host"
