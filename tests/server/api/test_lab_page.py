"""The page over a real socket: its headers, its caching, and what is not there."""

from pathlib import Path

import pytest

from optiq_server.api.lab import Lab
from optiq_server.lab.site import read_site
from tests.server.conftest import Scripted, Serve

_INDEX = "<!doctype html><title>OptiQ Lab</title>" + " " * 500
_SCRIPT = "export const answer = 42;\n" * 40


@pytest.fixture(name="lab")
def _lab(tmp_path: Path) -> Lab:
    site = tmp_path / "site"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text(_INDEX)
    (site / "assets" / "app-1a2b.js").write_text(_SCRIPT)
    (tmp_path / "secret.txt").write_text("secret")
    return Lab(site=read_site(site))


async def test_the_page_may_load_from_here_alone_and_be_framed_by_nobody(
    serve: Serve, scripted: Scripted, lab: Lab
) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        answer = await server.http.get("/")

    policy = dict(each.split(" ", 1) for each in answer.headers["content-security-policy"].split("; "))
    assert answer.text == _INDEX
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-cache"


async def test_hashed_files_are_kept_for_ever_and_sent_compressed(
    serve: Serve, scripted: Scripted, lab: Lab
) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        answer = await server.http.get("/lab/assets/app-1a2b.js", headers={"accept-encoding": "gzip"})
        plain = await server.http.get("/lab/assets/app-1a2b.js", headers={"accept-encoding": "identity"})
        head = await server.http.head("/lab/assets/app-1a2b.js")

    assert (answer.text, plain.text, head.text) == (_SCRIPT, _SCRIPT, "")
    assert answer.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(answer.headers["content-length"]) < len(_SCRIPT)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["vary"] == "Accept-Encoding"


async def test_a_page_that_is_still_the_same_is_not_sent_again(
    serve: Serve, scripted: Scripted, lab: Lab
) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        first = await server.http.get("/")
        again = await server.http.get("/", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


async def test_no_path_leads_out_of_the_page(serve: Serve, scripted: Scripted, lab: Lab) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        for path in ("nothing.js", "../secret.txt", "%2e%2e/secret.txt", "assets", "", "/etc/passwd"):
            answer = await server.http.get(f"/lab/{path}")

            assert answer.status_code == 404, path


async def test_without_a_built_page_the_root_says_so(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=Lab()) as server:
        answer = await server.http.get("/")

    assert answer.status_code == 200
    assert "not built" in answer.text
    assert "content-security-policy" in answer.headers
