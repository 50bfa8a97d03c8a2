"""What a name or a value tells of a secret."""

import base64
import random
import string

import pytest

from ipywsecho.telling import is_telling, looks_random


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "accessToken",
        "X-Api-Key",
        "apikey",
        "dkey",
        "JSESSIONID",
        "PHPSESSID",
        "connect.sid",
        "auth",
        "Authorization",
        "authToken",
        "sig",
        "X-Amz-Signature",
        "sign",
        "pwd",
        "passwd",
        "password",
        "pass",
        "passphrase",
        "secret",
        "client_secret",
        "jwt",
        "ticket",
        "code",
        "invite_code",
        "csrf-token",
        "otp",
        "pin",
        "nonce",
        "credential",
    ],
)
def test_a_name_tells_of_a_secret(name: str) -> None:
    assert is_telling(name)


@pytest.mark.parametrize(
    "name",
    [
        "interval",
        "symbol",
        "side",
        "inside",
        "design",
        "author",
        "authors",
        "keyword",
        "keyboard",
        "passenger",
        "compass",
        "bypass",
        "encode",
        "codec",
        "tokens",
        "max_tokens",
        "signal",
        "assignment",
        "residence",
        "page",
        "limit",
        "streams",
        "v",
    ],
)
def test_a_name_tells_of_no_secret(name: str) -> None:
    assert not is_telling(name)


@pytest.mark.parametrize(
    "text",
    [
        "v3",
        "v1beta1",
        "websocket",
        "btcusdt",
        "btcusdt@depth20@100ms",
        "getUserChannelStateUpdates",
        "onNewOrderBookTickerV2",
        "my-long-room-name-for-everyone",
        "12345678901234567890",
        "2024-05-01",
        "2024-05-01T10:00:00.123Z",
        "20240501T100000Z",
        "web-7d4b9c6f5b-x2x9z",
        "x86_64",
        "h264",
        "us-east-1a",
        "graphql-transport-ws",
        "actioncable-v1-json",
        "supercalifragilistic",
        "3f2a9c1",
        "gpt-4o-realtime-preview-2024-12-17",
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "0000000000000000000042",
    ],
)
def test_words_numbers_and_dates_do_not_look_random(text: str) -> None:
    assert not looks_random(text)


RANDOM = random.Random(1)
KEYS = {
    "hex": lambda: RANDOM.randbytes(16).hex(),
    "short hex": lambda: RANDOM.randbytes(10).hex(),
    "base64url": lambda: base64.urlsafe_b64encode(RANDOM.randbytes(18)).decode(),
    "base64": lambda: base64.b64encode(RANDOM.randbytes(25)).decode(),
    "letters and digits": lambda: "".join(
        RANDOM.choices(string.ascii_letters + string.digits, k=20)
    ),
    "lower case": lambda: "".join(RANDOM.choices(string.ascii_lowercase + string.digits, k=24)),
    "base32": lambda: base64.b32encode(RANDOM.randbytes(20)).decode(),
    "UUID": lambda: "-".join(RANDOM.randbytes(n).hex() for n in (4, 2, 2, 2, 6)),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_all_kinds_look_random(kind: str) -> None:
    keys = [KEYS[kind]() for _ in range(1000)]

    # Some keys happen to look like words.
    assert sum(map(looks_random, keys)) >= 980
