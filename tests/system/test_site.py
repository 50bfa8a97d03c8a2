"""The site in Chromium: the lessons, with Python inside the page, and no other host in reach."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from ipywsecho import EchoServer
from tests import ROOT
from tests.system.conftest import BuiltOnce
from tests.system.environments import create_environment, run
from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Notebook
from tests.system.site import opened_lesson, served

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]
expect.set_options(timeout=DEADLINE * 1000)

LESSONS = sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))
# A translation has the code of its original, as test_notebooks.py checks.
CODE = [name for name in LESSONS if name.count(".") == 1]

# Puts another notebook into the place of the one that is open.
SHOW = "lesson => window.jupyterapp.shell.currentWidget.context.model.fromJSON(lesson)"

# Counts how often a timer of 5 ms fires until `end` is called, and the longest wait for it.
TIMER = """
import asyncio
from time import perf_counter

async def tick():
    global ticks, longest
    ticks, longest, last = 0, 0.0, perf_counter()
    while True:
        await asyncio.sleep(0.005)
        now = perf_counter()
        ticks, longest, last = ticks + 1, max(longest, now - last), now

if "timer" in globals():
    timer.cancel()
timer = asyncio.ensure_future(tick())
"""


@pytest.fixture(scope="session")
def site(wheel: Path, built_once: BuiltOnce) -> Path:
    """The site, built by the command in the README in an environment of its own."""

    def fill(folder: Path) -> None:
        python = create_environment(folder / "environment", f"{wheel}[site]")
        run(python, "-m", "tests.site", folder / "site", "--offline", cwd=ROOT)
        # The tests work in the page by its own commands.
        settings = folder / "site" / "lite" / "jupyter-lite.json"
        content = json.loads(settings.read_text())
        content["jupyter-config-data"]["exposeAppInBrowser"] = True
        settings.write_text(json.dumps(content))

    return built_once("site", fill) / "site"


@pytest.fixture(scope="module")
def origin(site: Path) -> Iterator[str]:
    with served(site) as origin:
        yield origin


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(browser: Browser, origin: str) -> AsyncIterator[Notebook]:
    """The first lesson, open for all tests, as it takes long to start Python in a page."""
    async with opened_lesson(browser, origin, "echo.ipynb") as page:
        yield page


@pytest_asyncio.fixture(loop_scope="session")
async def notebook(page: Notebook) -> AsyncIterator[Notebook]:
    """A notebook without cells, whose page must not log any problem."""
    await page.clear()
    yield page
    problems = page.problems.copy()
    page.problems.clear()
    assert problems == []


@pytest.mark.parametrize("name", CODE)
async def test_a_lesson_runs_from_top_to_bottom(name: str, notebook: Notebook, site: Path) -> None:
    lesson = json.loads((site / "lite" / "files" / name).read_text("utf-8"))
    await notebook.run("%reset -f")

    await notebook.page.evaluate(SHOW, lesson)
    await notebook.run_all()


async def test_what_is_typed_into_the_first_lesson_comes_back(notebook: Notebook) -> None:
    area = await notebook.run(
        "from ipywsecho import WebSocketConsole\nconsole = WebSocketConsole()\nconsole"
    )
    view = ConsoleView(area)

    for message in ("Hello!", "<b>second</b>"):
        await view.submit(message)
        await view.has_row("↓", message)


async def test_the_list_follows_finds_and_opens_rows_inside_the_page(notebook: Notebook) -> None:
    area = await notebook.run(
        """
        from ipywsecho import WebSocketConsole
        console = WebSocketConsole(tools=True, decode=lambda frame: frame.data.upper())
        for number in range(200):
            await console.request(f"frame {number}")
        await console.request("large " * 10_000 + "pear")
        console
        """
    )
    view = ConsoleView(area)
    await expect(view.row("↓", "FRAME 199")).to_be_visible()
    await expect(view.html).to_be_hidden()

    await view.search("pear")
    await expect(view.log.locator(".ipywsecho-row", has_text="LARGE")).to_have_count(2)
    await view.search("frame 77")
    await view.row("↓", "FRAME 77").click()

    await expect(view.pane.locator("pre")).to_have_text("FRAME 77")
    async with notebook.page.expect_download() as download:
        await view.pane.get_by_role("button", name="Download").click()
    assert (await (await download.value).path()).read_text() == "frame 77"


async def test_a_console_that_no_page_shows_is_closed_inside_the_page(notebook: Notebook) -> None:
    await notebook.run("from ipywsecho import WebSocketConsole\nconsoles = []")
    make = "consoles.append(WebSocketConsole())\nconsoles[-1]"
    view = ConsoleView(await notebook.run(make))
    await view.submit("Hello!")
    await view.has_row("↓", "Hello!")

    await notebook.run_again()
    await view.submit("again")
    await view.has_row("↓", "again")

    await notebook.until("consoles[0].state == 'closed'")
    assert await notebook.evaluate("consoles[1].state") == "open"


async def test_a_flood_inside_the_page_leaves_time_for_timers(notebook: Notebook) -> None:
    await notebook.run(f"from ipywsecho import EchoServer, Session\n{TIMER}")
    await notebook.run(
        """
        server = EchoServer()
        await server.start()
        session = Session(f"{server.uri}/flood?count=50000", reconnect=False)
        await session.connect()
        started, ticks, longest = perf_counter(), 0, 0.0
        await session.connection.ended()
        seconds = perf_counter() - started
        """
    )

    figures = await _figures(notebook)

    print(figures)
    assert figures["frames"] == 50_000
    # It is a share of the time, as the machine may be busy.
    assert figures["longest"] < 0.5 * figures["seconds"]


async def test_a_flood_of_a_real_server_leaves_time_for_timers(
    notebook: Notebook, origin: str
) -> None:
    async with EchoServer(allow_origins=[origin]) as server:
        await notebook.run(f"from ipywsecho import WebSocketConsole\n{TIMER}")
        await notebook.run(
            f"""
            session = WebSocketConsole({server.uri!r} + "/flood?count=100000", reconnect=False)
            await session.connect()
            started, ticks, longest = perf_counter(), 0, 0.0
            session
            """
        )
        await notebook.run("await session._session.connection.ended()")
        await notebook.run("seconds = perf_counter() - started")

        figures = await _figures(notebook)

    print(figures)
    assert figures["frames"] == 100_000
    assert figures["longest"] < 0.5 * figures["seconds"]


async def test_a_server_that_refuses_the_page_is_told_with_the_usual_causes(
    notebook: Notebook, origin: str
) -> None:
    async with EchoServer() as server:
        await notebook.run(
            f"""
            from ipywsecho import ConnectError, Session
            try:
                await Session({server.uri!r}, reconnect=False).connect()
            except ConnectError as error:
                said = str(error)
            """
        )
        said = await notebook.evaluate("said")

    assert said.startswith("the browser could not connect to ws://127.0.0.1:")
    assert f"that it accepts web pages from {origin}" in said


async def test_the_start_page_leads_to_each_lesson_and_to_the_reference(site: Path) -> None:
    page = (site / "index.html").read_text("utf-8")

    links = re.findall(r'(?:href|src)="([^"]*)"', page)
    lessons = {link.partition("?path=")[2] for link in links if "?path=" in link}

    assert lessons == set(LESSONS)
    assert [each for each in links if not (site / each.partition("?")[0]).exists()] == []
    assert "WebSocketConsole" in (site / "reference" / "ipywsecho.html").read_text("utf-8")


async def test_the_site_has_the_pages_that_the_lessons_link_to(site: Path) -> None:
    files = site / "lite" / "files"
    sources = [json.loads((files / name).read_text("utf-8"))["cells"] for name in LESSONS]
    texts = ["".join(cell["source"]) for cells in sources for cell in cells]
    links = {link for text in texts for link in re.findall(r"\]\(([\w./-]+)\)", text)}

    assert {"reference/glossary.md", "solutions/echo.md"} <= links
    assert [link for link in links if not (files / link).exists()] == []


async def _figures(notebook: Notebook) -> dict[str, float]:
    figures: dict[str, float] = await notebook.evaluate(
        "dict(frames=session.frames.total, seconds=seconds, ticks=ticks, longest=longest)"
    )
    return figures
