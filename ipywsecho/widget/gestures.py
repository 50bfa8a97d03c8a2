"""What a person does with the controls, and what follows.

Front ends deliver widget events on other threads as well, so each one first goes to the session's
event loop.
"""

import asyncio
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from traitlets import Bunch

from ipywsecho.errors import ConsoleError, line_of
from ipywsecho.session import Session
from ipywsecho.widget.channel import Message
from ipywsecho.widget.composing import EnterKey, Form, InOrder, payload_of
from ipywsecho.widget.controls import Controls
from ipywsecho.widget.nearness import is_near
from ipywsecho.widget.viewing import Viewer

__all__ = ["Gestures"]


class Gestures:
    """Does what the controls of a console are used for.

    Args:
        session: What is driven.
        controls: What is used.
        view: What shows it.
    """

    def __init__(self, session: Session, controls: Controls, view: Viewer) -> None:
        self._session = session
        self._controls = controls
        self._enter = EnterKey(self._submit, call_later=session.home.call_later_here)
        call = session.home.call
        self._is_near = True
        self._typed = InOrder[Message]()
        # Before the message is sent, which may be wrong again.
        for mending in (controls.text, controls.form):
            mending.observe(self._mend, names="value")
        controls.channel.hear("send", self._hear_page)
        controls.text.on_msg(self._hear_text)
        controls.text.observe(self._hear_value, names="value")
        controls.button.on_click(lambda _: self._press_button())
        controls.switch.on_click(lambda _: call(self._toggle))
        controls.retry.on_click(lambda _: session.start())
        controls.more.on_click(lambda _: controls.show_tools(not controls.has_tools))
        controls.clear.on_click(lambda _: call(view.clear))
        controls.uncover.on_click(lambda _: call(view.uncover))
        controls.channel.hear("uncover", lambda _: call(view.uncover))
        controls.forget.on_click(lambda _: session.clear())
        controls.unfilter.on_click(lambda _: controls.remove_filter())
        controls.save.on_click(lambda _: session.home.spawn(self._save_and_offer))
        controls.pager.earlier.on_click(lambda _: call(view.turn, True))
        controls.pager.later.on_click(lambda _: call(view.turn, False))
        controls.view.observe(lambda _: call(view.change_form), names="value")
        for control in (controls.search, controls.direction, controls.kind):
            control.observe(lambda _: call(view.look_for), names="value")

    # These stay on the thread that they come on, up to the message that is sent: a hop wakes the
    # kernel's own thread, and the two then take turns at the interpreter, 5 ms each.
    def _hear_page(self, message: Message) -> None:
        for each in self._typed.take(message["page"], message["number"], message):
            text = each["text"]
            self._follow_form(each.get("form"))
            if not self._send(text):
                self._controls.channel.tell({"kind": "refused", "page": each["page"], "text": text})

    def _follow_form(self, index: Any) -> None:
        """Take the format that the page shows, as the choice itself may come later."""
        if isinstance(index, int) and 0 <= index < len(Form):
            self._controls.form.index = index

    # The rest is for pages in which our module does not run.
    def _hear_text(self, _: Any, content: Any, __: Any) -> None:
        if content.get("event") == "submit":
            self._is_near = is_near()
            self._enter.press(is_empty=not self._controls.text.value)

    def _hear_value(self, _: Bunch) -> None:
        self._enter.receive_value()

    def _press_button(self) -> None:
        self._is_near = is_near()
        # A kernel may handle the value on another thread than the click, and later.
        if self._controls.text.value:
            self._submit()
        else:
            self._enter.press(is_empty=True)

    def _submit(self) -> None:
        text = self._controls.text
        if text.value and self._send(text.value):
            # A front end that is told to empty the field drops what was typed meanwhile, and the
            # rest of it would then be a message. So a page far away keeps the text.
            text.empty(is_told=self._is_near)

    def _send(self, message: str) -> bool:
        """Send what was typed; return whether it was accepted."""
        try:
            payload = payload_of(message, self._controls.form.value)
            if refusal := self._session.connection.outbox.refusal:
                raise refusal
        except ConsoleError as exc:
            self._session.home.call(self._complain, exc)
            return False
        self._session.send_message(payload)
        self._mend()
        return True

    def _mend(self, _: Bunch | None = None) -> None:
        if self._controls.wrong_text.value:
            self._session.home.call(self._complain)

    def _complain(self, error: ConsoleError | None = None) -> None:
        """Say what is wrong with the message at the field, or that nothing is."""
        wrong = "" if error is None else line_of(error)
        self._controls.show_wrong(self._controls.wrong_text, wrong)

    async def _save_and_offer(self) -> None:
        journal = self._session.journal
        withdrawals = self._controls.offer.withdrawals
        try:
            path = _new_file(self._controls.file_format.value)
            try:
                await self._session.save(path)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            data = await asyncio.to_thread(path.read_bytes)
        except (ConsoleError, OSError) as exc:
            journal.note(line_of(exc), is_error=True)
        else:
            journal.note(f"saved to {path}")
            # The log may have been cleared meanwhile.
            if self._controls.offer.withdrawals == withdrawals:
                self._controls.offer.show(path, data)

    def _toggle(self) -> None:
        self._complain()
        if self._session.state == "closed":
            self._session.start()
        else:
            self._session.home.spawn(self._session.disconnect)


def _new_file(suffix: str) -> Path:
    """Return a file that did not exist, and is empty now.

    Args:
        suffix: The end of its name.

    Raises:
        OSError: If it cannot be created.
    """
    first = Path(time.strftime(f"websocket-%Y-%m-%d-%H%M%S{suffix}")).absolute()
    for number in count(1):
        path = first if number == 1 else first.with_stem(f"{first.stem}-{number}")
        # Another console may save in the same second.
        with suppress(FileExistsError):
            path.touch(exist_ok=False)
            break
    return path
