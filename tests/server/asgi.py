"""The server's side of one ASGI request, scripted: what the client does, and what it was sent."""

import asyncio

from starlette.types import Message


class ScriptedClient:
    """A client that waits until `leave` is called. `sent` is what it received, in order."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self._has_left = asyncio.Event()
        self._arrived = asyncio.Condition()

    def leave(self) -> None:
        self._has_left.set()

    async def receive(self) -> Message:
        await self._has_left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        async with self._arrived:
            self.sent.append(message)
            self._arrived.notify_all()

    async def until_sent(self, count: int) -> None:
        """Return once `count` messages were sent."""
        async with self._arrived:
            await self._arrived.wait_for(lambda: len(self.sent) >= count)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)
