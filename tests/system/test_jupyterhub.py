"""Two people on a real JupyterHub, set up as the page about it says.

Their kernels run in another environment than their single-user servers. The server of the first has
the extension of anywidget, that of the second has not.
"""

import asyncio
import json
import re
import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests import ROOT
from tests.screenshot import NOTEBOOK, still_open
from tests.system.conftest import BuiltOnce
from tests.system.hub import Hub, create_hub, running_hub
from tests.system.kernel import DEADLINE
from tests.system.lab import ConsoleView, Notebook, write_notebook

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]
expect.set_options(timeout=DEADLINE * 1000)

PAGE = (ROOT / "notebooks" / "reference" / "jupyterhub.md").read_text()
CONFIG, SERVER, ON_ONE_MACHINE, THROUGH_THE_HUB = (
    next(
        block
        for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.M)
        if mark in block
    )
    for mark in ["load_roles", "EchoServer", "ws://127.0.0.1:8765", "wss://"]
)
TEACHER, STUDENT = "ada", "ben"
EXTENSIONS = Path(sys.prefix, "share", "jupyter")


@dataclass(frozen=True)
class People:
    """Two people who have logged in.

    Attributes:
        hub: Where they are.
        teacher: The notebook that the first has open.
        student: The notebook that the second has open.
        token: What the configuration gives to the class.
    """

    hub: Hub
    teacher: Notebook
    student: Notebook
    token: str

    async def open_new(self, name: str) -> None:
        """Opens a new notebook for each."""
        for person in [TEACHER, STUDENT]:
            write_notebook(self.hub.homes / person / name, "")
        await asyncio.gather(
            self.teacher.goto(self.hub.address_of(TEACHER, name)),
            self.student.goto(self.hub.address_of(STUDENT, name)),
        )


@pytest.fixture(scope="module")
def kernels(environment_of: Callable[[str], Path]) -> Path:
    """The interpreter of the kernels: its environment has the package, but no JupyterLab."""
    return environment_of("newest")


@pytest.fixture(scope="module")
def paths(kernels: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where the server of each person finds kernels and extensions."""
    folder = tmp_path_factory.mktemp("paths")
    kernel = folder / "kernels" / "python3" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    command = [str(kernels), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    names = {"display_name": "Python 3", "language": "python"}
    kernel.write_text(json.dumps({"argv": command, **names}))
    without = folder / "without" / "labextensions"
    without.mkdir(parents=True)
    (without / "@jupyter-widgets").symlink_to(EXTENSIONS / "labextensions" / "@jupyter-widgets")
    return {
        "room": f"{EXTENSIONS}",
        TEACHER: f"{folder}:{EXTENSIONS}",
        STUDENT: f"{folder}:{without.parent}",
    }


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def people(
    wheel: Path,
    built_once: BuiltOnce,
    browser: Browser,
    paths: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[People]:
    """Two people who have logged in, each with the first lesson open."""
    installed = built_once("hub", lambda folder: create_hub(folder, wheel))
    folder, token = tmp_path_factory.mktemp("jupyterhub"), secrets.token_hex(32)
    lesson = still_open(nbformat.read(NOTEBOOK, as_version=4))
    async with running_hub(installed, folder, CONFIG, paths, ROOM_TOKEN=token) as hub:

        async def opened(name: str) -> Notebook:
            (hub.homes / name).mkdir(parents=True)
            nbformat.write(lesson, hub.homes / name / NOTEBOOK.name)
            context = await browser.new_context()
            notebook = Notebook(await context.new_page())
            await hub.log_in(notebook.page, name)
            await notebook.goto(hub.address_of(name, NOTEBOOK.name))
            return notebook

        teacher, student = await asyncio.gather(opened(TEACHER), opened(STUDENT))
        yield People(hub, teacher, student, token)
        for notebook in [teacher, student]:
            await notebook.page.context.close()


async def test_each_runs_the_first_lesson_and_sees_the_echo(people: People, kernels: Path) -> None:
    for notebook in [people.teacher, people.student]:
        await notebook.run_all()
        prefix = await notebook.evaluate("__import__('sys').prefix")
        assert Path(prefix) == kernels.parents[1]
    first, second = (
        ConsoleView(
            each.page.locator(".jp-CodeCell", has=each.page.locator(".ipywsecho-console")).first
        )
        for each in (people.teacher, people.student)
    )

    await first.submit("typed by one")
    await second.submit("typed by the other")

    await first.has_row("↓", "typed by one")
    await expect(second.html).to_contain_text("↓  typed by the other")
    await expect(second.log).to_have_count(0)
    assert people.teacher.problems == []
    assert [each for each in people.student.problems if "module anywidget" not in each] == []


async def test_they_meet_in_a_room_on_the_machine_of_the_hub(people: People) -> None:
    await people.open_new("machine.ipynb")
    await people.teacher.run(SERVER.replace("8765", "0"))
    port = await people.teacher.evaluate("server.uri.rpartition(':')[2]")

    await talk(people, ON_ONE_MACHINE.replace("8765", port))


async def test_they_meet_in_a_room_through_the_hub(people: People) -> None:
    hub = people.hub
    async with room_of(people) as port:
        await people.open_new("through.ipynb")
        enter = THROUGH_THE_HUB.replace("8765", port)
        await talk(people, enter.replace("wss://hub.example.org", f"ws://{hub.host}"))

        own = await people.student.evaluate("os.environ['JUPYTERHUB_API_TOKEN']")
        room = f"ws://{hub.host}/user/room/proxy/{port}/room"
        # Only the token of the class opens the room, and it opens nothing else.
        assert [await answer(room, token) for token in [None, own, people.token]] == [403, 403, 101]
        events = f"ws://{hub.host}/user/{STUDENT}/api/events/subscribe"
        assert [await answer(events, token) for token in [own, people.token]] == [101, 403]


@asynccontextmanager
async def room_of(people: People) -> AsyncIterator[str]:
    """Starts the server of the room's account and an echo server beside it; yields its port."""
    hub, page = people.hub, await people.teacher.page.context.new_page()
    (hub.homes / "room").mkdir()
    write_notebook(hub.homes / "room" / "room.ipynb", "")
    room = Notebook(page)
    await page.goto(f"http://{hub.host}/hub/spawn/room")
    await page.get_by_role("button", name="Authorize").click()
    await page.wait_for_url("**/user/room/lab**")
    await room.goto(hub.address_of("room", "room.ipynb"))
    await room.run(SERVER.replace("8765", "0"))
    yield await room.evaluate("server.uri.rpartition(':')[2]")
    await room.close()


async def talk(people: People, enter: str) -> None:
    """Lets both people enter a room and say something, which both must see."""
    first = ConsoleView(await people.teacher.run(enter))
    second = ConsoleView(await people.student.run(enter))
    # Who is not in the room yet does not hear what is said there.
    await people.student.until("console.state == 'open'")

    await first.submit("Is anybody here?")
    await expect(second.html).to_contain_text("↓  Is anybody here?")
    await second.submit("I am.")
    await first.has_row("↓", "I am.")

    said = [("↑", "Is anybody here?"), ("↓", "Is anybody here?"), ("↓", "I am.")]
    assert await first.rows() == said


async def answer(uri: str, token: str | None) -> int:
    """Returns the status of the answer to a handshake."""
    headers = {} if token is None else {"Authorization": f"token {token}"}
    try:
        async with connect(uri, additional_headers=headers, proxy=None):
            return 101
    except InvalidStatus as error:
        return error.response.status_code
