"""What went over a connection, as a value and as a file; looks at the frames."""

from ipywsecho.recording.recording import Recording, load

__all__ = ["Recording", "load"]
