"""The widgets of a console, without the reactions to them."""

from enum import Enum
from typing import Any

from ipywidgets import HTML, Box, Button, HBox, Layout, Output, Text, Widget

from ipywsecho.view import STYLE, Criteria, Kind, View, complaint, hiding_copy
from ipywsecho.widget.channel import Channel
from ipywsecho.widget.composing import Form
from ipywsecho.widget.paging import Pager
from ipywsecho.widget.parts import (
    NAMED,
    CountedBox,
    MessageField,
    Offer,
    as_needed,
    button,
    choice,
    wrapping,
)

__all__ = ["Controls", "Direction", "descendants_of"]

# The kernel of a web page does not send that a value is `None` now.
SHOWN = "flex"

_SWITCH = {
    "open": ("Disconnect", "Close the connection"),
    "waiting": ("Stop", "Stop retrying"),
    "closed": ("Connect", "Open the connection"),
}
_PAUSE = "Pause the log; new frames are still kept"
_CLOSED = "Send a message (press Connect first)"


# A Dropdown takes a value of `None` to mean that nothing is chosen, and then shows no label.
class Direction(Enum):
    """Which frames to show; the values are those of `Criteria.sent`."""

    BOTH = None
    RECEIVED = False
    SENT = True


class AnyKind(Enum):
    """Stands for all kinds of frames."""

    ANY = None


