"""Which effort of gpt-oss's three a request's word means. Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from optiq_harmony.conversation import ReasoningEffort

NEAREST_EFFORT: Mapping[str | None, ReasoningEffort] = MappingProxyType(
    {
        None: ReasoningEffort.MEDIUM,
        "none": ReasoningEffort.LOW,
        "minimal": ReasoningEffort.LOW,
        "low": ReasoningEffort.LOW,
        "medium": ReasoningEffort.MEDIUM,
        "high": ReasoningEffort.HIGH,
        "xhigh": ReasoningEffort.HIGH,
        "max": ReasoningEffort.HIGH,
    }
)
"""gpt-oss was trained on three efforts; others mean the nearest."""
