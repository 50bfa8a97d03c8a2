"""The widgets that a console is made of, and nothing of what they do."""

from base64 import b64encode
from typing import Any

from ipywidgets import HTML, Box, Button, Combobox, Dropdown, HBox, Layout, Output, Text, Widget

from ipywsecho.escaping import html_of
from ipywsecho.view import STYLE, Kind, View
from ipywsecho.widget.composing import Form

__all__ = ["Controls", "descendants_of"]

LARGEST_OFFER = 2_000_000
"""How many bytes a file that is offered for download has at most."""

# Given at once, as each class that is added takes a message.
_NAMED = ("ipywsecho-named",)
_SWITCH = {
    "open": ("Disconnect", "Close the connection"),
    "waiting": ("Stop", "Stop trying to connect"),
    "closed": ("Connect", "Open the connection"),
}


class Controls:
    """What a person sees and uses: a header, a row to compose in, a row of tools and the log.

    Attributes:
        header: Counts the views that show the console.
        text: The text field.
        button: Sends what stands in the text field.
        output: Shows the log.
        preview: Shows the newest rows below the log until it shows them itself.
        retry: Tries to connect at once.
        switch: Opens or closes the connection.
        more: Shows or hides the tools.
        search: What rows must contain.
        direction: Which way frames must have gone; its value is that of `Criteria.sent`.
        kind: What frames must hold.
        view: How payloads are shown.
        form: How messages are written.
        pause: Makes the log stand still, or go on.
        clear: Empties the log.
        save: Saves the frames kept, and offers the file.
    """

    def __init__(self) -> None:
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
        self.output = Output(layout=Layout(margin="0"))
        self.preview = HTML(
            _dom_classes=("ipywsecho-preview",), layout=Layout(width="auto", margin="0")
        )
        self._title = HTML(layout=Layout(flex="1 1 16em"))
        self.retry = _button("Try now", "refresh", "Try to connect now")
        self.switch = _button("", "power-off", "")
        self.more = _button("", "sliders", "Filter, form, pause and more")
        style = HTML(f"<style>{STYLE}</style>", layout=Layout(display="none"))
        self.header = CountedBox([self._title, self.retry, self.switch, self.more, style])
        composer = HBox([self.text, self.button], layout=_wrapping())

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
        self.form = _choice("Form of messages", [(f"Send as {form}", form) for form in Form])
        self.pause = _button("Pause", "pause", "Hold the log still")
        self.clear = _button("Clear", "trash", "Forget the frames kept")
        self.save = _button("Save", "download", "Save the frames kept, and offer the file")
        self._offer = HTML(layout=_as_needed())
        choices = [self.search, self.direction, self.kind, self.view, self.form]
        self._tools = HBox(
            [*choices, self.pause, self.clear, self.save, self._offer], layout=_wrapping()
        )
        self.show_tools(False)

        # Reversed, so that the browser keeps the end of the log in view when it grows.
        screen = Box(
            [self.preview, self.output],
            _dom_classes=("ipywsecho-screen",),
            layout=Layout(
                flex_flow="column-reverse",
                max_height="360px",
                overflow="auto",
                border="1px solid var(--jp-border-color2, #e0e0e0)",
            ),
        )
        self.rows = [self.header, composer, self._tools, screen]

    def show_title(self, html: str) -> None:
        """Show the line above the log."""
        self._title.value = html

    def send_header(self) -> None:
        """Send the front end once more what the line above the log is."""
        self._title.send_state("value")
        self.switch.send_state(["description", "tooltip"])

    def show_state(self, state: str) -> None:
        """Offer what can be done in a state."""
        self.retry.layout.display = None if state == "waiting" else "none"
        # In one message.
        with self.switch.hold_sync():
            self.switch.description, self.switch.tooltip = _SWITCH.get(state, _SWITCH["open"])
            self.switch.disabled = state == "closing"

    def show_tools(self, are_shown: bool) -> None:
        """Show the row of tools, or fold it."""
        self._tools.layout.display = None if are_shown else "none"
        self.more.description = "Hide tools" if are_shown else "Tools"

    @property
    def has_tools(self) -> bool:
        """Whether the row of tools is shown."""
        return self._tools.layout.display is None

    def offer(self, name: str, data: bytes) -> None:
        """Offer a file for download; a large one is not sent to the page."""
        if len(data) > LARGEST_OFFER:
            self._offer.value = ""
            return
        link = f"data:application/octet-stream;base64,{b64encode(data).decode()}"
        self._offer.value = f'<a download="{html_of(name)}" href="{link}">{html_of(name)}</a>'

    def show_pause(self, is_paused: bool) -> None:
        """Offer to pause or to go on."""
        self.pause.description, self.pause.icon, self.pause.tooltip = (
            ("Resume", "play", "Show what came meanwhile, and go on")
            if is_paused
            else ("Pause", "pause", "Hold the log still")
        )


class CountedBox(HBox):
    """A box that counts the views that show it, on each page anew."""

    def __init__(self, children: list[Widget]) -> None:
        # Zero turns on the count, which is the page's.
        super().__init__(children, _view_count=0, layout=_wrapping())

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> dict[str, Any]:
        """Return the state; who asks for all of it is a page that has shown nothing yet.

        A page that is loaded again does not take back what it has counted, and going on from there
        it would never count down to zero.
        """
        state: dict[str, Any] = super().get_state(key, drop_defaults)
        if key is None and state.get("_view_count"):
            state["_view_count"] = 0
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
    """Return every widget that a widget holds in its synced traits, at any depth."""
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
