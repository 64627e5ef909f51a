"""A turn: one request that the engine has taken, read as news until each of its samples has ended.

What all endpoints of generation share. It knows no wire format.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import assert_never

from optiq_server.api.account import Account
from optiq_server.api.failures import of_end, of_refusal
from optiq_server.api.services import Services
from optiq_server.api.time_limit import time_limit
from optiq_server.api.transcript import Transcript
from optiq_server.dialect.protocol import (
    RenderedPrompt,
    ReplyParser,
    UnrenderableConversation,
    UnsupportedStructure,
)
from optiq_server.dialect.raw import RawParser
from optiq_server.engine.constraint import Constraint
from optiq_server.engine.engine import Generation
from optiq_server.engine.errors import EngineError, NotReady
from optiq_server.engine.types import Ended, GenerationEvent, GenerationRequest, ModelInfo, Tokens
from optiq_server.errors import InternalFailure
from optiq_server.request_context import current_request_id
from optiq_server.translate.job import Drawing, Job, TextJob
from optiq_server.translate.reply import Failed, Finished, Outcome, Piece, Reply
from optiq_server.translate.structure import refusal_of, unrenderable

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one hand-over made visible of sample `index`; `outcome` is there once, with the last one."""

    index: int
    pieces: Sequence[Piece]
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeReply:
    """One sample that has finished."""

    pieces: Sequence[Piece]
    finished: Finished


class Turn:
    """Generations that were queued together, and the folds that read them.

    With `token_bytes`, what is said goes to the log.
    """

    def __init__(
        self,
        request_id: str,
        samples: Sequence[tuple[Generation, Reply]],
        *,
        token_bytes: Callable[[int], bytes] | None = None,
    ) -> None:
        self.request_id = request_id
        self._samples = samples
        self._token_bytes = token_bytes

    @property
    def size(self) -> int:
        """How many samples there are."""
        return len(self._samples)

    @property
    def prompt_tokens(self) -> int:
        """How many tokens the first sample's prompt has."""
        return len(self._samples[0][0].request.prompt)

    def cancel(self) -> None:
        """End every sample within one step of the worker."""
        for generation, _ in self._samples:
            generation.cancel()

    async def news(self) -> AsyncGenerator[Told, None]:
        """Everything that is told of the samples, as it comes. Closing it cancels what is not finished."""
        readers = [self._read(index, *sample) for index, sample in enumerate(self._samples)]
        async with aclosing(readers[0] if len(readers) == 1 else _merged(readers)) as told:
            async for each in told:
                yield each

    async def whole(self) -> list[WholeReply]:
        """Each sample's reply once all have finished.

        Raises ApiError if a sample failed or was cancelled; the others are cancelled then.
        """
        pieces: list[list[Piece]] = [[] for _ in self._samples]
        finished: dict[int, Finished] = {}
        async with aclosing(self.news()) as news:
            async for told in news:
                pieces[told.index] += told.pieces
                match told.outcome:
                    case Finished():
                        finished[told.index] = told.outcome
                    case Failed(reason=reason):
                        raise of_end(reason)
                    case None:
                        pass
        return [WholeReply(pieces=each, finished=finished[index]) for index, each in enumerate(pieces)]

    async def _read(self, index: int, generation: Generation, reply: Reply) -> AsyncGenerator[Told, None]:
        with self._account(index, reply) as account:
            async with generation:
                async for event in generation:
                    pieces, outcome = _fold(reply, event)
                    account.add(event, outcome)
                    if reply.is_stopped:
                        generation.cancel()
                    if pieces or outcome is not None:
                        yield Told(index=index, pieces=pieces, outcome=outcome)

    def _account(self, index: int, reply: Reply) -> Account:
        prompt = self._samples[index][0].request.prompt
        # Samples of one prompt follow each other; usage counts it once, and so does the log.
        is_counted = index > 0 and self._samples[index - 1][0].request.prompt is prompt
        return Account(
            reply_id=self.request_id,
            reply=reply,
            prompt_tokens=0 if is_counted else len(prompt),
            transcript=None if self._token_bytes is None else Transcript(self._token_bytes, prompt),
        )


