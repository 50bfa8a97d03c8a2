"""The widgets of a console, without the reactions to them."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from ipywidgets import HTML, Box, Button, Combobox, Dropdown, HBox, Layout, Output, Text, Widget

from ipywsecho.escaping import html_of
from ipywsecho.view import STYLE, Kind, View
from ipywsecho.widget.composing import Form

__all__ = ["Controls", "descendants_of"]

LARGEST_OFFER = 2_000_000
"""Maximum size, in bytes, of a file that is offered for download."""

# Set at construction, because adding a class later would take a message to the page.
_NAMED = ("ipywsecho-named",)
_SWITCH = {
    "open": ("Disconnect", "Close the connection"),
    "waiting": ("Stop", "Stop retrying"),
    "closed": ("Connect", "Open the connection"),
}
_PAUSE = "Pause the log; new frames are still kept"


class Controls:
    """The widgets of a console: a header, a row to compose messages, a row of tools, and the log.

    Attributes:
        header: The first row; each page counts the views of it.
        text: The text field.
        button: Sends the message in the text field.
        output: Shows the log.
        preview: Shows the newest rows below the log, until the log shows them.
        retry: Retries the connection at once.
        switch: Opens or closes the connection.
        more: Shows or hides the tools.
        search: The text that rows must contain.
        direction: The direction of frames to show; its value is that of `Criteria.sent`.
        kind: The kind of frames to show.
        view: How to show payloads.
        form: The format of messages.
        pause: Pauses or resumes the log.
        clear: Empties the log.
        save: Saves the frames, and offers the file.
        withdrawals: How often `withdraw` was called.
        rows: All widgets in the order of the page.
    """

    def __init__(self) -> None:
        self._make_header()
        self._make_composer()
        self._make_tools()
        self._make_screen()
        self.rows = [self.header, self._composer, self._tools, self._screen]

    def _make_header(self) -> None:
        self._title = HTML(layout=Layout(flex="1 1 16em"))
        self.retry = _button("Try now", "refresh", "Retry the connection now")
        self.switch = _button("", "power-off", "")
        self.more = _button("", "sliders", "Filter, format, pause and more")
        style = HTML(f"<style>{STYLE}</style>", layout=Layout(display="none"))
        self._roll = Box(layout=Layout(display="none"))
        self.header = CountedBox(
            [self._title, self.retry, self.switch, self.more, style, self._roll]
        )

    def _make_composer(self) -> None:
        self.text = Combobox(
            placeholder="Send a message",
            description="Message to send",
            continuous_update=False,
            _dom_classes=_NAMED,
            layout=Layout(flex="1 1 12em", width="auto", min_width="8em"),
        )
        self.button = Button(
            description="Send", icon="paper-plane", tooltip="Send message", layout=_as_needed()
        )
        self._composer = HBox([self.text, self.button], layout=_wrapping())

    def _make_tools(self) -> None:
        self.search = Text(
            placeholder="Filter: text or /regex/",
            description="Filter",
            _dom_classes=_NAMED,
            layout=Layout(flex="1 1 10em", width="auto", min_width="8em"),
        )
        self.direction = _choice(
            "Direction", [("Both ways", None), ("Received", False), ("Sent", True)]
        )
        self.kind = _choice(
            "Kind of frames", [("Any kind", None), *((_capital(kind), kind) for kind in Kind)]
        )
        self.view = _choice("View of payloads", [(_capital(f"{view} view"), view) for view in View])
        self.form = _choice("Format of messages", [(f"Send as {form}", form) for form in Form])
        self.pause = _button("Pause", "pause", _PAUSE)
        self.clear = _button("Clear", "trash", "Delete the frames in the log")
        self.save = _button("Save", "download", "Save the frames, and offer the file for download")
        self._offer = HTML(layout=_as_needed())
        self.withdrawals = 0
        choices = [self.search, self.direction, self.kind, self.view, self.form]
        self._tools = HBox(
            [*choices, self.pause, self.clear, self.save, self._offer], layout=_wrapping()
        )
        self.show_tools(False)

    def _make_screen(self) -> None:
        self.output = Output(layout=Layout(margin="0"))
        self.preview = HTML(
            _dom_classes=("ipywsecho-preview",), layout=Layout(width="auto", margin="0")
        )
        # In reverse order, so that the browser keeps the end of a growing log in view.
        self._screen = Box(
            [self.preview, self.output],
            _dom_classes=("ipywsecho-screen",),
            layout=Layout(
                flex_flow="column-reverse",
                max_height="360px",
                overflow="auto",
                border="1px solid var(--jp-border-color2, #e0e0e0)",
            ),
        )

    def call_roll(self) -> "CountedBox":
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

    def show_state(self, state: str) -> None:
        """Show the buttons for a state of the connection."""
        self.retry.layout.display = None if state == "waiting" else "none"
        # Sends the changes in one message.
        with self.switch.hold_sync():
            self.switch.description, self.switch.tooltip = _SWITCH.get(state, _SWITCH["open"])
            self.switch.disabled = state == "closing"

    def show_tools(self, are_shown: bool) -> None:
        """Show or hide the row of tools."""
        self._tools.layout.display = None if are_shown else "none"
        self.more.description = "Hide tools" if are_shown else "Tools"

    @property
    def has_tools(self) -> bool:
        """Whether the row of tools is shown."""
        return self._tools.layout.display is None

    def offer(self, name: str, data: bytes) -> None:
        """Offer a file for download, unless it is larger than `LARGEST_OFFER`."""
        if len(data) > LARGEST_OFFER:
            self._offer.value = ""
            return
        link = f"data:application/octet-stream;base64,{b64encode(data).decode()}"
        self._offer.value = f'<a download="{html_of(name)}" href="{link}">{html_of(name)}</a>'

    def withdraw(self) -> None:
        """Offer no file any more."""
        self.withdrawals += 1
        self._offer.value = ""

    def show_pause(self, is_paused: bool) -> None:
        """Set the button to pause or to resume."""
        self.pause.description, self.pause.icon, self.pause.tooltip = (
            ("Resume", "play", "Show new frames again") if is_paused else ("Pause", "pause", _PAUSE)
        )


class CountedBox(HBox):
    """A box whose views are counted by each page, from zero on."""

    loaded: Callable[[], object] | None = None
    """Called when a page that loads requests the state."""

    def __init__(self, children: list[Widget]) -> None:
        # The front end counts only if the initial value is not None.
        super().__init__(children, _view_count=0, layout=_wrapping())

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return the state, as a page requests it completely when it loads."""
        if key is None and self.loaded is not None:
            self.loaded()
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        return state


def _button(description: str, icon: str, tooltip: str) -> Button:
    return Button(description=description, icon=icon, tooltip=tooltip, layout=_as_needed())


def _choice(name: str, options: list[tuple[str, object]]) -> Dropdown:
    return Dropdown(
        options=options, index=0, description=name, _dom_classes=_NAMED, layout=_as_needed()
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _as_needed() -> Layout:
    return Layout(width="auto", flex="0 0 auto")


def _wrapping() -> Layout:
    return Layout(flex_flow="row wrap", align_items="center")


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
