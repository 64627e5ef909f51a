"""GET / and /lab/...: the page. It is the same for everyone, and holds nothing of the user's.

The policy in the headers lets it load from this server alone, and run nothing that stands in the document.
"""

from fastapi import APIRouter, Request, Response

from optiq_server.errors import NotFound
from optiq_server.lab.site import Site, SiteFile

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)

_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_EACH_TIME = "no-cache"

_NO_PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>OptiQ</title>"
    "<h1>OptiQ is running</h1>"
    "<p>The API is at /v1. This installation has no page: its files, in optiq_server/lab/site, were not "
    "built. In a source tree, docs/lab.md tells how.</p></html>"
)


def lab_page_router(site: Site | None) -> APIRouter:
    """The routes over the built files; where there are none, `/` tells so."""
    router = APIRouter(tags=["lab"], include_in_schema=False)

    @router.api_route("/", methods=["GET", "HEAD"], response_model=None)
    async def read_index(request: Request) -> Response:
        if site is None:
            return Response(_NO_PAGE, media_type="text/html", headers=_HEADERS)
        return _answer(request, site.index)

    @router.api_route("/lab/{path:path}", methods=["GET", "HEAD"], response_model=None)
    async def read_file(path: str, request: Request) -> Response:
        file = None if site is None else site.files.get(path)
        if file is None:
            raise NotFound(f"the page has no file {path!r}", code="unknown_url")
        return _answer(request, file)

    return router


def _answer(request: Request, file: SiteFile) -> Response:
    encoding, body = file.best(request.headers.get("accept-encoding", ""))
    tag = f'"{file.tag}{"" if encoding is None else f"-{encoding}"}"'
    headers = {
        **_HEADERS,
        "Cache-Control": _FOR_EVER if file.is_hashed else _ASK_EACH_TIME,
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if encoding is not None:
        headers["Content-Encoding"] = encoding
    return Response(body, headers=headers, media_type=file.media_type)
