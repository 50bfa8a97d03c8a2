"""The way to the pages: who hears what they say."""

from collections.abc import Iterator

import pytest

from ipywsecho.widget.channel import Channel, Message


@pytest.fixture
def channel() -> Iterator[Channel]:
    channel = Channel(has_list=True)
    yield channel
    channel.layout.close()
    channel.close()


def test_each_message_of_a_page_is_attended_to_before_it_is_handled(channel: Channel) -> None:
    heard: list[tuple[str, Message]] = []
    channel.attend(lambda message: heard.append(("attended", message)))
    channel.hear("send", lambda message: heard.append(("handled", message)))
    sent, alive = {"kind": "send", "page": "a", "text": "Hello!"}, {"kind": "alive", "page": "a"}

    # The last one is from a page that shows nothing yet.
    for message in (sent, alive, {"kind": "load"}):
        channel._handle_custom_msg(message, [])

    assert heard == [("attended", sent), ("handled", sent), ("attended", alive)]
