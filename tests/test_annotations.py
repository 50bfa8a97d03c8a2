"""The annotations of the public names: `Any` stands only where nothing better can be said."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import ipywsecho

ANYTHING = {
    # JSON of any kind, which the reader knows.
    ("Frame.json", "return"),
    # The options of websockets, which it declares itself; a wrong one raises an `OptionError`.
    ("Session", "options"),
    ("WebSocketConsole", "options"),
    ("open_websocket", "options"),
}


def annotations_of(name: str, member: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield the annotations of a callable or a property: its name, the parameter, the type."""
    function = member.fget if isinstance(member, property) else member
    if isinstance(function, classmethod | staticmethod):
        function = function.__func__
    if isinstance(function, type):
        # An exception without a constructor of its own has no signature.
        function = vars(function).get("__new__") or vars(function).get("__init__")
    if not inspect.isroutine(function):
        return
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        yield name, parameter.name, parameter.annotation
    yield name, "return", signature.return_annotation


def public_annotations() -> Iterator[tuple[str, str, Any]]:
    for name in ipywsecho.__all__:
        public = getattr(ipywsecho, name)
        yield from annotations_of(name, public)
        for each in inspect.getmro(public) if isinstance(public, type) else ():
            if each.__module__.startswith("ipywsecho."):
                for member, value in vars(each).items():
                    if not member.startswith("_"):
                        yield from annotations_of(f"{name}.{member}", value)


def test_public_annotations_say_any_only_where_nothing_better_can_be_said() -> None:
    found = list(public_annotations())

    loose = {
        (name, parameter)
        for name, parameter, annotation in found
        if re.search(r"\bAny\b", str(annotation))
    }

    # All of them are looked at.
    assert {("Session.send_message", "return"), ("Snapshot.has_data", "return")} <= {
        (name, parameter) for name, parameter, _ in found
    }
    assert loose == ANYTHING
