"""A completion request as prompts and the numbers of a generation. Pure.

Raises InvalidRequest, which names the field.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from optiq_server.errors import InvalidRequest
from optiq_server.schema.completions import CompletionRequest, Prompt
from optiq_server.translate.job import TextJob
from optiq_server.translate.sampling import sampling_of
from optiq_server.translate.texts import Texts

_DEFAULT_MAX_TOKENS = 16
"""As at OpenAI."""
_MAX_CHOICES = 128
"""Prompts times samples: as many as an idle server takes at once, with room for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionJob:
    """A job, and how its replies are told. `echoes` has the prompts' texts, if replies begin with them."""

    job: TextJob
    echoes: tuple[str, ...]
    stream: bool
    include_usage: bool


def completion_request(body: CompletionRequest, texts: Texts) -> CompletionJob:
    """What a body asks for."""
    _require_possible(body)
    return CompletionJob(
        job=TextJob(
            prompts=tuple(_token_ids(body.prompt, texts)),
            sampling=sampling_of(body),
            max_tokens=body.max_tokens or _DEFAULT_MAX_TOKENS,
            stop_strings=tuple(body.stop or ()),
            samples=body.n or 1,
            top_logprobs=body.logprobs,
        ),
        echoes=tuple(_echo(each, texts) for each in body.prompt) if body.echo else (),
        stream=body.stream or False,
        include_usage=body.stream_options is not None and body.stream_options.include_usage is True,
    )


def _token_ids(prompts: Sequence[Prompt], texts: Texts) -> Iterator[tuple[int, ...]]:
    for index, prompt in enumerate(prompts):
        field = "prompt" if len(prompts) == 1 else f"prompt[{index}]"
        if isinstance(prompt, str):
            yield texts.tokens_of(prompt, field=field)
        else:
            yield texts.known(prompt, field=field)


def _echo(prompt: Prompt, texts: Texts) -> str:
    return prompt if isinstance(prompt, str) else texts.spoken(prompt)


def _require_possible(body: CompletionRequest) -> None:
    samples = body.n or 1
    if body.best_of is not None and body.best_of != samples:
        raise InvalidRequest(
            f"'best_of' is {body.best_of}: it must be 'n', which is {samples}; replies are not ranked here",
            param="best_of",
            code="unsupported_value",
        )
    if body.echo and body.logprobs is not None:
        raise InvalidRequest(
            "'logprobs' with 'echo' is not supported: a prompt's log-probabilities are not computed",
            param="logprobs",
            code="unsupported_value",
        )
    if len(body.prompt) * samples > _MAX_CHOICES:
        raise InvalidRequest(
            f"'n' is {samples}: with {len(body.prompt)} prompts that is more than {_MAX_CHOICES} choices",
            param="n",
            code="invalid_value",
        )
