"""Frames, the bounded log that keeps them, and iteration over it; imports only the ground."""

from ipywsecho.frames.calling import Caller
from ipywsecho.frames.decoding import AS_IT_IS, Decode, Decoded, decoded_of
from ipywsecho.frames.following import Follower, Signal, newer
from ipywsecho.frames.journal import Journal
from ipywsecho.frames.log import Control, FrameLog, Notice
from ipywsecho.frames.moments import Clock, Moment, now, order_of
from ipywsecho.frames.notices import EventLog, Events
from ipywsecho.frames.replies import Reply
from ipywsecho.frames.sequence import Frame, Frames

__all__ = [
    "AS_IT_IS",
    "Caller",
    "Clock",
    "Control",
    "Decode",
    "Decoded",
    "EventLog",
    "Events",
    "Follower",
    "Frame",
    "FrameLog",
    "Frames",
    "Journal",
    "Moment",
    "Notice",
    "Reply",
    "Signal",
    "decoded_of",
    "newer",
    "now",
    "order_of",
]
