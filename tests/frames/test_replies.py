"""Which request gets which frame."""

from concurrent.futures import Future

import pytest

from ipywsecho import Frame, NotConnectedError
from ipywsecho.frames.replies import Replies, Reply


def frame(text: str) -> Frame:
    """Return a received text frame."""
    return Frame(text, 0.0)


def sent() -> Future[None]:
    """Return the result of a request that has been sent."""
    future: Future[None] = Future()
    future.set_result(None)
    return future


def test_each_request_gets_a_frame_of_its_own_in_the_order_of_the_requests() -> None:
    replies, first, second = Replies(), Reply(sent()), Reply(sent())
    replies.expect(first)
    replies.expect(second)

    replies.offer(frame("one"))
    replies.offer(frame("two"))

    assert [reply.frame.result(0).data for reply in (first, second)] == ["one", "two"]
    assert not replies


def test_a_request_with_a_condition_takes_its_frame_before_one_that_takes_any() -> None:
    replies, any_frame, second = (
        Replies(),
        Reply(sent()),
        Reply(sent(), lambda frame: frame.data == "two"),
    )
    replies.expect(any_frame)
    replies.expect(second)

    replies.offer(frame("two"))
    replies.offer(frame("three"))

    assert second.frame.result(0).data == "two"
    assert any_frame.frame.result(0).data == "three"


def test_a_frame_that_matches_nothing_leaves_the_requests_waiting() -> None:
    replies, reply = Replies(), Reply(sent(), lambda frame: frame.data == "two")
    replies.expect(reply)

    replies.offer(frame("one"))

    assert not reply.frame.done()
    assert replies


def test_an_error_of_a_condition_fails_its_request_and_the_frame_goes_to_another() -> None:
    def fail(_: Frame) -> bool:
        raise LookupError("not here")

    replies, failing, other = Replies(), Reply(sent(), fail), Reply(sent())
    replies.expect(failing)
    replies.expect(other)

    replies.offer(frame("one"))

    with pytest.raises(LookupError):
        failing.frame.result(0)
    assert other.frame.result(0).data == "one"


def test_a_request_that_was_cancelled_takes_no_frame() -> None:
    replies, cancelled, other = Replies(), Reply(sent()), Reply(sent())
    replies.expect(cancelled)
    replies.expect(other)
    cancelled.frame.cancel()

    replies.offer(frame("one"))

    assert other.frame.result(0).data == "one"


def test_a_forgotten_request_takes_no_frame() -> None:
    replies, reply = Replies(), Reply(sent())
    replies.expect(reply)
    replies.forget(reply)
    replies.forget(reply)

    replies.offer(frame("one"))

    assert not reply.frame.done()


def test_only_requests_that_were_sent_fail_with_a_lost_connection() -> None:
    replies, asked, waiting = Replies(), Reply(sent()), Reply(Future())
    replies.expect(asked)
    replies.expect(waiting)

    replies.fail("the connection closed", asked_only=True)

    with pytest.raises(NotConnectedError, match="the connection closed"):
        asked.frame.result(0)
    assert not waiting.frame.done()


def test_all_requests_fail_when_the_connection_is_closed_for_good() -> None:
    replies, waiting, cancelled = Replies(), Reply(sent()), Reply(sent())
    replies.expect(waiting)
    replies.expect(cancelled)
    cancelled.frame.cancel()

    replies.fail("the connection closed")

    with pytest.raises(NotConnectedError):
        waiting.frame.result(0)
    assert not replies


def test_a_request_that_was_not_sent_yet_takes_no_frame() -> None:
    replies, waiting, sending = Replies(), Reply(Future()), Future[None]()
    asked = Reply(sending)
    replies.expect(waiting)
    replies.expect(asked)
    sending.set_running_or_notify_cancel()

    replies.offer(frame("one"))

    assert asked.frame.result(0).data == "one"
    assert not waiting.frame.done()


@pytest.mark.parametrize("error", [NotConnectedError("lost"), None])
def test_a_request_whose_sending_failed_takes_no_frame(error: Exception | None) -> None:
    replies, sending = Replies(), Future[None]()
    replies.expect(Reply(sending))
    if error is None:
        sending.cancel()
    else:
        sending.set_exception(error)

    replies.offer(frame("one"))

    assert replies
