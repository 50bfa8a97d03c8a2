from collections.abc import Iterator
from pathlib import Path

import pytest

from ipywsecho.widget.parts import LARGEST_OFFER, Offer

FOLDER = Path("/home/ada & co")


@pytest.fixture
def offer() -> Iterator[Offer]:
    offer = Offer()
    yield offer
    offer.close()


def test_a_file_is_offered_under_its_escaped_name_with_its_size(offer: Offer) -> None:
    offer.show(FOLDER / "<a>.jsonl", b"hello")

    assert (
        'Saved: <a download="&lt;a&gt;.jsonl" href="data:application/octet-stream;base64,aGVsbG8=">'
        "&lt;a&gt;.jsonl</a> (5 B)"
    ) in offer.value


def test_a_file_that_was_offered_can_be_withdrawn(offer: Offer) -> None:
    offer.show(FOLDER / "talk.jsonl", b"x")

    offer.withdraw()

    assert (offer.value, offer.withdrawals) == ("", 1)


def test_of_a_file_that_is_too_large_for_the_page_it_is_said_where_it_is(offer: Offer) -> None:
    offer.show(FOLDER / "small.jsonl", b"x" * LARGEST_OFFER)
    assert "</a> (2.0 MB)" in offer.value

    offer.show(FOLDER / "large.jsonl", b"x" * (LARGEST_OFFER + 1))

    assert (
        "Saved to /home/ada &amp; co/large.jsonl (2.0 MB, too large to download here)"
        in offer.value
    )
    assert "<a" not in offer.value


def test_a_screen_reader_is_told_of_the_file(offer: Offer) -> None:
    offer.show(FOLDER / "talk.jsonl", b"x")

    assert 'role="status"' in offer.value
