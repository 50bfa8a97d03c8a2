"""What `help` and a question mark in IPython say of a console."""

import inspect
import pydoc
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets import VBox
from traitlets import TraitType
from traitlets.config import Config

from ipywsecho import Session, WebSocketConsole

WIDTH = 100
TWO_SCREENS = 2 * 45
DOC = inspect.getdoc(WebSocketConsole) or ""


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """A shell in which a console and its class have names."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    # The shell replaces the main module.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    # Completions come from what is there, not from an analysis of source code.
    settings = Config(HistoryManager={"enabled": False}, IPCompleter={"use_jedi": False})
    shell = InteractiveShell(config=settings, colors="nocolor")
    console = WebSocketConsole()
    shell.push({"console": console, "WebSocketConsole": WebSocketConsole})
    yield shell
    console.close()


def section(title: str) -> set[str]:
    """Return the names that a section of the docstring explains."""
    _, _, rest = DOC.partition(f"\n{title}:\n")
    body = re.match(r"(?: .*\n)*", rest)
    assert body is not None
    named = re.findall(r"^    (\S[^:]*): ", body[0], re.MULTILINE)
    return {name.lstrip("*") for names in named for name in names.split(", ")}


def public(kind: type | tuple[type, ...]) -> set[str]:
    """Return the public names of a kind that the console defines itself."""
    return {
        name
        for name, value in vars(WebSocketConsole).items()
        if isinstance(value, kind) and not name.startswith("_")
    }


def test_the_docstring_explains_each_argument() -> None:
    assert section("Args") == set(inspect.signature(WebSocketConsole).parameters)


def test_the_docstring_explains_each_attribute() -> None:
    assert section("Attributes") == public((TraitType, property)) | {"text", "button", "output"}


def test_the_docstring_names_each_method() -> None:
    assert section("Methods") == public(type(section))


@pytest.mark.parametrize("name", sorted(public((TraitType, property, type(section)))))
def test_each_attribute_and_method_has_a_docstring(name: str) -> None:
    own = inspect.cleandoc(vars(WebSocketConsole)[name].__doc__)

    assert own
    # What is the same in a session is explained in the same words.
    assert own == inspect.getdoc(getattr(Session, name, None)) or name in {
        "clear",
        "close",
        "paused",
    }


def test_help_shows_all_that_is_the_consoles_own_before_what_is_inherited() -> None:
    shown = pydoc.render_doc(WebSocketConsole, renderer=pydoc.plaintext)
    own, _, inherited = shown.partition(" inherited from ")

    for name in public((TraitType, property, type(section))):
        assert re.search(rf"^ \|  (async )?{name}\b", own, re.MULTILINE), name
    assert " defined here:" not in inherited
    # The docstring of `Widget.__init__`, which says nothing of a console.
    assert "Public constructor" not in own


def test_help_shows_the_docstring_of_each_trait() -> None:
    shown = pydoc.render_doc(WebSocketConsole, renderer=pydoc.plaintext)

    assert " |  latency\n |      Seconds of the last ping and its pong, or `None`.\n" in shown
    assert " |  paused\n |      While it is true, the log stands still.\n" in shown


@pytest.mark.parametrize("name", ["console", "WebSocketConsole"])
def test_a_question_mark_shows_two_screens_at_most(shell: InteractiveShell, name: str) -> None:
    shown = shell.object_inspect_text(name)

    rows = sum(max(1, -(-len(line) // WIDTH)) for line in shown.splitlines())
    assert rows <= TWO_SCREENS
    assert DOC in shown
    assert "Public constructor" not in shown


def test_a_question_mark_shows_the_docstring_of_a_method(shell: InteractiveShell) -> None:
    shown = shell.object_inspect_text("console.send_message")

    assert inspect.getdoc(Session.send_message) in shown


def test_completion_offers_inherited_names_as_well(shell: InteractiveShell) -> None:
    assert shell.Completer is not None
    for name in ("console", "WebSocketConsole"):
        text = f"{name}."
        with provisionalcompleter():
            offered = {each.text for each in shell.Completer.completions(text, len(text))}

        assert {each for each in dir(VBox) if not each.startswith("_")} <= {
            each.removeprefix(text).removeprefix(".") for each in offered
        }
