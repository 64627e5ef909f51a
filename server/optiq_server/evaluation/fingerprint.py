"""A suite's questions and references as one hash, equal if two runs are of the same benchmark. Pure."""

import json
from collections.abc import Sequence
from hashlib import sha256

from optiq_server.evaluation.suite import Item


def fingerprint(items: Sequence[Item]) -> str:
    """The sha256 of everything that is asked and compared with, in hexadecimal."""
    digest = sha256()
    for item in items:
        content = [item.id, item.cluster, item.messages, item.reference, item.tools]
        limits = [item.max_tokens, item.reasoning_effort]
        digest.update(json.dumps([*content, *limits], sort_keys=True, separators=(",", ":")).encode())
        digest.update(b"\n")
    return digest.hexdigest()
