"""Reads streams of responses strictly: each event is of the SDK's type, numbered, and in order."""

import json
from typing import Any, get_args

from openai.types.responses import Response, ResponseStreamEvent

from tests.server.streams import events_in

_TYPES = {
    get_args(each.model_fields["type"].annotation)[0]: each
    for each in get_args(get_args(ResponseStreamEvent)[0])
}


def events_of(text: str) -> list[dict[str, Any]]:
    """The events of a whole stream, validated strictly, each with the name of its type."""
    events = []
    for number, block in enumerate(events_in(text)):
        name, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        validated(event)
        assert event["sequence_number"] == number
        events.append(event)
    return events


def validated(event: dict[str, Any]) -> dict[str, Any]:
    """The event itself, which the SDK's type for its name takes strictly."""
    _TYPES[event["type"]].model_validate_json(json.dumps(event), strict=True)
    return event


def validated_response(response: dict[str, Any]) -> Response:
    return Response.model_validate_json(json.dumps(response), strict=True)


def names(events: list[dict[str, Any]]) -> list[str]:
    """The events' types, with runs of one type told once."""
    told: list[str] = []
    for event in events:
        name = event["type"].removeprefix("response.")
        if told[-1:] != [name]:
            told.append(name)
    return told
