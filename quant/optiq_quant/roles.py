"""What a module is in the model, by its path. It knows names, no weights."""

import re

from optiq_quant.units import Role

_BY_NAME = {
    "embed_tokens": Role.EMBEDDING,
    "wte": Role.EMBEDDING,
    "q_proj": Role.QUERY,
    "k_proj": Role.KEY,
    "v_proj": Role.VALUE,
    "o_proj": Role.OUTPUT,
    "out_proj": Role.OUTPUT,
    "router": Role.ROUTER,
    "gate": Role.ROUTER,
    "gate_proj": Role.GATE,
    "up_proj": Role.UP,
    "down_proj": Role.DOWN,
    "w1": Role.GATE,
    "w3": Role.UP,
    "w2": Role.DOWN,
    "lm_head": Role.HEAD,
}
_OF_EXPERTS = {Role.GATE: Role.EXPERT_GATE, Role.UP: Role.EXPERT_UP, Role.DOWN: Role.EXPERT_DOWN}
_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.([0-9]+)\.", re.ASCII)


def role_of(path: str, *, is_expert: bool, is_embedding: bool) -> Role:
    """`is_expert` and `is_embedding` tell of which kind the module is, which its name may not show."""
    if is_embedding:
        return Role.EMBEDDING
    role = _BY_NAME.get(path.rpartition(".")[2], Role.OTHER)
    if is_expert:
        return _OF_EXPERTS.get(role, Role.OTHER)
    return role


def layer_of(path: str) -> int | None:
    """The number of the layer that a path is in; None outside the layers."""
    found = _LAYER.search(path)
    return None if found is None else int(found[1])
