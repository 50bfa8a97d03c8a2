"""Frames, the bounded log that keeps them, and iteration over it; imports no other layer."""

from ipywsecho.frames.following import Follower, Signal
from ipywsecho.frames.journal import Journal
from ipywsecho.frames.log import Frame, FrameLog, Frames, Notice

__all__ = ["Follower", "Frame", "FrameLog", "Frames", "Journal", "Notice", "Signal"]
