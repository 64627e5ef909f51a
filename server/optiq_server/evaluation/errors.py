"""What an evaluation cannot do, each with one line for the user.

EvaluationError
|-- DataMissing      a benchmark's data is not here, and how to get it
|-- DataDamaged      it is here, and is not what it should be
|-- ForeignRun       a stored run belongs to another model, suite or setting
|-- RunDamaged       a stored run cannot be read, or is being written
|-- ServerUnusable   the server to evaluate is not there
|-- NoAnswer         one item got no answer
`-- Interrupted      the user stopped the run
"""


class EvaluationError(Exception):
    """The tree's root. The text is complete: what, which value, what is legal."""


class DataMissing(EvaluationError):
    """A file of a benchmark is not where it was looked for; the text says how to get it."""


class DataDamaged(EvaluationError):
    """A file of a benchmark has another content than it must have."""


class ForeignRun(EvaluationError):
    """The stored answers were given to other questions, by another model, or with other settings."""


class RunDamaged(EvaluationError):
    """A file of stored answers is not one, or another process is writing it."""


class ServerUnusable(EvaluationError):
    """The server does not answer, or answers nothing that can be used."""


class NoAnswer(EvaluationError):
    """An item's answer could not be had: the failure is the server's or the network's, not the model's."""


class Interrupted(EvaluationError):
    """The user stopped the run; what was answered is stored."""
