"""The view of a console in the page of a real JupyterLab: tools, kinds of frames and builders."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from ipywsecho import load
from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

CONSOLE = """
import asyncio
from ipywsecho import WebSocketConsole

console = WebSocketConsole(tools=True)
await console.connect()
console
"""
# The status is found anew each time, as it is replaced with every change.
HEADER_HEIGHT = """area => area.querySelector("[role=status]").closest(".widget-hbox")
    .getBoundingClientRect().height"""
STREAM = """
async def stream():
    for number in range(1_000_000):
        await console.send_message(f"tick {number}")
        await console.send_message(f"tock {number}")
        await console.send_message(bytes(200))
        await asyncio.sleep(0.02)

streaming = asyncio.create_task(stream())
"""
LEFT_ALONE = """
from itertools import repeat
from ipywsecho import EchoServer, Reconnect, WebSocketConsole

server = EchoServer()
await server.start()
console = WebSocketConsole(server.uri, reconnect=Reconnect(delays=lambda: repeat(3600)))
await console.connect()
console
"""
MIXED = [
    '"plain"',
    "'{\"answer\": 42}'",
    "bytes.fromhex('00ff10')",
    "b'{\"answer\": 43}'",
]
BUILDER = """
import asyncio
from ipywsecho import WebSocketConsole

{build}

