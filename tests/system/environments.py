"""Creates virtual environments, and runs commands in them."""

import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests import ROOT


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    """Runs a command and returns its output; if it fails, the test fails with all its output."""
    program, *arguments = map(str, command)
    if shutil.which(program) is None:
        pytest.fail(f"{program} is not installed", pytrace=False)
    done = subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = f"{done.stdout}\n{done.stderr}".strip()
        pytest.fail(f"{' '.join(map(str, command))}\n{said}", pytrace=False)
    return done.stdout


def pip(*arguments: str | Path, cwd: Path) -> str:
    """Runs the pip of this interpreter."""
    quiet = ("--disable-pip-version-check", "--no-input", "--quiet")
    return run(sys.executable, "-m", "pip", *quiet, *arguments, cwd=cwd)


def create_environment(directory: Path, *requirements: str | Path) -> Path:
    """Creates a virtual environment with these packages, and returns its interpreter."""
    # One pip serves all environments: a copy in each takes seconds, and some systems lack it.
    run(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory.parent)
    pip("--python", directory, "install", *requirements, cwd=directory.parent)
    return interpreter_of(directory)


def create_variant(directory: Path, *requirements: str) -> Path:
    """Creates a copy of this environment except for some packages; returns its interpreter.

    The packages' own dependencies are those of this environment.
    """
    run(sys.executable, "-m", "venv", "--without-pip", directory, cwd=directory.parent)
    pip("--python", directory, "install", "--no-deps", *requirements, cwd=directory.parent)
    [packages] = directory.glob("lib/python*/site-packages")
    # Only now: pip would otherwise take the packages of this environment for installed ones.
    here = sysconfig.get_path("purelib")
    (packages / "variant.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return interpreter_of(directory)


def create_extension(directory: Path, wheel: Path, *requirements: str) -> Path:
    """Creates a copy of this environment with more packages; returns its interpreter.

    The package is installed from its wheel there.
    """
    python = create_variant(directory, str(wheel))
    pip("--python", directory, "install", *requirements, cwd=directory.parent)
    return python


def interpreter_of(directory: Path) -> Path:
    """Returns the interpreter of a virtual environment."""
    return directory / "bin" / "python"


def pins_of(name: str) -> list[str]:
    """Returns the requirements of an environment that otherwise has the newest versions.

    Args:
        name: "newest", "lowest" for the lowest of each dependency, or a package and the beginning
            of its version.
    """
    if name == "newest":
        return []
    if name == "lowest":
        return [lowest(each) for each in dependencies()]
    package, version = name.split()
    return [f"{package}=={version}.*"]


def dependencies() -> list[Requirement]:
    """Reads the dependencies of the package."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [Requirement(dependency) for dependency in project["dependencies"]]


def lowest(requirement: Requirement) -> str:
    """Returns a requirement for exactly the lowest version that is allowed."""
    bounds = [bound.version for bound in requirement.specifier if bound.operator == ">="]
    assert len(bounds) == 1, f"{requirement} names no lowest version"
    return f"{requirement.name}=={bounds[0]}"
