"""A turn as an HTTP answer: a stream of chunks as OpenAI ends them, or one body. Knows no chunk's format."""

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from optiq_server.api.failures import internal_failure, of_end
from optiq_server.api.turn import Turn, WholeReply
from optiq_server.disconnect import on_disconnect
from optiq_server.schema.errors import error_body
from optiq_server.sse import DONE, EventStream, event
from optiq_server.translate.reply import Failed, Finished, Piece

Json = Mapping[str, object]


class Chunks(Protocol):
    """How an endpoint writes a stream."""

    def of(self, index: int, pieces: Sequence[Piece]) -> Iterable[Json]:
        """Sample `index`'s news."""

    def end(self, index: int, finished: Finished) -> Iterable[Json]:
        """Once for each sample."""

    def closing(self) -> Iterable[Json]:
        """What follows the last sample's end."""


def streamed(turn: Turn, chunks: Chunks) -> EventStream:
    """The turn as chunks and `[DONE]`."""
    fault = event(error_body(internal_failure())) + DONE
    return EventStream(_frames(turn, chunks), on_gone=turn.cancel, fault=fault)


async def whole(turn: Turn, request: Request, body: Callable[[Sequence[WholeReply]], Json]) -> Response:
    """The turn as one body. Raises ApiError; where the client has gone, nobody reads it."""
    async with on_disconnect(request.receive, turn.cancel):
        replies = await turn.whole()
    return JSONResponse(body(replies))


async def _frames(turn: Turn, chunks: Chunks) -> AsyncGenerator[bytes, None]:
    """One frame for each hand-over of the engine: as few writes as the engine makes steps."""
    running = turn.size
    async with aclosing(turn.news()) as news:
        async for told in news:
            frame = _events(chunks.of(told.index, told.pieces))
            match told.outcome:
                case None:
                    yield frame
                    continue
                case Failed(reason=reason):
                    yield frame + event(error_body(of_end(reason))) + DONE
                    return
                case Finished():
                    frame += _events(chunks.end(told.index, told.outcome))
            running -= 1
            if running:
                yield frame
                continue
            yield frame + _events(chunks.closing()) + DONE


def _events(chunks: Iterable[Json]) -> bytes:
    return b"".join(map(event, chunks))
