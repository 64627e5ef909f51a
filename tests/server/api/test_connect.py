"""GET /v1/lab/connect over a real socket: snippets with the address by which the server was asked."""

from optiq_server.api_key import ApiKey
from tests.server.conftest import Scripted, Serve


async def test_snippets_have_this_servers_address_and_model(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        clients = (await server.http.get("/v1/lab/connect")).json()["clients"]

    told = {client["id"]: client for client in clients}
    assert f'base_url = "{server.url}/v1"' in told["codex"]["snippet"]
    assert 'model = "optiq/scripted"' in told["codex"]["snippet"]
    assert (told["codex"]["kind"], told["codex"]["path"]) == ("file", "~/.codex/config.toml")
    assert (told["cursor"]["kind"], told["cursor"]["snippet"]) == ("impossible", "")
    assert told["curl"]["path"] is None


async def test_the_key_itself_is_in_no_snippet(serve: Serve, scripted: Scripted) -> None:
    headers = {"x-api-key": "sesame-4711"}
    async with serve(lambda: scripted(lambda _: ()), api_key=ApiKey("sesame-4711")) as server:
        answer = await server.http.get("/v1/lab/connect", headers=headers)

    assert "sesame-4711" not in answer.text
    assert "OPTIQ_API_KEY" in answer.text


async def test_a_host_that_a_shell_would_run_is_refused(serve: Serve, scripted: Scripted) -> None:
    async with serve(lambda: scripted(lambda _: ())) as server:
        answer = await server.http.get("/v1/lab/connect", headers={"host": "a$(id)"})

    assert answer.status_code == 400
