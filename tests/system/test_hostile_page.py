"""Any data of a peer is shown in the page of a real JupyterLab, and never interpreted."""

import asyncio
import base64
import struct
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from ipywsecho.view.lines import CHARACTERS
from tests.payloads import IN_A_LINE, PAYLOADS
from tests.peer import answering, echo, frame, peer, shake_hands, together
from tests.system.kernel import DEADLINE, CellError
from tests.system.lab import ConsoleView, Lab, Notebook, write_notebook

pytestmark = pytest.mark.asyncio(loop_scope="session")
expect.set_options(timeout=DEADLINE * 1000)

NAME = "hostile.ipynb"
CONSOLE = """
from ipywsecho import ConsoleError, WebSocketConsole

console = WebSocketConsole({uri!r}, reconnect=False{options})
console
"""
# A console created in a cell makes its first connection by itself.
CONNECT = """
await console._session.connection.ended()
for _ in range({times} - 1):
    try:
        await console.connect()
        await console._session.connection.ended()
    except ConsoleError:
        pass
console._session.journal.note("that was all")
"""
LAST = "that was all"
# Scrolls from the top to the end, and returns the text of each row, the elements that rows consist
# of, and how far a row overlaps the one above it, in pixels.
EXPLORE = """async list => {
    const rows = new Map(), elements = new Set();
    let overlap = 0;
    const drawn = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    for (let top = 0; ; top += list.clientHeight / 2) {
        list.scrollTop = top;
        do { await drawn(); } while (
            [...list.querySelectorAll(".ipywsecho-row")].some(row => !row.querySelector("span")));
        const seen = [...list.querySelectorAll(".ipywsecho-row")].map(
            row => [row.getBoundingClientRect(), row]).sort(
            ([one], [other]) => one.top - other.top);
        seen.forEach(([at, row], index) => {
            rows.set(row.id, row.querySelector("span").textContent.trimEnd());
            if (index) overlap = Math.max(overlap, seen[index - 1][0].bottom - at.top);
            for (const each of row.querySelectorAll("*")) {
                elements.add([each.localName, ...each.getAttributeNames()].join(" "));
            }
        });
        if (top + list.clientHeight >= list.scrollHeight) break;
    }
    return [[...rows.values()], [...elements], overlap];
}"""
EXPECTED_ELEMENTS = {"time", "b title", "bdi", "bdi class", "i", "span"}
FOREIGN = """area => [...area.querySelectorAll(
    "script, img, svg:not([data-icon]), a, iframe, object, embed, base, meta, link, form, " +
    "mjx-container"
)].map(element => element.outerHTML)"""


