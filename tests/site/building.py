"""The site: a start page, JupyterLite with the lessons, and a reference of the public names."""

import json
import shutil
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from urllib.parse import urlencode

import pdoc

import ipywsecho
from tests import ROOT
from tests.site.lite import build_lite

__all__ = ["SiteError", "build_site", "lessons", "pages"]

_LANGUAGES = {"": "English", ".es": "Español", ".pt": "Português", ".zh": "中文"}

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>ipywsecho: a WebSocket console in a notebook</title>
<style>
body {{ font: 1.1rem/1.6 system-ui, sans-serif; color: #212121; max-width: 50rem;
  margin: 2rem auto; padding: 0 1rem }}
img {{ max-width: 100%; border: 1px solid #bdbdbd }}
a {{ color: #0d5aa7 }}
.open {{ display: inline-block; padding: .6rem 1.2rem; border-radius: .3rem; background: #0d5aa7;
  color: #fff; text-decoration: none; font-weight: bold }}
</style>
<h1>ipywsecho</h1>
<p>A WebSocket console inside a Jupyter notebook: type a message, send it, and see the answers
arrive live. Each frame is also a Python object that you can observe, iterate over and answer in the
next cell.</p>
<p><a class="open" href="{first}">Open the first lesson in your browser</a></p>
<p>Nothing is installed: Python runs inside the page, and so does the server that the lessons talk
to. The first start takes some seconds, and downloads about {megabytes} MB.</p>
<p><img src="console.png" alt="A console: a text field, a button and a log of frames"></p>
<h2>Lessons</h2>
<ul>
{lessons}
</ul>
<h2>Reference</h2>
<p><a href="reference/ipywsecho.html">The public names and what they do</a></p>
</html>
"""

_MEGABYTES = 31


class SiteError(Exception):
    """The site cannot be built."""


def lessons() -> list[Path]:
    """Returns the notebooks of the lessons, in all languages, the first one first."""
    found = (ROOT / "notebooks").glob("*.ipynb")
    return sorted(found, key=lambda path: (not path.name.startswith("echo."), path.name))


def pages() -> dict[str, Path]:
    """Returns the pages that the lessons link to, by their paths beside the lessons."""
    folder = ROOT / "notebooks"
    found = [*folder.glob("reference/*.md"), *folder.glob("solutions/*.md")]
    return {path.relative_to(folder).as_posix(): path for path in sorted(found)}


def build_site(out: Path, notebooks: Iterable[Path] = (), *, offline: bool) -> None:
    """Builds the site.

    Args:
        out: The folder of the site, which is new or empty.
        notebooks: Further notebooks.
        offline: Whether it contains Pyodide, and asks no other host for anything.

    Raises:
        SiteError: If the folder is not empty.
    """
    if out.exists() and any(out.iterdir()):
        raise SiteError(f"{out} is not empty; choose another folder, or delete it first")
    out = out.absolute()
    build_lite(out / "lite", [*lessons(), *notebooks], pages(), offline=offline)
    _write_reference(out / "reference")
    shutil.copy(ROOT / "notebooks" / "console.png", out)
    # Browsers ask for it here.
    shutil.copy(out / "lite" / "static" / "favicons" / "favicon.ico", out)
    # Otherwise, GitHub Pages leaves out what begins with an underscore.
    (out / ".nojekyll").touch()
    (out / "index.html").write_text(_start_page(), "utf-8")


def _write_reference(folder: Path) -> None:
    # pdoc looks for names in the module alone, which has them only when somebody asks.
    for name in ipywsecho.__all__:
        setattr(ipywsecho, name, getattr(ipywsecho, name))
    pdoc.pdoc("ipywsecho", output_directory=folder)


def _start_page() -> str:
    first, *_ = lessons()
    return _PAGE.format(first=_link_to(first), lessons="\n".join(_items()), megabytes=_MEGABYTES)


def _items() -> Iterator[str]:
    for notebook in lessons():
        name, _, language = notebook.stem.partition(".")
        if language:
            continue
        versions = [
            (words, version)
            for suffix, words in _LANGUAGES.items()
            if (version := notebook.with_name(f"{name}{suffix}.ipynb")).exists()
        ]
        links = [f'<a href="{_link_to(notebook)}">{escape(_title_of(notebook))}</a>'] + [
            f'<a href="{_link_to(version)}">{words}</a>' for words, version in versions[1:]
        ]
        yield f"<li>{' · '.join(links)}</li>"


def _link_to(notebook: Path) -> str:
    return f"lite/notebooks/index.html?{escape(urlencode({'path': notebook.name}))}"


def _title_of(notebook: Path) -> str:
    first = json.loads(notebook.read_text("utf-8"))["cells"][0]
    return "".join(first["source"]).partition("\n")[0].lstrip("# ")
