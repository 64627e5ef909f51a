"""The body of a text completion, field by field."""

import pytest
from pydantic import ValidationError

from optiq_server.errors import InvalidRequest
from optiq_server.schema.completions import CompletionRequest, Prompt
from optiq_server.schema.errors import invalid_request


def _refusal(**body: object) -> InvalidRequest:
    with pytest.raises(ValidationError) as caught:
        CompletionRequest.model_validate(body)
    return invalid_request(caught.value)


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("hi", ["hi"]),
        (["hi", "ho"], ["hi", "ho"]),
        ([1, 2], [[1, 2]]),
        ([[1, 2], [3]], [[1, 2], [3]]),
        ([[1, 2], "hi"], [[1, 2], "hi"]),
    ],
)
def test_a_prompt_has_four_spellings(prompt: object, prompts: list[Prompt]) -> None:
    assert CompletionRequest.model_validate({"prompt": prompt}).prompt == prompts


@pytest.mark.parametrize(
    "prompt", ["", [], [[]], ["hi", ""], None, 5, [True], [1, "hi"], [1.0], {}, [[1], [None]], ["x"] * 129]
)
def test_other_prompts_are_refused_by_name(prompt: object) -> None:
    assert _refusal(prompt=prompt).param == "prompt"


def test_an_empty_prompt_is_told_by_its_place() -> None:
    assert "prompt 1 is" in _refusal(prompt=["hi", ""]).message


def test_a_prompt_is_required() -> None:
    error = _refusal(model="m")

    assert (error.param, error.code) == ("prompt", "missing_required_parameter")


def test_a_suffix_is_refused_by_name() -> None:
    error = _refusal(prompt="hi", suffix="ho")

    assert (error.param, error.code) == ("suffix", "unsupported_value")
    assert CompletionRequest.model_validate({"prompt": "hi", "suffix": None}).suffix is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_tokens", 0),
        ("logprobs", 6),
        ("logprobs", True),
        ("n", 17),
        ("best_of", 0),
        ("echo", 1),
        ("stop", 5),
    ],
)
def test_other_values_are_refused_by_name(field: str, value: object) -> None:
    assert _refusal(prompt="hi", **{field: value}).param == field
