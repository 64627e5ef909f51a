"""Files of conversations, as the page exports and imports them."""

import json
from collections.abc import Sequence


def archive_of(texts: Sequence[str]) -> str:
    """One conversation in which user and model speak in turn."""
    turns = [_turn(index, text) for index, text in enumerate(texts)]
    conversation = {
        "id": "c",
        "title": "Imported",
        "created": 1,
        "updated": 1,
        "settings": {},
        "leaf": turns[-1]["id"],
    }
    entry = {"conversation": conversation, "turns": turns}
    return json.dumps({"format": "optiq-lab", "version": 1, "conversations": [entry]})


def _turn(index: int, text: str) -> dict[str, object]:
    turn: dict[str, object] = {
        "id": f"t{index}",
        "parent": f"t{index - 1}" if index else None,
        "created": index,
        "role": "assistant" if index % 2 else "user",
        "text": text,
    }
    return {**turn, "state": "done"} if index % 2 else turn
