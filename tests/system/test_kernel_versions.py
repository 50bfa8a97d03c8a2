"""The console on all supported kernels, called from different threads and loops."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tests.system.kernel import Kernel, running_kernel
from tests.system.test_kernel import CONSOLE, Console, both_ways
from tests.system.visitors import standing_barrier, visited_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

KERNELS = ["lowest", "ipykernel 6", "ipykernel 7.0", "ipykernel 7.1", "newest"]
HELPERS = """
import asyncio
import concurrent.futures
import threading

import ipywidgets
from ipywsecho import WebSocketConsole

def in_a_thread(function):
    # Not asyncio.to_thread, which takes along what the kernel knows of the cell.
    future = concurrent.futures.Future()

    def run():
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run).start()
    return asyncio.wrap_future(future)

async def here(function):
    return function()

async def on_this_loop(function):
    return await function()

def on_the_loop_of_a_thread(function):
    return in_a_thread(lambda: asyncio.run(function()))
"""
CALLS = """
def use():
    seen = []
    console.on_frame(seen.append)
    console.on_frame(print)
    console.on_frame(print, remove=True)
    console.paused = True
    console.paused = False
    console.clear()
    texts = [repr(console), console.uri, console.state, str(console.error), str(console.latency)]
    follower = aiter(console)
    return seen, texts, follower, console.send_message("Hello!")
"""
AWAITS = """
async def use():
    await console.connect()
    follower = aiter(console)
    sending = console.send_message("first")
    await sending
    frames = [(await anext(follower)).data]
    frames.append((await console.request("second")).data)
    await console.disconnect()
    frames += [frame.data async for frame in follower]
    console.close()
    return frames, console.state, console.close_code
