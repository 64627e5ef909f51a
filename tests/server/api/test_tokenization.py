"""What the model reads, as numbers and as text."""

from optiq_server.engine.types import GenerationRequest
from tests.server.conftest import Scripted, Serve
from tests.server.doubles import Replies

_CHAT = {"messages": [{"role": "user", "content": "hi"}], "reasoning_effort": "high"}


async def test_a_text_and_its_tokens(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    text = "caf\N{LATIN SMALL LETTER E WITH ACUTE} <|end|>"
    async with serve(lambda: scripted(lambda _: ())) as server:
        forth = (await server.http.post("/tokenize", json={"prompt": text})).json()
        back = (await server.http.post("/detokenize", json={"tokens": forth["tokens"]})).json()

    tokens = list(replies.encode(text))
    assert forth == {"count": len(tokens), "max_model_len": 4096, "tokens": tokens}
    assert back == {"prompt": text}


async def test_a_conversation_has_the_tokens_that_a_chat_sends(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    prompts: list[tuple[int, ...]] = []

    def play(request: GenerationRequest) -> tuple[int, ...]:
        prompts.append(request.prompt)
        return replies.final("hi")

    async with serve(lambda: scripted(play)) as server:
        await server.http.post("/v1/chat/completions", json=_CHAT)
        told = (await server.http.post("/tokenize", json=_CHAT)).json()
        written = (await server.http.post("/detokenize", json={"tokens": told["tokens"]})).json()

    assert tuple(told["tokens"]) == prompts[0]
    assert "Reasoning: high" in written["prompt"]
    assert written["prompt"].endswith("<|start|>user<|message|>hi<|end|><|start|>assistant")


async def test_a_wrong_body_is_400_and_named(serve: Serve, scripted: Scripted) -> None:
    wrong: list[tuple[str, dict[str, object], str]] = [
        ("/tokenize", {}, "prompt"),
        ("/tokenize", {"prompt": "hi", **_CHAT}, "prompt"),
        ("/tokenize", {"prompt": 5}, "prompt"),
        ("/tokenize", {"prompt": "hi", "add_generation_prompt": False}, "add_generation_prompt"),
        ("/tokenize", {"prompt": "hi", "continue_final_message": True}, "continue_final_message"),
        ("/tokenize", {"messages": []}, "messages"),
        ("/tokenize", {"messages": [{"role": "user"}]}, "messages[0].content"),
        ("/detokenize", {}, "tokens"),
        ("/detokenize", {"tokens": [1, 201_088]}, "tokens[1]"),
        ("/detokenize", {"tokens": [-1]}, "tokens[0]"),
        ("/detokenize", {"tokens": [True]}, "tokens[0]"),
    ]
    async with serve(lambda: scripted(lambda _: ())) as server:
        for path, body, param in wrong:
            answer = await server.http.post(path, json=body)

            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), body
