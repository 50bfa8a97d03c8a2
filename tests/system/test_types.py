"""What a strict type checker says of scripts that use the package."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import ROOT

SCRIPTS = Path(__file__).with_name("typed")
# Reading what no declared name is made of takes twice as long as all the rest.
CONFIGURATION = "[mypy]\n[mypy-IPython.*]\nfollow_imports = skip\n"


def run(*command: str | Path) -> str:
    """Run a type checker on the package that the tests import; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        env={**os.environ, "MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def reported() -> dict[str, list[str]]:
    """What mypy reports of each script, as "line: code"."""
    # Without the configuration of the project, which is not that of its users.
    options = ("--strict", "--config-file=", "--follow-imports=silent", "--no-error-summary")
    printed = run("mypy", *options, SCRIPTS / "right.py", SCRIPTS / "wrong.py")
    found = re.findall(r"^.*?(\w+\.py):(\d+): error: .*\[([\w-]+)\]$", printed, re.MULTILINE)
    # Nothing else, such as a complaint about the command.
    assert len(found) == len([line for line in printed.splitlines() if ": note: " not in line])
    return {
        name: [f"{line}: {code}" for file, line, code in found if file == name]
        for name in ("right.py", "wrong.py")
    }


def test_a_script_that_uses_the_package_rightly_is_clean(reported: dict[str, list[str]]) -> None:
    assert reported["right.py"] == []


def test_each_mistake_of_a_script_is_reported(reported: dict[str, list[str]]) -> None:
    lines = enumerate((SCRIPTS / "wrong.py").read_text().splitlines(), 1)
    expected = [
        f"{number}: {code}"
        for number, line in lines
        for code in line.partition("# expect: ")[2].split(", ")
        if code
    ]

    assert Counter(reported["wrong.py"]) == Counter(expected)


def test_the_declared_types_of_widgets_agree_with_ipywidgets(tmp_path: Path) -> None:
    configuration = tmp_path / "mypy.ini"
    configuration.write_text(CONFIGURATION)
    options = ("--ignore-missing-stub", "--mypy-config-file", configuration)

    printed = run("mypy.stubtest", *options, "ipywsecho.widget.base")

    assert "Success: no issues found" in printed, printed
