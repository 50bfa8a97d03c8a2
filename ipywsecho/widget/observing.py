"""The frames of a log as a trait that can be observed, at a constant cost for each frame."""

from typing import Any

from traitlets import All, Bunch, EventHandler, TraitType

from ipywsecho.frames import Frame, FrameLog, Frames

__all__ = ["FramesTrait"]


class FramesTrait(TraitType[Frames, Frames]):
    """The frames of a log, as a trait: a new value for each frame, made when somebody reads it.

    Its owner keeps a log for each such trait, and calls observers in its own way.
    """

    info_text = "the frames of a log"

    def get(self, obj: Any, cls: Any = None) -> Frames:  # noqa: ARG002
        """Return the frames that the log keeps now."""
        log: FrameLog = obj._logs[self.name]
        return log.frames

    def append(self, console: Any, frame: Frame) -> None:
        """Log a frame and notify each observer of it."""
        name = self.name or ""
        log = console._logs[name]
        # Widget's own way of notifying compares values and looks for the name among those that
        # are synced. It costs as much as receiving the frame, and is of no use here.
        notifiers = console._trait_notifiers
        if name not in notifiers and All not in notifiers:
            log.append(frame)
            return
        old = log.frames
        log.append(frame)
        change = Bunch(name=name, old=old, new=log.frames, owner=console, type="change")
        for observer in _observers(notifiers, name):
            # What a class declares with a decorator is a method of the instance.
            is_declared = isinstance(observer, EventHandler)
            handler = getattr(console, observer.name) if is_declared else observer
            console._guarded(handler, change)


def _observers(notifiers: Any, name: str) -> list[Any]:
    return [
        observer
        for names in (name, All)
        if names in notifiers
        for types in ("change", All)
        if types in notifiers[names]
        for observer in notifiers[names][types]
    ]
