"""Recordings of a connection, as values and as files; imports frames."""

from ipywsecho.recording.recording import Recording, load, load_async

__all__ = ["Recording", "load", "load_async"]
