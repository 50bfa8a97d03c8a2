"""Runs the Autobahn test suite against the console and against bare websockets.

`python -m tests.system.autobahn` starts the suite's fuzzing server, lets both clients echo through
its cases, and prints each case in which the console behaves worse; there should be none. By default
all cases run except those on throughput (9) and on compression (12 and 13). The reports, one page
per case, are written to the folder given by `--reports`.

Some cases send an invalid frame right after a valid one, byte by byte. Whether a client echoes the
valid one first depends on how the bytes arrive, and on the load of the machine. So where the
console does worse, both clients repeat the case many times, and the best verdict of each counts;
all verdicts are printed.

The suite runs under Python 2.7 only. This makes an environment for it:

    python2.7 -m pip install --target /tmp/virtualenv "virtualenv<20.22"
    PYTHONPATH=/tmp/virtualenv python2.7 -m virtualenv /tmp/autobahn
    /tmp/autobahn/bin/pip install autobahntestsuite
    python -m tests.system.autobahn --wstest /tmp/autobahn/bin/wstest
"""

import argparse
import asyncio
import json
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from traitlets import Bunch
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from ipywsecho import WebSocketConsole

__all__ = ["Difference", "best", "differences"]

REPORTS = Path(tempfile.gettempdir()) / "autobahn-reports"
EXCLUDED = ["9.*", "12.*", "13.*"]
START_TIMEOUT = 30.0
CASE_TIMEOUT = 60.0
MAX_SIZE = 2**25

_SEVERITY = {
    "OK": 0,
    "INFORMATIONAL": 0,
    "NON-STRICT": 1,
    "UNIMPLEMENTED": 2,
    "WRONG CODE": 3,
    "UNCLEAN": 3,
    "FAILED BY CLIENT": 3,
    "FAILED": 4,
}
"""How bad a verdict is: an informational case cannot fail."""

Verdicts = Mapping[str, Mapping[str, Any]]
"""What the suite found in each case, by the number of the case."""

Case = Mapping[str, str | int]
"""How the suite's server is asked for a case."""


class Difference(NamedTuple):
    """A case in which two clients behave differently.

    Attributes:
        aspect: "behavior", "behaviorClose" or "remoteCloseCode", as the suite's reports name it.
        is_worse: Whether our client did worse. Another close code alone is not worse.
    """

    case: str
    aspect: str
    reference: Any
    ours: Any
    is_worse: bool


def differences(reference: Verdicts, ours: Verdicts) -> Iterator[Difference]:
    """Yield the cases where our client differs; a case without a verdict counts as failed."""
    for case in sorted(reference, key=_as_numbers):
        for aspect in ("behavior", "behaviorClose", "remoteCloseCode"):
            theirs, own = (each.get(case, {}).get(aspect) for each in (reference, ours))
            if theirs != own:
                is_worse = aspect != "remoteCloseCode" and _severity(own) > _severity(theirs)
                yield Difference(case, aspect, theirs, own, is_worse)


def best(passes: Sequence[Verdicts]) -> Verdicts:
    """Return the best verdict on each case from several passes of one client."""
    found: dict[str, Mapping[str, Any]] = {}
    for verdicts in passes:
        for case, verdict in verdicts.items():
            if case not in found or _rank(verdict) < _rank(found[case]):
                found[case] = verdict
    return found


def _rank(verdict: Mapping[str, Any]) -> tuple[int, int]:
    return _severity(verdict["behavior"]), _severity(verdict["behaviorClose"])


def _severity(verdict: str | None) -> int:
    return _SEVERITY["FAILED"] if verdict is None else _SEVERITY[verdict]


