"""The quantizer's errors.

QuantError
├── CheckpointUnusable   the source, or a folder to verify, is not what it must be
├── BudgetTooSmall       no choice of formats fits the budget; it names the least that does
├── PlanRejected         a plan does not belong to this checkpoint, or is not one
├── JournalForeign       measurements on disk were made of other weights, text or settings
├── CalibrationUnusable  the calibration text cannot be read or is too short
└── VerificationFailed   what was written is not what was planned
"""


class QuantError(Exception):
    """One line for the user. Every subclass says what is wrong and what would be right."""


class CheckpointUnusable(QuantError):
    """A checkpoint that cannot be read, measured or written."""


class BudgetTooSmall(QuantError):
    """`needed` is the least that any choice of formats takes, in the budget's own unit."""

    def __init__(self, *, asked: str, needed: str) -> None:
        super().__init__(f"the budget is {asked}, and the smallest choice of formats needs {needed}")
        self.asked = asked
        self.needed = needed


class PlanRejected(QuantError):
    """A plan that cannot be carried out on this checkpoint."""


class JournalForeign(QuantError):
    """A journal of other measurements: to go on with it would mix two models."""


class CalibrationUnusable(QuantError):
    """Text that cannot be measured on."""


class VerificationFailed(QuantError):
    """A written checkpoint that differs from its plan, or from its source where it must not."""