console = WebSocketConsole(builder=build)
await console.connect()
console
"""
BUILDERS = {
    "text": ("return f'<b>{snapshot.state}</b>: {snapshot.frame.data}'", "text=<b>open</b>: 7"),
    "HTML": (
        "from IPython.display import HTML\n"
        "return HTML(f'<meter value={snapshot.frame.data} max=10>{snapshot.frame.data}</meter>')",
        "meter >> text=7",
    ),
    "a figure without pyplot": (
        "from matplotlib.figure import Figure\n"
        "figure = Figure(); figure.subplots().plot([0, int(snapshot.frame.data)])\n"
        "return figure",
        "img",
    ),
    "a figure of pyplot": (
        "import matplotlib.pyplot as plt\n"
        "figure, axes = plt.subplots(); axes.plot([0, int(snapshot.frame.data)])\n"
        "return figure",
        "img",
    ),
    "a table of pandas": (
        "import pandas; return pandas.DataFrame(snapshot.frames)[['data', 'size']]",
        "table >> td >> text=7",
    ),
    "a widget": (
        "from ipywidgets import IntProgress\n"
        "return IntProgress(int(snapshot.frame.data), description='Level')",
        "[role=progressbar], .progress-bar",
    ),
}


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def clean_up(notebook: Notebook) -> AsyncIterator[None]:
    """Closes the console and removes it from the page, which must not log any problem."""
    yield
    await notebook.run("if 'streaming' in globals(): streaming.cancel()\nconsole.close()")
    problems = notebook.problems.copy()
    notebook.problems.clear()
    await notebook.clear()
    assert problems == []


@pytest_asyncio.fixture(loop_scope="session")
async def console(notebook: Notebook) -> ConsoleView:
    """A new console with its tools on the page."""
    return ConsoleView(await notebook.run(CONSOLE))


@pytest_asyncio.fixture(loop_scope="session")
async def streaming(console: ConsoleView, notebook: Notebook) -> None:
    """Sends messages continuously."""
    await notebook.run(STREAM)
    # Any of them: each is visible only for a moment.
    await expect(console.log).to_contain_text(re.compile(r"tock \d\d"))


async def texts(console: ConsoleView) -> set[str]:
    """Returns the texts of the rows without their numbers."""
    return {text.split()[0] for _, text in await console.rows()}


# --- filtering ---


async def test_the_tools_unfold_and_fold(notebook: Notebook) -> None:
    console = ConsoleView(await notebook.run(CONSOLE.replace("tools=True", "")))
    tools = console.area.get_by_label("Filter")
    await expect(console.field).to_be_visible()
    await expect(tools).not_to_be_visible()

    await console.press("Tools")
    await expect(tools).to_be_visible()

    await console.press("Hide tools")
    await expect(tools).not_to_be_visible()


@pytest.mark.usefixtures("streaming")
@pytest.mark.parametrize("searched", ["TOCK", "/^tock \\d+$/"])
async def test_a_filter_shows_only_matches_during_a_stream(
    console: ConsoleView, searched: str
) -> None:
    await console.search(searched)
    await expect(console.area).to_contain_text("hidden by the filter")
    await console.goes_on()

    assert await texts(console) == {"tock"}

    await console.search("")
    await expect(console.log).to_contain_text("tick")


async def test_an_invalid_regular_expression_is_reported_in_one_line(console: ConsoleView) -> None:
    await console.search("/(/")

    await expect(console.area).to_contain_text(
        "InputError: /(/ is not a valid regular expression (missing ), unterminated subpattern at"
        " position 0); correct it, or remove the slashes to search for the literal text"
    )


async def test_rows_are_filtered_by_direction_and_by_kind(
    console: ConsoleView, notebook: Notebook
) -> None:
    await notebook.run(f"for data in [{', '.join(MIXED)}]: await console.send_message(data)")
    await console.has_row("↓", '{"answer": 42}')

    await console.choose("Direction", "Received")
    await expect(console.area).to_contain_text("4 hidden by the filter")
    assert {arrow for arrow, _ in await console.rows()} == {"↓"}

    await console.choose("Kind of frames", "JSON")
    await expect(console.area).to_contain_text("7 hidden by the filter")
    assert await console.rows() == [("↓", '{"answer": 42}')]

    await console.choose("Kind of frames", "Any kind")
    await console.choose("Direction", "Both ways")
    await expect(console.area).not_to_contain_text("hidden by the filter")
    for name, chosen in (("Direction", "Both ways"), ("Kind of frames", "Any kind")):
        option = console.area.get_by_label(name).locator("option:checked")
        await expect(option).to_have_text(chosen)


@pytest_asyncio.fixture(loop_scope="session", params=[400, 700, 1300])
async def narrowed(request: pytest.FixtureRequest, notebook: Notebook) -> AsyncIterator[Notebook]:
    """A notebook in a window of some width."""
    size = notebook.page.viewport_size
    assert size is not None
    await notebook.page.set_viewport_size({"width": request.param, "height": size["height"]})
    yield notebook
    await notebook.page.set_viewport_size(size)


async def test_the_header_keeps_its_height_whatever_comes_and_goes(
    narrowed: Notebook, console: ConsoleView
) -> None:
    heights = []

    async def look(at: str | re.Pattern[str]) -> None:
        await expect(console.area).to_contain_text(at)
        heights.append(await console.area.evaluate(HEADER_HEIGHT))

    await look("open")
    await console.submit("a message")
    await look("1 frame sent, 1 received")
    await console.choose("Format of messages", "Send as JSON")
    await console.submit("{no")
    await look("InputError: the message is not valid JSON")
    await narrowed.run("await console.ping()")
    await look(re.compile(r"ping \d+\.\d ms"))
    await console.press("Pause")
    await look("paused, 0 new frames")
    await console.press("Disconnect")
    await look("closed")

    assert len(set(heights)) == 1


async def test_the_address_stays_readable_whatever_else_the_header_tells(
    notebook: Notebook,
) -> None:
    console = ConsoleView(await notebook.run(LEFT_ALONE))
    await console.press("Pause")
    await notebook.run("await server.close()")
    await expect(console.area.get_by_role("status")).to_have_text("● waiting")
    await console.submit("a message")
    await expect(console.area).to_contain_text(
        re.compile(r"retrying in [\d,]+ s · 1 waiting to be sent · paused, 0 new frames")
    )

    address = console.area.locator("code", has_text="ws://127.0.0.1:")
    assert await address.evaluate("code => code.scrollWidth <= code.clientWidth")


async def test_clear_hides_all_rows_until_they_are_shown_again(
    console: ConsoleView, notebook: Notebook
) -> None:
    await console.submit("before")
    await console.has_row("↓", "before")
    await expect(console.field).to_have_value("")
    await console.row("↓", "before").click()
    await expect(console.pane).to_be_visible()

    await console.press("Clear")
    await expect(console.log.locator(".ipywsecho-row")).to_have_count(0)
    await expect(console.area).to_contain_text("no frames yet · 3 earlier rows hidden by Clear")
    await expect(console.pane).to_be_hidden()
    # The page that shows the list has one button for that.
    await expect(console.area.get_by_role("button", name="Show")).to_have_count(1)
    await console.submit("after")
    await console.has_row("↓", "after")
    assert await console.rows() == [("↑", "after"), ("↓", "after")]

    await console.press("Show")
    await console.has_row("↓", "before")
    assert await console.rows() == [(arrow, text) for text in ("before", "after") for arrow in "↑↓"]
    await expect(console.area.get_by_role("button", name="Show")).to_have_count(0)
    assert await notebook.evaluate("len(console.frames)") == 2


async def test_forget_removes_all_rows(console: ConsoleView, notebook: Notebook) -> None:
    await console.submit("before")
    await console.has_row("↓", "before")
    await expect(console.field).to_have_value("")

    await console.press("Forget")
    await expect(console.log.locator(".ipywsecho-row")).to_have_count(0)
    await expect(console.area).to_contain_text("no frames yet")

    await console.submit("after")
    await console.has_row("↓", "after")
    assert await console.rows() == [("↑", "after"), ("↓", "after")]
    assert await notebook.evaluate("console.frames.total") == 2


async def test_a_filter_is_seen_and_removed_while_the_tools_are_hidden(
    console: ConsoleView,
) -> None:
    await console.submit("soup")
    await console.submit("bread")
    await console.has_row("↓", "bread")
    heights = [await console.area.evaluate(HEADER_HEIGHT)]

    await console.search("soup")
    await expect(console.row("↓", "bread")).to_have_count(0)
    await console.press("Hide tools")
    await expect(console.area.get_by_role("button", name="Tools (filter)")).to_be_visible()
    heights.append(await console.area.evaluate(HEADER_HEIGHT))
    await console.press("Remove the filter")

    await console.has_row("↓", "bread")
    await expect(console.area.get_by_role("button", name="Tools (filter)")).to_have_count(0)
    await expect(console.area.get_by_role("button", name="Remove the filter")).to_have_count(0)
    assert len(set(heights)) == 1


async def test_a_file_is_saved_in_the_chosen_format_and_offered(
    console: ConsoleView, tmp_path: Path
) -> None:
    await console.submit("Hello!")
    await console.has_row("↓", "Hello!")
    await console.choose("Format of the file", "as .har")

    await console.press("Save")
    link = console.area.get_by_role("link", name=re.compile(r"^websocket-.*\.har$"))
    async with console.area.page.expect_download() as download:
        await link.click()
    await (await download.value).save_as(tmp_path / "saved.har")

    assert await link.evaluate("link => getComputedStyle(link).textDecorationLine") == "underline"
    assert [frame.data for frame in load(tmp_path / "saved.har").frames] == ["Hello!", "Hello!"]


async def test_all_buttons_have_one_height(console: ConsoleView) -> None:
    await console.submit("Hello!")
    await console.row("↓", "Hello!").click()
    await expect(console.pane).to_be_visible()

    heights = await console.area.evaluate("""area => [...area.querySelectorAll(
        "button, select, .widget-text input, .ipywsecho-bar input")]
        .filter(each => each.checkVisibility()).map(each => each.offsetHeight)""")

    assert len(heights) > 15
    assert len(set(heights)) == 1


# --- pausing ---


@pytest.mark.usefixtures("streaming")
async def test_a_pause_keeps_rows_and_selection_while_frames_arrive(
    console: ConsoleView, notebook: Notebook
) -> None:
    await console.press("Pause")
    await expect(console.area.get_by_role("button", name="Resume")).to_be_visible()
    rows = await console.rows()
    # Apart, as a click on what is selected opens nothing, and a busy page is told of it late.
    await console.log.get_by_text("tick").last.click()
    await expect(console.pane).to_contain_text("tick")
    await console.log.get_by_text("tick").last.click(click_count=3)
    opened = await console.pane.locator("pre").inner_text()
    selected = await notebook.page.evaluate("getSelection().toString()")

    await expect(console.area).to_contain_text(re.compile(r"paused, \d{2,} new frames"))

    assert "tick" in selected
    assert await notebook.page.evaluate("getSelection().toString()") == selected
    await expect(console.pane.locator("pre")).to_have_text(opened)
    assert await console.rows() == rows
    drawn = console.log.locator(".ipywsecho-row")
    count = await drawn.count()

    await console.press("Resume")
    await expect(console.area).not_to_contain_text("paused")
    # The row that is read stays where it is, and new ones come below it.
    await expect(drawn).not_to_have_count(count)
    assert (await console.rows())[: len(rows)] == rows


# --- views of payloads ---


async def test_payloads_are_shown_by_content_as_text_as_json_or_as_hex(
    console: ConsoleView, notebook: Notebook
) -> None:
    await notebook.run(f"for data in [{', '.join(MIXED)}]: await console.send_message(data)")
    await expect(console.log).to_contain_text("00 ff 10")
    await expect(console.log.locator(".num")).to_have_text(["42", "42"])

    await console.choose("View of payloads", "Text view")
    await console.has_row("↓", "␀�␐")
    await expect(console.log.locator(".num")).to_have_count(0)

    await console.choose("View of payloads", "JSON view")
    await expect(console.log.locator(".num")).to_have_count(4)
    await expect(console.log.locator(".num", has_text="43")).to_have_count(2)

    await console.choose("View of payloads", "Hex view")
    await expect(console.log).to_contain_text("70 6c 61 69 6e")


# --- composing ---


@pytest.mark.parametrize(
    ("form", "wrong", "right", "payload"),
    [
        ("Send as JSON", '{"a": 1', '{"a": 1}', "'{\"a\": 1}'"),
        ("Send as hex", "0x0g", "00 ff", r"b'\x00\xff'"),
        ("Send as base64", "AP8", "AP8=", r"b'\x00\xff'"),
    ],
)
async def test_a_message_invalid_in_the_chosen_form_stays_in_the_field(
    console: ConsoleView, notebook: Notebook, form: str, wrong: str, right: str, payload: str
) -> None:
    await console.choose("Format of messages", form)
    await console.submit(wrong)

    what = form.removeprefix("Send as ")
    line = re.compile(
        rf"InputError: the message is not valid {what} \(.+\) and was not sent; correct it"
    )
    await expect(console.area).to_contain_text(line)
    await expect(console.field).to_have_value(wrong)
    assert await notebook.evaluate("console.sent.total") == 0

    await console.submit(right)
    await notebook.until("console.frames.total == 1")
    assert await notebook.evaluate(f"[frame.data == {payload} for frame in console.frames]") == [
        True
    ]


async def test_a_message_is_sent_in_the_format_that_the_page_shows(
    console: ConsoleView, notebook: Notebook
) -> None:
    # Without an event, so that the kernel does not hear of it before the message.
    choice = console.area.get_by_label("Format of messages")
    await choice.evaluate("list => { list.selectedIndex = 2; }")

    await console.submit("00 ff")

    await notebook.until("console.frames.total == 1")
    assert await notebook.evaluate("console.frames[0].data.hex()") == "00ff"


# --- builders ---


@pytest.mark.parametrize("name", BUILDERS)
async def test_the_result_of_a_builder_is_shown(notebook: Notebook, name: str) -> None:
    body, shown = BUILDERS[name]
    lines = "\n    ".join(["if not snapshot.has_data: return None", *body.splitlines()])
    build = f"def build(snapshot):\n    {lines}"

    area = await notebook.run(BUILDER.format(build=build))
    await ConsoleView(area).submit("7")

    await expect(area.locator(".widget-output").locator(shown).first).to_be_visible()


async def test_an_error_in_a_builder_is_reported_in_one_line_with_its_place(
    notebook: Notebook,
) -> None:
    build = "def build(snapshot):\n    return 1 / len(snapshot.frames)"
    area = await notebook.run(BUILDER.format(build=build))
    failed = re.compile(
        r"^the builder failed: ZeroDivisionError: division by zero \(in build, In\[\d*\], line 5\)$"
    )
    await expect(ConsoleView(area).html).to_have_text(failed)

    await ConsoleView(area).submit("the connection lives on")

    await expect(ConsoleView(area).html).to_have_count(0)
    await expect(area.get_by_text("1.0", exact=True)).to_be_visible()


async def test_a_plot_follows_a_stream_to_its_last_frame(notebook: Notebook) -> None:
    build = """
