import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import HTML, Image, Markdown
from ipywidgets import IntSlider
from matplotlib.figure import Figure
from traitlets.config import Config

from ipywsecho.widget.display import outputs_of, place_name

PNG = b"\x89PNG\r\n\x1a\n"


def shown(displayed: Any) -> dict[str, Any]:
    """Return the bundle for an object, after checking that it is a valid notebook output."""
    (entry,) = outputs_of(displayed)
    assert entry.keys() == {"output_type", "data", "metadata"}
    assert entry["output_type"] == "display_data"
    data: dict[str, Any] = entry["data"]
    assert all(isinstance(each, str | dict) for each in data.values())
    return data


def plotted() -> Figure:
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 3, 2])
    return figure


def test_html_is_shown_as_html() -> None:
    assert shown(HTML("<b>bold</b>"))["text/html"] == "<b>bold</b>"


def test_markdown_is_shown_as_markdown() -> None:
    assert shown(Markdown("*text*"))["text/markdown"] == "*text*"


def test_any_object_is_shown_as_text() -> None:
    assert shown([1, "two"]) == {"text/plain": "[1, 'two']"}


def test_a_table_is_shown_as_html_and_text() -> None:
    data = shown(pd.DataFrame({"price": [1, 2]}))

    assert "<th>price</th>" in data["text/html"]
    assert "price" in data["text/plain"]


def test_a_widget_is_shown_as_a_widget() -> None:
    slider = IntSlider()

    data = shown(slider)

    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == slider.model_id
    slider.close()


def test_an_image_is_shown_in_base64() -> None:
    assert b64decode(shown(Image(PNG))["image/png"]) == PNG


def test_the_metadata_of_an_image_is_kept() -> None:
    (entry,) = outputs_of(Image(PNG, width=20, height=10))

    assert entry["metadata"] == {"image/png": {"width": 20, "height": 10}}


def test_bytes_in_a_bundle_are_encoded_in_base64() -> None:
    class Both:
        def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
            return {"image/png": PNG, "application/json": {"a": 1}, "text/plain": "both"}

    assert shown(Both()) == {
        "image/png": b64encode(PNG).decode(),
        "application/json": {"a": 1},
        "text/plain": "both",
    }


def test_a_figure_is_shown_as_a_picture_without_pyplot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)

    data = shown(plotted())

    assert "matplotlib.pyplot" not in sys.modules
    assert b64decode(data["image/png"], validate=True).startswith(PNG)


def test_an_empty_figure_is_shown_as_text() -> None:
    data = shown(Figure())

    assert data.keys() == {"text/plain"}


def test_an_object_with_a_picture_is_not_rendered_again() -> None:
    class Plot:
        savefig = None

        def _repr_png_(self) -> bytes:
            return PNG

    assert b64decode(shown(Plot())["image/png"]) == PNG


def test_a_figure_of_pyplot_is_shown_and_closed() -> None:
    mpl.use("agg")
    from matplotlib import pyplot

    figure = pyplot.figure()
    other = pyplot.figure()
    figure.subplots().plot([1, 3, 2])

    data = shown(figure)

    assert b64decode(data["image/png"], validate=True).startswith(PNG)
    assert pyplot.get_fignums() == [other.number]
    pyplot.close(other)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """A shell with its files in a temporary folder."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    # The shell replaces the main module.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    monkeypatch.setattr("ipywsecho.widget.display.get_ipython", lambda: shell)
    return shell


def test_the_formatters_of_the_shell_are_used(shell: InteractiveShell) -> None:
    shell.display_formatter.formatters["text/html"].for_type(complex, lambda _: "<i>i</i>")

    assert shown(1j) == {"text/plain": "1j", "text/html": "<i>i</i>"}


def test_without_a_shell_the_name_of_a_file_is_unchanged() -> None:
    assert place_name("/tmp/plots.py") == "/tmp/plots.py"


def test_a_cell_is_named_by_its_number(shell: InteractiveShell) -> None:
    cell = shell.compile.cache("1 + 1", 3)

    assert place_name(cell) == "In[3]"
    assert place_name("/tmp/plots.py") == "/tmp/plots.py"
