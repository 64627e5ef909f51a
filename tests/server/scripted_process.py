"""The command line in a process of its own, with a scripted model: `python -m` this module, mode, arguments.

The mode is `brief` (every reply is "hi"), `steady` (a reply of half a second), `endless` (one that never
ends), `hung` (its first step never returns), `mortal` (the worker dies after a few tokens), `stuck` (a model
that loads for ever) or `broken` (one that cannot be loaded). The arguments are the command line's.
"""

import sys
import threading
from collections.abc import Callable
from functools import partial

from optiq_harmony.vocabulary import Vocabulary
from optiq_server.cli import main
from optiq_server.dialect.protocol import Dialect
from optiq_server.engine.backend import Backend
from optiq_server.engine.errors import LoadFailed
from optiq_server.engine.scripted_backend import FaultStage, Script, ScriptedBackend
from optiq_server.engine.types import EngineLimits
from optiq_server.model import OpenedModel
from optiq_server.settings import Settings
from tests.server.doubles import MODEL, Replies


class _Mortal(ScriptedBackend):
    """Cannot go on after a step that failed."""

    def reset(self) -> None:
        raise RuntimeError("the device is gone")


def _open_backend(mode: str, settings: Settings) -> Backend:
    if mode == "stuck":
        threading.Event().wait()
    if mode == "broken":
        raise LoadFailed("the checkpoint in /nowhere is broken: model.safetensors is cut short")
    replies = Replies(Vocabulary.load(settings.cache_folder))
    pace = partial(threading.Event().wait, 0.01)
    match mode:
        case "brief":
            return ScriptedBackend(lambda _: replies.final("hi"), info=MODEL)
        case "steady":
            return ScriptedBackend(lambda _: replies.final(" hm" * 50), info=MODEL, pace=pace)
        case "endless":
            return ScriptedBackend(lambda _: Script(tokens=replies.endless_final()), info=MODEL, pace=pace)
        case "hung":
            return ScriptedBackend(lambda _: replies.final("hi"), info=MODEL, pace=threading.Event().wait)
        case "mortal":
            script = Script(tokens=replies.final(" hm" * 50), fault=FaultStage.STEP, fault_after=20)
            return _Mortal(lambda _: script, info=MODEL)
    raise ValueError(f"there is no mode {mode!r}")


def _open_model(settings: Settings, _: EngineLimits, harmony: Callable[[], Dialect]) -> OpenedModel:
    return OpenedModel(backend=_open_backend(sys.argv[1], settings), dialect=harmony())


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:], open_model=_open_model))
