"""The one model that this server offers, as the API names it."""

import hashlib
from dataclasses import dataclass

from optiq_server.engine.types import ModelInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """`name` is what clients see; `created` is the second, since 1970, at which the server started."""

    name: str
    created: int


def system_fingerprint(version: str, model: ModelInfo) -> str:
    """Changes when the software or the weights do, so that equal seeds need not give equal replies."""
    facts = f"{version} {model.architecture} {model.vocabulary_size} {model.weight_bytes}"
    return f"fp_{hashlib.sha256(facts.encode()).hexdigest()[:10]}"
