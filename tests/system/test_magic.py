"""The magic `%websocket`, in a real kernel."""

from pathlib import Path

import pytest

from tests.system.kernel import Kernel, running_kernel


async def loaded(kernel: Kernel) -> Kernel:
    await kernel.execute("%load_ext ipywsecho")
    return kernel


async def test_the_magic_opens_a_console_to_its_own_server(kernel: Kernel) -> None:
    await loaded(kernel)

    cell = await kernel.execute("%websocket")
    await kernel.execute("console = _\nawait console.connect()")

    assert "application/vnd.jupyter.widget-view+json" in cell.outputs[1]
    assert await kernel.value("(await console.request('Hello!')).data") == "Hello!"


async def test_the_options_become_the_arguments_of_a_console(kernel: Kernel) -> None:
    await loaded(kernel)

    await kernel.execute(
        "token = 'abc'\n"
        "console = %websocket ws://127.0.0.1:9/chat --header 'Authorization: Bearer {token}'"
        " --header X-More:1 --subprotocol a --subprotocol b --origin http://here --proxy none"
        " --open-timeout 1.5 --ping-interval 0 --max-size 0 --history 7 --no-reconnect"
        " --title 'A title' --tools"
    )

    assert await kernel.value("[console.uri, console._view._title]") == [
        "ws://127.0.0.1:9/chat",
        "A title",
    ]
    assert await kernel.value("console._controls.has_tools") is True
    assert await kernel.value("console._session.connection._reconnect") is None
    assert await kernel.value("console._session.journal.received._history") == 7
    assert await kernel.value("console._session.connection._options") == {
        "additional_headers": [["Authorization", "Bearer abc"], ["X-More", "1"]],
        "subprotocols": ["a", "b"],
        "origin": "http://here",
        "proxy": None,
        "open_timeout": 1.5,
        "ping_interval": None,
        "max_size": None,
    }


async def test_the_insecure_option_accepts_any_certificate(kernel: Kernel) -> None:
    await loaded(kernel)

    await kernel.execute("console = %websocket wss://127.0.0.1:9 --insecure --no-reconnect")

    context = "console._session.connection._options['ssl']"
    assert await kernel.value(f"[{context}.check_hostname, {context}.verify_mode]") == [False, 0]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("--nothing", "unrecognized arguments: --nothing"),
        ("--max-size many", "argument --max-size: invalid int value: 'many'"),
        ("--header nameless", "a header has no name or no colon; write --header 'Name: value'"),
    ],
)
async def test_invalid_arguments_are_reported_in_one_line(
    typed: str, complaint: str, tmp_path: Path
) -> None:
    async with running_kernel(tmp_path) as kernel:
        await loaded(kernel)

        cell = await kernel.execute(f"%websocket {typed}", may_fail=True)

    assert cell.stderr == f"UsageError: {complaint}\n"


@pytest.mark.parametrize(
    ("line", "completion"),
    [
        ("%websocket --he", "--header"),
        ("%websocket ws://127.0.0.1:9 --no-", "--no-reconnect"),
        ("%websocket w", "wss://"),
        ("console = %websocket --ti", "--title"),
    ],
)
async def test_options_and_addresses_are_completed(
    line: str, completion: str, kernel: Kernel
) -> None:
    await loaded(kernel)

    _, completions = await kernel.value(f"get_ipython().complete('', {line!r}, {len(line)})")

    assert completion in completions


async def test_help_lists_every_option(kernel: Kernel) -> None:
    await loaded(kernel)

    text = await kernel.value("get_ipython().magics_manager.magics['line']['websocket'].__doc__")

    assert "Open a WebSocket console." in text
    assert "--subprotocol NAME" in text
