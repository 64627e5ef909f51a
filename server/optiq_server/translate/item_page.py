"""One page of a list of items. Pure."""

from collections.abc import Sequence

from optiq_server.errors import InvalidRequest
from optiq_server.schema.responses import ItemQuery
from optiq_server.translate.response_object import JsonObject


def item_page(items: Sequence[JsonObject], query: ItemQuery) -> JsonObject:
    """The page that `query` asks for; `items` are the oldest first. Raises InvalidRequest."""
    ordered = list(items) if query.order == "asc" else list(items)[::-1]
    start = 0 if query.after is None else _place_of(query.after, ordered) + 1
    page = ordered[start : start + query.limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else "",
        "last_id": page[-1]["id"] if page else "",
        "has_more": start + query.limit < len(ordered),
    }


def _place_of(item_id: str, items: Sequence[JsonObject]) -> int:
    for place, item in enumerate(items):
        if item["id"] == item_id:
            return place
    raise InvalidRequest(
        f"'after' is {item_id!r}: this response has no such item", param="after", code="invalid_value"
    )
