"""Token counts in OpenAI's words. Pure."""

from collections.abc import Sequence

from optiq_server.translate.reply import Usage


def usage_object(samples: Sequence[Usage], *, prompts: int = 1) -> dict[str, object]:
    """Of the samples of each of so many prompts, prompt by prompt; each prompt is counted once."""
    firsts = samples[:: len(samples) // prompts]
    prompt_tokens = sum(each.prompt_tokens for each in firsts)
    completion_tokens = sum(each.completion_tokens for each in samples)
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": sum(each.cached_tokens for each in firsts)},
        "completion_tokens_details": {"reasoning_tokens": sum(each.reasoning_tokens for each in samples)},
    }
