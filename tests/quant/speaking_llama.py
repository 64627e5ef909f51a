"""A small llama with a tokenizer and a template, and a text for it: all that `optiq quantize` reads."""

import json
import random
import string
from pathlib import Path

from tests.quant.checkpoints import llama_checkpoint
from tests.server.dialect.chat_checkpoints import CHAT, VOCABULARY_SIZE, byte_tokenizer, write_checkpoint


def speaking_llama(folder: Path) -> Path:
    """`folder`, made. A token is a byte."""
    llama_checkpoint(folder, vocabulary=VOCABULARY_SIZE)
    config = json.loads((folder / "config.json").read_text())
    write_checkpoint(folder, byte_tokenizer(), template=CHAT, config={**config, "eos_token_id": 258})
    return folder


def letters(file: Path, count: int) -> Path:
    """`file`, with `count` letters drawn by chance, always the same."""
    file.write_text("".join(random.Random(0).choices(string.ascii_letters, k=count)))
    return file
