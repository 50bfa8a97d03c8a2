"""The frames of a log as a trait that can be observed, at a constant cost for each frame."""

from collections.abc import Callable, Sequence
from typing import Any
from weakref import ref

from traitlets import All, Bunch, EventHandler, TraitType

from ipywsecho.frames import Frame, FrameLog, Frames

__all__ = ["FramesTrait", "ObservedLog"]


class FramesTrait(TraitType[Frames, Frames]):
    """The frames of a session, as a trait: a new value for each frame, made when it is read."""

    info_text = "the frames of a log"

    def get(self, obj: Any, cls: Any = None) -> Frames:  # noqa: ARG002
        """Return the frames that the session keeps now."""
        frames: Frames = getattr(obj._session, self.name or "")
        return frames


class ObservedLog(FrameLog):
    """A log that calls the observers of the trait that shows it, once for each frame.

    Widget's own way of notifying compares values and looks for the name among those that are
    synced. It costs as much as receiving the frame, and is of no use here.

    Args:
        history: How many frames are kept.
        history_bytes: How many bytes of payload are kept.
        console: Whose trait it is.
        name: The name of the trait.
        fail: Called with what an observer raised.
    """

    def __init__(
        self,
        history: int,
        history_bytes: int,
        *,
        console: Any,
        name: str,
        fail: Callable[[Exception], object],
    ) -> None:
        super().__init__(history, history_bytes)
        # What receives frames must not keep alive whoever looks at them.
        self._console = ref(console)
        self._name = name
        self._fail = fail

    def append(self, frame: Frame) -> None:
        """Keep a frame, and call each observer."""
        self.extend((frame,))

    def extend(self, frames: Sequence[Frame]) -> None:
        """Keep frames, and call each observer for each of them."""
        console, name = self._console(), self._name
        notifiers = {} if console is None else console._trait_notifiers
        if name not in notifiers and All not in notifiers:
            super().extend(frames)
            return
        keep, fail = super().append, self._fail
        for frame in frames:
            old = self.frames
            keep(frame)
            change = Bunch(name=name, old=old, new=self.frames, owner=console, type="change")
            # Looked up each time, as an observer may add or remove observers.
            for observer in _observers(notifiers, name):
                try:
                    # What a class declares with a decorator is a method of the instance.
                    if isinstance(observer, EventHandler):
                        getattr(console, str(observer.name))(change)
                    else:
                        observer(change)
                except Exception as exc:
                    fail(exc)


def _observers(notifiers: Any, name: str) -> Sequence[Any]:
    by_type = notifiers.get(name)
    if All not in notifiers and by_type is not None and All not in by_type:
        # Mostly there are no others. A copy, as it may change meanwhile.
        return tuple(by_type.get("change", ()))
    found: list[Any] = []
    for names in (name, All):
        if (by_type := notifiers.get(names)) is not None:
            found += by_type.get("change", ())
            found += by_type.get(All, ())
    return found
