"""The console in a real kernel, with the messages that a front end would send it."""

import asyncio
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.system.kernel import Kernel, Message

CONSOLE = """
from ipywsecho import WebSocketConsole
from ipywsecho.widget import nearness

# A page seems to be far away from a kernel on a busy machine.
nearness.NEAR = float("inf")
console = WebSocketConsole()
await console.connect()
console
"""

# The naive recipe takes seconds for this many; a tenth of them is enough to measure its cost.
FLOOD = 3_000
PUSHED = """
from ipywsecho import WebSocketConsole
from websockets.asyncio.server import serve

async def push(connection):
    for number in range({count}):
        await connection.send(f"frame {{number:05}}")
    await connection.wait_closed()

server = await serve(push, "127.0.0.1", 0)
host, port = server.sockets[0].getsockname()
console = WebSocketConsole(f"ws://{{host}}:{{port}}")
console
"""
NAIVE = """
import ipywidgets
from IPython.display import display

messages = []
naive = ipywidgets.Output()
display(naive)
for number in range({count}):
    messages.append(f"frame {{number:05}}")
    naive.append_stdout(f"↓ {{messages[-1]}}\\n")
"""
ROW = re.compile(r"^\S+ +([↑↓])  (.*)  \(text, \d+ B\)$", re.MULTILINE)


class Console:
    """A console in the kernel, seen from the front end.

    Attributes:
        shell: The subshell that receives its messages, or `None` for the main shell.
    """

    def __init__(self, kernel: Kernel, shell: str | None = None) -> None:
        self.kernel = kernel
        self.shell = shell
        self.field = kernel.model(_model_name="TextModel", placeholder="Send a message")
        self.button = kernel.model(_model_name="ButtonModel", tooltip="Send message")
        self.output = kernel.model(_model_name="OutputModel")

    @property
    def text(self) -> str:
        """The text of the Output."""
        outputs = self.kernel.models[self.output]["outputs"]
        return "".join(output["data"]["text/plain"] for output in outputs)

    @property
    def rows(self) -> list[tuple[str, str]]:
        """The arrow and the text of each frame in the Output."""
        return ROW.findall(self.text)

    def type(self, text: str) -> None:
        """Edits the field without sending its text."""
        self.kernel.set_trait(self.field, self.shell, value=text)

    def enter(self, text: str) -> None:
        """Types a text and presses Enter."""
        self.kernel.enter(self.field, text, self.shell)

    def press_enter(self) -> None:
        """Presses Enter in the field."""
        self.kernel.send_custom(self.field, {"event": "submit"}, self.shell)

    def click(self) -> None:
        """Presses the Send button."""
        self.kernel.click(self.button, self.shell)

    async def echo_of(self, text: str) -> None:
        """Waits until the echo of a text is shown and the field is empty."""
        await self.kernel.until(
            lambda: ("↓", text) in self.rows and not self.kernel.models[self.field]["value"]
        )


def both_ways(*texts: str) -> list[tuple[str, str]]:
    """Returns the rows of messages that were sent and echoed one after the other."""
    return [(arrow, text) for text in texts for arrow in "↑↓"]


@pytest_asyncio.fixture(params=["main shell", "subshell"])
async def console(kernel: Kernel, request: pytest.FixtureRequest) -> Console:
    """A console that echoes; its front end sends messages to the main shell or to a subshell."""
    await kernel.execute(CONSOLE)
    if request.param == "main shell":
        return Console(kernel)
    shell = await kernel.subshell()
    # Newer kernels route a widget's messages to the shell that last updated it.
    await kernel.execute(
        "for widget in [console.text, console.button]: widget.send_state('tooltip')", shell
    )
    return Console(kernel, shell)


async def test_a_console_in_a_cell_connects_to_the_echo_server_inside_the_kernel(
    kernel: Kernel,
) -> None:
    cell = await kernel.execute(CONSOLE)

    assert "application/vnd.jupyter.widget-view+json" in cell.outputs[1]
    assert await kernel.value("console.state") == "open"
    assert (await kernel.value("console.uri")).startswith("ws://127.0.0.1:")


async def test_enter_sends_the_text_once_and_empties_the_field(console: Console) -> None:
    console.enter("Hello!")
    await console.echo_of("Hello!")
    console.enter("marker")
    await console.echo_of("marker")

    assert console.rows == both_ways("Hello!", "marker")


async def test_enter_sends_the_text_already_in_the_field(console: Console) -> None:
    console.type("typed before")
    console.press_enter()
    await console.echo_of("typed before")
    console.enter("marker")
    await console.echo_of("marker")

    assert console.rows == both_ways("typed before", "marker")


async def test_the_button_sends_the_text_once_and_empties_the_field(console: Console) -> None:
    console.type("Hello!")
    console.click()
    await console.echo_of("Hello!")
    console.enter("marker")
    await console.echo_of("marker")

    assert console.rows == both_ways("Hello!", "marker")


