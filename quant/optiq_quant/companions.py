"""The small files of a checkpoint that go along with its weights: tokenizer, template, generation config.

It decides by names, and knows those that tokenizers and the hub use. All else stays behind: weights of any
kind, what describes other weights, and what is written anew.
"""

from collections.abc import Iterator
from pathlib import Path

_PATTERNS = (
    *("tokenizer*.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt"),
    *("merges.txt", "*.model", "*.tiktoken", "*.jinja", "chat_template.json", "generation_config.json"),
    *("preprocessor_config.json", "processor_config.json", "*.py"),
    *("LICENSE*", "NOTICE*", "USAGE_POLICY*"),
)

_MOST_BYTES = 128 << 20
"""More than any tokenizer has: what is larger only has such a name."""


def companions(folder: Path) -> Iterator[Path]:
    """The files of `folder` that are copied, sorted."""
    found = {path for pattern in _PATTERNS for path in folder.glob(pattern) if path.is_file()}
    return iter(sorted(path for path in found if path.stat().st_size <= _MOST_BYTES))
