"""The parameters of a path: declared in the signature of a function, and parsed from a query.

Every parameter of the function except the first may be set in the query, as a number or a string.
Its annotation declares the type and the allowed values:

    async def clock(connection, *, interval: Annotated[float, Between(0.01, 3600)] = 1.0): ...
"""

import inspect
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from reprlib import repr as shortened
from types import SimpleNamespace
from typing import Annotated, Any, Protocol, Self, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

__all__ = ["Between", "MaxBytes", "Parameter", "arguments_of", "meaning_of", "parameters_of"]

_KINDS = {int: "an integer", float: "a number", str: "a string"}


class Allowed(Protocol):
    """A set of allowed values that can describe itself, such as "from 1 to 9"."""

    def __contains__(self, value: Any, /) -> bool: ...

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class Between:
    """Allows numbers from `least` to `most`, inclusive."""

    least: float
    most: float

    def __contains__(self, value: float) -> bool:
        return self.least <= value <= self.most

    def __str__(self) -> str:
        return f"from {self.least} to {self.most}"


@dataclass(frozen=True)
class MaxBytes:
    """Allows strings of at most `size` bytes in UTF-8."""

    size: int

    def __contains__(self, value: str) -> bool:
        return len(value.encode()) <= self.size

    def __str__(self) -> str:
        return f"of at most {self.size} bytes"


@dataclass(frozen=True)
class Parameter:
    """One parameter of a path.

    Attributes:
        name: The name in the query and in the function.
        type: `int`, `float` or `str`.
        allowed: Sets of allowed values; without any, every value is allowed.
        default: The default value; `inspect.Parameter.empty` if the parameter is required.
    """

    name: str
    type: type
    allowed: tuple[Allowed, ...]
    default: Any

    @classmethod
    def declared(cls, parameter: inspect.Parameter, annotation: Any) -> Self:
        """Return the parameter that a function declares.

        Raises:
            TypeError: If it is neither a number nor a string.
        """
        is_bounded = get_origin(annotation) is Annotated
        kind, *allowed = get_args(annotation) if is_bounded else (annotation,)
        if kind is inspect.Parameter.empty:
            kind = type(parameter.default)
        if kind not in _KINDS:
            raise TypeError(f"{parameter.name} must be an int, a float or a str, not {kind!r}")
        return cls(parameter.name, kind, tuple(allowed), parameter.default)

    @property
    def is_required(self) -> bool:
        """Whether the query must contain the parameter."""
        return self.default is inspect.Parameter.empty

    @property
    def domain(self) -> str:
        """The allowed values, in words."""
        return f"{_KINDS[self.type]} {' or '.join(map(str, self.allowed))}".rstrip()

    def parse(self, text: str) -> Any:
        """Return the value of a text from the query.

        Raises:
            ValueError: If the value is invalid or not allowed.
        """
        with suppress(ValueError):
            value = self.type(text)
            is_number = self.type is not float or math.isfinite(value)
            if is_number and (not self.allowed or any(value in each for each in self.allowed)):
                return value
        raise ValueError(f"{self.name} must be {self.domain}, not {shortened(text)}")

    def __str__(self) -> str:
        if self.is_required:
            return self.domain
        return f"{self.domain} (default: {self.default if self.default != '' else 'empty'})"


def parameters_of(function: Callable[..., Any]) -> dict[str, Parameter]:
    """Return the parameters that a function declares after its first one, by name.

    Raises:
        TypeError: If one of them is neither a number nor a string, or there is no first one.
    """
    if not (parameters := inspect.signature(function).parameters):
        name = getattr(function, "__name__", repr(function))
        raise TypeError(f"{name}() takes nothing; the first parameter must be the connection")
    _, *declared = parameters.values()
    # The annotation of the first parameter is not evaluated: its name may be imported for type
    # checkers only.
    texts = SimpleNamespace(__annotations__={each.name: each.annotation for each in declared})
    hints = get_type_hints(texts, getattr(function, "__globals__", {}), include_extras=True)
    return {each.name: Parameter.declared(each, hints[each.name]) for each in declared}


def meaning_of(function: Callable[..., Any]) -> str:
    """Return the first line of the docstring of a function."""
    return (inspect.getdoc(function) or "").partition("\n")[0]


def arguments_of(query: str, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the arguments in the query of an address.

    Raises:
        ValueError: If a parameter is unknown, missing, repeated or invalid.
    """
    arguments: dict[str, Any] = {}
    try:
        given = parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as exc:
        raise ValueError("the query is not valid UTF-8") from exc
    for name, text in given:
        if name not in parameters:
            names = ", ".join(parameters) or "none"
            raise ValueError(f"unknown parameter {shortened(name)}; known parameters: {names}")
        if name in arguments:
            raise ValueError(f"{name} is set more than once")
        arguments[name] = parameters[name].parse(text)
    for each in parameters.values():
        if each.is_required and each.name not in arguments:
            raise ValueError(f"{each.name} is missing; it must be {each.domain}")
    return arguments
