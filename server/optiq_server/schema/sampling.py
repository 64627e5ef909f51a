"""The fields that tell how tokens are drawn, alike at every endpoint in OpenAI's manner."""

from typing import Annotated

from pydantic import Field

from optiq_server.schema.fields import RequestModel

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
INT32_MAX = 2**31 - 1
"""Bounds of counts: more is no use, and other software reads them."""

_MAX_BIASED_TOKENS = 1024

# JSON's keys are strings; more digits than an id has are not worth a conversion.
TokenId = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]
LogitBias = Annotated[
    dict[TokenId, Annotated[float, Field(ge=-100, le=100)]], Field(max_length=_MAX_BIASED_TOKENS)
]
Seed = Annotated[int, Field(ge=_INT64_MIN, le=_INT64_MAX)]


class SamplingFields(RequestModel):
    """Absent fields leave the model's own distribution as it is."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=INT32_MAX)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    logit_bias: LogitBias | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    seed: Seed | None = None
