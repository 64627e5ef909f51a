"""The small files of a checkpoint that go along with its weights: tokenizer, template, generation config.

It decides by names. Weights of any kind, and what belongs to another copy of them, stay behind.
"""

from collections.abc import Iterator
from pathlib import Path

_PATTERNS = (
    "*.json",
    "*.jinja",
    "*.txt",
    "*.model",
    "*.tiktoken",
    "*.py",
    "LICENSE*",
    "NOTICE*",
    "USAGE_POLICY*",
)
_WRITTEN = ("config.json", "model.safetensors.index.json", "optiq.json", "optiq-unfinished.json", "README.md")
"""What conversion writes itself."""

_OF_OTHER_WEIGHTS = ("hf_quant_config.json", "quantize_config.json", "quant_config.json")
"""mlx-lm reads the first of them as a quantization of the weights beside it."""

_MOST_BYTES = 128 << 20


def companions(folder: Path) -> Iterator[Path]:
    """The files of `folder` that are copied, sorted."""
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    for path in sorted(found):
        name = path.name
        is_index = name.endswith(".index.json")
        if name in _WRITTEN or name in _OF_OTHER_WEIGHTS or is_index or path.stat().st_size > _MOST_BYTES:
            continue
        yield path
