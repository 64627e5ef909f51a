"""GET /metrics after real requests, read by Prometheus' own parser."""

from prometheus_client.parser import text_string_to_metric_families

from optiq_server.engine.scripted_backend import Script
from tests.server.conftest import RunningServer, Scripted, Serve
from tests.server.doubles import Replies, unhurried

_CHAT = "/v1/chat/completions"
_BODY = {"messages": [{"role": "user", "content": "hi"}]}


async def _samples(server: RunningServer) -> dict[str, float]:
    answer = await server.http.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        sample.name + "".join(f",{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


async def test_what_was_asked_and_said_is_counted(serve: Serve, scripted: Scripted, replies: Replies) -> None:
    reply = replies.final("hello there")
    async with serve(lambda: scripted(lambda _: reply)) as server:
        whole = await server.http.post(_CHAT, json=_BODY)
        await server.http.post(_CHAT, json={**_BODY, "stream": True})
        await server.http.post(_CHAT, json={"messages": 5})
        await server.http.get("/invented")

        samples = await _samples(server)

    usage = whole.json()["usage"]
    assert samples[f"optiq_requests_total,{_CHAT},200"] == 2
    assert samples[f"optiq_requests_total,{_CHAT},400"] == 1
    assert samples["optiq_requests_total,other,404"] == 1
    assert samples["optiq_replies_total,stop"] == 2
    assert samples["optiq_prompt_tokens_total"] == 2 * usage["prompt_tokens"]
    assert samples["optiq_completion_tokens_total"] == 2 * len(reply)
    assert samples["optiq_time_to_first_token_seconds_count"] == 2
    assert samples["optiq_inter_token_seconds_count"] >= 2
    assert (samples["optiq_ready"], samples["optiq_running_sequences"]) == (1, 0)


async def test_a_reply_that_a_stop_string_ends_is_no_abort(
    serve: Serve, scripted: Scripted, replies: Replies
) -> None:
    async with serve(lambda: scripted(lambda _: replies.endless_final())) as server:
        await server.http.post(_CHAT, json={**_BODY, "stop": " so on and"})
        await server.http.post(_CHAT, json=_BODY, headers={"x-request-timeout": "0.000001"})

        samples = await _samples(server)

    assert samples["optiq_replies_total,stop"] == 1
    assert samples["optiq_replies_total,deadline"] == 1
    assert "optiq_replies_total,cancelled" not in samples


async def test_a_reply_in_the_background_is_counted_when_it_ends(serve: Serve, replies: Replies) -> None:
    backend = unhurried(Script(tokens=replies.endless_final()))
    async with serve(lambda: backend) as server:
        made = await server.openai.responses.create(model="m", input="hi", background=True)
        during = await _samples(server)
        await server.openai.responses.cancel(made.id)
        after = await _samples(server)

    assert "optiq_replies_total,cancelled" not in during
    assert after["optiq_replies_total,cancelled"] == 1
