import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipywsecho.errors import InputError
from ipywsecho.widget.composing import EnterKey, Form, InOrder, payload_of
from tests.markup import HOSTILE
from tests.timing import ManualClock

# The payload


@pytest.mark.parametrize(
    "text", ["hello", "  spaces  ", "Grüße 🙂", "[NaN]", "0x41", "a\nb", "\x00"]
)
def test_text_is_sent_unchanged(text: str) -> None:
    assert payload_of(text, Form.TEXT) == text


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[1, 2.50]",
        ' {"a": 1, "a": 2} ',
        "null",
        '"text"',
        "1e400",
        "9" * 5_000,
        '["\\ud800"]',
    ],
)
def test_json_is_sent_as_typed(text: str) -> None:
    assert payload_of(text, Form.JSON) == text


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("00ff", b"\x00\xff"),
        ("00 FF", b"\x00\xff"),
        (" 00\tff\n", b"\x00\xff"),
        ("0x00 0xff", b"\x00\xff"),
        ("0x00ff", b"\x00\xff"),
        ("00:ff", b"\x00\xff"),
        ("0x", b""),
    ],
)
def test_hex_makes_a_binary_frame(text: str, data: bytes) -> None:
    assert payload_of(text, Form.HEX) == data


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("AP8=", b"\x00\xff"),
        (" AP\n8= ", b"\x00\xff"),
        ("+/+/", b"\xfb\xff\xbf"),
        ("AAAA", b"\x00\x00\x00"),
    ],
)
def test_base64_makes_a_binary_frame(text: str, data: bytes) -> None:
    assert payload_of(text, Form.BASE64) == data


@given(st.binary())
def test_every_binary_frame_can_be_composed(data: bytes) -> None:
    assert payload_of(data.hex(), Form.HEX) == data
    assert payload_of(data.hex(":"), Form.HEX) == data
    assert payload_of(base64.b64encode(data).decode(), Form.BASE64) == data


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Form.JSON, "{a: 1}"),
        (Form.JSON, ""),
        (Form.JSON, "[1,]"),
        (Form.JSON, "[1] [2]"),
        (Form.JSON, "[NaN]"),
        (Form.JSON, "-Infinity"),
        (Form.JSON, "[" * 100_000),
        (Form.HEX, "0"),
        (Form.HEX, "0g"),
        (Form.HEX, "é0"),
        (Form.HEX, "00\xa0ff"),
        (Form.HEX, "0 0"),
        (Form.BASE64, "A"),
        (Form.BASE64, "AP8"),
        (Form.BASE64, "AP8=="),
        (Form.BASE64, "-_-_"),
        (Form.BASE64, "é==="),
        (Form.BASE64, "AA==AA=="),
    ],
)
def test_an_invalid_message_is_rejected_in_one_line(form: Form, text: str) -> None:
    with pytest.raises(InputError) as caught:
        payload_of(text, form)

    line = str(caught.value)
    assert line.startswith(f"the message is not valid {form} (")
    assert line.endswith(") and was not sent; correct it")
    assert "\n" not in line


@pytest.mark.parametrize("form", [Form.TEXT, Form.JSON])
def test_a_message_that_cannot_be_encoded_is_rejected(form: Form) -> None:
    with pytest.raises(InputError, match=r"is not valid UTF-8 \(.*\) and was not sent"):
        payload_of('["\ud800"]', form)


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("form", Form)
def test_every_text_is_sent_unchanged_or_rejected(form: Form, text: str) -> None:
    try:
        payload = payload_of(text, form)
    except InputError:
        return

    assert payload == text


# The Enter key


