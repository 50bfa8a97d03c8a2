"""What a console costs, beside the least that it could: `python -m tests.benchmark`.

Prints a table in Markdown. Every figure is a ratio or a count of things measured in one run on one
machine, and the median of several. A real kernel receives, a real JupyterLab and a real Chromium
show, and the sender runs in a process of its own.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from playwright.async_api import Page

from tests.system.browser import running_chromium
from tests.system.flood import running_flood
from tests.system.kernel import Kernel, running_kernel
from tests.system.lab import Notebook, running_lab, write_notebook

SIZES = {32: 200_000, 1_000: 100_000, 10_000: 50_000, 1_000_000: 1_000}
"""How many frames of each size a flood has."""

PREPARE = """
import asyncio, time
from collections import deque
from websockets.asyncio.client import connect
import ipywidgets
from ipywsecho import WebSocketConsole

async def bare(uri, count, size):
    "The least that can be done with frames: keep as many as the console keeps."
    kept = deque(maxlen=10_000 if size * 10_000 <= 64_000_000 else 64_000_000 // size)
    async with connect(uri, compression=None, max_size=None, proxy=None) as websocket:
        await websocket.send(f"{count} {size}")
        started, left = time.perf_counter(), count
        async for message in websocket:
            kept.append(message)
            left -= 1
            if not left:
                break
        return time.perf_counter() - started

async def console(uri, count, size, observe):
    "The same frames, received, kept and shown by a console that is displayed."
    console = WebSocketConsole(uri, compression=None, max_size=None)
    console._controls.header._view_count = 1
    await console.connect()
    calls = 0
    def count_call(change):
        nonlocal calls
        calls += 1
    if observe:
        console.observe(count_call, names="frames")
    started = time.perf_counter()
    console.send_message(f"{count} {size}")
    await console._session.journal.signal.wait_for(lambda: console.frames.total == count)
    seconds = time.perf_counter() - started
    assert calls == (count if observe else 0)
    while "last" not in str(console.output.outputs):
        await asyncio.sleep(0.01)
    console.close()
    await asyncio.gather(*console._session.home._tasks)
    return seconds

async def naive(uri, count, size):
    "The recipe that everybody writes first."
    frames, output = [], ipywidgets.Output()
    async with connect(uri, compression=None, max_size=None, proxy=None) as websocket:
        await websocket.send(f"{count} {size}")
        started, left = time.perf_counter(), count
        async for message in websocket:
            frames.append(message)
            output.append_stdout(message + "\\n")
            left -= 1
            if not left:
                break
        return time.perf_counter() - started
"""


class Row(NamedTuple):
    """One line of the table."""

    what: str
    figure: str
    budget: str = ""


def ratio(numerators: list[float], denominators: list[float]) -> float:
    """Return the median of the ratios of what was measured in pairs."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


@asynccontextmanager
async def prepared_kernel(code: str = PREPARE) -> AsyncIterator[Kernel]:
    """Run a kernel that has run some code."""
    with tempfile.TemporaryDirectory() as directory:
        async with running_kernel(Path(directory)) as kernel:
            await kernel.execute(code)
            yield kernel


async def seconds(kernel: Kernel, expression: str) -> float:
    """Return what an awaitable returns in the kernel."""
    cell = await kernel.execute(f"print(await {expression})")
    return float(cell.stdout)


# What is measured, in the order of the table.


async def throughput(uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure the rate of frames, with an observer and without, at each size."""
    for size, count in SIZES.items():
        async with prepared_kernel() as kernel:
            call = f"{uri!r}, {count}, {size}"
            measured: dict[str, list[float]] = {"bare": [], "observed": [], "unobserved": []}
            for _ in range(rounds):
                measured["bare"].append(await seconds(kernel, f"bare({call})"))
                measured["observed"].append(await seconds(kernel, f"console({call}, True)"))
                measured["unobserved"].append(await seconds(kernel, f"console({call}, False)"))
        rate = count / statistics.median(measured["bare"])
        what = f"{count:,} frames of {size:,} bytes, bare at {rate:,.0f}/s"
        observed = ratio(measured["bare"], measured["observed"])
        unobserved = ratio(measured["bare"], measured["unobserved"])
        budget = "≥ 0.8" if size >= 10_000 else "≥ 0.6"
        yield Row(f"{what}: rate with an observer", f"{observed:.2f}", budget)
        yield Row(f"{what}: rate without", f"{unobserved:.2f}", "≥ 0.75")


async def naive_recipe(uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure the time and the bytes of the recipe that appends to an Output."""
    for count in (1_000, 3_000):
        async with prepared_kernel() as kernel:
            call = f"{uri!r}, {count}, 32"
            ours, theirs = [], []
            for _ in range(rounds):
                before = len(kernel.messages)
                theirs.append(await seconds(kernel, f"naive({call})"))
                between = len(kernel.messages)
                ours.append(await seconds(kernel, f"console({call}, True)"))
                sizes = [message.size for message in kernel.messages]
        yield Row(
            f"{count:,} frames of 32 bytes: time beside the naive recipe",
            f"1 : {ratio(theirs, ours):,.0f}",
        )
        yield Row(
            f"{count:,} frames of 32 bytes: bytes to the front end beside the naive recipe",
            f"{sum(sizes[between:]):,} : {sum(sizes[before:between]):,}",
        )


async def growth(uri: str, rounds: int) -> AsyncIterator[Row]:
    """Measure whether ten times as many frames take ten times as long."""
    async with prepared_kernel() as kernel:
        short, long = [], []
        for _ in range(rounds):
            short.append(await seconds(kernel, f"console({uri!r}, 100_000, 32, True)"))
            long.append(await seconds(kernel, f"console({uri!r}, 1_000_000, 32, True)"))
    yield Row("time of 1,000,000 frames beside 100,000", f"{ratio(long, short):.1f}", "about 10")


async def flood_messages(uri: str, _: int) -> AsyncIterator[Row]:
    """Count what a flood makes the kernel send to the front end."""
    for size, count in SIZES.items():
        async with prepared_kernel() as kernel:
            count *= 3
            before = len(kernel.messages)
            took = await seconds(kernel, f"console({uri!r}, {count}, {size}, True)")
            updates = [
                message for message in kernel.messages[before:] if message.kind == "comm_msg"
            ]
            shown = [m for m in updates if "outputs" in m.content["data"].get("state", {})]
            last = json.dumps(shown[-1].content)
        what = f"{count:,} frames of {size:,} bytes in {took:.1f} s"
        yield Row(f"{what}: messages a second", f"{len(updates) / took:.1f}", "≤ 20")
        size_ = sum(message.size for message in updates)
        yield Row(f"{what}: kB a second", f"{size_ / took / 1000:.0f}", "≤ 200")
        yield Row(f"{what}: the last frame is in the last", "yes" if "last" in last else "NO")


async def cell_during_flood(uri: str, _: int) -> AsyncIterator[Row]:
    """Measure how long a cell takes while a flood comes in."""
    for size, count in SIZES.items():
        async with prepared_kernel() as kernel:
            await kernel.execute(
                f"c = WebSocketConsole({uri!r}, compression=None, max_size=None)\n"
                "c._controls.header._view_count = 1\n"
                "c.observe(lambda change: None, names='frames')\n"
                "await c.connect()"
            )
            count *= 3
            await kernel.execute(f"_ = c.send_message('{count} {size}')")
            times, total = [], 0
            while total < count:
                started = time.perf_counter()
                total = int((await kernel.execute("print(c.frames.total)")).stdout)
                times.append(time.perf_counter() - started)
        times.sort()
        figures = (statistics.median(times), times[int(len(times) * 0.95)], times[-1])
        yield Row(
            f"a cell during a flood of {size:,} bytes a frame: median, 95 %, worst of {len(times)}",
            ", ".join(f"{figure * 1000:.0f}" for figure in figures) + " ms",
            "95 %: ≤ 250 ms",
        )


async def memory(uri: str, _: int) -> AsyncIterator[Row]:
    """Measure the memory of a kernel after floods of growing length."""
    async with prepared_kernel("import psutil\n" + PREPARE) as kernel:
        figures = []
        for count in (100_000, 1_000_000):
            await seconds(kernel, f"console({uri!r}, {count}, 32, True)")
            figures.append(await kernel.value("psutil.Process().memory_info().rss"))
    yield Row("memory after 1,000,000 frames beside 100,000", f"{figures[1] / figures[0]:.2f}", "1")


async def import_time(_: str, rounds: int) -> AsyncIterator[Row]:
    """Measure how long a process takes to import the package and to import ipywidgets."""
    ours, theirs = [], []
    for _ in range(rounds + 1):
        for module, times in (("ipywsecho", ours), ("ipywidgets", theirs)):
            started = time.perf_counter()
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", f"import {module}")
            assert await process.wait() == 0
            times.append(time.perf_counter() - started)
    yield Row(
        "time of `import ipywsecho` beside `import ipywidgets`",
        f"{ratio(ours[1:], theirs[1:]):.2f}",
    )


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
    const press = type => field.dispatchEvent(
        new KeyboardEvent(type, {key: "Enter", keyCode: 13, which: 13, bubbles: true}));
    return await new Promise(resolve => {
        const observer = new MutationObserver(() => {
            if (places().length) {
                observer.disconnect();
                resolveOncePainted(resolve);
            }
        });
        observer.observe(area, {subtree: true, childList: true, characterData: true});
        press("keydown"); press("keypress");
        field.dispatchEvent(new Event("change", {bubbles: true}));
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
async def opened_page(code: str) -> AsyncIterator[Notebook]:
    """Open a notebook in JupyterLab, with a cell that has run."""
    with tempfile.TemporaryDirectory() as directory:
        async with (
            running_lab(Path(directory)) as lab,
            running_chromium() as browser,
        ):
            write_notebook(lab.directory / "benchmark.ipynb", "")
            notebook = Notebook(await browser.new_page())
            await notebook.open("benchmark.ipynb", lab.port, lab.token)
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
            ours.append(await _echo(page, "Send a message", ".got", f"ours {number}."))
    yield Row(
        "from Enter to the echo, beside a bare Text and Label",
        f"{statistics.median(ours[3:]) / statistics.median(theirs[3:]):.2f} "
        f"({statistics.median(ours[3:]):.0f} ms to {statistics.median(theirs[3:]):.0f} ms)",
        "≤ 1.15",
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
            bare = await _timed(notebook, f"await bare({uri!r}, {count}, 32)")
            await notebook.run(FLOOD_IN_PAGE.format(uri=uri))
            await page.get_by_role("log").wait_for()
            await page.evaluate(LISTEN_TO_KEYS)
            await page.locator(".jp-Cell .cm-content").first.click()
            watching = asyncio.ensure_future(page.evaluate(WATCH, ["pre.ipywsecho", "last"]))
            await notebook.evaluate(f"bool(console.send_message('{count} 32'))")
            await page.keyboard.type("# typed meanwhile", delay=30)
            took, gaps = await watching
            keys.append(statistics.median(await page.evaluate("window.keyDelays")))
            late.append(took / 1000 - 1.3 * bare)
            gaps.sort()
            smooth.append(gaps[int(len(gaps) * 0.95)])
            longest.append(gaps[-1])
    yield Row(
        f"{count:,} frames of 32 bytes: last frame on the page, beyond 1.3 × a bare receiver",
        f"{statistics.median(late):+.2f} s",
        "≤ +0.30 s",
    )
    yield Row(
        "time between animation frames meanwhile: 95 %, longest",
        f"{statistics.median(smooth):.0f} ms, {statistics.median(longest):.0f} ms",
        "95 %: ≤ 34 ms",
    )
    yield Row("a key typed into another cell meanwhile: waits", f"{statistics.median(keys):.0f} ms")


async def _timed(notebook: Notebook, expression: str) -> float:
    area = await notebook.run(f"print({expression})")
    return float(await area.inner_text())


async def class_of_500(_: str, __: int) -> AsyncIterator[Row]:
    """Measure 500 clients that each echo once a second, beside a single one that never waits long.

    Server, class and single client have a process each. The single client sends as many frames as
    make a percentile, a hundred a second.
    """
    async with _process("ipywsecho", "--port", "0") as server:
        assert server.stdout is not None
        uri = (await server.stdout.readline()).decode().strip()
        alone, _memory, _seconds = await _attended(uri, 1, 0.01, 10, server.pid)
        together, memory, took = await _attended(uri, 500, 1.0, 20, server.pid)
    lone, crowded = (each[int(len(each) * 0.99)] for each in (alone, together))
    what = "500 clients, each echoing once a second"
    yield Row(f"{what}: echoes a second", f"{len(together) / took:.0f}", "about 500")
    yield Row(
        f"{what}: 99 % of the round trips, beside those of one client",
        f"{crowded / lone:.1f} ({crowded * 1000:.1f} ms to {lone * 1000:.1f} ms)",
    )
    yield Row(f"{what}: memory of the server for each", f"{memory / 500 / 1000:.0f} kB")


async def _attended(
    uri: str, clients: int, interval: float, seconds: float, server: int
) -> tuple[list[float], int, float]:
    """Return sorted round trips, what the server's memory grew by, and how long all of it took."""
    memory = psutil.Process(server).memory_info
    before = memory().rss
    async with _process(
        "tests.system.classroom", uri, *map(str, (clients, interval, seconds))
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        await process.stdout.readline()
        grown = memory().rss - before
        process.stdin.write(b"\n")
        started = time.perf_counter()
        round_trips = json.loads(await process.stdout.readline())
        return sorted(round_trips), grown, time.perf_counter() - started


@asynccontextmanager
async def _process(module: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=2**24,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


MEASUREMENTS = {
    function.__name__: function
    for function in (
        throughput,
        naive_recipe,
        growth,
        flood_messages,
        cell_during_flood,
        memory,
        import_time,
        round_trip,
        page_during_flood,
        class_of_500,
    )
}


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield "| what | figure | budget |"
    yield "|---|--:|--:|"
    for row in rows:
        yield f"| {row.what} | {row.figure} | {row.budget} |"


async def main() -> None:
    """Measure what is named on the command line, or everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(MEASUREMENTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    options = parser.parse_args()
    rows = []
    async with running_flood() as uri:
        for name in options.names or MEASUREMENTS:
            async for row in MEASUREMENTS[name](uri, options.rounds):
                rows.append(row)
                print(f"{row.what}: {row.figure} {row.budget}", file=sys.stderr)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}\n")
    print("\n".join(table(rows)))


if __name__ == "__main__":
    asyncio.run(main())
