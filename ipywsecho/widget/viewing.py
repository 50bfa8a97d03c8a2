"""What a console shows, and when: its log or what a builder makes, and the line above it."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from ipywsecho.connection import loosely
from ipywsecho.errors import InputError, line_of
from ipywsecho.masking import mask
from ipywsecho.pacing import Refresher, Throttle, Timer, Turn
from ipywsecho.session import Session
from ipywsecho.view import (
    Catalog,
    Decodings,
    Gallery,
    Parts,
    Screen,
    counts_of,
    describe_state,
    describe_traffic,
    header,
    paragraph,
    weight_of,
)
from ipywsecho.widget.building import Builder, Snapshot
from ipywsecho.widget.controls import Controls
from ipywsecho.widget.details import Details
from ipywsecho.widget.display import outputs_of
from ipywsecho.widget.listing import Listing

__all__ = ["Viewer"]

_HEADER_INTERVAL = 0.4
_HEADER_WITHIN = 0.1
_SLICE = 0.005
# Of the Output, while pages show the list instead.
_SETTLED, _AT_REST, _LARGEST_AT_REST = 1.0, 5.0, 16_000

T = TypeVar("T")


class Viewer:
    """Keeps the controls of a console up to date, as often as the page can take.

    Args:
        session: What is shown.
        controls: Where it is shown.
        builder: Makes what is shown instead of the log, if it is not `None`.
        title: Stands above.
    """

    def __init__(
        self,
        session: Session,
        controls: Controls,
        *,
        builder: Callable[[Snapshot], object] | None,
        title: str,
    ) -> None:
        self._session = session
        self._controls = controls
        self._builder = builder
        self._title = title
        aside, journal = self._work_aside, session.journal
        decodings = Decodings(session.decode, aside, described=journal.described)
        self._screen = Screen(journal, Gallery(aside).source_of, decodings)
        catalog = Catalog(self._screen)
        self._parts = Parts(self._screen, catalog)
        self._listing = Listing(
            controls.channel, catalog, call=session.home.call, request=self.request
        )
        Details(controls.channel, catalog, view=lambda: self._screen.view, spawn=session.home.spawn)
        self._is_paused = False
        self._log_view: Refresher | Builder | None = None
        self._output_view: Throttle | None = None
        self._header_view: Throttle | None = None
        self._is_searching = False
        self._is_over = False
        self._wrong_search = ""
        # A view that was never there does not count: a notebook may be run without a page.
        self.is_out_of_sight = False
        """Whether the last page that showed the console shows it no more."""

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Draw by the timers of an event loop from now on."""

        def call_later(seconds: float, function: Callable[[], Any]) -> Timer:
            # The line above the log counts down for as long as the server is away.
            return loop.call_later(seconds, loosely(function))

        if self._builder is None:
            self._listing.attach(call_later)
            self._log_view = Refresher(self.show_log, call_later=call_later)
            self._output_view = Throttle(
                self._show_output_at_rest, interval=_AT_REST, burst=1, call_later=call_later
            )
        else:
            self._log_view = Builder(
                self._builder,
                snapshot=self._snapshot,
                show=self._show_built,
                fail=self._show_failure,
                is_held=lambda: self._is_paused or self.is_out_of_sight,
            )
            self._session.home.spawn(self._log_view.run)
        self._header_view = Throttle(
            self.show_header, interval=_HEADER_INTERVAL, burst=2, call_later=call_later
        )

    def cancel(self) -> None:
        """Draw no more."""
        self._is_over = True
        self._listing.cancel()
        for view in (self._log_view, self._output_view, self._header_view):
            if view is not None:
                view.cancel()

    def request(self, within: float = 0.0) -> None:
        """Have what has changed drawn soon, or after so many seconds at the latest."""
        if self._log_view is None or self._header_view is None or self._session.home.is_gone:
            return
        if within:
            self._log_view.request_within(within)
        else:
            self._log_view.request()
        # Behind the log, as what somebody waits for is there.
        self._header_view.request_within(_HEADER_WITHIN)

    def forget(self) -> None:
        """Begin anew, as the logs were cleared."""
        self._screen.forget()
        self._parts.forget()
        self._controls.output.outputs = ()
        self.request()

    def clear(self) -> None:
        """Hide all rows that there are; the frames are kept."""
        self._screen.clear()
        self._parts.forget()
        self.request()

    def uncover(self) -> None:
        """Show again what `clear` has hidden."""
        self._screen.uncover()
        self.request()

    def change_form(self) -> None:
        """Show payloads in the form that was chosen."""
        self._screen.show_as(self._controls.view.value)
        self.request()

    def look_for(self) -> None:
        """Show only what meets the criteria that were chosen.

        If nothing can meet them, the filter says so, and what is shown stays as it was.
        """
        self._wrong_search = ""
        self._controls.show_filter()
        try:
            self._screen.look_for(self._controls.criteria)
        except InputError as exc:
            self._wrong_search = line_of(exc)
        else:
            self._parts.forget()
        self._complain()
        self.request()

    def pause(self, is_paused: bool) -> None:
        """Stand still, or go on."""
        self._is_paused = is_paused
        if is_paused:
            self._screen.freeze()
            if self._builder is None:
                # Now, so that nothing moves any more once the button says that it is paused.
                self.show_log(Refresher.LARGEST)
        else:
            self._screen.thaw()
            self._parts.forget()
            self._controls.pager.hide()
        self._controls.show_pause(is_paused)
        self.request()

    def turn(self, is_back: bool) -> None:
        """Show the part of a paused log before the one in the Output, or the one after."""
        if is_back:
            self._parts.go_earlier()
        else:
            self._parts.go_later()
        self._show_output(Refresher.LARGEST)

    def tell_cell(self) -> None:
        """Tell once more what is shown, as a message of the cell that runs.

        Who runs a notebook without a page, such as nbconvert, listens to no other message.
        """
        self.settle()
        self._controls.output.send_state("outputs")
        self._controls.send_header()

    def settle(self) -> None:
        """Bring the line above the log and the Output up to date at once."""
        self.show_header()
        if self._builder is None:
            self.show_log(Refresher.LARGEST)
            self._show_output(Refresher.LARGEST)
        elif isinstance(self._log_view, Builder):
            self._log_view.settle()

    def show_log(self, limit: int) -> tuple[int, bool]:
        """Draw the log in about so many bytes, as a `Refresher` has it done."""
        is_listed = bool(self._listing.audience)
        if self.is_out_of_sight and not is_listed:
            return 0, False
        if not self._screen.search(_SLICE) and not self._is_searching:
            self._is_searching = True
            self._session.home.spawn(self._search)
        if not is_listed or self._output_view is None:
            return self._show_output(limit)
        # For pages that cannot show the list, and for whoever reads the Output in the kernel.
        self._output_view.request_within(_SETTLED)
        return self._listing.push(limit), False

    def _show_output(self, limit: int) -> tuple[int, bool]:
        if self._screen.is_still:
            return 0, False
        parts = self._parts
        drawn = parts.draw(limit) if self._is_paused else self._screen.draw(limit)
        self._controls.output.outputs = drawn.outputs
        if self._is_paused:
            self._controls.pager.show(
                parts.words, has_earlier=parts.first > 0, has_later=parts.has_later
            )
        return drawn.size, drawn.is_cut

    def _show_output_at_rest(self) -> None:
        self._show_output(_LARGEST_AT_REST)

    def show_header(self) -> None:
        """Draw the line above the log."""
        session, connection = self._session, self._session.connection
        wait = None if connection.retry_at is None else connection.retry_at - connection.clock()
        if wait is not None and self._header_view is not None:
            # Counts down, as nothing else happens meanwhile.
            self._header_view.request_within(_HEADER_WITHIN)
        details = describe_state(
            session.subprotocol and mask(session.subprotocol, connection.secrets),
            session.latency,
            wait,
            self._screen.waiting,
            len(connection.outbox),
        )
        self._complain()
        self._controls.show_covered(self._screen.covered)
        uri = None if session.uri is None else mask(session.uri, connection.secrets)
        tooltip = describe_traffic(connection.traffic)
        counts = counts_of(session.sent.total, session.frames.total, tooltip)
        self._controls.show_title(header(self._title, session.state, uri, counts, details))
        self._controls.show_state(session.state)

    def _complain(self) -> None:
        """Say what is wrong, each where the person looks."""
        slowness = self._screen.complaint
        wrong = self._wrong_search or (line_of(slowness) if slowness else "")
        self._controls.show_wrong(self._controls.wrong_search, wrong)
        # The log tells what went wrong, unless it is a builder's.
        error = None if self._builder is None else self._session.error
        self._controls.show_wrong(self._controls.failure, "" if error is None else line_of(error))

    async def _search(self) -> None:
        turn = Turn()
        while not self._is_over and not self._screen.search(_SLICE):
            await turn.pass_on()
        self._is_searching = False
        self.request()

    def _work_aside(self, work: Callable[[], T], done: Callable[[T], object]) -> None:
        async def run() -> None:
            done(await asyncio.to_thread(work))
            self._screen.is_stale = True
            self._listing.renew()
            self.request()

        self._session.home.spawn(run)

    def _snapshot(self) -> Snapshot:
        session, frames = self._session, self._session.frames
        newest = frames[-1] if frames else None
        return Snapshot(state=session.state.value, frame=newest, frames=frames, error=session.error)

    def _show_built(self, built: Any) -> int:
        output = self._controls.output
        if built is None:
            output.outputs = ()
        elif isinstance(built, str):
            output.outputs = paragraph(built).outputs
        else:
            output.outputs = outputs_of(built)
        return weight_of(output.outputs)

    def _show_failure(self, error: BaseException) -> None:
        line = f"the builder failed: {self._session.journal.described(error)}"
        if self._session.error is not None:
            # Mostly the reason: there is no frame to build from.
            line = f"{self._session.error}; {line}"
        self._controls.output.outputs = paragraph(line, is_error=True).outputs
