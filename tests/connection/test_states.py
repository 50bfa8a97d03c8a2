import pytest

from ipywsecho.connection.states import TRANSITIONS, Event, State

# A second copy of the table, because changing it changes the documented behaviour.
EXPECTED = {
    ("closed", "start"): "connecting",
    ("closed", "opened"): None,
    ("closed", "lost"): None,
    ("closed", "stop"): "closed",
    ("closed", "ended"): None,
    ("connecting", "start"): None,
    ("connecting", "opened"): "open",
    ("connecting", "lost"): "waiting",
    ("connecting", "stop"): "closing",
    ("connecting", "ended"): "closed",
    ("open", "start"): None,
    ("open", "opened"): None,
    ("open", "lost"): "waiting",
    ("open", "stop"): "closing",
    ("open", "ended"): "closed",
    ("waiting", "start"): "connecting",
    ("waiting", "opened"): None,
    ("waiting", "lost"): None,
    ("waiting", "stop"): "closing",
    ("waiting", "ended"): "closed",
    ("closing", "start"): None,
    ("closing", "opened"): None,
    ("closing", "lost"): None,
    ("closing", "stop"): "closing",
    ("closing", "ended"): "closed",
}


def reachable_from(start: State) -> set[State]:
    found: set[State] = set()
    waiting = {start}
    while waiting:
        state = waiting.pop()
        found.add(state)
        waiting |= set(TRANSITIONS[state].values()) - found
    return found


def test_states_have_their_documented_names() -> None:
    assert [state.value for state in State] == [
        "connecting",
        "open",
        "waiting",
        "closing",
        "closed",
    ]


def test_the_expected_table_covers_every_state_and_event() -> None:
    assert set(EXPECTED) == {(state.value, event.value) for state in State for event in Event}


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_an_event_leads_to_the_expected_state(state: State, event: Event) -> None:
    expected = EXPECTED[state.value, event.value]

    following = TRANSITIONS[state].get(event)

    assert following == expected


@pytest.mark.parametrize("state", State)
def test_stop_is_possible_in_every_state(state: State) -> None:
    assert TRANSITIONS[state][Event.STOP] in (State.CLOSING, State.CLOSED)


@pytest.mark.parametrize("state", State)
def test_stop_and_ended_lead_to_closed(state: State) -> None:
    stopped = TRANSITIONS[state][Event.STOP]

    ended = stopped if stopped is State.CLOSED else TRANSITIONS[stopped][Event.ENDED]

    assert ended is State.CLOSED


@pytest.mark.parametrize("state", State)
def test_stop_twice_has_the_effect_of_once(state: State) -> None:
    stopped = TRANSITIONS[state][Event.STOP]

    assert TRANSITIONS[stopped][Event.STOP] is stopped


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_reached_from_every_state(state: State) -> None:
    assert reachable_from(state) == set(State)


def test_only_a_handshake_leads_to_open() -> None:
    ways = {
        (state, event)
        for state, events in TRANSITIONS.items()
        for event, following in events.items()
        if following is State.OPEN
    }

    assert ways == {(State.CONNECTING, Event.OPENED)}


def test_closing_leads_only_to_closed() -> None:
    assert set(TRANSITIONS[State.CLOSING].values()) == {State.CLOSING, State.CLOSED}
