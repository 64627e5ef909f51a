"""What the sandbox cannot do."""

from optiq_server.evaluation.errors import EvaluationError


class NoContainment(EvaluationError):
    """Nothing on this machine was seen to contain a program, so none is run. The text tells what was tried,
    why each failed, and what to install.
    """
