"""A request's fields as the numbers by which tokens are drawn. Pure."""

from optiq_server.engine.types import SamplingParameters
from optiq_server.schema.sampling import SamplingFields


def sampling_of(body: SamplingFields) -> SamplingParameters:
    return SamplingParameters(
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        # 0 and -1 are what other servers' clients send for "off".
        top_k=body.top_k if body.top_k is not None and body.top_k >= 1 else None,
        min_p=body.min_p or 0.0,
        seed=body.seed,
        logit_bias={int(token): bias for token, bias in (body.logit_bias or {}).items()},
        presence_penalty=body.presence_penalty or 0.0,
        frequency_penalty=body.frequency_penalty or 0.0,
        repetition_penalty=1.0 if body.repetition_penalty is None else body.repetition_penalty,
    )