async def test_a_page_far_away_is_not_told_to_empty_the_field(console: Console) -> None:
    await console.kernel.execute("import ipywsecho\nipywsecho.widget.nearness.NEAR = -1.0")

    for text in ("first", "firstsecond"):
        console.enter(text)
        await console.kernel.until(lambda text=text: ("↓", text) in console.rows)

    # It would drop what was typed meanwhile; so the rest of it is never sent.
    assert console.kernel.models[console.field]["value"] == "firstsecond"
    assert await console.kernel.value("console.text.value") == ""
    assert console.rows == both_ways("first", "firstsecond")


async def test_the_same_text_can_be_sent_twice(console: Console) -> None:
    console.enter("again")
    await console.echo_of("again")
    console.enter("again")
    await console.kernel.until(lambda: len(console.rows) == 4)

    assert console.rows == both_ways("again", "again")


async def test_an_empty_field_sends_nothing(console: Console) -> None:
    console.press_enter()
    console.click()
    console.enter("marker")
    await console.echo_of("marker")

    assert console.rows == both_ways("marker")


async def test_leaving_the_field_sends_nothing(console: Console) -> None:
    console.type("never sent")
    console.enter("marker")
    await console.echo_of("marker")

    assert console.rows == both_ways("marker")


async def test_a_message_typed_while_a_cell_awaits_reaches_that_cell(kernel: Kernel) -> None:
    await kernel.execute(CONSOLE)
    console = Console(kernel, await kernel.subshell())

    waiting = asyncio.create_task(
        kernel.execute("print('waiting', flush=True)\n(await anext(aiter(console))).data")
    )
    await kernel.until(lambda: "waiting" in kernel.printed())
    console.enter("Hello, cell!")

    assert (await waiting).result == "'Hello, cell!'"


async def test_observers_are_called_once_per_frame_even_for_equal_frames(
    kernel: Kernel,
) -> None:
    await kernel.execute(CONSOLE)
    await kernel.execute(
        "calls = []\n"
        "console.observe(lambda change: calls.append(change.new[-1].data), names='frames')"
    )

    await kernel.execute("for text in ['same', 'same']: console.send_message(text)")
    console = Console(kernel)
    await kernel.until(lambda: console.rows.count(("↓", "same")) == 2)

    assert await kernel.value("calls") == ["same", "same"]


async def test_a_data_frame_has_one_row_per_frame(kernel: Kernel) -> None:
    await kernel.execute(CONSOLE)
    await kernel.execute("for text in 'abc': await console.request(text)")

    await kernel.execute("import pandas\ntable = pandas.DataFrame(console.frames)")

    assert await kernel.value("list(table.columns)") == ["data", "time", "sent", "size"]
    assert await kernel.value("list(table['data'])") == ["a", "b", "c"]


async def test_disconnecting_leaves_the_log_on_the_screen(kernel: Kernel) -> None:
    await kernel.execute(CONSOLE)
    console = Console(kernel)
    console.enter("Hello!")
    await console.echo_of("Hello!")

    await kernel.execute("await console.disconnect()")

    assert await kernel.value("[console.state, console.close_code]") == ["closed", 1000]
    assert console.rows == both_ways("Hello!")


async def test_closing_the_console_closes_everything_it_opened(kernel: Kernel) -> None:
    await kernel.execute("import asyncio, ipywidgets, ipywsecho")
    before = set(kernel.models)
    await kernel.execute(CONSOLE)
    opened = set(kernel.models) - before
    address = urlsplit(await kernel.value("console.uri"))

    await kernel.execute("console.close()\nconsole.close()")

    assert opened <= kernel.closed_models
    await kernel.until_true(
        "not [task for task in asyncio.all_tasks() if 'ipywsecho' in repr(task)]"
    )
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(address.hostname, address.port)


async def test_a_flood_sends_a_bounded_number_of_messages_and_bytes_to_the_front_end(
    kernel: Kernel,
) -> None:
    await kernel.execute(PUSHED.format(count=FLOOD))
    console = Console(kernel)
    await kernel.until(lambda: f"frame {FLOOD - 1:05}" in console.text)
    shown = kernel.updates(*kernel.models)
    await kernel.execute(NAIVE.format(count=FLOOD // 10))
    naive = kernel.updates(kernel.model(_model_name="OutputModel"))

    seconds = lasted(shown)
    assert await kernel.value("len(console.frames)") == FLOOD
    assert len(shown) <= 20 * (seconds + 1), "messages"
    assert bytes_of(shown) <= 200_000 * (seconds + 1), "bytes"
    assert bytes_of(shown) < bytes_of(naive), "ten times the frames, and still fewer bytes"
    assert f"frame {FLOOD - 1:05}" in str(last_outputs(shown, console.output))


def lasted(messages: Sequence[Message]) -> float:
    """Returns the seconds between the first and the last message, by the kernel's clock."""
    return (messages[-1].date - messages[0].date).total_seconds()


def bytes_of(messages: Sequence[Message]) -> int:
    return sum(message.size for message in messages)


def last_outputs(messages: Sequence[Message], output: str) -> object:
    """Returns the outputs that the last message of an Output set."""
    return [
        message.content["data"]["state"]["outputs"]
        for message in messages
        if message.content["comm_id"] == output and "outputs" in message.content["data"]["state"]
    ][-1]
