"""Token counts of several samples and prompts."""

from optiq_server.translate.reply import Usage
from optiq_server.translate.usage import usage_object


def _usage(prompt_tokens: int, completion_tokens: int) -> Usage:
    return Usage(
        prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, cached_tokens=2, reasoning_tokens=1
    )


def test_a_prompt_is_counted_once_and_each_sample() -> None:
    counted = usage_object([_usage(10, 1), _usage(10, 2)])

    assert (counted["prompt_tokens"], counted["completion_tokens"], counted["total_tokens"]) == (10, 3, 13)
    assert counted["prompt_tokens_details"] == {"cached_tokens": 2}
    assert counted["completion_tokens_details"] == {"reasoning_tokens": 2}


def test_each_of_several_prompts_is_counted() -> None:
    counted = usage_object([_usage(10, 1), _usage(10, 2), _usage(5, 3), _usage(5, 4)], prompts=2)

    assert (counted["prompt_tokens"], counted["completion_tokens"]) == (15, 10)
    assert counted["prompt_tokens_details"] == {"cached_tokens": 4}
