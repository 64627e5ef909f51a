"""Continue's command line, `cn`: chat completions."""

from pathlib import Path

from tools.clients.actor import Call
from tools.clients.client import FILE_NAME, GREETING, Client
from tools.clients.scripted_server import CONTEXT_LENGTH, MODEL_NAME

_OUTPUT_TOKENS = 32_768


def configuration(base_url: str) -> str:
    """The editor's extensions read the same file."""
    return f"""\
name: OptiQ
version: 1.0.0
schema: v1
models:
  - name: {MODEL_NAME}
    provider: openai
    model: {MODEL_NAME}
    apiBase: {base_url}
    apiKey: none
    roles: [chat, edit, apply]
    capabilities: [tool_use]
    defaultCompletionOptions:
      contextLength: {CONTEXT_LENGTH}
      maxTokens: {_OUTPUT_TOKENS}
"""


def _calls(project: Path) -> list[Call]:
    return [
        Call(
            tool="Write",
            arguments={"filepath": str(project / FILE_NAME), "content": f"{GREETING}\n"},
        ),
        Call(tool="Bash", arguments={"command": f"cat {FILE_NAME}"}),
    ]


CN = Client(
    name="cn",
    package="@continuedev/cli",
    endpoint="/v1/chat/completions",
    configuration_path=".continue/config.yaml",
    configuration=configuration,
    arguments=("-p", "--auto"),
    calls=_calls,
)
