"""What runs in the page: ES modules and a style sheet, without a build step."""

from functools import cache
from hashlib import sha256
from pathlib import Path

__all__ = ["loader", "modules", "style"]

# Each after those that it imports; the last one is that of the console.
_MODULES = ("rows", "recall", "kernel", "store", "elements", "pane", "list", "field", "console")


def _read(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


@cache
def modules() -> tuple[tuple[str, str], ...]:
    """Return the names and the sources of the modules, each after those that it imports."""
    return tuple((f"{name}.js", _read(f"{name}.js")) for name in _MODULES)


@cache
def style() -> str:
    """Return the style sheet."""
    return _read("console.css")


@cache
def loader() -> str:
    """Return the module that each console carries, which loads the others once a page."""
    digest = sha256(repr((modules(), style())).encode()).hexdigest()
    # Two kernels of one page may have two versions of the package.
    return _read("loader.js").replace("DIGEST", digest[:16])
