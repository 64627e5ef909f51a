"""What the model reads and writes, token by token, over a real socket."""

from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies

_CHAT = {
    "messages": [{"role": "user", "content": "say <|end|>"}],
    "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
    "reasoning_effort": "high",
}


async def test_a_rendered_prompt_is_the_one_that_a_chat_sends(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        shown = (await server.http.post("/v1/lab/render", json=_CHAT)).json()
        tokens = (await server.http.post("/tokenize", json=_CHAT)).json()["tokens"]
        text = (await server.http.post("/detokenize", json={"tokens": tokens})).json()["prompt"]

    assert [each["id"] for each in shown["tokens"]] == tokens
    assert shown["text"] == text == "".join(each["text"] for each in shown["tokens"])
    assert "namespace functions" in text


async def test_what_a_user_wrote_is_text_and_what_the_protocol_writes_is_control(
    serve: Serve, scripted: Scripted
) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        tokens = (await server.http.post("/v1/lab/render", json=_CHAT)).json()["tokens"]

    said = [each for each in tokens if each["role"] == "user"]
    ends = [each for each in said if each["text"] == "<|end|>"]
    assert len(ends) == 1
    assert ends[0]["kind"] == "control"
    assert "".join(each["text"] for each in said if each["kind"] == "text") == "usersay <|end|>"


async def test_a_reply_is_parsed_from_its_text_and_from_its_tokens_alike(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    tokens = list(replies.call("look", '{"at": 1}', analysis="hm"))
    async with serve(lambda: scripted(lambda _: ())) as server:
        by_tokens = (await server.http.post("/v1/lab/parse", json={"tokens": tokens})).json()
        text = "".join(each["text"] for each in by_tokens["tokens"])
        by_text = (await server.http.post("/v1/lab/parse", json={"text": text})).json()

    assert by_text == by_tokens
    assert [each["type"] for each in by_text["events"]][:3] == ["reasoning", "message_end", "tool_call"]
    assert by_text["events"][2]["name"] == "look"
    assert by_text["faults"] == []
    assert {each["channel"] for each in by_text["tokens"]} == {"analysis", "commentary"}


async def test_only_the_last_reply_of_a_conversation_is_parsed(serve: Serve, scripted: Scripted) -> None:
    text = "<|start|>user<|message|>hi<|end|><|start|>assistant<|channel|>final<|message|>ho<|return|>"
    async with serve(lambda: scripted(lambda _: ())) as server:
        told = (await server.http.post("/v1/lab/parse", json={"text": text})).json()

    assert told["tokens"][told["reply"]]["text"] == "<|channel|>"
    assert [each["type"] for each in told["events"]] == ["text", "message_end", "stop"]
    assert told["faults"] == []


async def test_a_departure_from_the_protocol_is_shown_where_it_is(serve: Serve, scripted: Scripted) -> None:
    text = "<|channel|>finale<|message|>hi<|end|>"
    async with serve(lambda: scripted(lambda _: ())) as server:
        told = (await server.http.post("/v1/lab/parse", json={"text": text})).json()

    (fault,) = told["faults"]
    assert told["tokens"][fault["token"]]["text"] == "<|message|>"
    assert fault["message"] == "channel: finale"


_WRONG: list[tuple[dict[str, object], str]] = [
    ({}, "tokens"),
    ({"tokens": [1], "text": "a"}, "tokens"),
    ({"tokens": [201_088]}, "tokens[0]"),
    ({"tokens": ["1"]}, "tokens[0]"),
    ({"tokens": [0] * 131_073}, "tokens"),
    ({"text": "a" * (2**20 + 1)}, "text"),
    ({"text": "<|end|>" * 131_073}, "text"),
    (
        {"text": "a", "tools": [{"type": "function", "function": {"name": "a b"}}]},
        "tools[0].function.name",
    ),
]


async def test_a_wrong_body_is_400_and_named(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        for body, param in _WRONG:
            answer = await server.http.post("/v1/lab/parse", json=body)

            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), str(body)[:80]


async def test_a_prompt_that_cannot_be_rendered_is_400(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post("/v1/lab/render", json={"messages": [{"role": "user"}]})

    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "messages[0].content")


async def test_half_of_a_character_in_the_body_is_400(serve: Serve, scripted: Scripted) -> None:
    headers = {"content-type": "application/json"}
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.post("/v1/lab/parse", content=b'{"text": "\\ud800"}', headers=headers)

    assert answer.status_code == 400
