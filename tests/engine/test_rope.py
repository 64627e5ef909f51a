import json

import pytest

from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.rope import context_length, gpt_oss_rope
from tests.engine.checkpoints import REFERENCE

CASES = json.loads((REFERENCE / "rope.json").read_text())
"""Configs with the frequencies that transformers computes from them (tools/reference_logits.py)."""


@pytest.mark.parametrize("case", CASES, ids=[json.dumps(case["config"]) for case in CASES])
def test_frequencies_are_those_of_transformers(case: dict[str, object]) -> None:
    config, head_dim = case["config"], case["head_dim"]
    assert isinstance(config, dict)
    assert isinstance(head_dim, int)

    rope = gpt_oss_rope(config, head_dim=head_dim)

    # The reference computes in float32.
    assert [1 / each for each in rope.wavelengths] == pytest.approx(case["inverse_frequencies"], rel=5e-6)
    assert rope.scale == pytest.approx(case["scale"])


@pytest.mark.parametrize("name", ["rope_scaling", "rope_parameters"])
def test_another_kind_of_rope_is_refused_by_name(name: str) -> None:
    with pytest.raises(LoadFailed, match="rope_type 'longrope' is not supported"):
        gpt_oss_rope({name: {"rope_type": "longrope"}}, head_dim=64)


def test_a_partial_rotation_is_refused_by_name() -> None:
    config = {"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}

    with pytest.raises(LoadFailed, match="partial_rotary_factor"):
        gpt_oss_rope(config, head_dim=64)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"rope_theta": "big"}, "rope_theta is 'big'; it must be a number"),
        ({"rope_scaling": ["yarn"]}, "rope_scaling is .* it must be an object"),
        ({"rope_theta": True}, "rope_theta is True"),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(config: dict[str, object], message: str) -> None:
    with pytest.raises(LoadFailed, match=message):
        gpt_oss_rope(config, head_dim=64)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"max_position_embeddings": 2048}, 2048),
        ({"rope_scaling": {"factor": 8.0, "original_max_position_embeddings": 4096}}, 32768),
        ({}, 131072),
    ],
    ids=["stated", "YaRN's factor", "gpt-oss's own"],
)
def test_the_context_is_stated_or_follows_from_yarn(config: dict[str, object], expected: int) -> None:
    assert context_length(config) == expected
