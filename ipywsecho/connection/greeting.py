"""What is sent, or called, each time a connection has opened."""

from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from inspect import isawaitable
from typing import Any, Protocol, TypeVar

from ipywsecho.connection.link import Link
from ipywsecho.connection.outbox import Sending, sendable
from ipywsecho.errors import NotConnectedError

__all__ = ["Greeting", "greeter", "is_greeting"]

Message = str | bytes
Greeted = TypeVar("Greeted")
Greeting = Message | Iterable[Message] | Callable[[Greeted], object]


class _Greeted(Protocol):
    """What is greeted: a session."""

    def send_message(self, data: Message) -> Sending: ...


class _Stage:
    """Tells a message that is sent while greeting from one that is sent later."""

    is_over = False


_stage: ContextVar[_Stage | None] = ContextVar("ipywsecho_greeting", default=None)


def is_greeting() -> bool:
    """Tell whether what is sent now is sent by a greeting, and goes before all that waits."""
    stage = _stage.get()
    return stage is not None and not stage.is_over


def greeter(
    greeting: Greeting[Any],
    session: _Greeted,
    subject: Callable[[], Any],
    fail: Callable[[Exception], object],
) -> Callable[[Link], Awaitable[None]]:
    """Return what greets over a link that has opened: sends the messages, or calls the function.

    Args:
        greeting: A message, several, or a function, which may be asynchronous.
        session: What sends the messages.
        subject: Returns what the function is called with.
        fail: Called with what the function raised.

    Raises:
        TypeError: If it is none of these.
        ValueError: If a text cannot be encoded as UTF-8.
    """
    function = greeting if callable(greeting) else None
    messages = [] if function is not None else _messages(greeting)

    async def greet(link: Link) -> None:
        stage = _Stage()
        _stage.set(stage)
        try:
            if function is None:
                for message in messages:
                    await session.send_message(message)
            elif isawaitable(result := function(subject())):
                await result
        except Exception as exc:
            # If the link has ended meanwhile, that is told as such, and the next one is greeted.
            if link.is_open or not isinstance(exc, NotConnectedError):
                fail(exc)
        finally:
            stage.is_over = True

    return greet


def _messages(greeting: Any) -> list[Message]:
    if isinstance(greeting, str | bytes | bytearray | memoryview):
        return [sendable(greeting)]
    if not isinstance(greeting, Iterable):
        raise TypeError(
            f"on_open={greeting!r} is not valid; it must be a message, a list of messages, or a "
            "function"
        )
    return [sendable(message) for message in greeting]
