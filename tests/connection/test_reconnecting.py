"""How long a connection waits before each attempt, over its whole lifetime."""

from collections.abc import Iterator
from itertools import count

import pytest

from ipywsecho.connection.reconnect import Reconnect
from tests.connection.test_connection import connection_to
from tests.peer import answering, peer, shake_hands, together

STABLE, UNSTABLE = 0.0, 1e9
"""Seconds after which each connection counts as stable, and none."""

_lost = together(shake_hands, is_over=True)
_refused = answering(b"503 Service Unavailable")


@pytest.mark.parametrize(
    ("stable_after", "waits"),
    [
        pytest.param(STABLE, [0, 0, 1, 2, 0], id="stable"),
        pytest.param(UNSTABLE, [0, 1, 2, 3, 4], id="unstable"),
    ],
)
async def test_only_a_stable_connection_resets_the_backoff(
    stable_after: float, waits: list[int]
) -> None:
    waited: list[int] = []

    def delays() -> Iterator[float]:
        for number in count():
            waited.append(number)
            yield 0.0

    async with peer(_lost, _lost, _refused, _refused, _lost) as uri:
        connection, witness = connection_to(
            uri, reconnect=Reconnect(delays=delays, stable_after=stable_after)
        )
        connection.start()
        await witness.until(lambda: len(waited) == 5 and connection.state == "open")
        await connection.close()

    assert waited == waits
