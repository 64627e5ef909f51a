"""What a path tells."""

import pytest

from optiq_quant.roles import layer_of, role_of
from optiq_quant.units import Role


@pytest.mark.parametrize(
    ("path", "is_expert", "is_embedding", "role", "layer"),
    [
        ("model.embed_tokens", False, True, Role.EMBEDDING, None),
        ("model.layers.11.self_attn.q_proj", False, False, Role.QUERY, 11),
        ("model.layers.0.self_attn.o_proj", False, False, Role.OUTPUT, 0),
        ("model.layers.3.mlp.router", False, False, Role.ROUTER, 3),
        ("model.layers.3.mlp.gate", False, False, Role.ROUTER, 3),
        ("model.layers.3.mlp.gate_proj", False, False, Role.GATE, 3),
        ("model.layers.3.mlp.experts.gate_proj", True, False, Role.EXPERT_GATE, 3),
        ("model.layers.3.mlp.switch_mlp.down_proj", True, False, Role.EXPERT_DOWN, 3),
        ("model.layers.3.self_attn.qkv_proj", False, False, Role.OTHER, 3),
        ("transformer.h.7.attn.c_attn", False, False, Role.OTHER, 7),
        ("lm_head", False, False, Role.HEAD, None),
    ],
)
def test_roles_and_layers_by_path(
    path: str, is_expert: bool, is_embedding: bool, role: Role, layer: int | None
) -> None:
    assert role_of(path, is_expert=is_expert, is_embedding=is_embedding) is role
    assert layer_of(path) == layer
