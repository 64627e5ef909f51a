"""The command line in a process of its own, with a scripted model: `python -m` this module, mode, arguments.

The mode is `brief` (every reply is "hi"), `endless` (a reply that never ends), `stuck` (a model that loads
for ever) or `broken` (one that cannot be loaded). The arguments are the command line's.
"""

import sys
import threading
from collections.abc import Callable

from optiq_harmony.vocabulary import Vocabulary
from optiq_server.cli import main
from optiq_server.dialect.protocol import Dialect
from optiq_server.engine.backend import Backend
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.scripted_backend import Script, ScriptedBackend
from optiq_server.engine.types import EngineLimits, GenerationRequest
from optiq_server.model import OpenedModel
from optiq_server.settings import Settings
from tests.server.doubles import MODEL, Replies


def _open_backend(mode: str, settings: Settings) -> Backend:
    match mode:
        case "brief":
            reply = Replies(Vocabulary.load(settings.cache_folder)).final("hi")
            return ScriptedBackend(lambda _: reply, info=MODEL)
        case "endless":
            replies = Replies(Vocabulary.load(settings.cache_folder))

            def play(request: GenerationRequest) -> Script:
                return Script(tokens=replies.endless_final())

            return ScriptedBackend(play, info=MODEL, pace=lambda: threading.Event().wait(0.01))
        case "stuck":
            threading.Event().wait()
    raise LoadFailed("the checkpoint in /nowhere is broken: model.safetensors is cut short")


def _open_model(settings: Settings, _: EngineLimits, harmony: Callable[[], Dialect]) -> OpenedModel:
    return OpenedModel(backend=_open_backend(sys.argv[1], settings), dialect=harmony())


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], open_model=_open_model))
