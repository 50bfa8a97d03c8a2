import ast
from pathlib import Path

import pytest
from ipywidgets import VBox

import ipywsecho
from ipywsecho import WebSocketConsole
from tests import ROOT

MODULES = sorted((ROOT / "ipywsecho").rglob("*.py"))


class Empty(VBox):
    """Has only the attributes that Python and traitlets add to every subclass."""

    annotated: str


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_module_has_a_docstring(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_public_names_are_sorted_and_exist() -> None:
    names = list(ipywsecho.__all__)

    assert names == sorted(set(names))
    assert [name for name in names if not hasattr(ipywsecho, name)] == []


def test_type_checkers_see_the_names_that_are_imported_lazily() -> None:
    tree = ast.parse(Path(ipywsecho.__file__).read_text())

    seen = {
        (str(each.module), alias.name)
        for each in ast.walk(tree)
        if isinstance(each, ast.ImportFrom) and str(each.module).startswith("ipywsecho.")
        for alias in each.names
    }

    homes = ipywsecho._HOMES
    assert seen == {(f"ipywsecho.{home}", name) for home in homes for name in homes[home]}
    assert sorted(name for names in homes.values() for name in names) == ipywsecho.__all__


def test_the_package_lists_its_public_names_and_has_no_others() -> None:
    assert dir(ipywsecho) == ipywsecho.__all__
    with pytest.raises(AttributeError, match="has no attribute 'WebSocket'"):
        ipywsecho.WebSocket  # noqa: B018


def test_the_console_redefines_no_name_of_its_box_except_close_and_hooks() -> None:
    own_classes = [
        each for each in WebSocketConsole.__mro__ if each.__module__.startswith("ipywsecho")
    ]

    defined = {name for each in own_classes for name in vars(each)}

    # Excluded: the trait tables of each class, and what every object has, such as `__init__` and
    # `__repr__`.
    redefined = defined & set(dir(VBox)) - set(vars(Empty)) - set(dir(object))
    # The others are hooks, of Python and of IPython, that do what they did before as well.
    assert redefined == {"close", "__del__", "_repr_mimebundle_"}


def test_the_console_hides_no_name_of_its_box_behind_an_attribute() -> None:
    console, box = WebSocketConsole(), VBox()

    added = vars(console).keys() - vars(box).keys()

    console.close()
    box.close()
    assert added & set(dir(box)) == set()
