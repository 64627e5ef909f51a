"""openai-harmony over a ranks file on disk, without the network."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from openai_harmony import HarmonyEncoding, HarmonyEncodingName, load_harmony_encoding  # type: ignore[import-untyped]  # it ships no py.typed


def load_encoding(ranks: Path) -> HarmonyEncoding:
    """openai-harmony reads only o200k_base.tiktoken in the folder that an environment variable names."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(ranks, Path(folder) / "o200k_base.tiktoken")
        os.environ["TIKTOKEN_ENCODINGS_BASE"] = folder
        return load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
