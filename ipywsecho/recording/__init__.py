"""Recordings of a connection, as values and as files; imports frames."""

from ipywsecho.recording.feed import Feed
from ipywsecho.recording.recorder import Recorder
from ipywsecho.recording.recording import Recording, load, load_async
from ipywsecho.recording.streaming import FrameStream, load_stream

__all__ = [
    "Feed",
    "FrameStream",
    "Recorder",
    "Recording",
    "load",
    "load_async",
    "load_stream",
]
