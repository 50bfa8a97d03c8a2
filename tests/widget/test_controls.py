from collections.abc import Iterator

import pytest
from ipywidgets import HTML, Button, Dropdown, Text, Widget

from ipywsecho.connection.states import State
from ipywsecho.view.finding import Criteria
from ipywsecho.view.payloads import Kind, View
from ipywsecho.widget.composing import Form
from ipywsecho.widget.controls import AnyKind, Controls, Direction


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

    assert len(used) == 19
    for each in used:
        # Neither an icon nor a placeholder, which disappears while typing, is a name.
        assert each.description, each


def test_controls_are_in_the_order_of_their_use(controls: Controls) -> None:
    order = [each for each in inside(controls) if each in vars(controls).values()]

    names = [name for each in order for name, known in vars(controls).items() if known is each]
    assert [name for name in names if not name.startswith("_")] == [
        *("header", "retry", "pause", "switch", "more", "unfilter"),
        *("failure", "text", "button", "wrong_text"),
        *("search", "direction", "kind", "view", "form", "clear", "uncover", "forget"),
        *("file_format", "save", "offer", "wrong_search", "channel", "output"),
    ]


def is_shown(widget: Widget) -> bool:
    return bool(widget.layout.display != "none")


def test_the_text_field_accepts_any_message(controls: Controls) -> None:
    assert isinstance(controls.text, Text)
    assert controls.text.continuous_update is False


def test_initially_nothing_is_filtered_or_converted(controls: Controls) -> None:
    assert controls.criteria == Criteria()
    assert controls.view.value is View.AUTOMATIC
    assert controls.form.value is Form.TEXT


def test_every_value_can_be_chosen_and_has_a_label(controls: Controls) -> None:
    for choice, values in [
        (controls.direction, [*Direction]),
        (controls.kind, [AnyKind.ANY, *Kind]),
        (controls.view, [*View]),
        (controls.form, [*Form]),
        (controls.file_format, [".jsonl", ".har"]),
    ]:
        assert [value for _, value in choice.options] == values
        assert len({label for label, _ in choice.options}) == len(values)


@pytest.mark.parametrize("name", ["direction", "kind", "view", "form"])
def test_a_choice_that_is_made_again_is_shown(controls: Controls, name: str) -> None:
    choice = getattr(controls, name)
    labels = [label for label, _ in choice.options]

    # The page sends the index.
    shown = []
    for index in [*reversed(range(len(labels))), 1, 0]:
        choice.set_state({"index": index})
        shown.append((choice.index, choice.label))

    assert shown[-1] == (0, labels[0])
    assert shown[:-2] == [*reversed(list(enumerate(labels)))]


def test_what_is_chosen_makes_the_criteria(controls: Controls) -> None:
    controls.search.value = "soup"
    controls.direction.value = Direction.SENT
    controls.kind.value = Kind.JSON

    assert controls.criteria == Criteria("soup", sent=True, kind=Kind.JSON)


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
    # One takes the place of the other, so that nothing moves.
    assert (is_shown(controls.retry), is_shown(controls.pause)) == (can_retry, not can_retry)
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


def test_what_is_paused_can_be_resumed_while_the_console_waits(controls: Controls) -> None:
    controls.show_pause(True)

    controls.show_state("waiting")

    assert (is_shown(controls.retry), is_shown(controls.pause)) == (True, True)


def test_a_field_that_takes_no_message_says_what_to_do(controls: Controls) -> None:
    said = []
    for state in ("closed", "connecting", "open", "closed", "connecting"):
        controls.show_state(state)
        said.append(controls.channel.hint)

    # A console that was never connected says what the field is for.
    assert said == ["", "", "", "Send a message (press Connect first)", ""]


@pytest.mark.parametrize(
    ("name", "value"),
    [("search", "soup"), ("direction", Direction.SENT), ("kind", Kind.JSON), ("search", "/(/")],
)
def test_a_filter_is_seen_while_the_tools_are_hidden_and_can_be_removed(
    controls: Controls, name: str, value: object
) -> None:
    seen = [(controls.more.description, is_shown(controls.unfilter))]

    getattr(controls, name).value = value
    controls.show_filter()
    seen.append((controls.more.description, is_shown(controls.unfilter)))
    controls.show_tools(True)
    seen.append((controls.more.description, is_shown(controls.unfilter)))
    controls.remove_filter()
    controls.show_filter()
    seen.append((controls.more.description, is_shown(controls.unfilter)))

    assert seen == [
        ("Tools", False),
        ("Tools (filter)", True),
        ("Hide tools", True),
        ("Hide tools", False),
    ]
    assert controls.criteria == Criteria()


def test_there_is_a_way_back_to_rows_that_were_hidden(controls: Controls) -> None:
    seen = [is_shown(controls.uncover)]
    for count in (3, 0):
        controls.show_covered(count)
        seen.append(is_shown(controls.uncover))

    assert seen == [False, True, False]


def test_tools_for_rows_are_left_out_where_there_are_no_rows() -> None:
    controls = Controls(has_list=False)

    for name in ("search", "direction", "kind", "view", "clear", "uncover"):
        assert not is_shown(getattr(controls, name)), name
    for name in ("form", "forget", "file_format", "save", "pause"):
        assert is_shown(getattr(controls, name)), name
    # What is not shown is closed with the rest.
    assert controls.search in inside(controls)
    for widget in inside(controls):
        widget.close()


def test_the_button_that_sends_stands_out(controls: Controls) -> None:
    primary = [each for each in inside(controls) if getattr(each, "button_style", "") == "primary"]

    assert primary == [controls.button]
