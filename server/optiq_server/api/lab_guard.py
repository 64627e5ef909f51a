"""Who may start programs here: the user of this machine, or whoever has the key. No other site's page.

Jobs read and write files as the user, so for them it does not suffice that a body is declared as JSON: a page
of another site may have its own name lead to 127.0.0.1, and is then no stranger to the browser any more.
"""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from fastapi import Request

from optiq_server.errors import Forbidden

_OWN_PAGES = ("same-origin", "none")


async def own_pages_only(request: Request) -> None:
    """Raises Forbidden for what a page of another site makes a browser send."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _OWN_PAGES:
        raise Forbidden("a page of another site may not do that", code="forbidden_site")


def trusted_only(*, has_key: bool) -> Callable[[Request], Awaitable[None]]:
    """A dependency that raises Forbidden for all but those. With a key it was checked before."""

    async def check(request: Request) -> None:
        await own_pages_only(request)
        if has_key:
            return
        if not _is_loopback(request.client.host if request.client else ""):
            raise Forbidden(
                "without an API key, jobs are for this machine alone: start the server with --api-key",
                code="forbidden_host",
            )
        if not _is_address(request.url.hostname or ""):
            raise Forbidden(
                f"the host {request.url.hostname!r} may be anyone's: use 127.0.0.1 or localhost, or "
                "start the server with --api-key",
                code="forbidden_host",
            )

    return check


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def _is_address(host: str) -> bool:
    """Whether it is no name that somebody else may have given; `localhost` is the system's own."""
    if host == "localhost":
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
