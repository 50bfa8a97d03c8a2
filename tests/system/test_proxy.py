"""Several servers behind nginx, with the configuration of the reference."""

import asyncio
import re
import shutil
import socket
import ssl
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme

from ipywsecho import EchoServer, Session
from tests import ROOT
from tests.clients import DEADLINE
from tests.system.browser import installs_package
from tests.timing import eventually

ROOMS = [f"room-{number}" for number in range(8)]
# All else that nginx needs to run without the folders of root.
FRAME = """
daemon off;
master_process off;
error_log stderr;
pid {folder}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


async def nginx() -> str:
    """Return the program; it is installed if it can be."""
    search = "/usr/sbin:/usr/local/sbin:/usr/bin"
    if shutil.which("nginx", path=search) is None:
        await installs_package("nginx-light")
    program = shutil.which("nginx", path=search)
    if program is None:
        pytest.fail("nginx is not installed: install Debian's package nginx-light", pytrace=False)
    return program


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def configuration(folder: Path, ports: list[int], port: int, **changes: str) -> Path:
    """Write the configuration of the reference with other ports and files, and return its path."""
    text = (ROOT / "notebooks" / "reference" / "server.md").read_text()
    [site] = re.findall(r"^```nginx\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(folder / "rooms.key")
    for number, blob in enumerate(certificate.cert_chain_pems):
        blob.write_to_path(folder / "rooms.pem", append=number > 0)
    replaced = {
        "127.0.0.1:8765": f"127.0.0.1:{ports[0]}",
        "127.0.0.1:8766": f"127.0.0.1:{ports[1]}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/certs/": f"{folder}/",
        "/etc/ssl/private/": f"{folder}/",
        **changes,
    }
    for old, new in replaced.items():
        assert old in site
        site = site.replace(old, new)
    path = folder / "nginx.conf"
    path.write_text(FRAME.format(folder=folder, site=site))
    return path


@asynccontextmanager
async def proxied(folder: Path, **changes: str) -> AsyncIterator[tuple[str, list[EchoServer]]]:
    """Run two servers behind nginx; yield the address for clients, and the servers."""
    program, port = await nginx(), free_port()
    async with asyncio.timeout(DEADLINE), EchoServer() as first, EchoServer() as second:
        ports = [int(each.uri.rpartition(":")[2]) for each in (first, second)]
        path = configuration(folder, ports, port, **changes)
        process = await asyncio.create_subprocess_exec(program, "-c", path, stderr=PIPE)
        try:
            await eventually(lambda: process.returncode is not None or _listens(port))
            if process.returncode is not None:
                assert process.stderr is not None
                pytest.fail((await process.stderr.read()).decode(), pytrace=False)
            yield f"wss://127.0.0.1:{port}", [first, second]
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _context(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "ca.pem"))


async def test_everybody_in_a_room_reaches_the_same_server(tmp_path: Path) -> None:
    async with proxied(tmp_path) as (uri, servers):
        context = _context(tmp_path)
        for name in ROOMS:
            place = f"{uri}/room?name={name}"
            async with (
                Session(place, ssl=context) as ada,
                Session(f"{place}&recent=5", ssl=context) as ben,
            ):
                await ada.request("Hello!")
                await ada.request(b"\x00" * 900_000)
                await eventually(lambda: ben.frames.total == 2)
                rooms = [name in each._guards.rooms for each in servers]  # type: ignore[union-attr]
                assert sorted(rooms) == [False, True]


async def test_pings_keep_a_connection_that_is_otherwise_cut(tmp_path: Path) -> None:
    async with proxied(tmp_path, **{"proxy_read_timeout 60s": "proxy_read_timeout 2s"}) as (uri, _):
        context = _context(tmp_path)
        quiet = Session(f"{uri}/silent", ssl=context, ping_interval=None, reconnect=False)
        kept = Session(f"{uri}/silent", ssl=context, ping_interval=0.2, reconnect=False)
        await quiet.connect()
        await kept.connect()

        await eventually(lambda: quiet.state == "closed")

        assert quiet.close_code == 1006
        assert kept.state == "open"
        await kept.disconnect()
