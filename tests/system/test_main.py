"""The server in a terminal: a real process, real signals, and its output."""

import asyncio
import errno
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import tomllib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path

import aiohttp
import pytest
import trustme

from ipywsecho import Frame, Recording
from ipywsecho.__main__ import main
from ipywsecho.server import BaseServer
from tests import ROOT
from tests.clients import CLIENTS, DEADLINE, handshake

COMMAND = (sys.executable, "-W", "error", "-m", "ipywsecho")

# The same command on an event loop like that of Windows, which has no signal handlers.
ON_WINDOWS = (
    *COMMAND[:3],
    "-c",
    """
import asyncio, signal, sys
from ipywsecho import __main__
from tests.proactor import ProactorLoop

# Tests that a shell runs in the background inherit that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)

def run(main):
    with asyncio.Runner(loop_factory=ProactorLoop) as runner:
        runner.run(main)

asyncio.run = run
sys.exit(__main__.main())
""",
)


@asynccontextmanager
async def running(
    *arguments: str | Path, command: tuple[str, ...] = COMMAND
) -> AsyncIterator[tuple[Process, str]]:
    """Run the server on a free port, and yield its process and the first line it prints."""
    process = await asyncio.create_subprocess_exec(
        *command, "--port", "0", *arguments, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(DEADLINE):
            yield process, (await process.stdout.readline()).decode().strip()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def ended(process: Process) -> tuple[int | None, list[str], list[str]]:
    """Wait for the end of a process, and return its status and the lines of both outputs."""
    output, errors = await process.communicate()
    return process.returncode, output.decode().splitlines(), errors.decode().splitlines()


def failed(*arguments: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return the exit status and the error output of a server that cannot start."""
    status = main([str(each) for each in arguments])
    output, errors = capsys.readouterr()
    assert output == ""
    return status, errors


@pytest.mark.parametrize(
    ("command", "number"),
    [
        pytest.param(COMMAND, signal.SIGINT, id="SIGINT"),
        pytest.param(COMMAND, signal.SIGTERM, id="SIGTERM"),
        pytest.param(ON_WINDOWS, signal.SIGINT, id="SIGINT on Windows"),
    ],
)
async def test_a_signal_closes_the_clients_and_ends_the_server_with_status_0(
    command: tuple[str, ...], number: signal.Signals
) -> None:
    async with running(command=command) as (process, uri), aiohttp.ClientSession() as session:
        websocket = await session.ws_connect(uri)
        await websocket.send_str("Hello!")
        echo = await websocket.receive_str()

        process.send_signal(number)
        await websocket.receive()
        status, output, errors = await ended(process)

    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+", uri)
    assert echo == "Hello!"
    assert websocket.close_code == 1001
    assert (status, output) == (0, [])
    opened, closed = errors
    assert re.fullmatch(r"\d\d:\d\d:\d\d 127\.0\.0\.1:\d+ opened /", opened)
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d 127\.0\.0\.1:\d+ closed by the server with 1001 after \d+\.\d s", closed
    )


async def test_a_client_that_reads_nothing_does_not_block_the_shutdown() -> None:
    async with running() as (process, uri):
        _, writer = await handshake(uri, "/flood?count=1000000&size=1000000")

        process.terminate()
        status, _, errors = await ended(process)

        writer.transport.abort()
    assert status == 0
    assert [line.split()[2] for line in errors] == ["opened", "closed"]


async def test_the_log_names_refused_requests() -> None:
    async with running() as (process, uri):
        await CLIENTS["aiohttp"](f"{uri}/clock?token=abcdef", count=1)

        process.terminate()
        _, _, [line] = await ended(process)

    assert line.endswith(" answered 400 to /clock?token=•••")


async def test_the_server_uses_wss_with_a_certificate(tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(context)
    issued = authority.issue_cert("127.0.0.1")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)

    async with running("--ssl-cert", cert, "--ssl-key", key) as (_, uri):
        seen = await CLIENTS["tornado"](uri, "secret", count=1, context=context)

    assert uri.startswith("wss://127.0.0.1:")
    assert seen.frames == ["secret"]


async def test_only_web_pages_of_the_allowed_origins_may_connect() -> None:
    allowed = ["https://one.example", "http://localhost:8888"]
    arguments = [text for origin in allowed for text in ("--allow-origin", origin)]
    statuses = {}

    async with running(*arguments) as (_, uri), aiohttp.ClientSession() as session:
        for origin in (*allowed, "https://other.example"):
            try:
                async with session.ws_connect(uri, origin=origin):
                    statuses[origin] = 101
            except aiohttp.WSServerHandshakeError as refused:
                statuses[origin] = refused.status

    assert list(statuses.values()) == [101, 101, 403]


async def test_the_limits_are_set_by_options() -> None:
    async with (
        running("--max-size", "1000", "--max-connections", "1") as (_, uri),
        aiohttp.ClientSession() as session,
        session.ws_connect(uri) as websocket,
    ):
        second = await CLIENTS["tornado"](uri, count=1)
        await websocket.send_str("x" * 1_001)
        await websocket.receive()

    assert (second.status, websocket.close_code) == (503, 1009)


async def test_0_is_no_limit() -> None:
    data = bytes(5_000_000)
    async with running("--max-size", "0", "--max-connections", "0") as (_, uri):
        seen = await CLIENTS["aiohttp"](uri, data, count=1)

    assert seen.frames == [data]


async def test_listening_to_other_machines_prints_a_warning() -> None:
    async with running("--host", "0.0.0.0") as (process, uri):
        process.terminate()
        _, others, [warning] = await ended(process)

    assert uri.startswith("ws://127.0.0.1:")
    # The addresses for other machines are printed if this machine has a network.
    assert all(re.fullmatch(r"ws://[\d.]+:\d+", each) for each in others)
    assert warning == (
        "ipywsecho: warning: other machines can connect over the network, unencrypted and "
        "without a password; omit --host to allow local connections only"
    )


async def test_a_recording_is_replayed(tmp_path: Path) -> None:
    frames = [Frame(data, 1_700_000_000.0 + second) for second, data in enumerate(["one", b"two"])]
    Recording(frames, close_code=4001, close_reason="bye").save(tmp_path / "talk.jsonl")

    async with (
        running("--replay", tmp_path / "talk.jsonl", "--speed", "inf") as (_, uri),
        aiohttp.ClientSession() as session,
        session.ws_connect(uri) as websocket,
    ):
        heard = [message.data async for message in websocket]

    assert heard == ["one", b"two"]
    assert websocket.close_code == 4001


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--replay", "/nowhere.jsonl"], "/nowhere.jsonl cannot be read"),
        (["--replay", "README.md"], "README.md"),
        (
            ["--replay", str(ROOT / "tests/recording/samples/chrome.har"), "--speed", "0"],
            "speed=0.0 must be",
        ),
    ],
)
def test_a_recording_that_cannot_be_replayed_is_reported_in_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, errors = failed(*arguments, capsys=capsys)

    assert status == 2
    assert errors.startswith(f"ipywsecho: error: {complaint}")
    assert errors.count("\n") == 1


def test_a_port_in_use_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        status, errors = failed("--port", f"{port}", capsys=capsys)

    assert status == 2
    assert errors == (
        f"ipywsecho: error: cannot listen on 127.0.0.1, port {port} (Address already in use); "
        "choose another --port\n"
    )


def test_a_port_denied_by_the_system_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: BaseServer) -> None:
        raise PermissionError(errno.EACCES, "access forbidden")

    monkeypatch.setattr(BaseServer, "listen", refuse)

    status, errors = failed("--port", "8765", capsys=capsys)

    assert status == 2
    assert errors == (
        "ipywsecho: error: cannot listen on 127.0.0.1, port 8765 (access forbidden); "
        "choose another --port\n"
    )


def test_an_unknown_host_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status, errors = failed("--host", "nowhere.invalid", "--port", "0", capsys=capsys)

    assert status == 2
    assert re.fullmatch(
        r"ipywsecho: error: cannot listen on nowhere\.invalid, port 0 \(.+\); "
        r"check --host and --port\n",
        errors,
    )


def test_an_unusable_certificate_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    authority = trustme.CA()
    cert, key, missing = tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "missing.pem"
    authority.issue_cert("127.0.0.1").cert_chain_pems[0].write_to_path(cert)
    authority.issue_cert("127.0.0.1").private_key_pem.write_to_path(key)

    unreadable = (
        f"ipywsecho: error: cannot read {missing} (No such file or directory); check the path\n"
    )
    cannot_load = "ipywsecho: error: cannot load a certificate and its private key from"
    advice = "check that they belong together, in PEM format\n"

    seen = [
        failed(*arguments, capsys=capsys)
        for arguments in (
            ("--ssl-cert", missing),
            ("--ssl-cert", cert, "--ssl-key", missing),
            ("--ssl-cert", ROOT / "LICENSE"),
            ("--ssl-cert", cert, "--ssl-key", key),
            ("--ssl-key", key),
        )
    ]

    assert seen == [
        (2, unreadable),
        (2, unreadable),
        (2, f"{cannot_load} {ROOT / 'LICENSE'}; {advice}"),
        (2, f"{cannot_load} {cert} and {key} (KEY_VALUES_MISMATCH); {advice}"),
        (2, "ipywsecho: error: --ssl-key requires --ssl-cert\n"),
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--port", "65536"], "argument --port: '65536' is not a number from 0 to 65535"),
        (["--port", "http"], "argument --port: 'http' is not a number from 0 to 65535"),
        (
            ["--allow-origin", "https://one.example/"],
            "argument --allow-origin: 'https://one.example/' is not an origin; "
            "write one like https://example.org or http://localhost:8888",
        ),
        (["--max-size", "-1"], "argument --max-size: '-1' is not a number; 0 means no limit"),
        (["--max-connections", "x"], "argument --max-connections: 'x' is not a number; 0 means "),
        (["--allow-origin", "*"], "argument --allow-origin: '*' is not an origin; "),
    ],
)
def test_an_invalid_argument_is_reported_with_its_reason(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)

    assert exit_.value.code == 2
    assert f"ipywsecho: error: {line}" in capsys.readouterr().err


def test_the_exit_status_reaches_the_shell() -> None:
    done = subprocess.run(
        [*COMMAND, "--ssl-key", "key.pem"],
        cwd=ROOT,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ipywsecho: error: --ssl-key requires --ssl-cert\n"


def test_the_command_runs_the_module() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    module, _, name = project["scripts"]["ipywsecho"].partition(":")

    assert getattr(import_module(module), name) is main
