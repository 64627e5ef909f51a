"""What the log and the figures keep of one sample: how much was said, how it ended, where the model strayed.

Never what was said, unless there is a transcript.
"""

import logging
from types import TracebackType
from typing import Self

from optiq_server.api.transcript import Transcript
from optiq_server.engine.types import Ended, EndReason, GenerationEvent, Tokens
from optiq_server.request_context import current_request
from optiq_server.translate.reply import Failed, Finished, Outcome, Reply

logger = logging.getLogger(__name__)


class Account:
    """Kept while the sample is read, inside `with`: one that is left before its end counts as cancelled.

    `prompt_tokens` is 0 if an earlier sample's account has the same prompt.
    """

    def __init__(
        self, *, reply_id: str, reply: Reply, prompt_tokens: int, transcript: Transcript | None
    ) -> None:
        self._reply_id = reply_id
        self._reply = reply
        self._prompt_tokens = prompt_tokens
        self._transcript = transcript
        self._heard = 0
        self._has_ended = False

    def add(self, event: GenerationEvent, outcome: Outcome | None) -> None:
        """What the engine told, and what the reply came to with it."""
        match event:
            case Tokens(ids=ids):
                self._heard += len(ids)
                if self._transcript is not None:
                    self._transcript.hear(ids)
            case Ended(completion_tokens=completion_tokens, cached_tokens=cached_tokens):
                if outcome is not None:
                    self._has_ended = True
                    self._conclude(outcome.reason, completion_tokens, cached_tokens)
                    self._log(outcome)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._has_ended:
            self._conclude(EndReason.CANCELLED, self._heard, cached_tokens=0)
        if self._transcript is not None:
            self._transcript.close()

    def _conclude(self, finish: str, completion_tokens: int, cached_tokens: int) -> None:
        request = current_request()
        if request is None:
            return
        request.reply_id = self._reply_id
        request.prompt_tokens += self._prompt_tokens
        request.cached_tokens += cached_tokens if self._prompt_tokens else 0
        request.completion_tokens += completion_tokens
        request.finish(str(finish))

    def _log(self, outcome: Outcome) -> None:
        match outcome:
            case Failed(reason=reason, detail=detail):
                level = logging.ERROR if reason is EndReason.FAULT else logging.INFO
                logger.log(level, "the reply broke off: %s %s", reason, detail)
            case Finished():
                pass
        for fault in self._reply.faults:
            # Its detail are words of the model.
            logger.info("the reply departed from its protocol: %s", fault.kind)
