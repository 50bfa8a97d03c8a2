"""What all tests have in common."""

import os

import pytest
from hypothesis import settings

from tests import ROOT

# The same examples everywhere and each time, however slow the machine is.
settings.register_profile("reproducible", deadline=None, derandomize=True, database=None)
settings.load_profile("reproducible")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:  # noqa: ARG001
    """Returns how many workers there are: one more than cores, as many tests mostly wait."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts first what takes longest, so that no worker is left alone with it in the end.

    The longest module may have to install a browser: meanwhile others do what needs none.
    """
    system = ROOT / "tests" / "system"
    in_browser = {item.path for item in items if "browser" in getattr(item, "fixturenames", ())}

    def rank(item: pytest.Item) -> tuple[bool, bool, bool]:
        return (
            not item.path.is_relative_to(system),
            item.path.name != "test_field.py",
            item.path in in_browser,
        )

    items.sort(key=rank)
