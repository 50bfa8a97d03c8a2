"""The list of rows in the page of a real JupyterLab: read while frames arrive."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Lab, Notebook, write_notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

CONSOLE = """
import asyncio
from ipywsecho import WebSocketConsole
from ipywsecho.frames import Frame, now

console = WebSocketConsole({options})
await console.connect()

def receive(*payloads):
    # As if the server had sent them.
    console._session.journal.receive([Frame(each, now()) for each in payloads])
    console._view.request()

async def stream():
    for number in range(1_000_000):
        receive(f"tick {{number}}")
        await asyncio.sleep(0.01)

console
"""
STREAM = "streaming = asyncio.create_task(stream())"
# The place and the text of each row in sight, once the page has scrolled and knows them.
IN_SIGHT = """async list => {
    const look = () => {
        const { top, bottom } = list.getBoundingClientRect();
        return [...list.querySelectorAll(".ipywsecho-row")].map(
            row => [row.getBoundingClientRect(), row]).filter(
            ([at]) => at.bottom > top + 1 && at.top < bottom - 1).sort(
            ([one], [other]) => one.top - other.top).map(
            ([at, row]) => `${Math.round(at.top - top)} ${row.textContent}`);
    };
    const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    let before, seen;
    do {
        before = String(seen);
        await drawn();
        seen = look();
    } while (String(seen) !== before || seen.some(row => row.endsWith("…")));
    return seen;
}"""


async def begun(notebook: Notebook, options: str = "") -> ConsoleView:
    """Shows a console in a new cell."""
    console = ConsoleView(await notebook.run(CONSOLE.format(options=options)))
    await expect(console.log).to_contain_text("connected to")
    return console


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def clean_up(notebook: Notebook) -> AsyncIterator[None]:
    """Closes the console and removes it from the page, which must not log any problem."""
    yield
    await notebook.run("if 'streaming' in globals(): streaming.cancel()\nconsole.close()")
    problems = notebook.problems.copy()
    notebook.problems.clear()
    await notebook.clear()
    assert problems == []


async def in_sight(console: ConsoleView) -> list[str]:
    """Returns the place and the text of each row in sight."""
    async with asyncio.timeout(DEADLINE):
        rows: list[str] = await console.log.evaluate(IN_SIGHT)
    return rows


def end_button(console: ConsoleView) -> Locator:
    return console.area.get_by_role("button", name=re.compile("^↓"))


async def wheel(notebook: Notebook, console: ConsoleView, pixels: int) -> None:
    """Turns the wheel of the mouse over the list."""
    await console.log.hover()
    await notebook.page.mouse.wheel(0, pixels)


# --- reading while frames arrive ---


async def test_the_list_follows_its_end(notebook: Notebook) -> None:
    console = await begun(notebook)

    await notebook.run("receive(*(f'frame {number}' for number in range(5_000)))")

    await expect(console.row("↓", "frame 4999")).to_be_visible()
    await expect(end_button(console)).to_be_hidden()
    assert (await in_sight(console))[-1].endswith("frame 4999text10 B")


async def test_who_scrolls_up_reads_in_peace_and_comes_back(notebook: Notebook) -> None:
    console = await begun(notebook)
    await notebook.run("receive(*(f'frame {number}' for number in range(100)))")
    await expect(console.row("↓", "frame 99")).to_be_visible()
    await wheel(notebook, console, -600)
    await expect(end_button(console)).to_be_visible()
    before = await in_sight(console)

    await notebook.run(STREAM)
    await expect(end_button(console)).to_have_text(re.compile(r"^↓ \d{2,} new$"))

    assert await in_sight(console) == before
    await end_button(console).click()
    await console.goes_on()
    await expect(end_button(console)).to_be_hidden()
    await expect(console.log).to_contain_text("tick")


async def test_a_selection_and_an_opened_row_stay_while_frames_arrive(notebook: Notebook) -> None:
    console = await begun(notebook)
    await notebook.run("receive('selected')\n" + STREAM)
    await console.log.focus()
    await console.log.press("Home")
    await console.row("↓", "selected").locator("bdi").dblclick()
    await expect(console.pane).to_contain_text("frame 1, received")
    await console.pane.locator("pre").focus()

    await expect(end_button(console)).to_have_text(re.compile(r"^↓ \d{3,} new$"))

    assert await notebook.page.evaluate("getSelection().toString()") == "selected"
    await expect(console.pane.locator("pre")).to_have_text("selected")
    await expect(console.pane.locator("pre")).to_be_focused()
    await expect(console.row("↓", "selected")).to_have_attribute("aria-selected", "true")


async def test_a_row_that_is_forgotten_while_it_is_read_stays_and_says_so(
    notebook: Notebook,
) -> None:
    console = await begun(notebook, "history=50")
    await notebook.run("receive(*(f'frame {number}' for number in range(50)))")
    await expect(console.row("↓", "frame 49")).to_be_visible()
    await wheel(notebook, console, -300)
    await expect(end_button(console)).to_be_visible()
    before = await in_sight(console)
    await console.log.locator(".ipywsecho-row", has_text="frame 30").click()
    await expect(console.pane).to_contain_text("console.frames[-20]")

    await notebook.run("receive(*(f'late {number}' for number in range(500)))")
    await expect(console.pane).to_contain_text("not kept any more")

    assert await in_sight(console) == before
    await expect(console.pane.locator("pre")).to_have_text("frame 30")
    await expect(console.log.locator(".ipywsecho-row.gone").first).to_be_visible()
    await expect(console.area).to_contain_text("500 earlier frames not kept")
    await end_button(console).click()
    await expect(console.log.locator(".ipywsecho-row.gone")).to_have_count(0)


# --- reaching every row ---


async def test_every_row_that_is_kept_can_be_reached(notebook: Notebook) -> None:
    console = await begun(notebook)
    await notebook.run("receive(*(f'frame {number}' for number in range(10_000)))")
    await expect(console.row("↓", "frame 9999")).to_be_visible()
    await console.log.focus()

    await console.log.press("Home")
    await expect(console.log).to_contain_text("connected to")
    await expect(console.row("↓", "frame 0")).to_be_visible()

    for number in (4_321, 9_999, 17):
        await console.area.get_by_label("Go to").fill(str(number + 1))
        await console.area.get_by_label("Go to").press("Enter")
        await expect(console.row("↓", f"frame {number}")).to_be_visible()

    await console.log.focus()
    await console.log.press("End")
    await expect(console.row("↓", "frame 9999")).to_be_visible()
    await expect(end_button(console)).to_be_hidden()


async def test_all_matches_of_a_filter_can_be_reached(notebook: Notebook) -> None:
    console = await begun(notebook, "tools=True")
    await notebook.run("receive(*(f'frame {number}' for number in range(5_000)))")

    await console.search("/[02468]$/")
    await expect(console.area).to_contain_text("2,500 hidden by the filter")
    await expect(console.row("↓", "frame 4998")).to_be_visible()
    await console.log.focus()
    await console.log.press("Home")

    await expect(console.row("↓", "frame 0")).to_be_visible()
    await expect(console.row("↓", "frame 1")).to_have_count(0)


# --- by keyboard ---


async def test_the_list_is_operated_by_keyboard(notebook: Notebook) -> None:
    console = await begun(notebook)
    await notebook.run("receive(*(f'frame {number}' for number in range(100)))")
    await expect(console.row("↓", "frame 99")).to_be_visible()
    await console.log.focus()
    active = console.log.locator(".active")

    await console.log.press("ArrowUp")
    await expect(active).to_contain_text("frame 99")
    await console.log.press("PageUp")
    await expect(active).not_to_contain_text("frame 99")
    await expect(active).to_be_visible()
    name = await active.locator("span").inner_text()
    above = f"frame {int(name.split()[1]) - 1}"
    await console.log.press("ArrowUp")
    await expect(active).to_contain_text(above)
    named = await console.log.get_attribute("aria-activedescendant")
    await console.log.press("Enter")

    await expect(console.pane.locator("pre")).to_have_text(above)
    await expect(active).to_have_attribute("id", named or "")
    await console.log.press("ArrowDown")
    await expect(console.pane.locator("pre")).to_have_text(name)
    await console.log.press("Escape")
    await expect(console.pane).to_be_hidden()


async def test_the_keys_of_jupyterlab_do_not_act_in_the_console(notebook: Notebook) -> None:
    console = await begun(notebook, "tools=True")
    cells = notebook.page.locator(".jp-Notebook .jp-Cell")
    before = await cells.count()

    for part in (console.log, console.area.get_by_label("Direction"), console.button):
        await part.focus()
        for key in ("d", "d", "r", "x", "a", "b"):
            await notebook.page.keyboard.press(key)

    assert await cells.count() == before
    await expect(console.log).to_be_visible()


async def test_a_screen_reader_is_told_of_new_rows_by_a_region_that_stays(
    notebook: Notebook,
) -> None:
    console = await begun(notebook)
    region = await console.announced.element_handle()
    assert region is not None

    await notebook.run("receive('Hello!')")
    await expect(console.announced).to_contain_text("received Hello!")
    await notebook.run("receive(*(f'frame {number}' for number in range(37)))")

    await expect(console.announced).to_contain_text("37 new frames")
    assert await region.evaluate("region => region.isConnected")


# --- copying ---


async def test_rows_are_copied_as_their_payloads_one_a_line(notebook: Notebook) -> None:
    console = await begun(notebook)
    await notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await notebook.run("receive('first', '{\"a\": [1, \"b\"]}', 'third')")
    await expect(console.row("↓", "third")).to_be_visible()

    await console.log.focus()
    await console.log.evaluate("""list => {
        const rows = list.querySelectorAll(".ipywsecho-row.got");
        getSelection().setBaseAndExtent(rows[0], 0, rows[2], rows[2].childNodes.length);
    }""")
    await notebook.page.keyboard.press("Control+c")

    copied = await notebook.page.evaluate("() => navigator.clipboard.readText()")
    assert copied.splitlines() == ["first", '{"a": [1, "b"]}', "third"]


async def test_a_row_is_copied_whole_by_keyboard(notebook: Notebook) -> None:
    console = await begun(notebook)
    await notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await notebook.run("receive('é' * 5_000, b'\\x00\\xff')")
    await expect(console.log.locator(".ipywsecho-row.got")).to_have_count(2)
    await console.log.focus()

    for presses, copied in ((1, "00 ff"), (1, "é" * 5_000)):
        for _ in range(presses):
            await console.log.press("ArrowUp")
        await expect(console.log.locator(".active")).to_be_visible()
        await console.log.press("Control+c")
        await notebook.page.wait_for_function(
            "async copied => await navigator.clipboard.readText() === copied", arg=copied
        )


async def test_rows_of_html_are_copied_as_their_payloads(notebook: Notebook) -> None:
    console = await begun(notebook)
    await notebook.run("receive('first', '{\"a\": [1, \"b\"]}', 'third')")
    await console.has_row("↓", "third")
    await console.area.evaluate(
        "area => area.querySelector('.ipywsecho-listed').classList.remove('ipywsecho-listed')"
    )
    await expect(console.html).to_contain_text("third")

    selected = await console.html.evaluate("""html => {
        const rows = html.querySelectorAll(".got");
        getSelection().setBaseAndExtent(rows[0], 0, rows[2], rows[2].childNodes.length);
        return getSelection().toString();
    }""")

    assert selected.splitlines() == ["first", '{"a": [1, "b"]}', "third"]


# --- the opened row ---


async def test_an_opened_row_shows_its_whole_payload_in_each_view(notebook: Notebook) -> None:
    console = await begun(notebook)
    value = {"items": [*range(20_000)], "last": "<b>"}
    await notebook.run(f"import json\nreceive(json.dumps({value}))")
    await console.log.locator(".ipywsecho-row.got").click()
    pre = console.pane.locator("pre")

    await expect(console.pane).to_contain_text("JSON, 128.9 kB")
    await expect(pre).to_contain_text('"items": [\n    0,\n    1,')
    while not await pre.evaluate("pre => pre.textContent.includes('<b>')"):
        before = await pre.evaluate(
            "pre => { pre.scrollTop = pre.scrollHeight; return pre.textContent.length; }"
        )
        await notebook.page.wait_for_function(
            "([pre, before]) => pre.textContent.length > before",
            arg=[await pre.element_handle(), before],
        )
    assert await pre.inner_text() == json.dumps(value, indent=2)

    await console.pane.get_by_label("View").select_option("text")
    await expect(pre).to_contain_text('{"items": [0, 1, 2,')
    await console.pane.get_by_label("View").select_option("hex")
    await expect(pre).to_contain_text("00000000  7b 22 69 74")


async def test_a_payload_is_copied_and_downloaded_whole(notebook: Notebook, tmp_path: Path) -> None:
    console = await begun(notebook)
    await notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await notebook.run("receive('é' * 300_000)")
    await console.log.locator(".ipywsecho-row.got").click()
    await expect(console.pane).to_contain_text("text, 600.0 kB")

    await console.pane.get_by_role("button", name="Copy").click()
    await notebook.page.wait_for_function(
        "async () => await navigator.clipboard.readText() === 'é'.repeat(300_000)"
    )
    async with notebook.page.expect_download() as download:
        await console.pane.get_by_role("button", name="Download").click()
    await (await download.value).save_as(tmp_path / "saved")

    assert (await download.value).suggested_filename == "frame-1.txt"
    assert (tmp_path / "saved").read_text() == "é" * 300_000


async def test_a_picture_is_shown_small_in_its_row_and_whole_in_the_pane(
    notebook: Notebook,
) -> None:
    console = await begun(notebook)
    await notebook.run(
        "import io\nfrom PIL import Image\npicture = io.BytesIO()\n"
        "Image.effect_noise((400, 300), 90).save(picture, 'PNG')\nreceive(picture.getvalue())"
    )
    row = console.log.locator(".ipywsecho-row.got")
    await expect(row.locator("img")).to_be_visible()
    await row.click()

    whole = console.pane.locator("img")
    await expect(whole).to_be_visible()
    assert await whole.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [400, 300]
    assert await row.evaluate("row => row.offsetHeight") < 30


# --- pages ---


async def test_a_page_that_is_loaded_again_in_a_flood_goes_on(
    lab: Lab, browser: Browser, notebook: Notebook
) -> None:
    await notebook.run("class console: close = staticmethod(lambda: None)")
    write_notebook(lab.directory / "reloaded.ipynb", "")
    other = Notebook(await browser.new_page())
    await other.open("reloaded.ipynb", lab.port, lab.token)
    console = await begun(other)
    await other.run(STREAM)
    await expect(console.log).to_contain_text("tick")

    await other.reload()

    await expect(console.log).to_contain_text("tick")
    await console.goes_on()
    await console.log.focus()
    await console.log.press("Home")
    await expect(console.row("↓", "tick 0")).to_be_visible()
    assert other.problems == []
    await other.close()


async def test_nothing_is_sent_while_no_page_shows_the_list(notebook: Notebook) -> None:
    console = await begun(notebook)
    await notebook.run("receive('before')")
    await console.has_row("↓", "before")
    await console.area.evaluate("area => { area.style.display = 'none'; }")
    await notebook.until("not console._view._listing.audience")
    await notebook.run(
        "told = []\nsend = console._controls.channel.tell\n"
        "console._controls.channel.tell = lambda *a: (told.append(a), send(*a))"
    )

    await notebook.run("receive(*map(str, range(1_000)))")
    await notebook.until("'999' in console.output.outputs[0]['data']['text/plain']")

    assert await notebook.evaluate("len(told)") == 0
    await console.area.evaluate("area => { area.style.display = ''; }")
    await console.has_row("↓", "999")


async def test_the_output_is_shown_if_our_module_fails(notebook: Notebook) -> None:
    console = await begun(notebook)
    await console.area.evaluate("""() => {
        window.saved = Element.prototype.getBoundingClientRect;
        window.Map.prototype.realGet = window.Map.prototype.get;
    }""")
    broken = "element => { Object.defineProperty(element, 'scrollTop', { get() { throw 7; } }); }"
    await console.log.evaluate(broken)

    await notebook.run("receive('after')")

    await expect(console.html).to_contain_text("after")
    await expect(console.log).to_have_count(0)
    await console.submit("sent as before")
    await expect(console.html).to_contain_text("↓  sent as before")
    assert "7" in notebook.problems.pop()
