"""The clients that people use, unchanged, on a real socket: each a tool loop and a structured answer.

The scripted model calls a function as soon as one is offered and has no result yet; otherwise it answers.
"""

import json
from collections.abc import Iterable

import agents
import instructor
import pytest
from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI
from pydantic import BaseModel, SecretStr
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.output import NativeOutput
from pydantic_ai.providers.openai import OpenAIProvider

from optiq_server.engine.scripted_backend import ScriptedBackend
from optiq_server.engine.types import GenerationRequest
from tests.server.conftest import RunningServer, Scripted, Serve
from tests.server.doubles import Replies

_ARGUMENTS = '{"city": "Paris"}'
_RESULT = "21 degrees"
_ANSWERING_FUNCTIONS = ("Person", "final_result")
"""Some clients take a structured answer as the arguments of a function: instructor, and pydantic-ai."""
_PERSON = '{"name": "Paul", "age": 31}'


class Person(BaseModel):
    """What a structured answer is parsed into."""

    name: str
    age: int


@pytest.fixture(name="model")
def _model(scripted: Scripted, replies: Replies) -> ScriptedBackend:
    def play(request: GenerationRequest) -> Iterable[int]:
        prompt = replies.prompt_text(request.prompt)
        if "type get_weather" in prompt and _RESULT not in prompt:
            return replies.call("get_weather", _ARGUMENTS, analysis="I need the weather.")
        for name in _ANSWERING_FUNCTIONS:
            if f"type {name}" in prompt:
                return replies.call(name, _PERSON)
        if "# Response Formats" in prompt:
            return replies.final(_PERSON, analysis="JSON, then.")
        return replies.final(f"It has {_RESULT}.", analysis="Now I know.")

    return scripted(play)


def _key() -> SecretStr:
    return SecretStr("none")


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
async def test_langchain(serve: Serve, model: ScriptedBackend, *, responses: bool) -> None:
    @tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"{city}: {_RESULT}"

    async with serve(lambda: model) as running:
        chat = ChatOpenAI(
            model="m",
            base_url=f"{running.url}/v1",
            api_key=_key(),
            max_retries=0,
            use_responses_api=responses,
        )
        messages: list[BaseMessage] = [HumanMessage("How is Paris?")]
        asked = await chat.bind_tools([get_weather]).ainvoke(messages)
        [call] = asked.tool_calls
        messages += [asked, ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])]
        answered = await chat.bind_tools([get_weather]).ainvoke(messages)
        streamed = [chunk.text async for chunk in chat.astream("hi")]
        person = await chat.with_structured_output(Person, method="json_schema").ainvoke("Who?")

    assert call["args"] == json.loads(_ARGUMENTS)
    assert answered.text == f"It has {_RESULT}."
    assert "".join(streamed) == f"It has {_RESULT}."
    assert person == Person(name="Paul", age=31)


@pytest.mark.parametrize("spoken_model", [OpenAIChatModel, OpenAIResponsesModel])
async def test_pydantic_ai(
    serve: Serve, model: ScriptedBackend, spoken_model: type[OpenAIChatModel | OpenAIResponsesModel]
) -> None:
    async with serve(lambda: model) as running:
        spoken = spoken_model("m", provider=OpenAIProvider(openai_client=running.openai))
        weather: Agent[None, str] = Agent(spoken)

        @weather.tool_plain
        def get_weather(city: str) -> str:
            """The weather in a city."""
            return f"{city}: {_RESULT}"

        answered = await weather.run("How is Paris?")
        by_call = await Agent(spoken, output_type=Person).run("Who?")
        by_format = await Agent(spoken, output_type=NativeOutput(Person)).run("Who?")

    assert answered.output == f"It has {_RESULT}."
    assert by_call.output == by_format.output == Person(name="Paul", age=31)


@pytest.mark.parametrize("spoken_model", [agents.OpenAIChatCompletionsModel, agents.OpenAIResponsesModel])
async def test_openai_agents(
    serve: Serve,
    model: ScriptedBackend,
    spoken_model: type[agents.OpenAIChatCompletionsModel | agents.OpenAIResponsesModel],
) -> None:
    @agents.function_tool
    def get_weather(city: str) -> str:
        """The weather in a city."""
        return f"{city}: {_RESULT}"

    agents.set_tracing_disabled(disabled=True)
    async with serve(lambda: model) as running:
        spoken = spoken_model(model="m", openai_client=running.openai)
        weather = agents.Agent(name="weather", model=spoken, tools=[get_weather])
        answered = await agents.Runner.run(weather, "How is Paris?")
        people = agents.Agent(name="people", model=spoken, output_type=Person)
        person = await agents.Runner.run(people, "Who?")

    assert answered.final_output == f"It has {_RESULT}."
    assert person.final_output == Person(name="Paul", age=31)


@pytest.mark.parametrize("mode", [instructor.Mode.TOOLS, instructor.Mode.JSON_SCHEMA])
async def test_instructor(serve: Serve, model: ScriptedBackend, mode: instructor.Mode) -> None:
    async with serve(lambda: model) as running:
        client = instructor.from_openai(_async_client(running), mode=mode)
        person = await client.create(
            model="m", response_model=Person, messages=[{"role": "user", "content": "Who?"}], max_retries=0
        )

    assert (person.name, person.age) == ("Paul", 31)


def _async_client(running: RunningServer) -> AsyncOpenAI:
    return running.openai
