"""The Hugging Face `tokenizer.json` of o200k_harmony, built from OpenAI's ranks. Knows no model.

The result equals, byte for byte, the file that openai/gpt-oss-20b is published with; at 27.9 MB it is built
where it is needed instead of being shipped.
"""

import base64
import hashlib
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

TOKENIZER_SHA256 = "0614fe83cadab421296e664e1f48f4261fa8fef6e03e63bb75c20f38e37d07d3"

_CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_PATTERN = "|".join(
    (
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTIONS}",
        rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTIONS}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)
"""How o200k_base cuts text before merging, as published with tiktoken."""

_FIRST_SPECIAL, _LAST_SPECIAL = 199998, 200018
_SPECIAL_NAMES = {
    199998: "<|startoftext|>",
    199999: "<|endoftext|>",
    200002: "<|return|>",
    200003: "<|constrain|>",
    200005: "<|channel|>",
    200006: "<|start|>",
    200007: "<|end|>",
    200008: "<|message|>",
    200012: "<|call|>",
    200018: "<|endofprompt|>",
}


class TokenizerMismatch(Exception):
    """The tokenizer that was built is not the published one: the ranks or the tokenizers package differ."""

    def __init__(self, sha256: str) -> None:
        super().__init__(f"the built tokenizer.json has sha256 {sha256}, expected {TOKENIZER_SHA256}")
        self.sha256 = sha256


def write_tokenizer_file(path: Path, ranks: Path) -> None:
    """Takes about five seconds and 350 MB. Raises TokenizerMismatch, or OSError."""
    tokens = [base64.b64decode(line.split(b" ")[0]) for line in ranks.read_bytes().splitlines()]
    _build_tokenizer(tokens).save(str(path), pretty=True)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if sha256 != TOKENIZER_SHA256:
        raise TokenizerMismatch(sha256)


def _build_tokenizer(tokens: list[bytes]) -> Tokenizer:
    tokenizer = Tokenizer(_build_model(tokens))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    names = [
        _SPECIAL_NAMES.get(token, f"<|reserved_{token}|>")
        for token in range(_FIRST_SPECIAL, _LAST_SPECIAL + 1)
    ]
    tokenizer.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in names])
    return tokenizer


def _build_model(tokens: list[bytes]) -> models.BPE:
    """A BPE model wants merges, tiktoken has ranks: every split of a token into two tokens is a merge."""
    ranks = {token: rank for rank, token in enumerate(tokens)}
    shown = _shown_bytes()
    spelling = [token.decode("latin-1").translate(shown) for token in tokens]
    merges: list[tuple[str, str]] = []
    for token in tokens:
        halves = [
            (ranks[token[:cut]], ranks[token[cut:]])
            for cut in range(1, len(token))
            if token[:cut] in ranks and token[cut:] in ranks
        ]
        merges += [(spelling[left], spelling[right]) for left, right in sorted(halves)]
    vocabulary = {text: rank for rank, text in enumerate(spelling)}
    return models.BPE(vocabulary, merges, fuse_unk=False, ignore_merges=True)


def _shown_bytes() -> dict[int, int]:
    """GPT-2's byte alphabet: printable Latin-1 bytes stand for themselves, the others follow U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in printable]
    return {byte: byte for byte in printable} | {byte: 0x100 + n for n, byte in enumerate(hidden)}
