"""The traits of a console that tell what its session is, and the calls of their observers.

Widget's own way of notifying compares values and looks for the name among those that are synced. It
costs as much as receiving a frame, and an observer that raises an error ends both the notification
and whatever caused it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import takewhile
from typing import Any, Generic, Never, TypeVar
from weakref import ref

from traitlets import All, Bunch, EventHandler, TraitType

from ipywsecho.frames import Caller, Frame, FrameLog, Frames, newer

__all__ = ["FramesTrait", "ObservedLog", "Observers", "StateTrait", "Told"]

T = TypeVar("T")


class Told(TraitType[T, Never], Generic[T]):
    """What a session is, as a read-only trait of the same name: its value is read when asked for.

    The value is never stored, so that no observer finds one trait of another moment than the next.
    """

    def __init__(self, help: str = "") -> None:  # noqa: A002  # traitlets' name
        super().__init__(read_only=True, help=help)

    def get(self, obj: Any, cls: Any = None) -> T:  # noqa: ARG002
        """Return what the session is now."""
        value: T = getattr(obj._session, self.name or "")
        return value


class FramesTrait(Told[Frames]):
    """The frames of a session, as a trait: a new value for each frame, made when it is read."""


class StateTrait(Told[str]):
    """The state of a session, as a plain text."""

    def get(self, obj: Any, cls: Any = None) -> str:
        """Return the state that the session is in now."""
        return str(super().get(obj, cls))


class Observers:
    """Calls the observers of a console's traits; an error in one affects nothing else.

    Args:
        console: Whose traits they are.
        fail: Called with what an observer raised.
    """

    def __init__(self, console: Any, fail: Callable[[BaseException], object]) -> None:
        # What receives frames must not keep alive whoever looks at them.
        self._console = ref(console)
        self._caller = Caller(fail)
        self._told: dict[str, Any] = {}
        self.cancel = self._caller.cancel

    def remember(self, values: Iterable[tuple[str, Any]]) -> None:
        """Note the values of traits, without calling anybody."""
        self._told.update(values)

    def tell(self, values: Iterable[tuple[str, Any]]) -> None:
        """Call the observers of the traits that have other values than were told last.

        Args:
            values: Names of traits and their values, in the order in which they are told.
        """
        for name, new in values:
            old = self._told[name]
            if new != old:
                self._told[name] = new
                self.call(self.change(name, old, new))

    def call(self, change: Bunch, later: Callable[[Any], Iterator[Bunch]] | None = None) -> None:
        """Call each observer of a trait.

        Args:
            change: What it was and is.
            later: Called with an observer that is a coroutine function; returns the changes that
                follow. With `None` it is called for each change that this is called with.
        """
        # Looked up each time, as an observer may add or remove observers.
        for observer in self.of(change["name"]):
            if isinstance(observer, EventHandler):
                # What a class declares with a decorator is a method of the instance.
                method = getattr(change["owner"], str(observer.name))
                changes = later and partial(_of_observer, later, observer)
                self._caller.call(method, change, changes, id(observer))
            else:
                self._caller.call(observer, change, later)

    def change(self, name: str, old: Any, new: Any) -> Bunch:
        """Return a change of a trait, as observers get it."""
        return Bunch(name=name, old=old, new=new, owner=self._console(), type="change")

    def of(self, name: str) -> Sequence[Any]:
        """Return the observers of a trait."""
        console = self._console()
        notifiers = {} if console is None else console._trait_notifiers
        by_type = notifiers.get(name)
        if All not in notifiers and (by_type is None or All not in by_type):
            # Mostly there are no others. A copy, as it may change meanwhile.
            return tuple(by_type.get("change", ())) if by_type else ()
        found: list[Any] = []
        for names in (name, All):
            if (by_type := notifiers.get(names)) is not None:
                found += by_type.get("change", ())
                found += by_type.get(All, ())
        return found


def _of_observer(later: Callable[[Any], T], observer: Any, _: object) -> T:
    return later(observer)


class ObservedLog(FrameLog):
    """A log that calls the observers of the trait that shows it, once for each frame.

    Args:
        history: How many frames are kept.
        history_bytes: How many bytes of payload are kept.
        name: The name of the trait.
        observers: Calls the observers.
        skipped: Called with how many frames were forgotten before an observer came to them.
    """

    def __init__(
        self,
        history: int,
        history_bytes: int,
        *,
        name: str,
        observers: Observers,
        skipped: Callable[[int], object],
    ) -> None:
        super().__init__(history, history_bytes)
        self._name = name
        self._observers = observers
        self._skipped = skipped

    def append(self, frame: Frame) -> None:
        """Keep a frame, and call each observer."""
        if self._observers.of(self._name):
            self.extend((frame,))
        else:
            super().append(frame)

    def extend(self, frames: Sequence[Frame]) -> None:
        """Keep frames, and call each observer for each of them."""
        observers, name = self._observers, self._name
        if not observers.of(name):
            super().extend(frames)
            return
        keep, call, change, later = super().append, observers.call, observers.change, self._later
        for frame in frames:
            old = self.frames
            keep(frame)
            call(change(name, old, self.frames), later)

    def _later(self, observer: Any) -> Iterator[Bunch]:
        observers, name = self._observers, self._name
        changes = (
            observers.change(name, frames.until(frames.total - 1), frames)
            for frames in newer(self, self._skipped)
        )
        # Until it observes no longer.
        return takewhile(lambda _: observer in observers.of(name), changes)
