"""What the person at the page waits for: a real JupyterLab in a real Chromium."""

import asyncio
import random
import statistics
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Page

from tests.benchmark.kernels import PREPARE
from tests.benchmark.tables import Row
from tests.system.browser import running_chromium
from tests.system.lab import ConsoleView, Notebook, running_lab, slow_line, write_notebook

__all__ = ["jump", "page_during_flood", "round_trip", "ten_consoles"]

ROUND_TRIP = """
from IPython.display import display
import ipywidgets
from ipywsecho import WebSocketConsole

field, label = ipywidgets.Text(placeholder="bare", continuous_update=False), ipywidgets.Label()
def answer(change):
    label.value = change.new
field.observe(answer, names="value")
console = WebSocketConsole()
await console.connect()
display(field, label, console)
"""

# Types a text, presses Enter the way the browser does, and waits for the frame that shows it below.
TIME_TO_ECHO = """async ([placeholder, selector, text]) => {
    const field = document.querySelector(`input[placeholder="${placeholder}"]`);
    const area = field.closest(".jp-OutputArea");
    field.focus();
    field.value = text;
    const places = () =>
        [...area.querySelectorAll(selector)].filter(each => each.textContent.includes(text));
    const resolveOncePainted = resolve => requestAnimationFrame(() => setTimeout(() => {
        const took = performance.now() - started;
        resolve([took, places().some(each => each.checkVisibility())]);
    }));
    const started = performance.now();
    const press = type => field.dispatchEvent(new KeyboardEvent(
        type, {key: "Enter", keyCode: 13, which: 13, bubbles: true, cancelable: true}));
    return await new Promise(resolve => {
        const observer = new MutationObserver(() => {
            if (places().length) {
                observer.disconnect();
                resolveOncePainted(resolve);
            }
        });
        observer.observe(area, {subtree: true, childList: true, characterData: true});
        // The browser does nothing more with a key that the page has taken.
        if (press("keydown") && press("keypress")) {
            field.dispatchEvent(new Event("change", {bubbles: true}));
        }
    });
}"""

# Watches the animation frames of the page until a text is shown.
WATCH = """async ([selector, text]) => {
    const gaps = [];
    let last = performance.now();
    const started = last;
    const log = () => document.querySelector(selector);
    return await new Promise(resolve => {
        const tick = now => {
            gaps.push(now - last);
            last = now;
            if (log() && log().textContent.includes(text)) {
                resolve([performance.now() - started, gaps.slice(1)]);
            } else {
                requestAnimationFrame(tick);
            }
        };
        requestAnimationFrame(tick);
    });
}"""


# Notes how long each key waits for the page, from when it was pressed to when it is handled.
LISTEN_TO_KEYS = """() => {
    window.keyDelays = [];
    document.addEventListener(
        "keydown", event => window.keyDelays.push(performance.now() - event.timeStamp), true);
}"""


@asynccontextmanager
async def opened_page(code: str, round_trip: float = 0.0) -> AsyncIterator[Notebook]:
    """Open a notebook in JupyterLab, on a line of so many seconds, with a cell that has run."""
    with tempfile.TemporaryDirectory() as directory:
        async with (
            running_lab(Path(directory)) as lab,
            slow_line(lab.port, round_trip) as port,
            running_chromium() as browser,
        ):
            write_notebook(lab.directory / "benchmark.ipynb", "")
            notebook = Notebook(await browser.new_page())
            await notebook.open("benchmark.ipynb", port if round_trip else lab.port, lab.token)
            await notebook.run(code)
            yield notebook
            await notebook.close()


async def round_trip(_: str, rounds: int) -> AsyncIterator[Row]:
    """Measure the time from Enter to the echo on the page, beside a bare Text and Label."""
    async with opened_page(ROUND_TRIP) as notebook:
        page = notebook.page
        await page.get_by_placeholder("Send a message").wait_for()
        ours, theirs = [], []
        for number in range(10 * rounds):
            theirs.append(await _echo(page, "bare", ".widget-label", f"bare {number}."))
            ours.append(
                await _echo(page, "Send a message", ".ipywsecho-list .got", f"ours {number}.")
            )
    yield Row(
        "from Enter to the echo, beside a bare Text and Label",
        f"{statistics.median(ours[3:]) / statistics.median(theirs[3:]):.2f} "
        f"({statistics.median(ours[3:]):.0f} ms to {statistics.median(theirs[3:]):.0f} ms)",
        "≤ 1.0",
    )


async def _echo(page: Page, placeholder: str, selector: str, text: str) -> float:
    took, is_seen = await page.evaluate(TIME_TO_ECHO, [placeholder, selector, text])
    assert is_seen, f"{text} is in the page, but cannot be seen"
    # The page is at rest again once the field is as the kernel wants it.
    await page.evaluate("() => new Promise(resolve => setTimeout(resolve, 400))")
    return float(took)


FLOOD_IN_PAGE = """
console = WebSocketConsole({uri!r}, compression=None, max_size=None)
await console.connect()
console
"""


