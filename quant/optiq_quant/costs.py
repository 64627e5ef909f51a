"""What each choice costs: the values that go from measuring to choosing. It holds no array."""

from dataclasses import dataclass

from optiq_quant.formats import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One format for one unit: `bytes` stored, `decode_bytes` read for each token, `divergence` the predicted
    rise of the mean KL divergence in nats (0 for the source's own format)."""

    format: Format
    bytes: int
    decode_bytes: int
    divergence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The options of one unit, at least one."""

    path: str
    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise ValueError(f"{self.path}: there is no format that it could have")
