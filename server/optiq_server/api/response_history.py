"""What was said before a response: stored ones that it goes on from, and stored items that it refers to."""

from collections.abc import Sequence
from dataclasses import dataclass

from optiq_server.errors import InvalidRequest
from optiq_server.response_file import JsonObject, StoredResponse
from optiq_server.response_store import ResponseStore
from optiq_server.schema.response_items import InputItem
from optiq_server.translate.response_input import references
from optiq_server.translate.response_object import ResponseStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A response and those before it, oldest first; `missing` is the one that is no longer stored."""

    records: Sequence[StoredResponse]
    missing: str | None

    @property
    def items(self) -> list[JsonObject]:
        """All that was said, in order."""
        return [item for record in self.records for item in (*record.items, *record.output)]


async def stored_chain(store: ResponseStore, response_id: str) -> Chain:
    records: list[StoredResponse] = []
    wanted: str | None = response_id
    while wanted is not None:
        record = await store.get(wanted)
        if record is None:
            break
        records.append(record)
        wanted = record.previous
    return Chain(records=records[::-1], missing=wanted)


async def earlier_items(store: ResponseStore | None, response_id: str | None) -> list[InputItem]:
    """All that was said up to the end of response `response_id`. Raises InvalidRequest."""
    if response_id is None:
        return []
    if store is None:
        raise _not_found(response_id)
    chain = await stored_chain(store, response_id)
    if chain.missing is not None:
        raise _not_found(chain.missing)
    if chain.records[-1].response["status"] == ResponseStatus.IN_PROGRESS:
        raise InvalidRequest(
            f"'previous_response_id' is {response_id!r}: that response is still in progress",
            param="previous_response_id",
            code="invalid_value",
        )
    return [InputItem.model_validate(item) for item in chain.items]


async def referred_items(store: ResponseStore | None, items: Sequence[InputItem]) -> dict[str, InputItem]:
    """The stored items that `items` refer to, by their ids; an id of which there is none is left out."""
    if store is None:
        return {}
    found = {item_id: await store.item(item_id) for item_id in references(items)}
    return {item_id: InputItem.model_validate(item) for item_id, item in found.items() if item is not None}


def _not_found(response_id: str) -> InvalidRequest:
    return InvalidRequest(
        f"Previous response with id {response_id!r} not found.",
        param="previous_response_id",
        code="previous_response_not_found",
    )