class Watched(Notebook):
    """A notebook that records the effects a payload could have.

    Attributes:
        requests: The addresses that the page requested.
        dialogs: The messages of dialogs.
    """

    def __init__(self, page: Any) -> None:
        super().__init__(page)
        self.requests: list[str] = []
        self.dialogs: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("websocket", lambda websocket: self.requests.append(websocket.url))
        page.on("dialog", self._dismiss)

    async def _dismiss(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        await dialog.dismiss()

    async def assert_nothing_ran(self, port: int) -> None:
        """Assert that no payload has run, and that the page sent requests only to its server."""
        # Once the page has processed this later HTML, it has processed that of the console as well.
        below = await self.run("from IPython.display import HTML\nHTML('<p>$x^2$</p>')")
        await expect(below.locator("mjx-container")).to_be_visible()
        assert not await self.page.evaluate("'wasRun' in window")
        assert self.dialogs == []
        assert {urlsplit(url).netloc for url in self.requests} - {""} == {f"127.0.0.1:{port}"}
        assert [url for url in self.requests if "canary" in url] == []
        assert self.problems == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def notebook(lab: Lab, browser: Browser) -> AsyncIterator[Watched]:
    """A notebook; each test adds cells at its end."""
    write_notebook(lab.directory / NAME, "")
    notebook = Watched(await browser.new_page())
    await notebook.open(NAME, lab.port, lab.token)
    yield notebook
    await notebook.close()


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _cleared(notebook: Notebook) -> AsyncIterator[None]:
    """Makes each test begin with an empty notebook."""
    yield
    await notebook.evaluate("console.close()")
    await notebook.clear()
    notebook.problems.clear()


async def rows_of(notebook: Watched, uri: str, times: int = 1, options: str = "") -> list[str]:
    """Connect to a peer the given number of times, and return the rows that a user then sees."""
    console = ConsoleView(await notebook.run(CONSOLE.format(uri=uri, options=options)))
    await notebook.run(CONNECT.format(times=times))
    await expect(console.log).to_contain_text(LAST)
    rows, elements, overlap = await console.log.evaluate(EXPLORE)
    assert set(elements) <= EXPECTED_ELEMENTS
    assert overlap < 0.5
    assert await console.area.evaluate(FOREIGN) == []
    assert rows.pop() == LAST
    return list(rows)


def in_a_row(text: str) -> str:
    """Returns as much of a text as a row of the list has, in one line."""
    line = text.replace("\n", " ")
    return line if len(line) <= CHARACTERS else f"{line[:CHARACTERS]}…"


def close_frame(reason: str) -> bytes:
    return frame(0x88, struct.pack("!H", 4001) + reason.encode())


# As many as the view shows at once.
PARTS = 3


@pytest.mark.parametrize("part", range(PARTS))
async def test_hostile_frames_are_shown_and_do_not_affect_other_rows(
    part: int, notebook: Watched, lab: Lab, tmp_path: Path
) -> None:
    payloads = list(PAYLOADS)[part::PARTS]
    said = [text for payload in payloads for text in (payload, "good")]
    frames = b"".join(frame(0x81, text.encode()) for text in said)

    async with peer(together(shake_hands, frames, close_frame("bye"), is_over=True)) as uri:
        rows = await rows_of(notebook, uri)

    await notebook.page.screenshot(path=tmp_path / "frames.png")
    shown = [text for payload in payloads for text in (in_a_row(PAYLOADS[payload]), "good")]
    assert rows == [f"connected to {uri}", *shown, "closed by the server: 4001 “bye”"]
    await notebook.assert_nothing_ran(lab.port)


async def test_hostile_close_reasons_are_shown(notebook: Watched, lab: Lab) -> None:
    # The limit of a close reason (RFC 6455, section 5.5).
    reasons = [payload for payload in IN_A_LINE if len(payload.encode()) <= 123]
    talks = [together(shake_hands, close_frame(reason), is_over=True) for reason in reasons]

    async with peer(*talks) as uri:
        rows = await rows_of(notebook, uri, len(talks))

    assert [row for row in rows if row != f"connected to {uri}"] == [
        f"closed by the server: 4001 “{IN_A_LINE[reason]}”" for reason in reasons
    ]
    await notebook.assert_nothing_ran(lab.port)


@pytest.mark.parametrize("part", range(PARTS))
async def test_the_body_of_a_refusal_is_shown(part: int, notebook: Watched, lab: Lab) -> None:
    bodies = [payload for payload in IN_A_LINE if len(payload) <= 200][part::PARTS]
    talks = [answering(b"503 Service Unavailable", body=body.encode()) for body in bodies]

    async with peer(*talks) as uri:
        rows = await rows_of(notebook, uri, len(talks))

    refused = (
        f"HandshakeError: {uri} answered with HTTP 503 Service Unavailable instead of opening a "
        "WebSocket; the server is unavailable; try again later; the response says: "
    )
    assert rows == [f"{refused}“{IN_A_LINE[body]}”" for body in bodies]
    await notebook.assert_nothing_ran(lab.port)


def fits_a_header(payload: str) -> bool:
    """Return whether a header may have this value (RFC 9110, section 5.5)."""
    return len(payload) <= 200 and all(" " <= c < "\x7f" or "\xa0" <= c <= "\xff" for c in payload)


HEADER_VALUES = list(filter(fits_a_header, PAYLOADS))


async def test_header_values_are_shown(notebook: Watched, lab: Lab) -> None:
    upgrade = (b"Upgrade: websocket", b"Connection: Upgrade")
    talks = [
        answering(b"101 Switching", *upgrade, b"Sec-WebSocket-Accept: " + value.encode("latin-1"))
        for value in HEADER_VALUES
    ]

    async with peer(*talks) as uri:
        rows = await rows_of(notebook, uri, len(talks))

    assert rows == [
        f"HandshakeError: {uri} answered, but not as a WebSocket server (InvalidHeaderValue: "
        f"invalid Sec-WebSocket-Accept header: {value}); check the port, and whether the server "
        "requires wss:// instead of ws://"
        for value in HEADER_VALUES
    ]
    await notebook.assert_nothing_ran(lab.port)


async def test_invalid_subprotocols_are_shown(notebook: Watched, lab: Lab) -> None:
    talks = [partial(shake_hands, subprotocol=value) for value in HEADER_VALUES]

    async with peer(*talks) as uri:
        rows = await rows_of(notebook, uri, len(talks), ", subprotocols=['chat']")

    for row, value in zip(rows, HEADER_VALUES, strict=True):
        assert row.startswith(f"HandshakeError: {uri} ")
        assert f" in {value}); " in row
    await notebook.assert_nothing_ran(lab.port)


async def test_a_negotiated_subprotocol_is_shown(notebook: Watched, lab: Lab) -> None:
    # The protocol allows this name, and a typesetter of formulas would interpret it.
    async with peer(partial(shake_hands, subprotocol="$x^2$")) as uri:
        area = await notebook.run(CONSOLE.format(uri=uri, options=", subprotocols=['$x^2$']"))

        await expect(area.locator(".widget-html").first).to_contain_text("$x^2$")
    await notebook.assert_nothing_ran(lab.port)


# The server may repeat any data that it receives.
SECRETS = {
    "password": "correct-horse",
    "token": "tok-8c1f2a",
    "bearer": "battery-staple",
    "basic": base64.b64encode(b"ann:correct-horse").decode(),
}
# In hexadecimal, because the notebook contains the code of its cells.
SECRETIVE = """
from ipywsecho import ConsoleError, WebSocketConsole

password, token, bearer = [bytes.fromhex(code).decode() for code in {codes!r}]
console = WebSocketConsole(
    "ws://ann:" + password + "@{address}/chat?token=" + token,
    additional_headers={{"X-Authorization": "Bearer " + bearer}},
    reconnect=False,
)
console
"""


async def _say_it_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuse a client, and repeat its request."""
    request = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n" % len(request) + request)


async def test_secrets_appear_neither_on_the_page_nor_in_the_notebook(
    notebook: Watched, lab: Lab
) -> None:
    codes = [SECRETS[name].encode().hex() for name in ("password", "token", "bearer")]
    async with peer(echo, _say_it_all, _say_it_all) as uri:
        code = SECRETIVE.format(codes=codes, address=uri.removeprefix("ws://"))
        console = ConsoleView(await notebook.run(code))
        await notebook.until("console.state == 'open'")
        await notebook.run("await console.disconnect(); print(repr(console), console.uri is None)")
        await notebook.run(
            "try:\n    await console.connect()\nexcept ConsoleError as error:\n"
            "    print(error, repr(error), error.body)"
        )
        await expect(console.log).to_contain_text("401")
        with pytest.raises(CellError):
            await notebook.run("await console.connect()")

    await notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    saved = (lab.directory / NAME).read_text()
    models = await notebook.evaluate(
        "str(type(console).get_manager_state(drop_defaults=False)) + str(console.error)"
    )
    page = await notebook.page.content()
    assert "HTTP 401" in saved
    for place in (saved, models, page):
        assert [name for name, secret in SECRETS.items() if secret in place] == []