async def page_during_flood(uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure how alive the page is while 200,000 frames come in."""
    count = 200_000
    late: list[float] = []
    smooth: list[float] = []
    longest: list[float] = []
    keys: list[float] = []
    for _ in range(rounds):
        async with opened_page(PREPARE) as notebook:
            page = notebook.page
            bare = await _timed(notebook, f"(await receivers.bare({uri!r}, {count}, 32)).seconds")
            await notebook.run(FLOOD_IN_PAGE.format(uri=uri))
            await page.locator(".ipywsecho-list .ipywsecho-row").first.wait_for()
            await page.evaluate(LISTEN_TO_KEYS)
            await page.locator(".jp-Cell .cm-content").first.click()
            watching = asyncio.ensure_future(page.evaluate(WATCH, [".ipywsecho-list", "last"]))
            await notebook.evaluate(f"bool(console.send_message('{count} 32'))")
            await page.keyboard.type("# typed meanwhile", delay=30)
            took, gaps = await watching
            keys.append(statistics.median(await page.evaluate("window.keyDelays")))
            late.append(took / 1000 - 1.1 * bare)
            gaps.sort()
            smooth.append(gaps[int(len(gaps) * 0.95)])
            longest.append(gaps[-1])
    yield Row(
        f"{count:,} frames of 32 bytes: last frame on the page, beyond 1.1 × a bare receiver",
        f"{statistics.median(late):+.2f} s",
        "≤ +0.30 s",
    )
    yield Row(
        "time between animation frames meanwhile: 95 %, longest",
        f"{statistics.median(smooth):.0f} ms, {statistics.median(longest):.0f} ms",
        "95 %: ≤ 25 ms",
    )
    yield Row("a key typed into another cell meanwhile: waits", f"{statistics.median(keys):.0f} ms")


KEPT = """
import asyncio
from IPython.display import display
from ipywsecho import EchoServer, WebSocketConsole

async def pushed(connection):
    for number in range(1, 10_001):
        await connection.send(f"row {number}.")
    await connection.wait_closed()

server = EchoServer(paths={"/rows": pushed})
await server.start()
console = WebSocketConsole(f"{server.uri}/rows", reconnect=False)
await console.connect()
while console.frames.total < 10_000:
    await asyncio.sleep(0.05)
console
"""

# Asks for a frame by its number, and waits until its row is in sight.
JUMP = """async number => {
    const bar = document.querySelector(".ipywsecho-bar input");
    const list = document.querySelector(".ipywsecho-list");
    const isInSight = row => {
        const [at, box] = [row.getBoundingClientRect(), list.getBoundingClientRect()];
        return at.top >= box.top - 1 && at.bottom <= box.bottom + 1;
    };
    bar.value = number;
    const started = performance.now();
    bar.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
    return await new Promise(resolve => {
        const look = () => {
            const rows = [...list.querySelectorAll(".ipywsecho-row")];
            if (rows.some(row => row.textContent.includes(`row ${number}.`) && isInSight(row))) {
                resolve(performance.now() - started);
            } else {
                requestAnimationFrame(look);
            }
        };
        look();
    });
}"""


async def jump(_: str, rounds: int) -> AsyncIterator[Row]:
    """Measure the time until one of 10,000 frames is in sight, near and over a slow line."""
    choose = random.Random(0)
    for round_trip, budget in ((0.0, "≤ 150 ms"), (0.4, "≤ 500 ms")):
        async with opened_page(KEPT, round_trip) as notebook:
            await ConsoleView(notebook.page.locator("body")).has_row("↓", "row 10000.")
            took = [
                await notebook.page.evaluate(JUMP, choose.randrange(1, 9_900))
                for _ in range(8 * rounds)
            ]
        yield Row(
            f"jump to any of 10,000 rows, {round_trip / 2 * 1000:.0f} ms each way: median, worst",
            f"{statistics.median(took):.0f} ms, {max(took):.0f} ms",
            budget,
        )


TEN = """
from ipywsecho import EchoServer, WebSocketConsole
from ipywidgets import VBox

server = EchoServer()
await server.start()
consoles = [WebSocketConsole(f"{server.uri}/clock?interval=0.05") for _ in range(10)]
VBox(consoles)
"""
GAPS = """async seconds => {
    const gaps = [];
    let last = performance.now();
    const end = last + seconds * 1000;
    return await new Promise(resolve => {
        const tick = now => {
            gaps.push(now - last);
            last = now;
            if (now < end) requestAnimationFrame(tick);
            else resolve(gaps.slice(1));
        };
        requestAnimationFrame(tick);
    });
}"""


async def ten_consoles(_: str, rounds: int) -> AsyncIterator[Row]:
    """Measure how smooth a page is that shows ten consoles, with 20 frames a second each."""
    async with opened_page(TEN) as notebook:
        # As much of them is in sight as fits on a screen.
        await notebook.page.set_viewport_size({"width": 1600, "height": 1000})
        await notebook.page.locator(".ipywsecho-list .ipywsecho-row.got").nth(19).wait_for()
        received = "sum(each.frames.total for each in consoles)"
        before = await notebook.evaluate(received)
        gaps = sorted(await notebook.page.evaluate(GAPS, 5 * rounds))
        came = await notebook.evaluate(received) - before
        lists = await notebook.page.locator(".ipywsecho-list").count()
    yield Row(
        f"{lists} consoles on a page, {came / (5 * rounds) / lists:.0f} frames a second each: "
        "time between animation frames: median, 95 %, longest",
        f"{statistics.median(gaps):.0f}, {gaps[int(len(gaps) * 0.95)]:.0f}, {gaps[-1]:.0f} ms",
        "median: ≤ 20 ms, 95 %: ≤ 50 ms",
    )


async def _timed(notebook: Notebook, expression: str) -> float:
    area = await notebook.run(f"print({expression})")
    return float(await area.inner_text())
