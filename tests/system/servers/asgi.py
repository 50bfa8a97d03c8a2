"""Starlette, and GraphQL by Strawberry, served by uvicorn; run as a program, it prints the port."""

import asyncio
import socket
from collections.abc import AsyncGenerator

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str) -> str:
        return f"Hello, {name}!"


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def countdown(self, start: int) -> AsyncGenerator[int, None]:
        for left in range(start, -1, -1):
            yield left


async def chat(websocket: WebSocket) -> None:
    await websocket.accept()
    async for message in websocket.iter_json():
        if message.get("say") == "bye":
            await websocket.close(4001, "bye")
            return
        await websocket.send_json({"said": message["say"]})


application = Starlette(
    routes=[
        WebSocketRoute("/chat", chat),
        WebSocketRoute("/graphql", GraphQL(strawberry.Schema(Query, subscription=Subscription))),
    ]
)


async def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        # Its other implementation is that of websockets, which the package itself uses.
        config = uvicorn.Config(application, ws="wsproto", log_level="warning")
        await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main())
