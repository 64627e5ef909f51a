"""A gpt_oss of random weights and the real vocabulary, held to grammars: it can only say what was asked for.

`make fuzz` draws 500 replies; a test run draws a few.
"""

import json
import os
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from optiq_harmony.constraint import GrammarCompiler
from optiq_harmony.conversation import FunctionTool, JsonSchemaFormat
from optiq_harmony.events import Fault, TextDelta, ToolCallDelta, ToolCallStart
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.tokens import STOP_TOKENS, VOCABULARY_SIZE, ControlToken
from optiq_harmony.vocabulary import Vocabulary
from optiq_server.dialect.harmony import HarmonyDialect
from optiq_server.engine.mlx_backend import MlxBackend
from optiq_server.engine.types import EndReason, EngineLimits, GenerationRequest, SamplingParameters
from tests.engine.small_model import small_model
from tests.harmony.constrained import replies_of
from tests.harmony.json_schemas import Schema, argument_schemas

pytestmark = [pytest.mark.mlx, pytest.mark.slow]

_REPLIES = int(os.environ.get("OPTIQ_FUZZ_REPLIES", "25"))
_TOKENS = 3000

_ENDS = ('"', "}", "]", ",", ":", "0", "1", "a", "b", "true", "null", '"}', '":')
_END_BIAS = 11.0
"""Random logits give each of 201,088 tokens the same chance; with this, one in four drawn is an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Speaker:
    """The random model with its dialect."""

    backend: MlxBackend
    dialect: HarmonyDialect
    bias: dict[int, float]

    def reply(self, structure: Structure, seed: int) -> list[int]:
        """A whole reply's tokens; it must end by itself."""
        request = GenerationRequest(
            request_id="r",
            prompt=(ControlToken.START, 173781),
            stop_tokens=STOP_TOKENS,
            max_tokens=_TOKENS,
            sampling=SamplingParameters(seed=seed, logit_bias=self.bias),
            constraint=self.dialect.constraint(structure),
        )
        self.backend.insert(0, request)
        tokens: list[int] = []
        while True:
            for output in self.backend.step():
                tokens += output.tokens
                if output.reason is not None:
                    assert output.reason is EndReason.STOP, output
                    return tokens


@pytest.fixture(name="speaker", scope="module")
def _speaker(tmp_path_factory: pytest.TempPathFactory) -> _Speaker:
    vocabulary = Vocabulary.load(tmp_path_factory.mktemp("cache"))
    compiler: Future[GrammarCompiler] = Future()
    compiler.set_result(replies_of(vocabulary).compiler)
    dialect = HarmonyDialect(vocabulary, current_date=date(2026, 1, 31), compiler=compiler)
    ends = [token for text in _ENDS for token in vocabulary.encode_text(text)]
    bias = dict.fromkeys(ends, _END_BIAS)
    # A message ends sooner than a string, and a reply sooner than it goes on.
    bias |= {ControlToken.END: 14.0, ControlToken.RETURN: 17.0, ControlToken.CALL: 17.0}
    backend = MlxBackend(small_model(vocabulary_size=VOCABULARY_SIZE), EngineLimits())
    return _Speaker(backend=backend, dialect=dialect, bias=bias)


@given(
    schemas=st.lists(argument_schemas, min_size=1, max_size=3),
    answers=st.booleans(),
    parallel=st.booleans(),
    budget=st.integers(0, 20),
    seed=st.integers(0, 2**32),
)
@settings(
    max_examples=_REPLIES,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_the_weights_say_the_reply_is_well_formed_and_matches_its_schema(
    speaker: _Speaker, schemas: list[Schema], answers: bool, parallel: bool, budget: int, seed: int
) -> None:
    tools = tuple(
        FunctionTool(name=f"tool_{index}", parameters=schema, strict=True)
        for index, schema in enumerate(schemas)
    )
    structure = (
        Structure(response_format=JsonSchemaFormat(name="answer", schema=schemas[0]), reasoning_budget=budget)
        if answers
        else Structure(
            tools=tools,
            tool_choice=ToolChoice(mode=ToolChoiceMode.REQUIRED),
            parallel_calls=parallel,
            reasoning_budget=budget,
        )
    )

    tokens = speaker.reply(structure, seed)

    parser = speaker.dialect.parser()
    events = [event for token in tokens for event in parser.feed(token)] + list(parser.finish())
    names = [event.name for event in events if isinstance(event, ToolCallStart)]
    arguments = [""] * len(names)
    for event in events:
        if isinstance(event, ToolCallDelta):
            arguments[event.index] += event.arguments
    faults = [event for event in events if isinstance(event, Fault) and "character" not in event.detail]
    assert faults == []
    if answers:
        assert names == []
        text = "".join(event.text for event in events if isinstance(event, TextDelta))
        Draft202012Validator(schemas[0]).validate(json.loads(text))
    else:
        assert len(names) == 1 or (parallel and names)
        for name, written in zip(names, arguments, strict=True):
            Draft202012Validator(schemas[int(name.removeprefix("tool_"))]).validate(json.loads(written))
