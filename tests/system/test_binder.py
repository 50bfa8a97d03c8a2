import json
import os
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from ruamel.yaml import YAML

from tests import ROOT
from tests.system.environments import create_environment, pip, run

ENVIRONMENT = ROOT / "binder" / "environment.yml"
# Conda's name of a package, and that in the index of Python packages.
RENAMED = ("msgpack-python", "msgpack")
POST_BUILD = ROOT / "binder" / "postBuild"


def project() -> dict[str, Any]:
    """Reads the metadata of the package."""
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def required() -> dict[str, Requirement]:
    """Reads the requirements of the notebooks: the package's dependencies, and JupyterLab."""
    table = project()
    requirements = map(Requirement, table["dependencies"] + table["optional-dependencies"]["lab"])
    return {canonicalize_name(each.name): each for each in requirements}


def installed_by_conda() -> tuple[str, dict[str, Requirement]]:
    """Reads the version of Python and the packages of Binder's environment."""
    python, *packages = YAML(typ="safe").load(ENVIRONMENT)["dependencies"]
    requirements = [
        Requirement(package.replace(*RENAMED)) for package in packages if package != "pip"
    ]
    return (
        python.removeprefix("python="),
        {canonicalize_name(each.name): each for each in requirements},
    )


def modules_in(package: Path) -> dict[Path, bytes]:
    """Reads the modules of a package, in all its folders."""
    return {each.relative_to(package): each.read_bytes() for each in package.rglob("*.py")}


def test_binder_builds_from_the_environment_and_the_checkout() -> None:
    python, _ = installed_by_conda()

    # Without Docker: only the steps it would run.
    dockerfile = run(sys.executable, "-m", "repo2docker", "--no-build", ROOT, cwd=ROOT)

    # File names are escaped there.
    names = re.sub(r"-([0-9a-f]{2})", lambda code: chr(int(code[1], 16)), dockerfile)
    assert f"environment.py-{python}-" in names
    assert '--file "binder/environment.yml"' in dockerfile
    assert "RUN ./binder/postBuild" in dockerfile


def test_the_environment_lists_all_dependencies_of_the_package() -> None:
    _, environment = installed_by_conda()

    missing = required().keys() - environment.keys()

    # The package itself is installed without dependencies.
    assert missing == set()


def test_the_environment_allows_no_version_that_the_package_excludes() -> None:
    python, environment = installed_by_conda()

    refused = [
        (str(ours), str(needed))
        for name, needed in required().items()
        for ours in [environment[name]]
        for bound in ours.specifier
        if bound.operator == ">=" and not needed.specifier.contains(bound.version)
    ]

    assert refused == []
    assert Requirement(f"python{project()['requires-python']}").specifier.contains(python)


def test_the_packages_of_the_environment_can_be_installed_together(tmp_path: Path) -> None:
    python, environment = installed_by_conda()
    report = tmp_path / "report.json"

    # The index of Python packages replaces conda's: same names, same versions.
    for_that_python = ("--python-version", python, "--only-binary=:all:", "--target", tmp_path)
    requirements = [str(each) for each in environment.values()]
    only_solve = ("--dry-run", "--ignore-installed", "--report", report)
    pip("install", *only_solve, *for_that_python, *requirements, cwd=tmp_path)

    found = {
        canonicalize_name(each["metadata"]["name"]): each["metadata"]["version"]
        for each in json.loads(report.read_text())["install"]
    }
    needed = required()
    assert [name for name in needed if not needed[name].specifier.contains(found[name])] == []


def test_post_build_is_executable() -> None:
    assert os.access(POST_BUILD, os.X_OK)


def test_post_build_installs_only_this_checkout(tmp_path: Path) -> None:
    python = create_environment(tmp_path / "venv", "pip")
    shutil.copytree(ROOT, tmp_path / "copy", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])

    # As Binder runs it: from the top of the checkout, the environment's Python first.
    run("./binder/postBuild", cwd=tmp_path / "copy", env={**os.environ, "PATH": path})

    listing = run(python, "-m", "pip", "list", "--format=json", cwd=tmp_path)
    installed = {each["name"]: each["version"] for each in json.loads(listing)}
    assert installed.keys() == {"pip", "ipywsecho"}
    assert installed["ipywsecho"] == project()["version"]
    [package] = python.parents[1].glob("lib/*/site-packages/ipywsecho")
    assert modules_in(package) == modules_in(ROOT / "ipywsecho")
