"""What a person does with the controls, and what follows.

Front ends deliver widget events on other threads as well, so each one first goes to the session's
event loop.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

from traitlets import Bunch

from ipywsecho.errors import ConsoleError, line_of
from ipywsecho.session import Session
from ipywsecho.widget.composing import EnterKey, payload_of
from ipywsecho.widget.controls import Controls
from ipywsecho.widget.viewing import Viewer

__all__ = ["Gestures"]

_EMPTIED_AFTER = 0.05
_OFFERED = 20


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
        self._view = view
        self._enter = EnterKey(self._submit, call_later=session.home.call_later_here)
        call = session.home.call
        controls.text.on_msg(self._hear_text)
        controls.text.observe(self._hear_value, names="value")
        controls.button.on_click(lambda _: self._press_button())
        controls.switch.on_click(lambda _: call(self._toggle))
        controls.retry.on_click(lambda _: session.start())
        controls.more.on_click(lambda _: controls.show_tools(not controls.has_tools))
        controls.clear.on_click(lambda _: session.clear())
        controls.save.on_click(lambda _: session.home.spawn(self._save_and_offer))
        controls.view.observe(lambda _: call(view.change_form), names="value")
        for control in (controls.search, controls.direction, controls.kind):
            control.observe(lambda _: call(self._look_for), names="value")

    # These stay on the thread that they come on, up to the message that is sent: a hop wakes the
    # kernel's own thread, and the two then take turns at the interpreter, 5 ms each.
    def _hear_text(self, _: Any, content: Any, __: Any) -> None:
        if content.get("event") == "submit":
            self._enter.press(is_empty=not self._controls.text.value)

    def _hear_value(self, _: Bunch) -> None:
        self._enter.receive_value()

    def _press_button(self) -> None:
        # A kernel may handle the value on another thread than the click, and later.
        if self._controls.text.value:
            self._submit()
        else:
            self._enter.press(is_empty=True)

    def _submit(self) -> None:
        text = self._controls.text
        message = text.value
        if not message:
            return
        try:
            payload = payload_of(message, self._controls.form.value)
            if refusal := self._session.connection.outbox.refusal:
                raise refusal
        except ConsoleError as exc:
            self._session.home.call(self._complain, exc)
        else:
            self._session.send_message(payload)
            # Sent in one message, as the field drops what is being typed whenever it is told
            # anything, and after an answer that comes at once, which would be painted later.
            held = ExitStack()
            held.enter_context(text.hold_sync())
            text.value = ""
            text.options = _offered(message, text.options)
            self._session.home.call_later(_EMPTIED_AFTER, held.close)
            self._view.complaint = ""

    def _complain(self, error: ConsoleError) -> None:
        self._view.complaint = line_of(error)
        self._session.journal.note(self._view.complaint, is_error=True)

    async def _save_and_offer(self) -> None:
        journal = self._session.journal
        withdrawals = self._controls.withdrawals
        try:
            path = _new_file()
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
            if self._controls.withdrawals == withdrawals:
                self._controls.offer(path.name, data)

    def _look_for(self) -> None:
        try:
            self._view.look_for()
        except ConsoleError as exc:
            self._complain(exc)
        else:
            self._view.complaint = ""
        self._view.request()

    def _toggle(self) -> None:
        if self._session.state == "closed":
            self._session.start()
        else:
            self._session.home.spawn(self._session.disconnect)


def _offered(newest: str, others: Sequence[str]) -> list[str]:
    return [newest, *(message for message in others if message != newest)][:_OFFERED]


def _new_file() -> Path:
    """Return a file that did not exist, and is empty now.

    Raises:
        OSError: If it cannot be created.
    """
    first = Path(time.strftime("websocket-%Y-%m-%d-%H%M%S.jsonl")).absolute()
    for number in count(1):
        path = first if number == 1 else first.with_stem(f"{first.stem}-{number}")
        # Another console may save in the same second.
        with suppress(FileExistsError):
            path.touch(exist_ok=False)
            break
    return path
