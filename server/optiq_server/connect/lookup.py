"""Asks a server what it serves, so that clients can be told. One request; its failure is no error."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass

_PATIENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The model's name, and how many tokens its context has."""

    model: str
    context_length: int


class NotAnswered(Exception):
    """The server does not tell; the text says why."""


def ask_served(base_url: str, key: str | None) -> Served:
    """What the server at `base_url` serves. Raises NotAnswered."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    try:
        request = urllib.request.Request(f"{base_url}/v1/status", headers=headers)
        # Whatever proxy the user has for the web is none for a server of their own.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_PATIENCE_SECONDS) as answer:
            model = json.load(answer)["model"]
            return Served(model=str(model["id"]), context_length=int(model["context_length"]))
    except urllib.error.HTTPError as error:
        wants_key = error.code == 401
        raise NotAnswered("it wants its key" if wants_key else f"it answers {error.code}") from error
    except (OSError, ValueError) as error:
        raise NotAnswered(f"nobody answers there ({getattr(error, 'reason', error)})") from error
    except (KeyError, TypeError) as error:
        raise NotAnswered("its model is not loaded yet, or it is another program") from error
