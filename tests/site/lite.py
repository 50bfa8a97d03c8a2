"""JupyterLite with the lessons and the package inside."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from jupyter_core.paths import jupyter_path
from jupyterlite_pyodide_kernel.constants import (
    KERNEL_SETTINGS_SCHEMA,
    PYODIDE_KERNEL_NPM_NAME,
    PYODIDE_KERNEL_PLUGIN_ID,
    PYODIDE_URL,
    PYODIDE_VERSION,
)
from packaging.requirements import Requirement

from tests.site.distribution import PYODIDE, build_distribution, build_pure_msgpack, build_wheel

__all__ = ["build_lite"]

# The kernel brings stand-ins for these, and the site has the extensions of their front ends.
_WITHOUT = ["jupyterlab-widgets", "widgetsnbextension"]

# What the kernel itself installs when it starts.
_KERNEL = ["comm", "ipython", "jedi", "micropip", "packaging", "traitlets"]

_PRELOADED = ["ipywsecho", "micropip"]


def build_lite(
    out: Path, notebooks: Iterable[Path], pages: Mapping[str, Path], *, offline: bool
) -> None:
    """Builds a JupyterLite.

    Args:
        out: The folder of the site.
        notebooks: The notebooks in it, whose outputs are left out: they come from elsewhere.
        pages: The pages that the notebooks link to, by their paths beside the notebooks.
        offline: Whether it contains Pyodide, and asks no other host for anything.
    """
    if PYODIDE != PYODIDE_VERSION:
        raise RuntimeError(
            f"jupyterlite-pyodide-kernel wants Pyodide {PYODIDE_VERSION}, not {PYODIDE}; "
            "change the version in tests/site/distribution.py"
        )
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        contents = folder / "contents"
        contents.mkdir()
        for notebook in notebooks:
            (contents / notebook.name).write_text(_without_outputs(notebook), "utf-8")
        for path, page in pages.items():
            (contents / path).parent.mkdir(exist_ok=True)
            shutil.copy(page, contents / path)
        packages = folder / "static" / ("pyodide" if offline else "packages")
        wheels = [build_wheel(folder / "wheel")]
        if offline:
            # A lesson needs it. Online, it is among the packages that are made for Pyodide.
            wheels.append(build_pure_msgpack(folder / "msgpack"))
        build_distribution(
            packages,
            *wheels,
            requirements=map(Requirement, _KERNEL),
            without=_WITHOUT,
            elsewhere=None if offline else _address_of_pyodide(),
        )
        (folder / "jupyter-lite.json").write_text(json.dumps(_settings(offline=offline)))
        _run_jupyter_lite(folder, contents, out)
        if not offline:
            shutil.copytree(packages, out / "static" / "packages")


def _address_of_pyodide() -> str:
    """Returns where the kernel fetches Pyodide from, unless it is told otherwise."""
    folders = [Path(each, PYODIDE_KERNEL_NPM_NAME) for each in jupyter_path("labextensions")]
    found = [each / "static" / "schema" / KERNEL_SETTINGS_SCHEMA for each in folders]
    schema = json.loads(next(each for each in found if each.exists()).read_text())
    address: str = schema["properties"][PYODIDE_URL]["default"]
    return address.rpartition("/")[0] + "/"


def _without_outputs(notebook: Path) -> str:
    content = json.loads(notebook.read_text("utf-8"))
    content["metadata"].pop("widgets", None)
    content["metadata"]["kernelspec"] = {"display_name": "Python (Pyodide)", "name": "python"}
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(content, indent=1)


def _settings(*, offline: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"packages": _PRELOADED}
    if not offline:
        options["lockFileURL"] = "./static/packages/pyodide-lock.json"
    kernel = {"disablePyPIFallback": offline, "loadPyodideOptions": options}
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "ipywsecho",
            "litePluginSettings": {PYODIDE_KERNEL_PLUGIN_ID: kernel},
        },
    }


def _run_jupyter_lite(folder: Path, contents: Path, out: Path) -> None:
    command = [
        *(sys.executable, "-m", "jupyterlite_core.app", "build", "--no-sourcemaps"),
        *("--lite-dir", folder, "--contents", contents, "--output-dir", out),
        *("--apps", "notebooks", "--apps", "tree", "--apps", "lab"),
    ]
    done = subprocess.run(
        [*map(str, command)], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"jupyter lite build failed: {done.stdout}{done.stderr}")
