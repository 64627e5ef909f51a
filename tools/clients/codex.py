"""OpenAI's Codex CLI: responses only, a shell as its tool."""

from pathlib import Path

from tools.clients.actor import Call
from tools.clients.client import FILE_NAME, GREETING, Client
from tools.clients.scripted_server import CONTEXT_LENGTH, MODEL_NAME


def configuration(base_url: str) -> str:
    """Analytics are off, because they would leave the machine, and so would the syncing of plugins."""
    return f"""\
model = "{MODEL_NAME}"
model_provider = "optiq"
model_context_window = {CONTEXT_LENGTH}
model_reasoning_effort = "medium"
check_for_update_on_startup = false

[model_providers.optiq]
name = "OptiQ"
base_url = "{base_url}"
wire_api = "responses"

[analytics]
enabled = false

[features]
plugins = false
"""


def _calls(_: Path) -> list[Call]:
    return [
        Call(tool="exec_command", arguments={"cmd": f"echo '{GREETING}' > {FILE_NAME}"}),
        Call(tool="exec_command", arguments={"cmd": f"cat {FILE_NAME}"}),
    ]


CODEX = Client(
    name="codex",
    package="@openai/codex",
    endpoint="/v1/responses",
    configuration_path=".codex/config.toml",
    configuration=configuration,
    # Its sandbox wants namespaces, which a container may not give; the home folder here is a temporary one.
    arguments=("exec", "--skip-git-repo-check", "--sandbox", "danger-full-access"),
    calls=_calls,
)
