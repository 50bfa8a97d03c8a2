from collections.abc import Iterator

import pytest
from ipywidgets import HTML, Button, Combobox, Dropdown, Text, Widget

from ipywsecho.connection.states import State
from ipywsecho.view.finding import Criteria
from ipywsecho.view.payloads import Kind, View
from ipywsecho.widget.composing import Form
from ipywsecho.widget.controls import LARGEST_OFFER, Controls


@pytest.fixture
def controls() -> Iterator[Controls]:
    controls = Controls()
    yield controls
    for widget in inside(controls):
        widget.close()


def inside(controls: Controls) -> list[Widget]:
    """Return the widgets in the order of the page, which is that of the Tab key."""

    def of(widget: Widget) -> list[Widget]:
        return [widget, *(each for child in getattr(widget, "children", ()) for each in of(child))]

    return [widget for row in controls.rows for widget in of(row)]


def test_every_control_has_a_name(controls: Controls) -> None:
    controls.show_state("open")

    used = [each for each in inside(controls) if isinstance(each, Button | Text | Dropdown)]

    assert len(used) == 13
    for each in used:
        # Neither an icon nor a placeholder, which disappears while typing, is a name.
        assert each.description, each


def test_controls_are_in_the_order_of_their_use(controls: Controls) -> None:
    order = [each for each in inside(controls) if each in vars(controls).values()]

    names = [name for each in order for name, known in vars(controls).items() if known is each]
    assert [name for name in names if not name.startswith("_")] == [
        *("header", "retry", "switch", "more", "text", "button"),
        *("search", "direction", "kind", "view", "form", "pause", "clear", "save"),
        *("preview", "output"),
    ]


def test_the_text_field_accepts_any_message(controls: Controls) -> None:
    assert type(controls.text) is Combobox
    assert controls.text.ensure_option is False
    assert controls.text.continuous_update is False


def test_initially_nothing_is_filtered_or_converted(controls: Controls) -> None:
    chosen = Criteria(controls.search.value, controls.direction.value, controls.kind.value)

    assert chosen == Criteria()
    assert controls.view.value is View.AUTOMATIC
    assert controls.form.value is Form.TEXT


def test_every_value_can_be_chosen_and_has_a_label(controls: Controls) -> None:
    for choice, values in [
        (controls.direction, [None, False, True]),
        (controls.kind, [None, *Kind]),
        (controls.view, [*View]),
        (controls.form, [*Form]),
    ]:
        assert [value for _, value in choice.options] == values
        assert len({label for label, _ in choice.options}) == len(values)
        assert all(label[0].isupper() for label, _ in choice.options)


def test_the_title_is_shown_in_the_header(controls: Controls) -> None:
    controls.show_title("<b>Prices</b>")

    assert "<b>Prices</b>" in [each.value for each in inside(controls) if isinstance(each, HTML)]


@pytest.mark.parametrize(
    ("state", "switch", "can_retry", "can_switch"),
    [
        (State.CONNECTING, "Disconnect", False, True),
        (State.OPEN, "Disconnect", False, True),
        (State.WAITING, "Stop", True, True),
        (State.CLOSING, "Disconnect", False, False),
        (State.CLOSED, "Connect", False, True),
    ],
)
def test_the_buttons_depend_on_the_state(
    controls: Controls, state: State, switch: str, can_retry: bool, can_switch: bool
) -> None:
    controls.show_state("waiting")

    controls.show_state(state.value)

    assert controls.switch.description == switch
    assert (controls.retry.layout.display is None) is can_retry
    assert controls.switch.disabled is not can_switch


def test_the_tools_are_hidden_until_they_are_shown(controls: Controls) -> None:
    seen = [(controls.has_tools, controls.more.description)]
    for are_shown in (True, False):
        controls.show_tools(are_shown)
        seen.append((controls.has_tools, controls.more.description))

    assert seen == [(False, "Tools"), (True, "Hide tools"), (False, "Tools")]


def test_the_pause_button_shows_its_next_action(controls: Controls) -> None:
    seen = [controls.pause.description]
    for is_paused in (True, False):
        controls.show_pause(is_paused)
        seen.append(controls.pause.description)

    assert seen == ["Pause", "Resume", "Pause"]


def test_a_file_is_offered_under_its_escaped_name(
    controls: Controls,
) -> None:
    controls.offer("<a>.jsonl", b"hello")

    assert controls._offer.value == (
        '<a download="&lt;a&gt;.jsonl" href="data:application/octet-stream;base64,aGVsbG8=">'
        "&lt;a&gt;.jsonl</a>"
    )


def test_a_file_that_was_offered_can_be_withdrawn(controls: Controls) -> None:
    controls.offer("talk.jsonl", b"x")

    controls.withdraw()

    assert controls._offer.value == ""


def test_a_file_that_is_too_large_for_the_page_is_not_offered(controls: Controls) -> None:
    controls.offer("small.jsonl", b"x")

    controls.offer("large.jsonl", b"x" * (LARGEST_OFFER + 1))

    assert controls._offer.value == ""