async def begin(services: Services, job: Job, request_id: str) -> Turn:
    """Render, constrain and submit. Raises ApiError, and then nothing was queued."""
    prompt = render(services, job)
    constraints = [await _constraint(services, job) for _ in range(job.samples)]
    requests = [
        replace(
            _request(services, job, request_id, prompt.ids, sample=index),
            boundaries=prompt.boundaries,
            message_ends=services.dialect.message_ends,
            constraint=constraint,
        )
        for index, constraint in enumerate(constraints)
    ]
    generations = submit(services, requests, prompt_field=job.names.prompt)
    parsers = [services.dialect.parser(job.structure) for _ in generations]
    return _turn(services, job, request_id, generations, parsers)


def begin_text(services: Services, job: TextJob, request_id: str) -> Turn:
    """Submit: the samples of the first prompt, then those of the next. Raises ApiError, as `begin` does."""
    require_model(services)
    requests = [
        _request(services, job, request_id, prompt, sample=index)
        for prompt in job.prompts
        for index in range(job.samples)
    ]
    generations = submit(services, requests, prompt_field="prompt")
    parsers = [
        RawParser(token_bytes=services.dialect.token_bytes, control_tokens=services.dialect.control_tokens)
        for _ in generations
    ]
    return _turn(services, job, request_id, generations, parsers)


def render(services: Services, job: Job) -> RenderedPrompt:
    """The job's prompt. Raises ApiError."""
    require_model(services)
    try:
        return services.dialect.render(job.conversation)
    except UnrenderableConversation as error:
        raise unrenderable(error, job.names) from error


def submit(
    services: Services, requests: Sequence[GenerationRequest], *, prompt_field: str
) -> list[Generation]:
    """Queue all of them, or none. Raises ApiError."""
    try:
        return services.engine.submit_all(requests)
    except EngineError as error:
        answer = of_refusal(error, prompt_field=prompt_field)
        level = logging.ERROR if isinstance(answer, InternalFailure) else logging.INFO
        logger.log(level, "the request was not taken: %s", error)
        raise answer from error


def require_model(services: Services) -> ModelInfo:
    """What is loaded. Raises ApiError as long as nothing is."""
    model = services.engine.model
    if model is None:
        raise of_refusal(NotReady(services.engine.state.value))
    return model


def _turn(
    services: Services,
    drawing: Drawing,
    request_id: str,
    generations: Sequence[Generation],
    parsers: Sequence[ReplyParser],
) -> Turn:
    control_tokens = services.dialect.control_tokens
    replies = [
        Reply(parser=each, stop_strings=drawing.stop_strings, control_tokens=control_tokens)
        for each in parsers
    ]
    token_bytes = services.dialect.token_bytes if services.log_prompts else None
    return Turn(request_id, list(zip(generations, replies, strict=True)), token_bytes=token_bytes)


def _request(
    services: Services, drawing: Drawing, request_id: str, prompt: tuple[int, ...], *, sample: int
) -> GenerationRequest:
    """With a seed, sample n draws by the seed n places on, so that samples differ and can be had again."""
    seed = drawing.sampling.seed
    return GenerationRequest(
        # In the engine's lines and figures it goes by the name that the client knows.
        request_id=current_request_id() or request_id,
        prompt=prompt,
        stop_tokens=services.dialect.stop_tokens,
        max_tokens=drawing.max_tokens,
        sampling=replace(drawing.sampling, seed=None if seed is None else seed + sample),
        time_limit=time_limit(services.time_limit),
        unpenalized=services.dialect.control_tokens,
        top_logprobs=drawing.top_logprobs,
    )


def _fold(reply: Reply, event: GenerationEvent) -> tuple[list[Piece], Outcome | None]:
    match event:
        case Tokens():
            return reply.read(event), None
        case Ended():
            return reply.end(event)
        case _:
            assert_never(event)


async def _constraint(services: Services, job: Job) -> Constraint | None:
    """What the reply is held to, compiled beside the event loop. Raises InvalidRequest."""
    if job.structure.is_free:
        return None
    try:
        return await asyncio.to_thread(services.dialect.constraint, job.structure)
    except UnsupportedStructure as error:
        raise refusal_of(error, job.names) from error


async def _merged(readers: Sequence[AsyncGenerator[Told, None]]) -> AsyncGenerator[Told, None]:
    """News of all readers, in the order in which they come."""
    waiting = {asyncio.ensure_future(anext(reader, None)): reader for reader in readers}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in sorted(done, key=lambda each: readers.index(waiting[each])):
                reader = waiting.pop(task)
                told = task.result()
                if told is not None:
                    waiting[asyncio.ensure_future(anext(reader, None))] = reader
                    yield told
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for reader in readers:
            await reader.aclose()
