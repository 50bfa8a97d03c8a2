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
    """Puts first what takes longest, so that no worker is left alone with it in the end."""
    items.sort(key=lambda item: not item.path.is_relative_to(ROOT / "tests" / "system"))
