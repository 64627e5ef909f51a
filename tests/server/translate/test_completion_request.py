"""A completion request as prompts and numbers; what depends on several fields."""

from concurrent.futures import Future
from datetime import date

import pytest

from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.tokens import ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.errors import InvalidRequest
from optiq_server.schema.completions import CompletionRequest
from optiq_server.translate.completion_request import CompletionJob, completion_request
from optiq_server.translate.texts import Texts
from tests.server.doubles import Replies


@pytest.fixture(name="texts")
def _texts(vocabulary: Vocabulary, compiler: Future[GrammarCompiler]) -> Texts:
    return Texts(HarmonyDialect(vocabulary, current_date=date(2026, 1, 31), compiler=compiler))


def _asked(texts: Texts, **body: object) -> CompletionJob:
    return completion_request(CompletionRequest.model_validate(body), texts)


def _refusal(texts: Texts, **body: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        _asked(texts, **body)
    return caught.value


def test_the_defaults_are_openais(texts: Texts) -> None:
    job = _asked(texts, prompt="hi").job

    assert (job.max_tokens, job.samples, job.top_logprobs, job.stop_strings) == (16, 1, None, ())
    assert (job.sampling.temperature, job.sampling.top_p, job.sampling.seed) == (1.0, 1.0, None)


def test_texts_and_ids_are_prompts(texts: Texts, replies: Replies) -> None:
    job = _asked(texts, prompt=["<|end|>", [1, ControlToken.START.value]]).job

    assert job.prompts == (replies.encode("<|end|>"), (1, ControlToken.START.value))


def test_an_echo_is_the_prompt_as_text(texts: Texts, replies: Replies) -> None:
    ids = [ControlToken.START.value, *replies.encode("hi \N{SNOWMAN}")]

    assert _asked(texts, prompt=["<|end|>", ids], echo=True).echoes == ("<|end|>", "hi \N{SNOWMAN}")
    assert _asked(texts, prompt="hi").echoes == ()


@pytest.mark.parametrize(
    ("prompt", "param"),
    [([1, 201_088], "prompt[1]"), ([[1], [5, -1]], "prompt[1][1]"), ([10**30], "prompt[0]")],
)
def test_an_id_outside_the_vocabulary_is_refused_by_its_place(
    texts: Texts, prompt: object, param: str
) -> None:
    assert _refusal(texts, prompt=prompt).param == param


def test_best_of_is_n_or_refused(texts: Texts) -> None:
    assert _asked(texts, prompt="hi", n=2, best_of=2).job.samples == 2
    assert _refusal(texts, prompt="hi", n=2, best_of=3).param == "best_of"
    assert _refusal(texts, prompt="hi", best_of=2).param == "best_of"


def test_log_probabilities_of_an_echo_are_refused(texts: Texts) -> None:
    assert _refusal(texts, prompt="hi", echo=True, logprobs=0).param == "logprobs"


def test_too_many_choices_are_refused(texts: Texts) -> None:
    assert _refusal(texts, prompt=["hi"] * 9, n=16).param == "n"


def test_a_stream_may_ask_for_usage(texts: Texts) -> None:
    asked = _asked(texts, prompt="hi", stream=True, stream_options={"include_usage": True})

    assert asked.stream
    assert asked.include_usage
