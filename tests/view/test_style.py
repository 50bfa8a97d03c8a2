import re

from ipywsecho.frames.log import Frame, Notice
from ipywsecho.view.rows import newest_first, output
from ipywsecho.view.style import STYLE


def test_the_style_sheet_contains_no_markup_and_loads_nothing() -> None:
    assert not re.search(r"[<>]/|url\(|@import|expression", STYLE)


def test_every_class_of_a_row_is_in_the_style_sheet() -> None:
    received = [Frame('{"key": ["text", 1]}', 1.5), Frame("x" * 9, 1.5)]
    sent = [Frame("hi", 1.5, sent=True)]
    notices = [Notice(1.5, "lost", True), Notice(1.5, "ok")]

    (entry,) = output(newest_first(received, sent, notices), seen=3, limit=10**9).outputs

    html = entry["data"]["text/html"]
    classes = set(" ".join(re.findall(r'class="([\w ]+)"', html)).split())
    assert classes == {"ipywsecho", "got", "sent", "error", "note", "key", "str", "num"}
    assert [name for name in classes if f".{name}" not in STYLE] == []
