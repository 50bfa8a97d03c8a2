"""Secrets are masked wherever they appear."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from ipywsecho.masking import MASK, Secrets, mask, mask_header, secrets_of

TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.abc"
KEY = "9aa3d95b3bc440fa88ea12eaa4456161"
UUID = "0c6fb0e2-25d2-4b0e-9c1f-8a0c4f1b7f57"

# Addresses as real services have them; `<…>` marks what must be masked.
SERVICES = f"""
wss://stream.binance.com:9443/ws/btcusdt@kline_1m
wss://stream.binance.com:9443/stream?streams=btcusdt@depth20@100ms/ethusdt@markPrice@1s
wss://fstream.binance.com/ws/1inchusdt@depth5@100ms
wss://stream.binance.com:9443/ws/<pqia91ma19a5s61cv6a81va65sdf19v8a65a1a5s61cv6a81va65sdf19v8a65a1>
wss://ws.bitstamp.net/
wss://ws-feed.exchange.coinbase.com/?product_id=BTC-USD
wss://api.hitbtc.com/api/3/ws/public?symbol=ETHBTC&side=buy&limit=1000
wss://eth-mainnet.g.alchemy.com/v2/<oKxs-03sij-U_N0iOlrSsZFr29-IqbuF>
wss://mainnet.infura.io/ws/v3/<{KEY}>
wss://eth-mainnet.blastapi.io/<{UUID}>
wss://lively-dark-fog.quiknode.pro/<b1946ac92492d2347c6235b4d2611184{KEY[:8]}>/
wss://mainnet.helius-rpc.com/?api-key=<{UUID}>
wss://lb.drpc.org/ogws?network=ethereum&dkey=<AbCdEf123>
wss://api.telegram.org/bot123456:<AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw>/updates
wss://wss-primary.slack.com/link/?ticket=<{UUID}>&app_id=A0123
wss://wss-primary.slack.com/?token=<xoxb-1-2>&sync_desync=1&slack_client=desktop
wss://gateway.discord.gg/?v=10&encoding=json&compress=zlib-stream
wss://discord.com/api/webhooks/175928847299117063/<SXo_9qTkL2-vBn7mPzR4wXyC1dFgHjK5tUeN8aQs>
wss://kube/api/v1/namespaces/default/pods/web-7d4b9c6f5b-x2x9z/exec?command=sh&stdin=true&tty=true
wss://kube/apis/storage.k8s.io/v1beta1/watch?resourceVersion=123456789&timeoutSeconds=300
ws://localhost:8888/api/kernels/<{UUID}>/channels?session_id=<{KEY}>
ws://localhost:8888/user/ann/api/events/subscribe?token=<{KEY}>
ws://localhost:8888/terminals/websocket/1
wss://example.org/socket/websocket?vsn=2.0.0
wss://example.org/live/websocket?_csrf_token=<Bx9>&_track_static[0]=app.css&vsn=2.0.0
wss://example.org/socket.io/?EIO=4&transport=websocket
wss://example.org/socket.io/?EIO=4&transport=websocket&sid=<lv_VI97HAXpY6yYWAAAC>&t=<NxX2h3k>
wss://example.org/chat/negotiate?id=<Zk3yT0q9uQ8w1x2y>&access_token=<{TOKEN}>
wss://example.org/graphql
wss://example.org/v1/graphql?operationName=getUserChannelStateUpdates
wss://example.org/cable
wss://example.org/mqtt?client_id=mosq-7&keepalive=60
wss://ws-mt1.pusher.com/app/<a1b2c3d4e5f6a7b8c9d0>?protocol=7&client=js&version=8.4.0&flash=false
wss://project.supabase.co/realtime/v1/websocket?apikey=<{TOKEN}>&vsn=1.0.0
wss://api.openai.com/v1/realtime?model=gpt-4o-realtime-preview-2024-12-17
wss://api.deepgram.com/v1/listen?encoding=linear16&sample_rate=16000&language=en-US
wss://realtime.ably.io/?key=<xVLyHw.A-pwh:5WEB>&format=json&heartbeats=true&v=1.2
wss://ws.twelvedata.com/v1/quotes/price?apikey=<demo>
wss://s3.amazonaws.com/x?X-Amz-Date=20240501T100000Z&X-Amz-Expires=60&X-Amz-Signature=<ab12cd34>
wss://example.org/rooms/12345678901234567890/messages/42
wss://example.org/rooms/my-long-room-name-for-everyone-in-2024
wss://example.org/archive/2024-05-01T10:00:00Z/20240501T100000Z
wss://example.org/static/main-8f14e45fceea167a5a36dedd4bea2543.js
wss://example.org/repo/commit/3f2a9c1
wss://example.org/a;jsessionid=<8F14E45F>;v=1/b
wss://example.org/callback#access_token=<ab1>&token_kind=<x>&state=done
wss://example.org/?p=<hunter2>&auth=<chat>&k=<abcd>&t=<xyz1>
wss://example.org/?p=2&t=1700000000&k=10
wss://example.org/?%74oken=<abcd>&a=1;pwd=<ab>
wss://example.org/?next=<%2Fchat%3Ftoken%3Dabcd>&lang=en
wss://example.org/?author=ann&keyword=btc&country_code=DE&max_tokens=9&design=2
wss://example.org/?url=<ws%3A%2F%2Fann%3Apw%40host>&other=ws://host/
wss://example.org/?<{KEY}>
wss://<ann:p/ss>@example.org/ws/btcusdt@trade
wss://[::1]:8080/ws/btcusdt@trade
"""


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


@pytest.mark.parametrize("marked", SERVICES.split())
def test_the_address_of_a_service_shows_all_but_its_secrets(marked: str) -> None:
    uri = marked.replace("<", "").replace(">", "")
    shown = re.sub("<.*?>", MASK, marked)

    assert mask(uri, secrets_of(uri)) == shown
    # In any other text as well, in which its secrets are not known.
    assert mask(f"moved to '{uri}', again") == f"moved to '{shown}', again"


@pytest.mark.parametrize("marked", SERVICES.split())
def test_a_server_cannot_quote_a_long_secret_of_an_address(marked: str) -> None:
    uri = marked.replace("<", "").replace(">", "")
    secrets = secrets_of(uri)

    for secret in re.findall("<(.*?)>", marked):
        if len(secret) > 4:
            assert secret not in mask(f"no {secret} here", secrets)


@given(st.text(st.sampled_from("abXY019-_.~/?#&;=:@%• '\"")), st.sampled_from(["", "ws://", "//"]))
def test_what_is_masked_stays_as_it_is(rest: str, start: str) -> None:
    once = mask(start + rest, secrets_of(start + rest))

    assert mask(once, secrets_of(once)) == once


TEXTS = st.text(st.characters(exclude_categories=()))


@given(TEXTS, TEXTS)
def test_any_text_can_be_masked(text: str, uri: str) -> None:
    options = {
        "additional_headers": {"Cookie": text, "X": text},
        "subprotocols": [text],
        "proxy": uri,
    }

    mask(text, secrets_of(uri, options))
    mask(uri, secrets_of(f"ws://{uri}"))
    mask_header("Location", text)


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


@pytest.mark.parametrize(
    "name", ["User-Agent", "Accept-Language", "X-Forwarded-Host", "Sec-WebSocket-Extensions"]
)
def test_the_value_of_a_harmless_header_is_not_masked(name: str) -> None:
    secrets = secrets_of("ws://host/", {"additional_headers": {name: "abcdef.example"}})

    assert mask("abcdef.example", secrets) == "abcdef.example"


def test_the_password_of_a_proxy_is_masked() -> None:
    secrets = secrets_of("ws://host/", {"proxy": "http://me:hunter2@proxy:8080"})

    assert "hunter2" not in mask("http://me:hunter2@proxy:8080 refused hunter2", secrets)


def test_a_password_is_masked_whether_or_not_it_is_percent_encoded() -> None:
    secrets = secrets_of("wss://me:p%C3%A4ss%20word@host/")

    assert mask("päss word, p%C3%A4ss%20word", secrets) == "•••, •••"


def test_a_short_secret_does_not_garble_other_words() -> None:
    assert mask("a banana at key=a", secrets_of("ws://host/?key=a")) == "a banana at key=•••"


def test_userinfo_of_any_address_is_masked() -> None:
    assert mask("moved to wss://me:secret@other/") == "moved to wss://•••@other/"


def test_text_without_secrets_stays_as_it_is() -> None:
    text = "mail me@example.org, see http://example.org/a:b@c?x=1"

    assert mask(text) == text


def test_userinfo_is_masked_in_its_base64_form() -> None:
    secrets = secrets_of("ws://ann:p%40ss-word@host/")

    # Of "ann:p@ss-word", as Basic authentication encodes it.
    assert mask("Authorization: Basic YW5uOnBAc3Mtd29yZA==", secrets) == (
        f"Authorization: Basic {MASK}"
    )


def test_each_cookie_is_masked_by_itself() -> None:
    cookies = 'sid=a1b2c3; csrf="x-y"; name=tomato-soup; n=7'
    secrets = secrets_of("ws://host/", {"additional_headers": {"Cookie": cookies}})

    assert mask(f"bad: {cookies}", secrets) == f"bad: {MASK}"
    assert mask("no a1b2c3", secrets) == f"no {MASK}"
    assert mask("no tomato-soup", secrets) == f"no {MASK}"


def test_a_cookie_that_is_a_word_is_masked_only_behind_its_name() -> None:
    secrets = secrets_of("ws://host/", {"additional_headers": {"Cookie": "theme=dark; size=10"}})

    said = "a dark theme on 10.0.0.10: theme=dark, {'theme': 'dark'}, size: 10, 10"
    assert mask(said, secrets) == (
        f"a dark theme on 10.0.0.10: theme={MASK}, {{'theme': '{MASK}'}}, size: {MASK}, 10"
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("X-Anything", "pa55word", "no pa55word"),
        ("X-Room", "lobby", "X-Room: lobby"),
        ("Authorization", "Basic YW5uOnBhNTV3b3Jk", "no ann:pa55word, no pa55word"),
        ("Authorization", 'Digest username="ann", response="0a1b2c"', "no 0a1b2c"),
        ("Referer", "https://host/?token=0a1b2c", "no 0a1b2c"),
        ("Sec-WebSocket-Protocol", "chat, bearer.0a1b2c", "no 0a1b2c"),
    ],
)
def test_the_value_of_any_header_is_masked(name: str, value: str, said: str) -> None:
    masked = mask(said, secrets_of("ws://host/", {"additional_headers": {name: value}}))

    assert MASK in masked
    assert not any(each in masked for each in ("pa55word", "lobby", "0a1b2c"))


@pytest.mark.parametrize(
    ("offered", "shown"),
    [
        ("chat, superchat", "chat, superchat"),
        ("chat, bearer.abcd", "chat, bearer.•••"),
        (
            "base64url.bearer.authorization.k8s.io.dG9rZW4tdmFsdWU, v4.channel.k8s.io",
            "base64url.bearer.authorization.k8s.io.•••, v4.channel.k8s.io",
        ),
        ("phoenix, base64url.bearer.phx.abcd12", "phoenix, base64url.bearer.phx.•••"),
        ("realtime, openai-insecure-api-key.sk-1", "realtime, openai-insecure-api-key.•••"),
        ("graphql-ws, header-eyJob3N0IjoiYWJjMTIzIn0", "graphql-ws, •••"),
        ("access_token, s3cr3t", "access_token, •••"),
        ("bearer, chat", "bearer, chat"),
        (
            "graphql-transport-ws, mqtt, ocpp1.6, wamp.2.json, actioncable-v1-json, v12.stomp",
            "graphql-transport-ws, mqtt, ocpp1.6, wamp.2.json, actioncable-v1-json, v12.stomp",
        ),
    ],
)
def test_a_token_that_is_offered_as_a_subprotocol_is_masked(offered: str, shown: str) -> None:
    secrets = secrets_of("ws://host/", {"subprotocols": offered.split(", ")})

    assert mask(offered, secrets) == shown


def test_a_token_in_base64_is_masked_in_plain_text_as_well() -> None:
    offered = ["base64url.bearer.authorization.k8s.io.dG9rZW4tdmFsdWU"]

    assert (
        mask("no token-value", secrets_of("ws://host/", {"subprotocols": offered})) == f"no {MASK}"
    )


@pytest.mark.parametrize(
    "said",
    [
        "no a&b<cé>d",
        "no a&amp;b&lt;cé&gt;d",
        "no a%26b%3Cc%C3%A9%3Ed",
        r"no a&b<c\u00e9>d",
    ],
)
def test_a_secret_is_masked_however_a_server_encodes_it(said: str) -> None:
    assert mask(said, secrets_of("ws://host/?token=a%26b%3Cc%C3%A9%3Ed")) == f"no {MASK}"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("Set-Cookie", "session=abc; Path=/; Secure", "session=•••; Path=/; Secure"),
        ("Location", "/chat?token=abc&room=1", "/chat?token=•••&room=1"),
        ("X-Auth-Token", "abc", "•••"),
        ("WWW-Authenticate", 'Basic realm="chat"', 'Basic realm="chat"'),
        ("Server", "nginx", "nginx"),
        ("X-Said", "no pa55word", "no •••"),
    ],
)
def test_a_header_of_a_response_shows_no_secret(name: str, value: str, shown: str) -> None:
    assert mask_header(name, value, Secrets(frozenset({"pa55word"}))) == shown


@pytest.mark.parametrize("length", [12, 40, 60])
def test_the_beginning_of_a_long_secret_is_masked(length: int) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.AbCdEf_123-456789"

    masked = mask(f"bad {token[:length]}", secrets_of(f"ws://host/?token={token}"))

    assert masked == f"bad {MASK}"


def test_the_repr_of_secrets_shows_none() -> None:
    assert "pa55word" not in repr(secrets_of("ws://ann:pa55word@host/"))


@pytest.mark.parametrize("forms", [("/mnopqr", "%2Fmnopqr"), ("%2Fmnopqr", "/mnopqr")])
def test_a_secret_that_is_cut_is_masked_in_the_form_that_goes_on_longest(
    forms: tuple[str, str],
) -> None:
    # In this order, which that of a set would not be each time.
    secrets = Secrets([f"abcdefghijkl{form}" for form in forms])  # type: ignore[arg-type]

    assert mask("said abcdefghijkl/mno", secrets) == "said •••"
    assert mask("said abcdefghijkl%2Fmno", secrets) == "said •••"
