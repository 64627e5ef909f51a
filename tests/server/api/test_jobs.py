"""/v1/lab/jobs over a real socket, with a small program in the place of the long ones."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from optiq_server.api.jobs import Workshop
from optiq_server.api.lab import Lab
from optiq_server.api_key import ApiKey
from optiq_server.engine.errors import LoadFailed
from tests.server.conftest import Scripted, Serve
from tests.server.jobs.workshop import registry

_PATH = "/v1/lab/jobs"


@pytest.fixture(name="lab")
def _lab(tmp_path: Path) -> Lab:
    def needed(checkpoint: str) -> int | None:
        if checkpoint == "broken":
            raise LoadFailed("broken is no checkpoint")
        return {"large/done": 2000}.get(checkpoint, 10)

    return Lab(workshop=Workshop(registry=registry(tmp_path), needed=needed, left=lambda: 1000))


def _quantize(checkpoint: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401  # raw JSON
    return {"kind": "quantize", "options": {"checkpoint": checkpoint, "out": "/out", "bpw": 4.5}, **fields}


def _evaluate(*suites: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # raw JSON
    return {"kind": "evaluate", "options": {"suites": list(suites), **options}}


async def _ended(http: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            job: dict[str, Any] = (await http.get(f"{_PATH}/{job_id}")).json()
            if job["state"] != "running":
                return job
            await asyncio.sleep(0.01)


async def test_a_job_is_started_watched_and_removed(serve: Serve, scripted: Scripted, lab: Lab) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        started = await server.http.post(_PATH, json=_quantize("done"))
        job = await _ended(server.http, started.json()["id"])
        path = f"{_PATH}/{job['id']}"
        log = await server.http.get(f"{path}/log")
        result = await server.http.get(f"{path}/result")
        listed = (await server.http.get(_PATH)).json()
        deleted = await server.http.delete(path)
        gone = await server.http.get(path)

    assert (started.status_code, started.json()["state"]) == (201, "running")
    assert started.json()["options"] == {"checkpoint": "done", "out": "/out", "bpw": 4.5}
    assert (job["state"], job["error"]) == ("done", None)
    assert job["progress"] == {"phase": "measuring", "done": 1, "total": 4, "seconds_left": 1.5}
    assert (log.text, log.headers["content-type"]) == ("begun\n", "text/plain; charset=utf-8")
    assert result.json() == {"score": 1}
    assert listed == {"jobs": [job]}
    assert (deleted.status_code, gone.status_code) == (200, 404)


async def test_a_running_job_is_cancelled_and_keeps_others_out(
    serve: Serve, scripted: Scripted, lab: Lab
) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        job_id = (await server.http.post(_PATH, json=_evaluate("wait"))).json()["id"]
        second = await server.http.post(_PATH, json=_evaluate("done"))
        removed = await server.http.delete(f"{_PATH}/{job_id}")
        early = await server.http.get(f"{_PATH}/{job_id}/result")
        cancelled = await server.http.post(f"{_PATH}/{job_id}/cancel")
        job = await _ended(server.http, job_id)

    assert (second.status_code, second.json()["error"]["code"]) == (409, "job_running")
    assert (removed.status_code, early.json()["error"]["code"]) == (409, "no_result")
    assert cancelled.status_code == 200
    assert job["state"] == "cancelled"


async def test_what_does_not_fit_beside_the_model_is_refused_unless_it_may_share(
    serve: Serve, scripted: Scripted, lab: Lab
) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        refused = await server.http.post(_PATH, json=_quantize("large/done"))
        shared = await server.http.post(_PATH, json=_quantize("large/done", share_memory=True))

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "memory")
    assert "1.95 KiB" in refused.json()["error"]["message"]
    assert shared.status_code == 201


_WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "kind"),
    ({"kind": "dance"}, "kind"),
    ({"kind": "quantize"}, "options"),
    (_quantize("-x"), "options.checkpoint"),
    (_quantize("broken"), "options.checkpoint"),
    ({"kind": "quantize", "options": {"checkpoint": "a", "out": "b", "shards": 2}}, "options.shards"),
    ({"kind": "quantize", "options": {"checkpoint": "a", "out": "b", "bpw": 0}}, "options.bpw"),
    ({"kind": "quantize", "options": {"checkpoint": "a", "out": "b", "experts": "x"}}, "options.experts"),
    ({"kind": "quantize", "options": {"checkpoint": "a", "out": "b", "bpw": 4, "size": "1GB"}}, "options"),
    (_quantize("a", share_memory="yes"), "share_memory"),
    (_evaluate(), "options.suites"),
    (_evaluate("a,b"), "options.suites[0]"),
    (_evaluate("a", limit=0), "options.limit"),
    (_evaluate("a", base_url="file:///etc/passwd"), "options.base_url"),
]


async def test_a_wrong_body_is_400_and_named(serve: Serve, scripted: Scripted, lab: Lab) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        for body, param in _WRONG:
            answer = await server.http.post(_PATH, json=body)

            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), body


async def test_no_other_sites_page_gets_in(serve: Serve, scripted: Scripted, lab: Lab) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        for headers in (
            {"host": "evil.example:8080"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            read = await server.http.get(_PATH, headers=headers)
            started = await server.http.post(_PATH, json=_quantize("done"), headers=headers)

            assert (read.status_code, started.status_code) == (403, 403), headers


async def test_whoever_has_the_key_may_use_any_name_of_the_server(
    serve: Serve, scripted: Scripted, lab: Lab
) -> None:
    headers = {"host": "mac.example:8080", "authorization": "Bearer k"}
    async with serve(lambda: scripted(lambda _: ()), lab=lab, api_key=ApiKey("k")) as server:
        answer = await server.http.get(_PATH, headers=headers)

    assert answer.json() == {"jobs": []}


async def test_the_server_ends_a_job_when_it_stops(
    serve: Serve, scripted: Scripted, lab: Lab, tmp_path: Path
) -> None:
    async with serve(lambda: scripted(lambda _: ()), lab=lab) as server:
        job_id = (await server.http.post(_PATH, json=_evaluate("wait"))).json()["id"]

    job = registry(tmp_path).get(job_id)
    assert (job.state, job.error) == ("failed", "the server stopped while this ran")