class Controls:
    """The widgets of a console: a header, a row to compose messages, a row of tools, and the log.

    Attributes:
        header: The first row; each page counts the views of it.
        failure: What ended the connection, where the log does not tell it.
        text: The text field.
        button: Sends the message in the text field.
        output: Shows the log.
        pager: Goes through the rows of a paused log in the Output.
        channel: The way to the pages that show the console.
        name: Tells the console from all others.
        retry: Retries the connection at once.
        pause: Pauses or resumes the log.
        switch: Opens or closes the connection.
        more: Shows or hides the tools.
        unfilter: Removes the filter.
        wrong_text: What is wrong with the message.
        wrong_search: What is wrong with the search.
        search: The text that rows must contain.
        direction: The direction of frames to show.
        kind: The kind of frames to show.
        view: How to show payloads.
        form: The format of messages.
        clear: Hides the rows of the log.
        uncover: Shows them again.
        forget: Deletes the frames.
        file_format: The suffix of the file to save.
        save: Saves the frames, and offers the file.
        offer: The file that is offered.
        rows: All widgets in the order of the page.

    Args:
        has_list: Whether the log is a list of rows, and not what a builder makes.
    """

    def __init__(self, *, has_list: bool = True) -> None:
        self.channel = Channel(has_list=has_list)
        self._has_list = has_list
        self._has_begun = self._is_waiting = self._is_paused = False
        self.name = self.channel.model_id or ""
        self._make_header()
        self._make_composer()
        self._make_tools()
        self._make_screen()
        self.failure, self.wrong_text, self.wrong_search = (
            HTML(layout=Layout(display="none", width="auto", margin="0 2px")) for _ in range(3)
        )
        self.rows = [
            *(self.header, self.failure, self._composer, self.wrong_text),
            *(self._tools, self.wrong_search, self._screen),
        ]

    def _make_header(self) -> None:
        self._title = HTML(layout=Layout(flex="1 1 16em", min_width="0"))
        self.retry = button("Try now", "refresh", "Retry the connection now")
        self.pause = button("Pause", "pause", _PAUSE)
        self.switch = button("", "power-off", "")
        self.more = button("", "sliders", "Filter, format, save and more")
        self.unfilter = button("Remove the filter", "times", "Remove the filter", "ipywsecho-icon")
        # As wide whatever they say, so that nothing moves; `retry` takes the place of `pause`.
        self.retry.layout.flex = self.pause.layout.flex = "0 0 6.5em"
        self.switch.layout.flex = "0 0 8em"
        self.more.layout.flex = "1 1 0"
        more = HBox([self.more, self.unfilter], layout=Layout(flex="0 1 11em", overflow="hidden"))
        buttons = HBox(
            [self.retry, self.pause, self.switch, more],
            _dom_classes=("ipywsecho-buttons",),
            layout=Layout(flex="0 1 27em", justify_content="flex-end", overflow="hidden"),
        )
        sheet = f"<style>{STYLE}{hiding_copy(self.name)}</style>"
        style = HTML(sheet, layout=Layout(display="none"))
        self._roll = Box(layout=Layout(display="none"))
        self.header = CountedBox([self._title, buttons, style, self._roll])

    def _make_composer(self) -> None:
        self.text = MessageField(
            placeholder="Send a message",
            description="Message to send",
            continuous_update=False,
            _dom_classes=(*NAMED, "ipywsecho-field"),
            layout=Layout(flex="1 1 12em", width="auto", min_width="8em"),
        )
        self.button = Button(
            description="Send",
            icon="paper-plane",
            tooltip="Send message",
            button_style="primary",
            _dom_classes=("ipywsecho-send",),
            layout=as_needed(),
        )
        self._composer = HBox([self.text, self.button], layout=wrapping())

    def _make_tools(self) -> None:
        self.search = Text(
            placeholder="Filter: text or /regex/",
            description="Filter",
            _dom_classes=NAMED,
            layout=Layout(flex="1 1 10em", width="auto", min_width="8em"),
        )
        self.direction = choice(
            "Direction",
            [
                ("Both ways", Direction.BOTH),
                ("Received", Direction.RECEIVED),
                ("Sent", Direction.SENT),
            ],
        )
        self.kind = choice(
            "Kind of frames",
            [("Any kind", AnyKind.ANY), *((_capital(kind), kind) for kind in Kind)],
        )
        self.view = choice("View of payloads", [(_capital(f"{view} view"), view) for view in View])
        self.form = choice(
            "Format of messages", [(f"Send as {form}", form) for form in Form], "ipywsecho-form"
        )
        self.clear = button("Clear", "ban", "Hide the rows of the log; the frames are kept")
        self.uncover = button(
            "Show all", "undo", "Show the rows that Clear has hidden", "ipywsecho-uncover"
        )
        self.forget = button("Forget", "trash", "Delete the frames that are kept")
        self.file_format = choice(
            "Format of the file", [(f"as {suffix}", suffix) for suffix in (".jsonl", ".har")]
        )
        self.save = button("Save", "download", "Save the frames, and offer the file for download")
        self.offer = Offer()
        tools = [
            *(self.search, self.direction, self.kind, self.view, self.form),
            *(self.clear, self.uncover, self.forget),
            *(self.file_format, self.save, self.offer),
        ]
        if not self._has_list:
            for each in (self.search, self.direction, self.kind, self.view, self.clear):
                each.layout.display = "none"
        self._tools = HBox(tools, layout=wrapping())
        self.show_covered(0)
        self.show_tools(False)

    def _make_screen(self) -> None:
        self.output = Output(layout=Layout(margin="0"))
        self.pager = Pager()
        # A page that shows the list hides the pager and the Output.
        self._screen = Box(
            [self.channel, self.pager.row, self.output],
            _dom_classes=("ipywsecho-screen",),
            layout=Layout(
                flex_flow="column",
                border="1px solid var(--jp-border-color2, #e0e0e0)",
            ),
        )

    @property
    def criteria(self) -> Criteria:
        """What the tools say that rows must meet."""
        kind = self.kind.value
        return Criteria(
            self.search.value,
            sent=self.direction.value.value,
            kind=None if kind is AnyKind.ANY else kind,
        )

    def call_roll(self) -> CountedBox:
        """Add a hidden box, which each page that shows the header counts the views of."""
        self.forget_roll()
        box = CountedBox([])
        self._roll.children = [box]
        return box

    def forget_roll(self) -> None:
        """Remove the box that `call_roll` has added."""
        for box in self._roll.children:
            # A front end would report the end of each view, to a box that is gone.
            box.set_trait("_view_count", None)
            self._roll.children = []
            box.layout.close()
            box.close()

    def show_title(self, html: str) -> None:
        """Set the line above the log."""
        self._title.value = html

    def send_header(self) -> None:
        """Send the line above the log to the front end again."""
        self._title.send_state("value")
        self.switch.send_state(["description", "tooltip"])

    def show_wrong(self, place: HTML, text: str = "") -> None:
        """Show what is wrong in one of the places for it, or nothing."""
        html = complaint(text)
        if html != place.value:
            place.value = html
            place.layout.display = SHOWN if html else "none"

    def show_state(self, state: str) -> None:
        """Show the buttons for a state of the connection."""
        self._is_waiting = state == "waiting"
        self._show_retry()
        # Sends the changes in one message.
        with self.switch.hold_sync():
            self.switch.description, self.switch.tooltip = _SWITCH.get(state, _SWITCH["open"])
            self.switch.disabled = state == "closing"
        self._has_begun |= state != "closed"
        is_over = self._has_begun and state == "closed"
        self.channel.hint = _CLOSED if is_over else ""

    def show_tools(self, are_shown: bool) -> None:
        """Show or hide the row of tools."""
        self._tools.layout.display = SHOWN if are_shown else "none"
        self.show_filter()

    def show_filter(self) -> None:
        """Show whether there is a filter, also while the tools are hidden."""
        is_filtered = self.criteria != Criteria()
        folded = "Tools (filter)" if is_filtered else "Tools"
        self.more.description = "Hide tools" if self.has_tools else folded
        self.unfilter.layout.display = None if is_filtered else "none"

    def remove_filter(self) -> None:
        """Choose that all frames be shown."""
        self.search.value = ""
        self.direction.value = Direction.BOTH
        self.kind.value = AnyKind.ANY

    def show_covered(self, count: int) -> None:
        """Show a way back if there are rows that were hidden."""
        self.uncover.layout.display = None if count else "none"

    @property
    def has_tools(self) -> bool:
        """Whether the row of tools is shown."""
        return bool(self._tools.layout.display == SHOWN)

    def show_pause(self, is_paused: bool) -> None:
        """Set the button to pause or to resume."""
        self.pause.description, self.pause.icon, self.pause.tooltip = (
            ("Resume", "play", "Show new frames again") if is_paused else ("Pause", "pause", _PAUSE)
        )
        self._is_paused = is_paused
        self._show_retry()

    def _show_retry(self) -> None:
        """Show the button to retry while that is of use, and the button to pause otherwise."""
        self.retry.layout.display = None if self._is_waiting else "none"
        # What is paused can always be resumed.
        is_of_use = self._is_paused or not self._is_waiting
        self.pause.layout.display = None if is_of_use else "none"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def descendants_of(widget: Widget) -> list[Widget]:
    """Return all widgets in the synced traits of a widget, recursively."""
    found: list[Widget] = []
    waiting: list[Any] = [widget]
    while waiting:
        holder = waiting.pop()
        for name in holder.keys:
            value = getattr(holder, name)
            for part in value if isinstance(value, tuple) else (value,):
                if isinstance(part, Widget) and part not in found:
                    found.append(part)
                    waiting.append(part)
    return found
