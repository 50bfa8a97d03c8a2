"""Two buttons that go through the rows of a log that is paused, where nobody can scroll to them."""

from ipywidgets import HTML, Button, HBox, Layout

from ipywsecho.escaping import html_of

__all__ = ["Pager"]


class Pager:
    """Buttons for the parts before and after the one that is shown, and which one that is.

    Attributes:
        earlier: Goes to the part before.
        later: Goes to the part after.
        row: All of it.
    """

    def __init__(self) -> None:
        self.earlier, self.later = (
            Button(description=name, icon=icon, tooltip=tooltip, layout=Layout(width="auto"))
            for name, icon, tooltip in (
                ("Earlier", "chevron-up", "Show the rows before these"),
                ("Later", "chevron-down", "Show the rows after these"),
            )
        )
        self._words = HTML()
        self.row = HBox(
            [self.earlier, self.later, self._words],
            _dom_classes=("ipywsecho-pager",),
            layout=Layout(display="none", align_items="center"),
        )

    def show(self, words: str, *, has_earlier: bool, has_later: bool) -> None:
        """Show which part is shown, and whether there are others."""
        self._words.value = f'<span role="status">{html_of(words)}</span>'
        self.earlier.disabled = not has_earlier
        self.later.disabled = not has_later
        self.row.layout.display = None

    def hide(self) -> None:
        """Show nothing."""
        self.row.layout.display = "none"
