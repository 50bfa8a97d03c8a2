"""Where the secrets in an address are, however it is written."""

import pytest

from ipywsecho.addresses import MASK, places_in

KEY = "9aa3d95b3bc440fa88ea12eaa4456161"


def found_in(uri: str) -> list[tuple[str, str]]:
    return [(name, uri[start:end]) for start, end, name in places_in(uri)]


@pytest.mark.parametrize(
    ("uri", "found"),
    [
        ("", []),
        ("ws://host", []),
        ("ws://ann:pw@host/@x", [("userinfo", "ann:pw")]),
        ("ann:pw@host:80", [("userinfo", "ann:pw")]),
        ("//ann@host", [("userinfo", "ann")]),
        ("ws://ann:p#?/w@host/x", [("userinfo", "ann:p#?/w")]),
        ("ws://[::1]:80/x@y", []),
        ("/btcusdt@trade?token=ab", [("token", "ab")]),
        ("ws://[bad/?token=ab", [("token", "ab")]),
        ("ws://host?token=ab#key=cd", [("token", "ab"), ("key", "cd")]),
        (
            "ws://host/#/a/0c6fb0e2-25d2-4b0e-9c1f-8a0c4f1b7f57",
            [("", "0c6fb0e2-25d2-4b0e-9c1f-8a0c4f1b7f57")],
        ),
        ("ws://host/token=ab/x;sid=c;v=1", [("token", "ab"), ("sid", "c")]),
        ("ws://host/?token=&key", []),
        ("ws://host/?a=1?token=ab", [("a", "1?token=ab")]),
        (f"ws://{MASK}@host/{MASK}?token={MASK}", [("userinfo", MASK)]),
    ],
)
def test_secrets_are_found_by_their_places(uri: str, found: list[tuple[str, str]]) -> None:
    assert found_in(uri) == found


def test_addresses_within_addresses_are_masked_however_many_there_are() -> None:
    assert found_in("ws://host/?a=" + "?b=" * 10_000) == [("a", "?b=" * 10_000)]