def _as_numbers(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


# The clients: each echoes every frame until the connection ends.


async def echo_with_websockets(uri: str) -> None:
    """Echo with websockets alone."""
    async with connect(uri, max_size=MAX_SIZE, ping_interval=None, proxy=None) as websocket:
        with suppress(ConnectionClosed):
            async for message in websocket:
                await websocket.send(message)


async def echo_with_console(uri: str) -> None:
    """Echo with a console."""
    console = WebSocketConsole(uri, reconnect=False, ping_interval=None, max_size=MAX_SIZE)
    closed = asyncio.Event()
    console.on_frame(lambda frame: console.send_message(frame.data))

    def watch(change: Bunch) -> None:
        if change.new == "closed":
            closed.set()

    console.observe(watch, names="state")
    try:
        await console.connect()
        await closed.wait()
    finally:
        console.close()


CLIENTS: dict[str, Callable[[str], Awaitable[None]]] = {
    "websockets": echo_with_websockets,
    "console": echo_with_console,
}


# The suite.


@asynccontextmanager
async def running_suite(wstest: str, reports: Path, cases: list[str]) -> AsyncIterator[str]:
    """Run the fuzzing server, and yield its URI."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        uri = f"ws://127.0.0.1:{probe.getsockname()[1]}"
    specification = reports / "specification.json"
    specification.write_text(
        json.dumps(
            {
                "url": uri,
                "outdir": str(reports),
                "cases": cases or ["*"],
                "exclude-cases": [] if cases else EXCLUDED,
                "exclude-agent-cases": {},
            }
        )
    )
    with (reports / "server.log").open("w") as log:
        process = await asyncio.create_subprocess_exec(
            *(wstest, "--mode", "fuzzingserver", "--spec", str(specification), "--webport", "0"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield uri
        finally:
            process.terminate()
            await process.wait()


async def count_cases(uri: str) -> int:
    """Return how many cases the server has, once it listens."""
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            try:
                async with connect(f"{uri}/getCaseCount", proxy=None) as websocket:
                    return int(await websocket.recv())
            except OSError:
                await asyncio.sleep(0.1)


async def run_cases(uri: str, client: str, agent: str, cases: Sequence[Case]) -> None:
    """Let a client run through cases, under its own name in the reports."""
    for number, case in enumerate(cases, 1):
        print(f"\r{agent}: {number} of {len(cases)} cases", end="", file=sys.stderr, flush=True)
        query = urlencode({**case, "agent": agent})
        try:
            async with asyncio.timeout(CASE_TIMEOUT):
                await CLIENTS[client](f"{uri}/runCase?{query}")
        except Exception as exc:
            print(f"\n{agent}, {case}: {exc!r}", file=sys.stderr)
    print(file=sys.stderr)


async def written_reports(uri: str, reports: Path) -> Mapping[str, Verdicts]:
    """Make the server write its reports, and return the verdicts on each agent."""
    async with connect(f"{uri}/updateReports?agent=all", proxy=None) as websocket:
        # The server closes the connection once they are written.
        with suppress(ConnectionClosed):
            await websocket.recv()
    index: dict[str, Verdicts] = json.loads((reports / "index.json").read_text())
    return index


async def run_suite(uri: str, reports: Path, repeats: int) -> dict[str, list[Verdicts]]:
    """Return the verdicts on each client: for one pass of all cases, and for repeats of some."""
    count = await count_cases(uri)
    for client in CLIENTS:
        await run_cases(uri, client, client, [{"case": number + 1} for number in range(count)])
    index = await written_reports(uri, reports)
    passes = {client: [index.get(client, {})] for client in CLIENTS}
    [websockets], [console] = (passes[client] for client in ("websockets", "console"))
    worse = [each.case for each in differences(websockets, console) if each.is_worse]
    agents = [(client, f"{client}, {number}") for number in range(repeats) for client in CLIENTS]
    if worse:
        repeated: list[Case] = [{"casetuple": case} for case in dict.fromkeys(worse)]
        for client, agent in agents:
            await run_cases(uri, client, agent, repeated)
        index = await written_reports(uri, reports)
        for client, agent in agents:
            passes[client].append(index.get(agent, {}))
    return passes


def summary(verdicts: Iterable[Mapping[str, Any]], aspect: str) -> str:
    """Return the number of cases for each verdict."""
    counted = Counter(str(verdict[aspect]) for verdict in verdicts)
    return ", ".join(f"{count} {verdict}" for verdict, count in counted.most_common())


async def main() -> int:
    """Run the suite; return 1 if the console did worse in some case, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--wstest", default="wstest", help="the suite's command")
    parser.add_argument("--reports", type=Path, default=REPORTS, help="a folder")
    parser.add_argument("--repeats", type=int, default=20, help="of a case that is worse")
    parser.add_argument("cases", nargs="*", help="patterns of cases, such as 5.*")
    options = parser.parse_args()
    if shutil.which(options.wstest) is None:
        parser.error(f"there is no {options.wstest}; see the beginning of {__file__}")
    options.reports.mkdir(parents=True, exist_ok=True)
    async with running_suite(options.wstest, options.reports, options.cases) as uri:
        passes = await run_suite(uri, options.reports, options.repeats)
    verdicts = {client: best(passes[client]) for client in CLIENTS}
    for client, found in verdicts.items():
        print(f"{client}: {len(found)} cases; {summary(found.values(), 'behavior')};")
        print(f"    closing: {summary(found.values(), 'behaviorClose')}")
    repeated = {case for each in passes["console"][1:] for case in each}
    for case in sorted(repeated, key=_as_numbers):
        for client in CLIENTS:
            each = [found[case] for found in passes[client] if case in found]
            print(f"{case}, {len(each)} times, {client}: {summary(each, 'behavior')}")
    compared = list(differences(verdicts["websockets"], verdicts["console"]))
    for difference in compared:
        mark = "WORSE" if difference.is_worse else "other"
        sides = f"{difference.ours}, websockets: {difference.reference}"
        print(f"{mark} {difference.case} {difference.aspect}: {sides}")
    worse = sum(each.is_worse for each in compared)
    print(f"{worse} worse; reports: {options.reports / 'index.html'}")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
