import errno
import socket
import ssl
from dataclasses import FrozenInstanceError
from itertools import islice
from pydoc import render_doc

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import InvalidProxyStatus
from websockets.http11 import Response

from ipywsecho.connection.reconnect import Reconnect, Retries, backoff
from ipywsecho.errors import (
    ClosedError,
    ConnectError,
    ConsoleError,
    HandshakeError,
    InvalidURIError,
    NotConnectedError,
    OptionError,
)

URI = "ws://localhost:1"
LONGEST = [1, 2, 4, 8, 16, 30, 30, 30]


def caused_by(error: ConsoleError, *causes: BaseException) -> ConsoleError:
    """Return the error with a chain of causes."""
    last: BaseException = error
    for cause in causes:
        last.__cause__ = cause
        last = cause
    return error


# Delays


@pytest.mark.parametrize(("number", "longest"), list(enumerate(LONGEST)))
def test_each_delay_is_in_the_upper_half_of_its_limit(number: int, longest: int) -> None:
    waits = [list(islice(backoff(), number + 1))[-1] for _ in range(500)]

    assert all(longest / 2 <= wait <= longest for wait in waits)
    # The whole range is used.
    assert min(waits) < longest * 0.55
    assert max(waits) > longest * 0.95


def test_delays_never_exceed_30_seconds() -> None:
    assert all(15 <= wait <= 30 for wait in islice(backoff(), 5, 2_000))


def test_delays_are_random() -> None:
    assert len({next(backoff()) for _ in range(100)}) > 90


def test_each_call_of_delays_starts_anew() -> None:
    policy = Reconnect()

    runs = [list(islice(policy.delays(), 4)) for _ in range(2)]

    for first, *_, fourth in runs:
        assert first <= 1 < 4 <= fourth


def test_a_policy_is_immutable() -> None:
    policy = Reconnect()

    with pytest.raises(FrozenInstanceError):
        policy.stable_after = 1.0  # type: ignore[misc]


def test_a_policy_has_keyword_only_parameters() -> None:
    with pytest.raises(TypeError):
        Reconnect(backoff)  # type: ignore[call-arg]


# Transient errors


@pytest.mark.parametrize("code", [1001, 1006, 1011, 1012, 1013, 1014, 3000, 3999])
def test_a_lost_connection_is_retried(code: int) -> None:
    assert Reconnect().is_transient(ClosedError("closed", code=code)) is True


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 4000, 4001, 4999])
def test_an_intentional_close_is_not_retried(code: int) -> None:
    assert Reconnect().is_transient(ClosedError("closed", code=code)) is False


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_temporarily_rejected_handshake_is_retried(status: int) -> None:
    assert Reconnect().is_transient(HandshakeError("refused", status=status)) is True


@pytest.mark.parametrize("status", [200, 301, 400, 401, 403, 404, 405, 410, 426, 501])
def test_a_permanently_rejected_handshake_is_not_retried(status: int) -> None:
    assert Reconnect().is_transient(HandshakeError("refused", status=status)) is False


@pytest.mark.parametrize(("status", "is_transient"), [(503, True), (403, False), (407, False)])
def test_a_temporary_rejection_by_a_proxy_is_retried(status: int, is_transient: bool) -> None:
    refused = InvalidProxyStatus(Response(status, "Refused", Headers()))
    error = caused_by(ConnectError("the proxy cannot be used"), refused)

    assert Reconnect().is_transient(error) is is_transient


def test_the_status_of_a_handshake_outweighs_its_causes() -> None:
    error = caused_by(HandshakeError("refused", status=404), ValueError(), EOFError())

    assert Reconnect().is_transient(error) is False


def test_a_handshake_that_was_cut_off_is_retried() -> None:
    error = caused_by(HandshakeError("no answer"), ValueError("no response"), EOFError())

    assert Reconnect().is_transient(error) is True


@pytest.mark.parametrize(
    "causes", [(), (ValueError(),), (ValueError(), ValueError()), (EOFError(),)]
)
def test_a_handshake_with_another_protocol_is_not_retried(
    causes: tuple[BaseException, ...],
) -> None:
    assert Reconnect().is_transient(caused_by(HandshakeError("no"), *causes)) is False


