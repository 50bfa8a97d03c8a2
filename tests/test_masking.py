"""Secrets are masked wherever they appear."""

import pytest
from websockets.datastructures import Headers

from ipywsecho.masking import MASK, mask, secrets_of

TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.abc"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("wss://example.org/chat", "wss://example.org/chat"),
        ("wss://user:pa55word@example.org/", "wss://•••@example.org/"),
        ("wss://user:a@example.org/", "wss://•••@example.org/"),
        ("wss://tok3n@example.org/", "wss://•••@example.org/"),
        ("wss://user:p%40ss@example.org/", "wss://•••@example.org/"),
        ("wss://user:p@ss@example.org/", "wss://•••@example.org/"),
        ("ws://host/?token=abcdef&room=blue", "ws://host/?token=•••&room=blue"),
        ("ws://host/?api_key=7&interval=1", "ws://host/?api_key=•••&interval=1"),
        ("ws://host/?access-token=a%20b", "ws://host/?access-token=•••"),
        ("ws://host/clock?interval=0.5", "ws://host/clock?interval=0.5"),
        ("ws://host/close?code=4001", "ws://host/close?code=4001"),
        ("ws://host/?code=123456", "ws://host/?code=•••"),
        ("ws://host/?passcode=1234", "ws://host/?passcode=•••"),
        (f"ws://host/?q={TOKEN}", "ws://host/?q=•••"),
        ("http://user:pa55word@[not-a-host/", "http://•••@[not-a-host/"),
    ],
)
def test_an_address_is_shown_without_its_secrets(uri: str, shown: str) -> None:
    assert mask(uri, secrets_of(uri)) == shown


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer abcdef"},
        [("Authorization", "Bearer abcdef")],
        Headers({"Authorization": "Bearer abcdef"}),
        {"X-Api-Key": "abcdef"},
        {"Cookie": "abcdef"},
    ],
)
def test_the_value_of_a_secret_header_is_masked(headers: object) -> None:
    secrets = secrets_of("ws://host/", {"additional_headers": headers})

    assert mask("the server said: abcdef is not valid", secrets) == (
        "the server said: ••• is not valid"
    )


def test_other_headers_are_not_masked() -> None:
    secrets = secrets_of("ws://host/", {"additional_headers": {"User-Agent": "abcdef"}})

    assert mask("abcdef", secrets) == "abcdef"


def test_the_password_of_a_proxy_is_masked() -> None:
    secrets = secrets_of("ws://host/", {"proxy": "http://me:hunter2@proxy:8080"})

    assert "hunter2" not in mask("http://me:hunter2@proxy:8080 refused hunter2", secrets)


def test_a_password_is_masked_whether_or_not_it_is_percent_encoded() -> None:
    secrets = secrets_of("wss://me:p%C3%A4ss%20word@host/")

    assert mask("päss word, p%C3%A4ss%20word", secrets) == "•••, •••"


def test_a_short_secret_does_not_garble_other_words() -> None:
    assert mask("a banana at key=a", secrets_of("ws://host/?key=a")) == "a banana at key=•••"


def test_userinfo_of_any_address_is_masked() -> None:
    assert mask("moved to wss://me:secret@other/", ()) == "moved to wss://•••@other/"


def test_text_without_secrets_stays_as_it_is() -> None:
    text = "mail me@example.org, see http://example.org/a:b@c?x=1"

    assert mask(text, ()) == text


def test_userinfo_is_masked_in_its_base64_form() -> None:
    secrets = secrets_of("ws://ann:p%40ss-word@host/")

    # Of "ann:p@ss-word", as Basic authentication encodes it.
    assert mask("Authorization: Basic YW5uOnBAc3Mtd29yZA==", secrets) == (
        f"Authorization: Basic {MASK}"
    )
