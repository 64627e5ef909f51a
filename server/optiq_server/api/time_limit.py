"""How long one request may take: the server's limit, or less if the client will not wait so long."""

from math import inf, nan

from optiq_server.errors import InvalidRequest
from optiq_server.request_context import current_request

_HEADER = "x-request-timeout"
_MAX_SHOWN = 40


def time_limit(servers: float) -> float:
    """Seconds. Raises InvalidRequest if the request's header names none."""
    request = current_request()
    asked = None if request is None else request.timeout
    return servers if asked is None else min(servers, _seconds(asked))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = nan
    if not 0 < seconds < inf:
        raise InvalidRequest(
            f"the header {_HEADER} is {text[:_MAX_SHOWN]!r}: it must be a number of seconds above 0",
            param=_HEADER,
            code="invalid_value",
        )
    return seconds
