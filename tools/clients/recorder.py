"""Keeps each request that an application receives, and the status of its answer. Changes neither."""

from dataclasses import dataclass, field

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One request as received; `status` is 0 until it is answered."""

    method: str
    path: str
    body: bytearray = field(default_factory=bytearray)
    status: int = 0


class Recorder:
    """An application around another one. `exchanges` are in the order of arrival."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.exchanges: list[Exchange] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = Exchange(method=scope["method"], path=scope["path"])
        self.exchanges.append(exchange)

        async def receive_and_keep() -> Message:
            message = await receive()
            exchange.body += message.get("body", b"")
            return message

        async def send_and_keep(message: Message) -> None:
            exchange.status = message.get("status", exchange.status)
            await send(message)

        await self._app(scope, receive_and_keep, send_and_keep)
