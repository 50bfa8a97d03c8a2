"""Builds what Binder builds, by the steps that it takes, in a folder and an environment of its own.

Only the first steps are left out: those that install Python and JupyterLab for all repositories.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import ROOT
from tests.system.environments import create_environment, run

BINDER = ROOT / "binder"
# After this line, a Dockerfile of repo2docker has the steps that depend on the repository.
OWN_STEPS = "ENV CONDA_DEFAULT_ENV="
STEP = re.compile(r"^(COPY|RUN) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Built:
    """What a build has left.

    Attributes:
        python: The interpreter.
        checkout: The folder of the repository.
        steps: The commands that were run.
    """

    python: Path
    checkout: Path
    steps: list[str]


def project() -> dict[str, Any]:
    """Reads the metadata of the package."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def required() -> dict[str, Requirement]:
    """Reads the requirements of the notebooks: the package's dependencies, and JupyterLab."""
    table = project()
    requirements = map(Requirement, table["dependencies"] + table["optional-dependencies"]["lab"])
    return {canonicalize_name(each.name): each for each in requirements}


def pinned() -> dict[str, str]:
    """Reads the versions that Binder installs."""
    lines = (BINDER / "requirements.txt").read_text().splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}


def dockerfile() -> str:
    """Returns the Dockerfile that Binder makes of this repository."""
    return run(sys.executable, "-m", "repo2docker", "--no-build", ROOT, cwd=ROOT)


def own_steps(made: str) -> Iterator[tuple[str, str]]:
    """Yields the steps that depend on the repository, in their order."""
    for step in STEP.finditer(made[made.index(OWN_STEPS) :]):
        if step[1] == "RUN" or " src/" in step[2]:
            yield step[1], step[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The environment and the checkout after all steps, in repo2docker's order."""
    folder = tmp_path_factory.mktemp("binder")
    source, home = folder / "src", folder / "home"
    home.mkdir()
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    python = create_environment(folder / "environment", "pip")
    environment = {
        **os.environ,
        "KERNEL_PYTHON_PREFIX": str(python.parents[1]),
        "REPO_DIR": str(home),
        "PATH": os.pathsep.join([str(python.parent), os.environ["PATH"]]),
    }
    steps = []
    for kind, what in own_steps(dockerfile()):
        if kind == "RUN":
            run("bash", "-ec", what, cwd=home, env=environment)
            steps.append(what)
            continue
        origin, target = what.replace("${REPO_DIR}", str(home)).split()[-2:]
        copied = folder / origin
        if copied.is_dir():
            shutil.copytree(copied, target, dirs_exist_ok=True)
        else:
            Path(target).parent.mkdir(exist_ok=True)
            shutil.copy(copied, target)
    return Built(python, home, steps)


def test_binder_uses_the_files_of_its_folder() -> None:
    made = dockerfile()
    [python] = re.findall(r"^python-(.+)$", (BINDER / "runtime.txt").read_text(), re.MULTILINE)

    # File names are escaped there.
    names = re.sub(r"-([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), made)
    assert f"environment.py-{python}-" in names
    assert Requirement(f"python{project()['requires-python']}").specifier.contains(python)


def test_binder_installs_each_dependency_in_a_version_that_the_package_allows() -> None:
    pins, needed = pinned(), required()

    assert pins.keys() == needed.keys()
    assert [name for name in pins if not needed[name].specifier.contains(pins[name])] == []


@pytest.mark.long
def test_each_step_of_the_build_succeeds(built: Built) -> None:
    assert built.steps == [
        '${KERNEL_PYTHON_PREFIX}/bin/pip install --no-cache-dir -r "binder/requirements.txt"',
        "chmod +x binder/postBuild",
        "./binder/postBuild",
    ]


@pytest.mark.long
def test_the_build_installs_the_pinned_versions_and_the_checkout(built: Built) -> None:
    listing = run(built.python, "-m", "pip", "list", "--format=json", cwd=built.checkout)
    installed = {canonicalize_name(each["name"]): each["version"] for each in json.loads(listing)}

    assert pinned().items() <= installed.items()
    assert installed["ipywsecho"] == project()["version"]
    run(built.python, "-m", "pip", "check", cwd=built.checkout)
    [package] = built.python.parents[1].glob("lib/*/site-packages/ipywsecho")
    assert modules_in(package) == modules_in(ROOT / "ipywsecho")


@pytest.mark.long
def test_what_the_build_has_made_shows_the_list_and_runs_the_first_lesson(built: Built) -> None:
    listed = subprocess.run(
        [built.python, "-m", "jupyter", "labextension", "list"],
        cwd=built.checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"anywidget v0\.11\S* .*enabled.*OK", listed.stdout + listed.stderr)

    lesson = built.checkout / "notebooks" / "echo.ipynb"
    done = built.checkout / "done.ipynb"
    convert = ("-m", "jupyter", "nbconvert", "--execute", "--to", "notebook", "--output", done)
    run(built.python, *convert, lesson, cwd=built.checkout)
    assert "Hello!" in done.read_text()


def test_post_build_is_executable() -> None:
    assert os.access(BINDER / "postBuild", os.X_OK)


def modules_in(package: Path) -> dict[Path, bytes]:
    """Reads the modules of a package, in all its folders."""
    files = [each for suffix in ("py", "js", "css") for each in package.rglob(f"*.{suffix}")]
    return {each.relative_to(package): each.read_bytes() for each in files}