@pytest.mark.parametrize(
    "cause",
    [
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        ConnectionResetError(),
        TimeoutError("timed out"),
        socket.gaierror(socket.EAI_AGAIN, "try again"),
        OSError(errno.ENETUNREACH, "unreachable"),
    ],
    ids=repr,
)
def test_a_network_error_is_retried(cause: OSError) -> None:
    assert Reconnect().is_transient(caused_by(ConnectError("failed"), cause)) is True


@pytest.mark.parametrize(
    "cause",
    [
        ssl.SSLError(1, "wrong version"),
        ssl.SSLCertVerificationError(1, "self-signed"),
        NotImplementedError(),
        ValueError("no proxy"),
    ],
    ids=repr,
)
def test_a_permanent_error_is_not_retried(cause: Exception) -> None:
    assert Reconnect().is_transient(caused_by(ConnectError("failed"), cause)) is False


@pytest.mark.parametrize(
    "error",
    [
        ConnectError("for no known reason"),
        InvalidURIError("no address"),
        OptionError("no option"),
        NotConnectedError("closed"),
        ConsoleError("something"),
    ],
    ids=repr,
)
def test_an_error_of_the_user_is_not_retried(error: ConsoleError) -> None:
    assert Reconnect().is_transient(error) is False


def test_an_error_of_the_user_is_not_retried_whatever_its_cause() -> None:
    assert Reconnect().is_transient(caused_by(OptionError("bad"), OSError())) is False


# Custom policies


def test_fatal_codes_can_be_configured() -> None:
    policy = Reconnect(fatal_codes={1006})

    assert policy.is_transient(ClosedError("closed", code=1006)) is False
    assert policy.is_transient(ClosedError("closed", code=4000)) is True


def test_transient_statuses_can_be_configured() -> None:
    policy = Reconnect(transient_statuses=[404])

    assert policy.is_transient(HandshakeError("refused", status=404)) is True
    assert policy.is_transient(HandshakeError("refused", status=503)) is False


def test_delays_can_be_configured() -> None:
    policy = Reconnect(delays=lambda: iter([0.0, 5.0]), stable_after=1.0)

    assert (list(policy.delays()), policy.stable_after) == ([0.0, 5.0], 1.0)


# Retries

LOST = ClosedError("lost", code=1006)
MEANT = ClosedError("meant", code=4001)


def test_delays_are_taken_one_after_the_other_until_they_are_exhausted() -> None:
    retries = Retries(Reconnect(delays=lambda: iter([1.0, 2.0])))

    delays = [retries.delay_after(LOST, None) for _ in range(3)]

    assert delays == [1.0, 2.0, None]
    assert retries.is_exhausted
    assert retries.attempts == 3


def test_a_stable_connection_begins_anew() -> None:
    retries = Retries(Reconnect(delays=lambda: iter([1.0, 2.0]), stable_after=10))

    delays = [retries.delay_after(LOST, lasted) for lasted in (None, 9.9, 10.0, 0.0)]

    assert delays == [1.0, 2.0, 1.0, 2.0]
    assert retries.attempts == 2


def test_an_attempt_that_never_opened_is_not_stable() -> None:
    retries = Retries(Reconnect(delays=lambda: iter([1.0, 2.0]), stable_after=0))

    assert [retries.delay_after(LOST, lasted) for lasted in (None, None)] == [1.0, 2.0]


@pytest.mark.parametrize("policy", [None, Reconnect()])
def test_what_is_not_transient_is_not_retried(policy: Reconnect | None) -> None:
    retries = Retries(policy)

    assert retries.delay_after(MEANT if policy else LOST, None) is None
    assert not retries.is_exhausted


def test_codes_are_shown_as_ranges() -> None:
    policy = Reconnect(fatal_codes=range(4000, 4003), transient_statuses=(503, 429, 502))

    assert repr(Reconnect()) == (
        "Reconnect(delays=backoff, stable_after=10.0, "
        "fatal_codes={1000, 1002, 1003, 1005, 1007–1010, 4000–4999}, "
        "transient_statuses={408, 425, 429, 500, 502–504})"
    )
    assert "fatal_codes={4000–4002}, transient_statuses={429, 502, 503})" in repr(policy)
    assert "{1000, 1002, 1003, 1005, 1007–1010, 4000–4999}" in render_doc(Reconnect)
    assert "4001" not in render_doc(Reconnect)
