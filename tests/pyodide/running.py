"""Runs scenarios inside Pyodide, and says which failed."""

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

__all__ = ["Scenarios", "error_of", "failures_of", "scenarios_in"]

E = TypeVar("E", bound=Exception)

Scenarios = Mapping[str, Callable[..., Awaitable[None]]]
"""Functions by their names."""

DEADLINE = 120.0


def scenarios_in(names: Mapping[str, Any]) -> Scenarios:
    """Returns the scenarios among the names of a module, in order."""
    return {name: value for name, value in names.items() if name.startswith("test_")}


async def failures_of(scenarios: Scenarios, *arguments: str) -> str:
    """Runs every scenario, and returns as JSON which failed, and how."""
    failures = {}
    for name, scenario in scenarios.items():
        try:
            async with asyncio.timeout(DEADLINE):
                await scenario(*arguments)
        except Exception:
            failures[name] = traceback.format_exc()
    return json.dumps(failures)


async def error_of(kind: type[E], work: Awaitable[Any]) -> E:
    """Returns the error that some work raises."""
    try:
        await work
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")
