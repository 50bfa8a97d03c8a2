"""The import contracts of pyproject.toml, checked by their linter."""

import sys
from pathlib import Path

from tests import ROOT
from tests.system.environments import run


def test_imports_follow_the_contracts() -> None:
    command = Path(sys.executable).with_name("lint-imports")

    # Fails with the linter's report.
    run(command, "--no-cache", cwd=ROOT)
