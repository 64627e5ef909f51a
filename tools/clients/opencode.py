"""opencode: chat completions by way of its bundled `@ai-sdk/openai-compatible`."""

import json
from pathlib import Path

from tools.clients.actor import Call
from tools.clients.client import FILE_NAME, GREETING, Client
from tools.clients.scripted_server import CONTEXT_LENGTH, MODEL_NAME

_OUTPUT_TOKENS = 32_768


def configuration(base_url: str) -> str:
    """`small_model` writes titles; without it, opencode would look for one elsewhere."""
    model = {
        "name": MODEL_NAME,
        "reasoning": True,
        "tool_call": True,
        "limit": {"context": CONTEXT_LENGTH, "output": _OUTPUT_TOKENS},
    }
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "OptiQ",
        "options": {"baseURL": base_url},
        "models": {MODEL_NAME: model},
    }
    name = f"optiq/{MODEL_NAME}"
    return json.dumps({"model": name, "small_model": name, "provider": {"optiq": provider}}, indent=2) + "\n"


def _calls(project: Path) -> list[Call]:
    return [
        Call(
            tool="write",
            arguments={"content": f"{GREETING}\n", "filePath": str(project / FILE_NAME)},
        ),
        Call(tool="bash", arguments={"command": f"cat {FILE_NAME}"}),
    ]


OPENCODE = Client(
    name="opencode",
    package="opencode-ai",
    endpoint="/v1/chat/completions",
    configuration_path=".config/opencode/opencode.json",
    configuration=configuration,
    arguments=("run",),
    # It runs without these too, but then fetches a list of models, updates and plugins where it can.
    environment={
        "npm_config_offline": "true",
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
    },
    calls=_calls,
)
