"""From the compact weights in the package to the tensors of an ordinary gpt_oss checkpoint. Knows no folders.

Compact means: the embedding and the head hold rows only for the ids in `tokens`, and one more row, the last,
which stands for every other id of the vocabulary. All other tensors are stored as the checkpoint has them.
"""

import numpy as np
import numpy.typing as npt

from optiq_server.pocket.tensor_file import RawTensor, read_tensors

VOCABULARY_SIZE = 201_088
TOKENS = "tokens"
ROW_TENSORS = ("model.embed_tokens.weight", "lm_head.weight")


def expand_weights(packed: bytes) -> dict[str, RawTensor]:
    """All tensors of the checkpoint by name; about 105 MB. Raises ValueError if `packed` is not intact."""
    try:
        tensors = read_tensors(packed)
        tokens = np.frombuffer(tensors.pop(TOKENS).data, dtype=np.int32)
        for name in ROW_TENSORS:
            tensors[name] = _all_rows(tensors[name], tokens)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"a part is missing or not what it should be: {error!r}") from error
    return tensors


def _all_rows(compact: RawTensor, tokens: npt.NDArray[np.int32]) -> RawTensor:
    count, width = compact.shape
    if count != len(tokens) + 1:
        raise ValueError(f"{count} rows for {len(tokens)} tokens and the shared one")
    # bfloat16 has no numpy type; its bits do.
    rows = np.frombuffer(compact.data, dtype=np.uint16).reshape(count, width)
    full = np.tile(rows[-1], (VOCABULARY_SIZE, 1))
    full[tokens] = rows[:-1]
    return RawTensor(dtype=compact.dtype, shape=(VOCABULARY_SIZE, width), data=full.tobytes())