from matplotlib.figure import Figure

drawn = []

def build(snapshot):
    drawn.append(len(snapshot.frames))
    figure = Figure(figsize=(3, 2))
    figure.subplots().plot([len(frame.data) for frame in snapshot.frames])
    return figure
"""
    area = await notebook.run(BUILDER.format(build=build))
    picture = area.locator(".widget-output img")
    await expect(picture).to_be_visible()
    first = await picture.get_attribute("src")

    await notebook.run("for size in range(300): await console.send_message('x' * size)")
    await notebook.until("drawn[-1] == 300")

    assert await notebook.evaluate("len(drawn)") < 300
    await expect(picture).not_to_have_attribute("src", first or "")


# --- a narrow output ---


async def test_the_console_fits_into_a_narrow_output(
    console: ConsoleView, notebook: Notebook
) -> None:
    await console.area.evaluate("area => area.style.maxWidth = '400px'")
    wide = [*MIXED, "'x' * 300", "bytes(100)", "'[' + '1234567890, ' * 20 + '1]'"]
    await notebook.run(f"for data in [{', '.join(wide)}]: await console.send_message(data)")
    await expect(console.log).to_contain_text("243 B")

    wider = await console.area.evaluate("""area => {
        const edge = area.getBoundingClientRect().right + 1;
        // A row shows as much of its payload as fits.
        const all = [...area.querySelectorAll("*:not(.ipywsecho-row > span *)")].filter(
            each => each.checkVisibility());
        return all.filter(each => each.getBoundingClientRect().right > edge)
            .map(each => each.outerHTML);
    }""")
    assert wider == []
    assert await console.area.evaluate("area => area.offsetWidth") == 400
    for button in ["Disconnect", "Hide tools", "Send", "Pause", "Clear", "Forget", "Save"]:
        await console.area.get_by_role("button", name=button, exact=False).click(trial=True)
