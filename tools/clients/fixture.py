"""What a client has sent, as a file: the scrubbed bodies, and how long a prompt each became."""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from optiq_server.dialect.protocol import Dialect, RenderedPrompt
from optiq_server.schema.chat import ChatCompletionRequest
from optiq_server.schema.responses import ResponsesRequest
from optiq_server.translate.chat_request import chat_request
from optiq_server.translate.job import Job
from optiq_server.translate.responses_request import response_job
from tools.clients.client import Client
from tools.clients.packages import version_of
from tools.clients.run import Report
from tools.clients.scrub import Scrubber


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request: its path, its JSON body, and the tokens of its prompt."""

    path: str
    prompt_tokens: int
    body: dict[str, object]

    @property
    def offers_tools(self) -> bool:
        """Whether it belongs to the task; clients also ask for titles and the like."""
        return bool(self.body.get("tools"))

    def prompt(self, dialect: Dialect) -> RenderedPrompt:
        return _prompt(self.path, json.dumps(self.body), dialect)


def write_fixture(folder: Path, client: Client, report: Report, dialect: Dialect) -> None:
    """Write `CLIENT.json.gz`; the same requests give the same bytes."""
    sent = [asdict(each) for each in _sent(report, dialect)]
    package = f"{client.package}@{version_of(client.package)}"
    text = json.dumps({"client": package, "requests": sent}, ensure_ascii=False, indent=1)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{client.name}.json.gz").write_bytes(gzip.compress(text.encode(), mtime=0))


def read_fixture(path: Path) -> Sequence[Sent]:
    return [Sent(**each) for each in json.loads(gzip.decompress(path.read_bytes()))["requests"]]


def _sent(report: Report, dialect: Dialect) -> Iterator[Sent]:
    scrubber = Scrubber(report.folder)
    for exchange in report.exchanges:
        if exchange.method != "POST":
            continue
        body = scrubber.scrub(exchange.body.decode())
        tokens = len(_prompt(exchange.path, body, dialect).ids)
        yield Sent(path=exchange.path, prompt_tokens=tokens, body=json.loads(body))


def _prompt(path: str, body: str, dialect: Dialect) -> RenderedPrompt:
    return dialect.render(_job(path, body).conversation)


def _job(path: str, body: str) -> Job:
    match path:
        case "/v1/chat/completions":
            return chat_request(ChatCompletionRequest.model_validate_json(body)).job
        case "/v1/responses":
            asked = ResponsesRequest.model_validate_json(body)
            return response_job(asked, earlier=(), items=asked.input or ()).job
        case _:
            raise ValueError(f"nothing is known of requests to {path}")
