"""Pages of a list of items."""

import pytest

from optiq_server.errors import InvalidRequest
from optiq_server.schema.responses import ItemQuery
from optiq_server.translate.item_page import item_page

_ITEMS: list[dict[str, object]] = [{"id": f"msg_{number}"} for number in range(5)]


def _ids(**query: object) -> list[object]:
    page = item_page(_ITEMS, ItemQuery.model_validate(query))
    data = page["data"]
    assert isinstance(data, list)
    return [item["id"] for item in data]


def test_the_newest_come_first_unless_asked() -> None:
    assert _ids(limit=2) == ["msg_4", "msg_3"]
    assert _ids(limit=2, order="asc") == ["msg_0", "msg_1"]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_that_follow_each_other_have_every_item_once(order: str, limit: int) -> None:
    seen: list[object] = []
    after = None
    while True:
        query = ItemQuery.model_validate({"order": order, "limit": limit, "after": after})
        page = item_page(_ITEMS, query)
        seen += _ids(order=order, limit=limit, after=after)
        after = page["last_id"]
        if not page["has_more"]:
            break

    ids = [item["id"] for item in _ITEMS]
    assert seen == (ids if order == "asc" else ids[::-1])


def test_a_list_of_nothing_is_a_page() -> None:
    assert item_page([], ItemQuery()) == {
        "object": "list",
        "data": [],
        "first_id": "",
        "last_id": "",
        "has_more": False,
    }


def test_an_unknown_place_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest) as caught:
        _ids(after="msg_9")

    assert caught.value.param == "after"
