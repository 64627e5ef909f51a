"""Errors of the engine. All but ConstraintFailed are raised before a generation is queued.

EngineError
├── NotReady          the weights are still loading, or the engine has failed or stopped
├── PromptTooLong     the prompt leaves no room in the model's context
├── UnknownToken      the prompt has a token id that the model does not have
├── UnknownBias       logit_bias has a token id that the model does not have
├── QueueFull         too many generations are waiting
├── ConstraintFailed  a running generation's constraint cannot go on; it ends with FAULT
└── LoadFailed        the checkpoint is missing, broken, or of a kind that would compute something else
"""


class EngineError(Exception):
    """Base of all; never raised itself."""


class NotReady(EngineError):
    """The engine cannot take requests now; `state` tells why."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state

    def __str__(self) -> str:
        return f"the model is not ready: the engine is {self.state}"


class PromptTooLong(EngineError):
    """The prompt has `prompt_tokens`; the context holds `context_length`, at least one of them new.

    `is_cut` tells that this machine's memory is what bounds it, not the model.
    """

    def __init__(self, *, prompt_tokens: int, context_length: int, is_cut: bool = False) -> None:
        super().__init__(prompt_tokens, context_length, is_cut)
        self.prompt_tokens = prompt_tokens
        self.context_length = context_length
        self.is_cut = is_cut

    def __str__(self) -> str:
        return f"the prompt has {self.prompt_tokens} tokens; the context holds {self.context_length}"


class UnknownToken(EngineError):
    """The prompt's `token` at `position` is not among the model's `vocabulary_size` ids."""

    def __init__(self, *, token: int, position: int, vocabulary_size: int) -> None:
        super().__init__(token, position, vocabulary_size)
        self.token = token
        self.position = position
        self.vocabulary_size = vocabulary_size

    def __str__(self) -> str:
        return (
            f"the prompt's token {self.token} at position {self.position} is not in the vocabulary, "
            f"which has ids from 0 to {self.vocabulary_size - 1}"
        )


class UnknownBias(EngineError):
    """The logit bias of `token` has no logit to go to: it is not among the model's `vocabulary_size` ids."""

    def __init__(self, *, token: int, vocabulary_size: int) -> None:
        super().__init__(token, vocabulary_size)
        self.token = token
        self.vocabulary_size = vocabulary_size

    def __str__(self) -> str:
        return f"{self.token} is not a token id, which is a number from 0 to {self.vocabulary_size - 1}"


class QueueFull(EngineError):
    """`waiting` generations are queued, which is the limit."""

    def __init__(self, *, waiting: int) -> None:
        super().__init__(waiting)
        self.waiting = waiting

    def __str__(self) -> str:
        return f"{self.waiting} requests are waiting already, which is the limit"


class ConstraintFailed(EngineError):
    """A token came that the constraint forbids, or its mask cannot be computed; `reason` is one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class LoadFailed(EngineError):
    """The checkpoint cannot be served; `reason` is one clear line for the user."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return self.reason
