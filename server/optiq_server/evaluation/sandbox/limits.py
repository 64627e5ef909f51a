"""How much a program under test may use."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one program. CPU time is that of its process; wall time, in which the tests must be through, is
    long beside it, so that a busy machine decides nothing. Memory is address space on Linux, and resident
    memory on macOS. Files may not be written at all.
    """

    cpu_seconds: int = 5
    wall_seconds: float = 30.0
    memory_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        if self.cpu_seconds < 1:
            raise ValueError(f"cpu_seconds {self.cpu_seconds} is not at least 1")
        if self.wall_seconds <= 0:
            raise ValueError(f"wall_seconds {self.wall_seconds} is not above 0")
        if self.memory_bytes < 64 << 20:
            raise ValueError(f"memory_bytes {self.memory_bytes} is less than an interpreter needs (64 MiB)")
