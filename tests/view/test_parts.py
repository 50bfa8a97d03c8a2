from ipywsecho.view.catalog import Catalog
from ipywsecho.view.finding import Criteria
from ipywsecho.view.parts import Parts
from tests.markup import Page
from tests.view.test_screen import FOREVER, Stream

LIMIT = 4_000


class Paused(Stream):
    """A screen that stands still, and its parts."""

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.receive(*map(str, range(frames)))
        self.screen.freeze()
        self.parts = Parts(self.screen, Catalog(self.screen))

    def numbers(self) -> list[int]:
        """Draw the part, and return what the frames in it hold."""
        assert self.screen.search(FOREVER)
        outputs = self.parts.draw(LIMIT).outputs
        rows = Page(outputs[0]["data"]["text/html"]).rows if outputs else []
        return [int(row.line[14:].split()[-1]) for row in rows if "↓" in row.line]


def test_going_back_reaches_every_row_once() -> None:
    paused = Paused(1_000)
    seen = paused.numbers()
    ways = 0

    while paused.parts.first:
        paused.parts.go_earlier()
        seen = paused.numbers() + seen
        ways += 1

    assert seen == list(range(1_000))
    assert ways > 3
    paused.parts.go_earlier()
    assert paused.numbers()[0] == 0


def test_going_later_leads_the_same_way_back_to_the_newest_row() -> None:
    paused = Paused(1_000)
    there = [paused.numbers()]
    while paused.parts.first:
        paused.parts.go_earlier()
        there.append(paused.numbers())

    back = [there[-1]]
    while paused.parts.has_later:
        paused.parts.go_later()
        back.append(paused.numbers())

    assert back == there[::-1]
    paused.parts.go_later()
    assert paused.numbers() == there[0]


def test_the_part_says_which_rows_it_consists_of() -> None:
    paused = Paused(900)
    shown = [len(paused.numbers())]
    words = [paused.parts.words]
    paused.parts.go_earlier()
    shown.append(len(paused.numbers()))
    words.append(paused.parts.words)

    begin, middle = 900 - shown[0], 900 - sum(shown)
    assert words == [
        f"rows {begin + 1:,} to 900 of 900",
        f"rows {middle + 1:,} to {begin:,} of 900",
    ]
    paused.clear()
    paused.parts.forget()
    assert paused.numbers() == []
    assert paused.parts.words == "no rows"


def test_the_parts_consist_of_what_the_filter_shows() -> None:
    paused = Paused(1_000)
    paused.numbers()
    paused.parts.go_earlier()

    paused.screen.look_for(Criteria("/[05]$/"))
    paused.parts.forget()
    seen = paused.numbers()
    while paused.parts.first:
        paused.parts.go_earlier()
        seen = paused.numbers() + seen

    assert seen == list(range(0, 1_000, 5))
    assert paused.parts.words.endswith("of 200")
