"""Which consoles a new run of a cell replaces."""

from ipywsecho.widget.cells import Cells, running_cell


class Shown:
    """Something that a cell displays.

    Attributes:
        is_replaced: Whether the cell displays something else now.
    """

    is_replaced = False

    def replace(self) -> None:
        self.is_replaced = True


def test_a_new_run_of_a_cell_replaces_what_the_last_one_displayed() -> None:
    running: list[tuple[str, str] | None] = [("A", "1")]
    cells = Cells(lambda: running[0])
    first, second, elsewhere, again, kept = (Shown() for _ in range(5))

    for shown in (first, second, kept):
        cells.display(shown)
    running[0] = ("B", "2")
    cells.display(elsewhere)
    assert not first.is_replaced
    running[0] = ("A", "3")
    for shown in (kept, again):
        cells.display(shown)

    assert [each.is_replaced for each in (first, second, elsewhere, again, kept)] == [
        *(True, True),
        *(False, False, False),
    ]


def test_what_is_displayed_outside_a_cell_replaces_nothing() -> None:
    cells = Cells()
    first = Shown()

    cells.display(first)
    cells.display(Shown())

    assert running_cell() is None
    assert not first.is_replaced
