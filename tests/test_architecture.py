import ast
import sys
from pathlib import Path

import pytest
from ipywidgets import VBox

import ipywsecho
from ipywsecho import WebSocketConsole
from tests.system.environments import ROOT, run

MODULES = sorted((ROOT / "ipywsecho").rglob("*.py"))


class Empty(VBox):
    """Defines only what Python and traitlets write into every subclass."""

    annotated: str


def test_imports_follow_the_arrows() -> None:
    command = Path(sys.executable).with_name("lint-imports")

    # Fails with the linter's report.
    run(command, "--no-cache", cwd=ROOT)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_every_module_says_what_it_is_for(module: Path) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


def test_public_names_are_sorted_and_there() -> None:
    names = list(ipywsecho.__all__)

    assert names == sorted(set(names))
    assert [name for name in names if not hasattr(ipywsecho, name)] == []


def test_type_checkers_see_what_is_imported_when_asked_for() -> None:
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


def test_the_package_lists_its_public_names_and_refuses_others() -> None:
    assert dir(ipywsecho) == ipywsecho.__all__
    with pytest.raises(AttributeError, match="has no attribute 'WebSocket'"):
        ipywsecho.WebSocket  # noqa: B018


def loaded_by(code: str, *names: str) -> set[str]:
    """Return which of these modules, and of what lies in them, a new interpreter has loaded."""
    command = f"import sys\n{code}\nprint(*sys.modules, sep='\\n')"
    modules = run(sys.executable, "-W", "error", "-c", command, cwd=ROOT).split()
    return {each for each in modules for name in names if f"{each}.".startswith(f"{name}.")}


def test_importing_the_package_loads_nothing_of_it() -> None:
    assert loaded_by("import ipywsecho", "ipywsecho", "asyncio", "IPython") == {"ipywsecho"}


LATER = [
    *("ipywsecho.recording", "ipywsecho.server", "ipywsecho.widget.magic"),
    *("ipywsecho.connection.dialing", "ipywsecho.connection.translation"),
    *("PIL", "pygments.lexers", "websockets", "pandas", "matplotlib"),
    *("IPython.core.pylabtools", "IPython.core.magic_arguments"),
]


def test_importing_the_console_loads_only_what_every_console_needs() -> None:
    assert loaded_by("from ipywsecho import WebSocketConsole", *LATER) == set()


def test_a_session_needs_no_view_and_no_jupyter() -> None:
    code = "from ipywsecho import Session"

    assert loaded_by(code, "ipywsecho.widget", "ipywsecho.view", *LATER) == set()


def test_console_redefines_no_name_of_its_box_but_close() -> None:
    own_classes = [
        each for each in WebSocketConsole.__mro__ if each.__module__.startswith("ipywsecho")
    ]

    defined = {name for each in own_classes for name in vars(each)}

    # The tables of its traits belong to each class, and so does what every object has, such as a
    # constructor and a text that describes it.
    redefined = defined & set(dir(VBox)) - set(vars(Empty)) - set(dir(object))
    assert redefined == {"close"}


def test_console_hides_no_name_of_its_box_behind_an_attribute() -> None:
    console, box = WebSocketConsole(), VBox()

    added = vars(console).keys() - vars(box).keys()

    console.close()
    box.close()
    assert added & set(dir(box)) == set()
