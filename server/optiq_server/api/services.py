"""What the routes of generation are composed of; `app` fills it in, tests choose its parts."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from optiq_server.api.served_model import ServedModel
from optiq_server.api_key import ApiKey
from optiq_server.dialect.protocol import Dialect
from optiq_server.engine.engine import Engine
from optiq_server.response_store import ResponseStore


def random_id(prefix: str) -> str:
    """An id that no other reply has, in OpenAI's form: `chatcmpl-...`, `call_...`."""
    return prefix + secrets.token_hex(12)


def seconds_since_1970() -> int:
    return int(time.time())


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`time_limit` is in seconds; `version` is the server's own. `new_id` and `clock` are fixed in tests.

    Without a `store` no response is kept. With `log_prompts`, prompts and replies are logged. With an
    `api_key`, requests must carry it.
    """

    engine: Engine
    dialect: Dialect
    served: ServedModel
    version: str
    time_limit: float
    log_prompts: bool = False
    new_id: Callable[[str], str] = random_id
    clock: Callable[[], int] = seconds_since_1970
    store: ResponseStore | None = None
    api_key: ApiKey | None = None

    @property
    def has_key(self) -> bool:
        return self.api_key is not None
