"""The declared names of widgets, compared with those that ipywidgets has.

`tests/system/test_types.py` checks the parameters of methods.
"""

import ast

import pytest
from traitlets import HasTraits

from ipywsecho.widget import base
from tests import ROOT

STUB = {
    each.name: each
    for each in ast.parse((ROOT / "ipywsecho" / "widget" / "base.pyi").read_text()).body
    if isinstance(each, ast.ClassDef)
}
DEPRECATED = {"widget_types", "widgets"}


def traits_of(name: str) -> dict[str, str]:
    """Return the traits that a class declares itself, and their types."""
    return {
        ast.unparse(each.target): ast.unparse(each.annotation)
        for each in STUB[name].body
        if isinstance(each, ast.AnnAssign)
    }


def declared_in(name: str) -> set[str]:
    """Return the names that a class declares or inherits, up to those of traitlets."""
    names = {each.name for each in STUB[name].body if isinstance(each, ast.FunctionDef)}
    names |= traits_of(name).keys()
    for parent in map(ast.unparse, STUB[name].bases):
        if parent != HasTraits.__name__:
            names |= declared_in(parent)
    return names


@pytest.mark.parametrize("name", base.__all__)
def test_each_declared_name_is_there(name: str) -> None:
    assert declared_in(name) - set(dir(getattr(base, name))) == set()


@pytest.mark.parametrize("name", ["VBox", "Layout", "Button", "Output"])
def test_each_public_name_is_declared(name: str) -> None:
    real = {each for each in dir(getattr(base, name)) if not each.startswith("_")}

    assert real - DEPRECATED - set(dir(HasTraits)) - declared_in(name) == set()


@pytest.mark.parametrize("name", base.__all__)
def test_a_trait_is_declared_as_one_that_may_be_none_if_it_may(name: str) -> None:
    declared = traits_of(name)
    real = getattr(base, name).class_traits()

    may_be_none = {trait for trait, kind in declared.items() if "None, " in kind or kind == "_Text"}

    assert declared.keys() <= real.keys()
    assert may_be_none == {trait for trait in declared if real[trait].allow_none}


def test_everything_that_is_declared_is_exported() -> None:
    assert sorted(STUB) == base.__all__
