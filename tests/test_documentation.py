"""The README, its reference pages and the lessons: what they name and link to is there."""

import ast
import inspect
import re
from pathlib import Path

import nbformat
import pytest
from ruamel.yaml import YAML

import ipywsecho
from ipywsecho import ConsoleError, Reconnect, WebSocketConsole
from ipywsecho.__main__ import main
from tests import ROOT

README = ROOT / "README.md"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SOLUTIONS = sorted((ROOT / "notebooks" / "solutions").glob("*.md"))
PAGES = sorted((ROOT / "notebooks" / "reference").glob("*.md"))
MODULES = sorted((ROOT / "ipywsecho").rglob("*.py"))
PUBLIC = [getattr(ipywsecho, name) for name in ipywsecho.__all__]
ERRORS = [
    each
    for each in PUBLIC
    if isinstance(each, type) and issubclass(each, ConsoleError) and each is not ConsoleError
]
EXAMPLES = [
    pytest.param(code, id=f"{path.stem}-{number}")
    for path in (README, *PAGES)
    for number, code in enumerate(
        re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE), 1
    )
]


def page(name: str) -> str:
    """Returns the text of a reference page."""
    return (ROOT / "notebooks" / "reference" / name).read_text()


def markdown_of(path: Path) -> str:
    """Returns what stands in a page, or in the Markdown cells of a notebook."""
    if path.suffix == ".md":
        return path.read_text()
    cells = nbformat.read(path, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def linked_from(path: Path) -> list[Path]:
    """Returns what the relative links of a page or a notebook lead to.

    A link to a heading leads nowhere: GitHub and JupyterLab name headings differently.
    """
    links = re.findall(r"\]\(([^)\s]+)\)", markdown_of(path))
    return [path.parent.joinpath(link).resolve() for link in links if "://" not in link]


@pytest.mark.parametrize(
    "path", [README, *PAGES, *SOLUTIONS, *NOTEBOOKS], ids=lambda path: path.stem
)
def test_relative_links_lead_to_files(path: Path) -> None:
    assert [each for each in linked_from(path) if not each.is_file()] == []


def test_readme_links_to_every_page_and_every_lesson() -> None:
    assert {*PAGES, *NOTEBOOKS} - set(linked_from(README)) == set()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_begins_with_what_it_answers(path: Path) -> None:
    assert re.match(r"# .+\n\nThis page .+\.\n", path.read_text())


@pytest.mark.parametrize("name", ipywsecho.__all__)
def test_every_public_name_is_explained(name: str) -> None:
    texts = [path.read_text() for path in (README, *PAGES)]

    assert any(re.search(rf"\b{name}\b", text) for text in texts)


@pytest.mark.parametrize("code", EXAMPLES)
def test_an_example_is_python_that_a_cell_can_run(code: str) -> None:
    imported = re.findall(r"^from ipywsecho import (.+)$", code, re.MULTILINE)

    assert compile(code, "example", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert {name for names in imported for name in names.split(", ")} <= set(ipywsecho.__all__)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_errors_page_has_each_error_as_it_is(error: type[ConsoleError]) -> None:
    [other] = [base for base in error.__bases__ if base is not ConsoleError]
    meaning = (inspect.getdoc(error) or "").partition("\n")[0]

    assert f"| `{error.__name__}` | `{other.__name__}` | {meaning} |" in page("errors.md")


def test_options_page_has_each_option_of_a_console_and_its_default() -> None:
    *options, others = inspect.signature(WebSocketConsole).parameters.values()
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", page("options.md"), re.MULTILINE))

    shown = {each.name: ast.literal_eval(rows[each.name]) for each in options}

    assert shown == {each.name: each.default for each in options}
    assert others.kind is others.VAR_KEYWORD


def test_options_page_has_each_option_of_reconnect() -> None:
    options = inspect.signature(Reconnect).parameters

    assert {name for name in options if f"\n| `{name}` | " not in page("options.md")} == set()


def test_server_page_has_each_option_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}

    assert {option for option in options if f"`{option} " not in page("server.md")} == set()


def test_jupyterhub_page_gives_the_same_rights_on_kubernetes() -> None:
    [values] = re.findall(r"^```yaml\n(.*?)^```$", page("jupyterhub.md"), re.DOTALL | re.MULTILINE)
    [config] = re.findall(
        r"^c\.JupyterHub\.load_roles = (\[.+?^\])$", page("jupyterhub.md"), re.DOTALL | re.MULTILINE
    )

    roles = YAML(typ="safe").load(values)["hub"]["loadRoles"]

    assert [{"name": name, **role} for name, role in roles.items()] == ast.literal_eval(config)


def test_contributing_page_has_a_line_for_each_module() -> None:
    names = {
        module.relative_to(ROOT / "ipywsecho").as_posix()
        for module in MODULES
        if module.name != "__init__.py"
    }

    rows = re.findall(r"^\| `([\w/]+\.py)` \|", page("contributing.md"), re.MULTILINE)

    assert set(rows) == names


def test_a_decision_is_made_where_the_contributing_page_says() -> None:
    _, _, table = page("contributing.md").partition("## Where is it decided?\n")
    rows = re.findall(r"^\| .+\? \| (.+) \| (.+) \|$", table, re.MULTILINE)
    missing = [
        (link, name)
        for modules, names in rows
        for link in re.findall(r"\]\((.+?)\)", modules)
        for name in re.findall(r"`(.+?)`", names)
        if name not in (PAGES[0].parent / link).read_text()
    ]

    assert len(rows) == 8
    assert missing == []
