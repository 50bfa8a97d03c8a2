from ipywsecho.frames import Control, Frame, FrameLog, Journal, Notice
from ipywsecho.view.moment import Moment

ALL = 10**9


def journal_of(history: int) -> Journal:
    """A journal with four frames each way, of which some are forgotten, and with two events."""
    journal = Journal(
        FrameLog(history, ALL), FrameLog(history, ALL), changed=lambda: None, name_of=str
    )
    for number in range(4):
        journal.sent.append(Frame(f"question {number}", 1.0, sent=True))
        journal.received.append(Frame(f"answer {number}", 1.0))
    journal.add(Notice(1.0, "connected"))
    journal.control(Control(1.0, 9))
    return journal


def test_a_moment_stays_what_it_was() -> None:
    journal = journal_of(3)
    moment = Moment.of(journal)

    journal.received.append(Frame("late", 2.0))

    assert (moment.total, moment.entries, moment.ends) == (8, 8, (4, 1, 1, 4))
    assert [frame.data for frame in moment.received] == ["answer 1", "answer 2", "answer 3"]


def test_a_part_of_a_moment_keeps_its_totals() -> None:
    moment = Moment.of(journal_of(3))

    part = moment.since((0, 1, 0, 3))

    assert (part.total, part.ends) == (moment.total, moment.ends)
    assert [len(each) for each in part] == [3, 0, 1, 1]
    assert [frame.data for frame in part.received] == ["answer 3"]


def test_a_part_from_the_beginning_is_the_whole() -> None:
    moment = Moment.of(journal_of(3))

    assert moment.since((0, 0, 0, 0)) is moment


def test_nothing_is_kept_since_the_end() -> None:
    moment = Moment.of(journal_of(3))

    assert moment.since(moment.ends).entries == 0