class Field:
    """A text field with an Enter key, which records the submitted values."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.value = ""
        self.submitted: list[str] = []
        self.enter = EnterKey(
            lambda: self.submitted.append(self.value),
            call_later=self.clock.call_later,
            clock=self.clock,
        )

    def receive(self, value: str) -> None:
        self.value = value
        self.enter.receive_value()


def test_the_value_after_enter_is_submitted_at_once() -> None:
    field = Field()

    field.enter.press()
    before = list(field.submitted)
    field.receive("hello")

    assert (before, field.submitted) == ([], ["hello"])


def test_the_value_after_enter_is_submitted_only_once() -> None:
    field = Field()

    field.enter.press()
    field.receive("hello")
    field.clock.advance(60)

    assert field.submitted == ["hello"]
    assert field.clock.waiting == []


def test_enter_without_a_new_value_submits_after_a_moment() -> None:
    field = Field()
    field.receive("typed before")

    field.enter.press()
    field.clock.advance(EnterKey.PATIENCE * 0.9)
    early = list(field.submitted)
    field.clock.advance(EnterKey.PATIENCE * 0.2)
    field.clock.advance(60)

    assert (early, field.submitted) == ([], ["typed before"])


def test_enter_on_an_empty_field_waits_for_a_value_that_a_busy_kernel_handles_late() -> None:
    field = Field()

    field.enter.press(is_empty=True)
    field.clock.advance(EnterKey.LONG_PATIENCE * 0.9)
    field.receive("hello")

    assert field.submitted == ["hello"]


def test_enter_waits_for_an_unnoticeable_time() -> None:
    assert 0.1 <= EnterKey.PATIENCE <= 0.25


def test_a_value_without_enter_submits_nothing() -> None:
    field = Field()

    field.receive("left the field")
    field.clock.advance(60)

    assert field.submitted == []


def test_a_value_that_arrives_too_late_submits_nothing() -> None:
    field = Field()
    field.receive("first")
    field.enter.press()
    field.clock.advance(60)

    field.receive("second")
    field.clock.advance(60)

    assert field.submitted == ["first"]


def test_two_enters_before_the_value_submit_once() -> None:
    field = Field()

    field.enter.press()
    field.enter.press()
    field.receive("hello")
    field.clock.advance(60)

    assert field.submitted == ["hello"]


def test_two_enters_without_a_value_submit_once_after_the_second() -> None:
    field = Field()
    field.receive("hello")

    field.enter.press()
    field.clock.advance(EnterKey.PATIENCE * 0.8)
    field.enter.press()
    field.clock.advance(EnterKey.PATIENCE * 0.8)
    early = list(field.submitted)
    field.clock.advance(60)

    assert (early, field.submitted) == ([], ["hello"])


def test_two_enters_with_values_submit_both_values() -> None:
    field = Field()

    for value in ("one", "two"):
        field.enter.press()
        field.receive(value)
    field.clock.advance(60)

    assert field.submitted == ["one", "two"]


def test_a_change_of_the_value_by_submitting_does_not_submit_again() -> None:
    clock = ManualClock()
    submitted: list[str] = []

    def submit() -> None:
        submitted.append("hello")
        # Clearing the field changes its value.
        enter.receive_value()

    enter = EnterKey(submit, call_later=clock.call_later, clock=clock)

    enter.press()
    enter.receive_value()
    enter.press()
    clock.advance(60)

    assert submitted == ["hello", "hello"]


def test_a_released_enter_submits_nothing() -> None:
    field = Field()

    field.enter.press()
    field.enter.release()
    field.receive("hello")
    field.clock.advance(60)

    assert field.submitted == []
    assert field.clock.waiting == []


def test_releasing_without_a_pressed_enter_does_nothing() -> None:
    field = Field()

    field.enter.release()
    field.enter.press()
    field.receive("hello")

    assert field.submitted == ["hello"]


def test_the_next_value_submits_nothing_after_a_failed_submission() -> None:
    clock = ManualClock()
    tries: list[str] = []

    def submit() -> None:
        tries.append("try")
        raise LookupError("no connection")

    enter = EnterKey(submit, call_later=clock.call_later, clock=clock)
    enter.press()
    with pytest.raises(LookupError):
        enter.receive_value()

    enter.receive_value()

    assert tries == ["try"]


def test_a_value_delayed_until_the_last_one_was_acknowledged_is_submitted() -> None:
    field = Field()
    field.enter.press()
    field.receive("first")
    field.value = ""

    field.enter.press()
    field.clock.advance(EnterKey.LONG_PATIENCE * 0.9)
    field.receive("second")

    assert field.submitted == ["first", "second"]


def test_enter_waits_normally_again_some_time_after_a_message() -> None:
    field = Field()
    field.enter.press()
    field.receive("first")
    field.clock.advance(EnterKey.LONG_PATIENCE * 1.1)

    field.enter.press()
    field.clock.advance(EnterKey.PATIENCE * 1.1)
    field.receive("left the field")

    assert field.submitted == ["first", "first"]


# The order of messages.


def test_messages_are_put_into_the_order_that_their_page_gave_them() -> None:
    order = InOrder[str]()

    taken = [
        order.take("a", 1, "second"),
        order.take("b", 0, "other page"),
        order.take("a", 0, "first"),
        order.take("a", 2, "third"),
    ]

    assert taken == [[], ["other page"], ["first", "second"], ["third"]]
