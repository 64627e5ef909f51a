"""Rotary frequencies as the reference computes them: pure numbers from a config, no arrays.

The reference is Hugging Face's `_compute_yarn_parameters`, which agrees with
`_compute_concentration_and_inv_freq` of OpenAI's `gpt_oss/torch/model.py`. mlx-lm 0.32.2 rounds YaRN's
correction range even where the config says `truncate: false`, as gpt-oss does: 9 of 32 frequencies are then
off, and the logits with them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from optiq_server.engine.errors import LoadFailed

_DEFAULT_THETA = 150000.0
_DEFAULT_CONTEXT = 131072
_DEFAULT_PARAMETERS: Mapping[str, object] = {
    "rope_type": "yarn",
    "factor": 32.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "truncate": False,
    "original_max_position_embeddings": 4096,
}
"""What a gpt_oss config means that says nothing about rope (transformers' `GptOssConfig`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """Rotary embedding of one head.

    `wavelengths[i]` is the reciprocal of the i-th inverse frequency: positions per radian. `scale`
    multiplies queries and keys alike.
    """

    wavelengths: tuple[float, ...]
    scale: float


def gpt_oss_rope(config: Mapping[str, object], *, head_dim: int) -> Rope:
    """The rope of a gpt_oss config.json, as transformers 4 (`rope_scaling`, `rope_theta`) or 5 spells it.

    Raises LoadFailed for a kind of rope that gpt-oss does not have.
    """
    parameters = _parameters(config)
    kind = parameters.get("rope_type") or parameters.get("type") or "default"
    theta = _number(parameters, "rope_theta", _number(config, "rope_theta", _DEFAULT_THETA))
    if _number(parameters, "partial_rotary_factor", _number(config, "partial_rotary_factor", 1.0)) != 1.0:
        raise LoadFailed("config.json: partial_rotary_factor other than 1 is not supported for gpt_oss")
    extrapolated = tuple(theta ** (i / head_dim) for i in range(0, head_dim, 2))
    match kind:
        case "default":
            return Rope(wavelengths=extrapolated, scale=1.0)
        case "yarn":
            return _yarn(parameters, config, extrapolated, theta=theta, head_dim=head_dim)
        case _:
            raise LoadFailed(
                f"config.json: rope_type {kind!r} is not supported for gpt_oss; known are default and yarn"
            )


def context_length(config: Mapping[str, object]) -> int:
    """Positions that a gpt_oss config allows: what it states, or YaRN's factor times the original."""
    if config.get("max_position_embeddings") is not None:
        return int(_number(config, "max_position_embeddings", _DEFAULT_CONTEXT))
    parameters = _parameters(config)
    original = _number(parameters, "original_max_position_embeddings", _DEFAULT_CONTEXT)
    return int(original * _number(parameters, "factor", 1.0))


def _parameters(config: Mapping[str, object]) -> Mapping[str, object]:
    for name in ("rope_scaling", "rope_parameters"):
        stated = config.get(name)
        if isinstance(stated, Mapping) and stated:
            return stated
        if stated is not None and not isinstance(stated, Mapping):
            raise LoadFailed(f"config.json: {name} is {stated!r}; it must be an object")
    return _DEFAULT_PARAMETERS


def _yarn(
    parameters: Mapping[str, object],
    config: Mapping[str, object],
    extrapolated: tuple[float, ...],
    *,
    theta: float,
    head_dim: int,
) -> Rope:
    stated = _number(config, "max_position_embeddings", _DEFAULT_CONTEXT)
    original = _number(parameters, "original_max_position_embeddings", stated)
    original = _number(config, "original_max_position_embeddings", original)
    factor = _number(parameters, "factor", stated / original)

    def correction_dim(rotations: float) -> float:
        return head_dim * math.log(original / (rotations * 2 * math.pi)) / (2 * math.log(theta))

    low = correction_dim(_number(parameters, "beta_fast", 32.0))
    high = correction_dim(_number(parameters, "beta_slow", 1.0))
    if parameters.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, head_dim - 1)
    if low == high:
        high += 0.001

    def wavelength(i: int, full: float) -> float:
        interpolated_share = min(max((i - low) / (high - low), 0.0), 1.0)
        return 1.0 / (interpolated_share / (factor * full) + (1.0 - interpolated_share) / full)

    return Rope(
        wavelengths=tuple(wavelength(i, full) for i, full in enumerate(extrapolated)),
        scale=_attention_factor(parameters, factor),
    )


def _attention_factor(parameters: Mapping[str, object], factor: float) -> float:
    if parameters.get("attention_factor") is not None:
        return _number(parameters, "attention_factor", 1.0)

    def mscale(by: float) -> float:
        return 0.1 * by * math.log(factor) + 1.0 if factor > 1 else 1.0

    mscale_by, mscale_all_dim = _number(parameters, "mscale", 0.0), _number(parameters, "mscale_all_dim", 0.0)
    return mscale(mscale_by) / mscale(mscale_all_dim) if mscale_by and mscale_all_dim else mscale(1.0)


def _number(mapping: Mapping[str, object], name: str, default: float) -> float:
    value = mapping.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LoadFailed(f"config.json: {name} is {value!r}; it must be a number")
    return value
