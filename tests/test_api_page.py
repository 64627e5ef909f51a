"""`docs/api.md` has each field that a request may have, in the section of its endpoint."""

import re
from pathlib import Path

import pytest

from optiq_server.schema.anthropic import CountTokensRequest, MessagesRequest
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.completions import CompletionRequest
from optiq_server.schema.fields import RequestModel
from optiq_server.schema.jobs import StartEvaluate, StartQuantize
from optiq_server.schema.lab_tokens import ParseRequest
from optiq_server.schema.responses import ResponsesRequest
from optiq_server.schema.tokenization import DetokenizeRequest, TokenizeRequest

_PAGE = Path(__file__).parents[1] / "docs" / "api.md"
_MODELS: dict[str, type[RequestModel]] = {
    "POST /v1/chat/completions": ChatCompletionRequest,
    "POST /v1/responses": ResponsesRequest,
    "POST /v1/completions": CompletionRequest,
    "POST /v1/messages": MessagesRequest,
    "POST /tokenize": TokenizeRequest,
    "POST /detokenize": DetokenizeRequest,
    "POST /v1/lab/parse": ParseRequest,
    "/v1/lab/jobs": StartQuantize,
    "/v1/lab/jobs, evaluating": StartEvaluate,
}

_KEPT = {"sent"}
"""What a model keeps beside its fields: a tool as it came."""


def _section(endpoint: str) -> set[str]:
    """The words that the endpoint's section has as code."""
    text = _PAGE.read_text(encoding="utf-8")
    heading = endpoint.partition(",")[0]
    _, mark, rest = re.split(rf"\n(##+) `{re.escape(heading)}`\n", text)
    section = re.split(rf"\n#{{2,{len(mark)}}} ", rest)[0]
    return {word for code in re.findall(r"`([^`]+)`", section) for word in re.findall(r"\w+", code)}


def _fields(model: type[RequestModel]) -> set[str]:
    """The names of the model's fields, and of all models in it."""
    schema = model.model_json_schema()
    return {
        name for each in [schema, *schema.get("$defs", {}).values()] for name in each.get("properties", ())
    }


@pytest.mark.parametrize("endpoint", _MODELS)
def test_each_field_has_its_place(endpoint: str) -> None:
    assert _fields(_MODELS[endpoint]) - _section(endpoint) - _KEPT == set()


def test_what_makes_a_prompt_is_told_where_tokens_are_counted() -> None:
    assert set(CountTokensRequest.model_fields) - _section("POST /v1/messages/count_tokens") == set()
