"""Frames, the bounded log that keeps them, and iteration over it; imports only the ground."""

from ipywsecho.frames.calling import Caller
from ipywsecho.frames.following import Follower, Signal, newer
from ipywsecho.frames.journal import Journal
from ipywsecho.frames.log import Control, FrameLog, Notice
from ipywsecho.frames.moments import Clock, Moment, now, order_of
from ipywsecho.frames.replies import Reply
from ipywsecho.frames.sequence import Frame, Frames

__all__ = [
    "Caller",
    "Clock",
    "Control",
    "Follower",
    "Frame",
    "FrameLog",
    "Frames",
    "Journal",
    "Moment",
    "Notice",
    "Reply",
    "Signal",
    "newer",
    "now",
    "order_of",
]
