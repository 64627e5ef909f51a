"""Functions that people really declare, with natural ways to ask for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NaturalFunction:
    """A function; each request names every parameter, strings and integers, in braces."""

    name: str
    description: str
    strings: tuple[str, ...]
    integers: tuple[str, ...]
    requests: tuple[str, ...]


NATURAL = (
    NaturalFunction(
        name="get_weather",
        description="Get the current weather for a city",
        strings=("city",),
        integers=(),
        requests=(
            "What is the weather in {city}?",
            "What's the weather like in {city}?",
            "How is the weather in {city} today?",
            "weather in {city}",
            "Tell me the weather in {city}.",
            "Is it warm in {city}?",
        ),
    ),
    NaturalFunction(
        name="get_weather",
        description="Get weather",
        strings=("location",),
        integers=(),
        requests=(
            "What is the weather in {location}?",
            "What's the weather like in {location}?",
            "How is the weather in {location}?",
            "Weather for {location} please",
        ),
    ),
    NaturalFunction(
        name="get_current_weather",
        description="Gets the current weather in the provided location.",
        strings=("location",),
        integers=(),
        requests=(
            "What is the weather in {location}?",
            "What's the weather like in {location} right now?",
            "How is the weather in {location}?",
        ),
    ),
    NaturalFunction(
        name="get_forecast",
        description="Weather forecast for some days",
        strings=("city",),
        integers=("days",),
        requests=(
            "What is the forecast for {city} for {days} days?",
            "Give me the {city} forecast for the next {days} days.",
            "Forecast {city}, {days} days",
        ),
    ),
    NaturalFunction(
        name="get_time",
        description="Get the current time in a city",
        strings=("city",),
        integers=(),
        requests=(
            "What time is it in {city}?",
            "Tell me the time in {city}.",
            "current time in {city}",
            "What's the time in {city}?",
        ),
    ),
    NaturalFunction(
        name="send_message",
        description="Send a message to a person",
        strings=("to", "text"),
        integers=(),
        requests=("Send {to} the message {text}.", "Send a message to {to}: {text}", "Tell {to}: {text}"),
    ),
    NaturalFunction(
        name="add",
        description="Add two numbers",
        strings=(),
        integers=("a", "b"),
        requests=(
            "Add {a} and {b} with the tool.",
            "Use the add function on {a} and {b}.",
            "Call add with {a} and {b}.",
        ),
    ),
    NaturalFunction(
        name="multiply",
        description="Multiply two numbers",
        strings=(),
        integers=("a", "b"),
        requests=("Multiply {a} by {b}.", "What is {a} times {b}?", "Use multiply on {a} and {b}."),
    ),
    NaturalFunction(
        name="search",
        description="Search the web",
        strings=("query",),
        integers=(),
        requests=(
            "Search for {query}.",
            "Search the web for {query}.",
            "Find information about {query}.",
            "Look for {query} on the web.",
        ),
    ),
    NaturalFunction(
        name="set_timer",
        description="Start a timer",
        strings=(),
        integers=("minutes",),
        requests=(
            "Set a timer for {minutes} minutes.",
            "Start a {minutes} minute timer.",
            "Timer: {minutes} minutes",
        ),
    ),
    NaturalFunction(
        name="get_stock_price",
        description="Get the price of a stock",
        strings=("symbol",),
        integers=(),
        requests=(
            "What is the stock price of {symbol}?",
            "How much is {symbol} stock?",
            "Get the price of {symbol}.",
        ),
    ),
    NaturalFunction(
        name="book_table",
        description="Book a table at a restaurant",
        strings=("restaurant",),
        integers=("people",),
        requests=(
            "Book a table at {restaurant} for {people} people.",
            "Reserve a table for {people} at {restaurant}.",
            "I need a table at {restaurant} for {people}.",
        ),
    ),
    NaturalFunction(
        name="play_song",
        description="Play a song",
        strings=("title",),
        integers=(),
        requests=("Play {title}.", "Play the song {title}.", "Put on {title}."),
    ),
    NaturalFunction(
        name="get_user",
        description="Look up a user by id",
        strings=(),
        integers=("id",),
        requests=("Who is user {id}?", "Look up user {id}.", "Get the user with id {id}."),
    ),
    NaturalFunction(
        name="create_event",
        description="Create a calendar event",
        strings=("title", "day"),
        integers=("hour",),
        requests=(
            "Create an event called {title} on {day} at {hour}.",
            "Add {title} to my calendar on {day} at {hour}.",
        ),
    ),
    NaturalFunction(
        name="translate",
        description="Translate a word",
        strings=("word", "language"),
        integers=(),
        requests=(
            "Translate {word} to {language}.",
            "How do you say {word} in {language}?",
            "Translate the word {word} into {language}",
        ),
    ),
    NaturalFunction(
        name="read_file",
        description="Read a file",
        strings=("name",),
        integers=(),
        requests=("Read the file {name}.", "Open the file {name}.", "Show me the file {name}."),
    ),
    NaturalFunction(
        name="set_volume",
        description="Set the volume",
        strings=(),
        integers=("level",),
        requests=("Set the volume to {level}.", "Volume {level}", "Turn the volume to {level}."),
    ),
)
