"""Recordings of a connection, as values and as files; imports frames."""

from ipywsecho.recording.recording import Recording, load

__all__ = ["Recording", "load"]