"""


@pytest.fixture(params=KERNELS, scope="module")
def python(environment_of: Callable[[str], Path], request: pytest.FixtureRequest) -> Path:
    """An interpreter with one version of the kernel."""
    return environment_of(request.param)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kernel(python: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kernel]:
    """A kernel for all tests of one version, which must not log anything."""
    async with running_kernel(tmp_path_factory.mktemp("kernel"), python) as kernel:
        await kernel.execute(HELPERS)
        yield kernel
        assert kernel.printed("stderr") == ""
        await kernel.shut_down()
    assert kernel.complaints == ""


@pytest_asyncio.fixture(params=["main shell", "subshell"], loop_scope="module")
async def shell(kernel: Kernel, request: pytest.FixtureRequest) -> str | None:
    """The shell that a front end uses: the main shell if the kernel has no subshells."""
    return await kernel.subshell() if request.param == "subshell" else None


@pytest_asyncio.fixture(loop_scope="module")
async def console(kernel: Kernel, shell: str | None) -> AsyncIterator[Console]:
    """A console that echoes."""
    await kernel.execute(CONSOLE)
    # Newer kernels route a widget's messages to the shell that last updated it.
    await kernel.execute(
        "for widget in [console.text, console.button, console._controls.switch, console]:\n"
        "    widget.send_state('layout')",
        shell,
    )
    yield Console(kernel, shell)
    await kernel.execute("console.close()")


async def test_enter_and_the_button_send(console: Console) -> None:
    console.enter("entered")
    await console.echo_of("entered")
    console.type("clicked")
    console.click()
    await console.echo_of("clicked")

    assert console.rows == both_ways("entered", "clicked")


async def test_enter_sends_the_text_already_in_the_field(console: Console) -> None:
    console.type("typed before")
    console.press_enter()
    await console.echo_of("typed before")

    assert console.rows == both_ways("typed before")


async def test_the_switch_closes_and_reopens_the_connection(
    console: Console, kernel: Kernel
) -> None:
    switch = kernel.model(_model_name="ButtonModel", icon="power-off")

    kernel.click(switch, console.shell)
    await kernel.until_true("console.state == 'closed'")
    kernel.click(switch, console.shell)
    await kernel.until_true("console.state == 'open'")
    console.enter("Hello!")
    await console.echo_of("Hello!")

    assert await kernel.value("console.close_code") == 1000


async def test_the_connection_closes_after_its_last_view(console: Console, kernel: Kernel) -> None:
    await kernel.execute("from ipywsecho.widget import sight\nsight.GRACE = 0.05")
    view = kernel.model(_view_count=0)

    kernel.set_trait(view, console.shell, _view_count=1)
    kernel.set_trait(view, console.shell, _view_count=0)
    await kernel.until_true("console.state == 'closed'")

    assert await kernel.value("console.close_code") == 1001


async def test_a_message_typed_while_a_cell_blocks_is_sent_after_it(
    console: Console, kernel: Kernel
) -> None:
    async with standing_barrier() as barrier, kernel.executing(barrier.code):
        await barrier.reached()
        console.enter("Hello!")
        barrier.lift()
    await console.echo_of("Hello!")

    assert console.rows == both_ways("Hello!")


async def test_observers_are_called_once_per_frame(console: Console, kernel: Kernel) -> None:
    await kernel.execute(
        "calls = []\n"
        "console.observe(lambda change: calls.append(change.new[-1].data), names='frames')",
        console.shell,
    )
    for _ in range(2):
        console.enter("same")
        await kernel.until(lambda: not kernel.models[console.field]["value"])

    await kernel.until_true("len(calls) == 2")
    assert await kernel.value("calls") == ["same", "same"]


@pytest.mark.parametrize("where", ["here", "in_a_thread"])
async def test_synchronous_methods_work_from_any_thread(
    console: Console, kernel: Kernel, where: str
) -> None:
    await kernel.execute(
        f"{CALLS}\nseen, texts, follower, sending = await {where}(use)", console.shell
    )

    await kernel.execute("await sending\nframe = await anext(follower)")
    assert await kernel.value("[frame.data, [each.data for each in seen]]") == [
        "Hello!",
        ["Hello!"],
    ]
    assert await kernel.value("'open' in texts[0] and texts[2]") == "open"
    await kernel.execute(f"await {where}(console.close)", console.shell)
    await kernel.until_true("console.state == 'closed'")
    assert console.field in kernel.closed_models


@pytest.mark.parametrize("where", ["here", "in_a_thread"])
async def test_a_console_can_be_created_wherever_a_text_field_can(
    kernel: Kernel, shell: str | None, where: str
) -> None:
    text = await kernel.execute(f"await {where}(ipywidgets.Text)", shell, may_fail=True)
    console = await kernel.execute(
        f"console = await {where}(WebSocketConsole)", shell, may_fail=True
    )

    assert (console.error is None) == (text.error is None)
    if console.error is None:
        await kernel.execute("await console.request('Hello!')\nconsole.close()")


@pytest.mark.parametrize("where", ["on_this_loop", "on_the_loop_of_a_thread"])
async def test_coroutines_work_on_any_loop(kernel: Kernel, shell: str | None, where: str) -> None:
    async with visited_server() as visitors:
        await kernel.execute(f"console = WebSocketConsole({visitors.uri!r})", shell)

        await kernel.execute(f"{AWAITS}\nused = await {where}(use)", shell)
        await visitors.until(present=0, ended=1)

    assert await kernel.value("used") == [
        ["first", "second", "second"],
        "closed",
        1000,
    ]


async def test_a_kernel_closes_its_connection_with_1001_when_it_shuts_down(
    python: Path, tmp_path: Path
) -> None:
    async with visited_server() as visitors, running_kernel(tmp_path, python) as kernel:
        await kernel.execute(f"{HELPERS}\nconsole = WebSocketConsole({visitors.uri!r})")
        await visitors.until(present=1, ended=0)

        await kernel.shut_down()
        await visitors.until(present=0, ended=1)

    assert visitors.close_codes == [1001]
    assert kernel.complaints == ""
