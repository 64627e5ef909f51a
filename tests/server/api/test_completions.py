"""Text completions as the openai package sees them, over a real socket."""

import openai
import pytest
from openai.types import Completion

from optiq_harmony.tokens import ControlToken
from optiq_server.engine.scripted_backend import FaultStage, Script
from optiq_server.engine.types import GenerationRequest
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies
from tests.server.streams import events_in


async def test_a_prompt_is_continued_as_it_stands(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    requests: list[GenerationRequest] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        requests.append(request)
        return (*replies.encode(" there was"), ControlToken.END_OF_TEXT)

    async with serve(lambda: scripted(play)) as server:
        answer = await server.openai.completions.create(model="gpt-3.5-turbo-instruct", prompt="Once <|end|>")

    assert requests[0].prompt == replies.encode("Once <|end|>")
    assert requests[0].max_tokens == 16
    assert requests[0].constraint is None
    [choice] = answer.choices
    assert (choice.text, choice.finish_reason, choice.logprobs) == (" there was", "stop", None)
    assert (answer.object, answer.model) == ("text_completion", "optiq/scripted")
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(requests[0].prompt)
    assert answer.usage.completion_tokens == len(replies.encode(" there was")) + 1


async def test_control_tokens_of_a_reply_never_show(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = replies.final("42", analysis="17 + 25")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.openai.completions.create(model="m", prompt="hi", max_tokens=100)

    assert answer.choices[0].text == "analysis17 + 25assistantfinal42"


async def test_choices_are_in_the_order_of_prompts_and_samples(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    requests: list[GenerationRequest] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        requests.append(request)
        return (*request.prompt, *replies.encode(str(request.sampling.seed)), ControlToken.RETURN)

    async with serve(lambda: scripted(play)) as server:
        answer = await server.openai.completions.create(
            model="m", prompt=["A", "B"], n=2, seed=7, echo=True, max_tokens=5
        )

    assert [(each.index, each.text) for each in answer.choices] == [
        (0, "AA7"),
        (1, "AA8"),
        (2, "BB7"),
        (3, "BB8"),
    ]
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (2, 12)


async def test_a_stream_says_the_same_as_a_body(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    reply = (*replies.encode("It is \N{SNOWMAN} forty-two."), ControlToken.RETURN)
    async with serve(lambda: scripted(lambda _: reply)) as server:
        create = server.openai.completions.create
        body = await create(model="m", prompt=["A", "B"], echo=True)
        stream = await create(
            model="m", prompt=["A", "B"], echo=True, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]

    for index, choice in enumerate(body.choices):
        told = [each for chunk in chunks for each in chunk.choices if each.index == index]
        assert "".join(each.text for each in told) == choice.text
        assert told[-1].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == body.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_every_streamed_chunk_is_of_the_sdks_type(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    reply = (*replies.encode("hi"), ControlToken.RETURN)
    async with serve(lambda: scripted(lambda _: reply)) as server:
        answer = await server.http.post("/v1/completions", json={"prompt": "hi", "stream": True})

    events = events_in(answer.text)
    assert events[-1] == "data: [DONE]"
    # The SDK's type knows no null as a finish reason, although OpenAI streams it until the last chunk.
    for event in events[:-2]:
        Completion.model_validate_json(event.removeprefix("data: ").replace("null}]", '"stop"}]'))


async def test_a_stop_string_ends_the_generation_itself(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    backend = scripted(lambda _: Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        answer = await server.openai.completions.create(
            model="m", prompt="count", stop="so on and so", max_tokens=1000
        )

        assert backend.inserted == ()
        assert server.engine.open_generations == 0

    assert answer.choices[0].text == "final and "
    assert answer.choices[0].finish_reason == "stop"


async def test_a_prompt_beyond_the_context_is_refused_by_name(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        with pytest.raises(openai.BadRequestError) as caught:
            await server.openai.completions.create(model="m", prompt="word " * 5000)

    assert (caught.value.param, caught.value.code) == ("prompt", "context_length_exceeded")


async def test_ids_are_a_prompt(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    prompts: list[tuple[int, ...]] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(request.prompt)
        return (ControlToken.RETURN,)

    ids = [ControlToken.START.value, *replies.encode("user")]
    async with serve(lambda: scripted(play)) as server:
        answer = await server.openai.completions.create(model="m", prompt=ids)

    assert prompts == [tuple(ids)]
    assert answer.choices[0].text == ""


async def test_a_failed_sequence_ends_its_stream_with_an_error(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    script = Script(tokens=replies.encode("hi there"), fault=FaultStage.SEQUENCE, fault_after=1)
    async with serve(lambda: scripted(lambda _: script)) as server:
        answer = await server.http.post("/v1/completions", json={"prompt": "hi", "stream": True})

    events = events_in(answer.text)
    assert events[-1] == "data: [DONE]"
    assert '"internal_error"' in events[-2]
