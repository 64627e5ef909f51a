"""Extracting named fields from a sentence as JSON."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from tools.pocket.conversations import Exchange
from tools.pocket.lexicon import Lexicon


@dataclass(frozen=True, slots=True, kw_only=True)
class _Domain:
    """One kind of sentence; fields in `numbers` hold integers, the others words."""

    fields: tuple[str, ...]
    numbers: tuple[str, ...]
    sentences: tuple[str, ...]


_DOMAINS = (
    _Domain(
        fields=("name", "age", "city"),
        numbers=("age",),
        sentences=(
            "{name} is {age} years old and lives in {city}.",
            "{name}, {age}, lives in {city}.",
            "My name is {name}, I am {age} and I live in {city}.",
            "{name} from {city} is {age} years old.",
        ),
    ),
    _Domain(
        fields=("name", "job", "city"),
        numbers=(),
        sentences=(
            "{name} works as a {job} in {city}.",
            "In {city}, {name} has a job as {job}.",
            "{name} is a {job} from {city}.",
        ),
    ),
    _Domain(
        fields=("customer", "item", "quantity", "price"),
        numbers=("quantity", "price"),
        sentences=(
            "{customer} ordered {quantity} {item} for {price} dollars.",
            "{customer} bought {quantity} {item} at a price of {price}.",
            "Order: {quantity} {item} for {customer}, total {price} dollars.",
        ),
    ),
    _Domain(
        fields=("title", "day", "place", "hour"),
        numbers=("hour",),
        sentences=(
            "The {title} meeting is on {day} at {hour} in {place}.",
            "On {day} at {hour} there is a {title} event in {place}.",
            "{title} takes place in {place} on {day} at {hour}.",
        ),
    ),
    _Domain(
        fields=("title", "author", "pages"),
        numbers=("pages",),
        sentences=(
            "{author} wrote {title}, a book of {pages} pages.",
            "The book {title} by {author} has {pages} pages.",
            "{title} was written by {author} and is {pages} pages long.",
        ),
    ),
    _Domain(
        fields=("product", "color", "price"),
        numbers=("price",),
        sentences=(
            "The {color} {product} costs {price} euros.",
            "We sell a {product} in {color} for {price}.",
            "A {product}, color {color}, price {price}.",
        ),
    ),
    _Domain(
        fields=("from", "to", "hour"),
        numbers=("hour",),
        sentences=(
            "The train from {from} to {to} leaves at {hour}.",
            "I fly from {from} to {to} at {hour}.",
            "At {hour} a bus goes from {from} to {to}.",
        ),
    ),
)
_REQUESTS = (
    "Extract {fields} as JSON: {text}",
    "Extract {fields} as JSON from this sentence: {text}",
    "Extract the {fields} as JSON.\n{text}",
    "Extract the fields {fields} from the text as JSON.\n\n{text}",
    "Give me {fields} as JSON: {text}",
    "Return JSON with {fields}: {text}",
    "Return a JSON object with {fields}.\nText: {text}",
    "{text}\nExtract {fields} as JSON.",
    "{text}\n\nReturn {fields} as JSON.",
    "Read this: {text} Now give {fields} as JSON.",
    "From the sentence below, extract {fields} in JSON.\n{text}",
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PEOPLE, _PLACES = ("name", "customer", "author"), ("city", "place", "from", "to")
_SUBJECTS = {"color": "colors", "job": "jobs", "item": "foods", "product": "things"}


def _value(rng: random.Random, lexicon: Lexicon, field: str) -> str:
    real = rng.random() < 0.6
    if field == "day":
        return rng.choice(_DAYS)
    if field == "title":
        return " ".join(lexicon.name(rng) for _ in range(rng.randint(1, 2)))
    if field in _PEOPLE:
        return (
            lexicon.person(rng) if real else " ".join(lexicon.name(rng) for _ in range(rng.choice((1, 1, 2))))
        )
    if field in _PLACES:
        return lexicon.of(rng, "cities") if real else lexicon.name(rng)
    return lexicon.of(rng, _SUBJECTS[field]) if real and field in _SUBJECTS else lexicon.word(rng)


def make(rng: random.Random, lexicon: Lexicon) -> Exchange:
    domain = rng.choice(_DOMAINS)
    values: dict[str, object] = {
        field: rng.randint(1, rng.choice((9, 99, 999)))
        if field in domain.numbers
        else _value(rng, lexicon, field)
        for field in domain.fields
    }
    text = rng.choice(domain.sentences).format(**values)
    count = rng.randint(1, len(domain.fields)) if rng.random() < 0.4 else len(domain.fields)
    wanted = rng.sample(domain.fields, count) if rng.random() < 0.6 else list(domain.fields[:count])
    listed = (
        ", ".join(wanted) if count < 2 or rng.random() < 0.4 else f"{', '.join(wanted[:-1])} and {wanted[-1]}"
    )
    chosen = {field: values[field] for field in wanted}
    pairs = ", ".join(f"{field}: {value}" for field, value in chosen.items())
    return Exchange(
        family="extract",
        question=rng.choice(_REQUESTS).format(fields=listed, text=text),
        working={
            "low": "Extract the fields.",
            "medium": f"I extract {pairs}.",
            "high": f"The fields are {', '.join(wanted)}. I extract {pairs}.",
        },
        answer=json.dumps(chosen, separators=(", ", ": ")),
    )
