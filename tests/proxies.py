"""Proxies on free loopback ports, from a package for testing clients of proxies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
import anyio.abc
from tiny_proxy import HttpProxyHandler, Socks5ProxyHandler


@dataclass
class Proxy:
    """A running proxy, and the number of connections it has accepted."""

    scheme: str
    port: int
    connections: int = 0

    def uri(self, userinfo: str = "") -> str:
        return f"{self.scheme}://{userinfo and userinfo + '@'}127.0.0.1:{self.port}"


@asynccontextmanager
async def running_proxy(
    scheme: str, *, port: int = 0, username: str | None = None, password: str | None = None
) -> AsyncIterator[Proxy]:
    """Run an HTTP or a SOCKS5 proxy, depending on the scheme."""
    make_handler = HttpProxyHandler if scheme == "http" else Socks5ProxyHandler
    handler = make_handler(username=username, password=password)
    async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port) as listener:
        proxy = Proxy(scheme, listener.extra(anyio.abc.SocketAttribute.local_port))

        async def handle(stream: anyio.abc.SocketStream) -> None:
            proxy.connections += 1
            await handler.handle(stream)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, handle)
            yield proxy
            tasks.cancel_scope.cancel()
