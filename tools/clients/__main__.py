"""`python -m tools.clients`: run clients, print a line for each. Exit codes: 0 all passed, 1 one has not."""

import argparse
import asyncio
import sys
from collections import Counter
from pathlib import Path

from optiq_harmony.vocabulary import Vocabulary
from optiq_server.settings import default_cache_folder
from tools.clients.client import Client
from tools.clients.cn import CN
from tools.clients.codex import CODEX
from tools.clients.fixture import write_fixture
from tools.clients.opencode import OPENCODE
from tools.clients.packages import install, version_of
from tools.clients.run import Report, complete_task
from tools.clients.scripted_server import harmony_dialect

_CLIENTS = {client.name: client for client in (CODEX, OPENCODE, CN)}


def main() -> int:
    options = _options()
    commands = install(options.npm_prefix)
    vocabulary = Vocabulary.load(default_cache_folder())
    passed = True
    for client in options.clients or _CLIENTS.values():
        report = asyncio.run(complete_task(client, commands, vocabulary))
        passed = passed and not report.failures
        _tell(client, report)
        if options.keep is not None and not report.failures:
            write_fixture(options.keep, client, report, harmony_dialect(vocabulary))
    return 0 if passed else 1


def _tell(client: Client, report: Report) -> None:
    endpoints = Counter(f"{exchange.method} {exchange.path}" for exchange in report.exchanges)
    asked = ", ".join(f"{count} x {endpoint}" for endpoint, count in endpoints.items())
    prompts = " + ".join(map(str, report.prompt_tokens))
    print(
        f"{'FAIL' if report.failures else 'PASS'} {client.name} {version_of(client.package)}: "
        f"{asked or 'no requests'}; prompt tokens {prompts or 0}; {report.seconds:.1f} s"
    )
    for failure in report.failures:
        print(f"     {failure}")
    if report.failures:
        print(report.talk, file=sys.stderr)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.clients",
        description="Let coding agents do a small task with their tools, against a scripted model.",
    )
    parser.add_argument(
        "clients",
        nargs="*",
        type=_client,
        metavar="CLIENT",
        help="codex, opencode, cn (default: all)",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="write what they sent, without traces of here"
    )
    parser.add_argument(
        "--npm-prefix",
        type=Path,
        default=default_cache_folder() / "clients",
        metavar="FOLDER",
        help="where the npm packages are installed, about 1 GB (default: %(default)s)",
    )
    return parser.parse_args()


def _client(name: str) -> Client:
    if name not in _CLIENTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(_CLIENTS)}")
    return _CLIENTS[name]


if __name__ == "__main__":
    sys.exit(main())
