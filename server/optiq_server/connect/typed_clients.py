"""Clients that are told by what is typed: environment variables, code, a form. And the one that cannot be."""

import json
import shlex

from optiq_server.api_key import API_KEY_VARIABLE
from optiq_server.connect.recipe import Language, Recipe, RecipeKind, Target


def claude_code(target: Target) -> Recipe:
    model = shlex.quote(target.model)
    variables = {
        "ANTHROPIC_BASE_URL": target.base_url,
        "ANTHROPIC_AUTH_TOKEN": target.shell_key,
        "ANTHROPIC_MODEL": model,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": model,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    return Recipe(
        id="claude-code",
        name="Claude Code",
        kind=RecipeKind.ENVIRONMENT,
        language=Language.SHELL,
        snippet="".join(f"export {name}={value}\n" for name, value in variables.items()) + "claude\n",
        steps=(
            "Type this into a terminal. The address is without /v1.",
            "Unset ANTHROPIC_API_KEY if it is set.",
        ),
    )


def cline(target: Target) -> Recipe:
    key = f"the value of {API_KEY_VARIABLE}" if target.needs_key else "none"
    return Recipe(
        id="cline",
        name="Cline",
        kind=RecipeKind.ENVIRONMENT,
        language=Language.TEXT,
        snippet=(
            "API Provider:   OpenAI Compatible\n"
            f"Base URL:       {target.api_url}\n"
            f"API Key:        {key}\n"
            f"Model ID:       {target.model}\n"
            f"Context Window: {target.context_length}\n"
        ),
        steps=("Open Cline's settings (the gear), and fill in its form.",),
    )


def open_webui(target: Target) -> Recipe:
    return Recipe(
        id="open-webui",
        name="Open WebUI",
        kind=RecipeKind.ENVIRONMENT,
        language=Language.SHELL,
        snippet=(
            f"export OPENAI_API_BASE_URL={target.api_url}\n"
            f"export OPENAI_API_KEY={target.shell_key}\n"
            "export ENABLE_OLLAMA_API=false\n"
            "open-webui serve --port 3000\n"
        ),
        steps=(
            "Type this into a terminal, and open http://127.0.0.1:3000.",
            "Where it has run before, add the address in its admin settings instead, below Connections: it "
            "reads the variables the first time only.",
        ),
        note="From a container, 127.0.0.1 is the container itself: use host.docker.internal, and start this "
        "server with --host 0.0.0.0 and a key.",
    )


def openai_python(target: Target) -> Recipe:
    key = f'os.environ["{API_KEY_VARIABLE}"]' if target.needs_key else '"none"'
    return Recipe(
        id="openai-python",
        name="OpenAI's Python package",
        kind=RecipeKind.ENVIRONMENT,
        language=Language.PYTHON,
        snippet=(
            ("import os\n\n" if target.needs_key else "")
            + "from openai import OpenAI\n\n"
            + f'client = OpenAI(base_url="{target.api_url}", api_key={key})\n'
            + "reply = client.chat.completions.create(\n"
            + f"    model={json.dumps(target.model)},\n"
            + '    messages=[{"role": "user", "content": "What is 17 + 25?"}],\n'
            + ")\n"
            + "print(reply.choices[0].message.content)\n"
        ),
        steps=("pip install openai",),
    )


def openai_typescript(target: Target) -> Recipe:
    key = f"process.env.{API_KEY_VARIABLE}" if target.needs_key else '"none"'
    return Recipe(
        id="openai-typescript",
        name="OpenAI's TypeScript package",
        kind=RecipeKind.ENVIRONMENT,
        language=Language.TEXT,
        snippet=(
            'import OpenAI from "openai";\n\n'
            f'const client = new OpenAI({{ baseURL: "{target.api_url}", apiKey: {key} }});\n'
            "const reply = await client.chat.completions.create({\n"
            f"  model: {json.dumps(target.model)},\n"
            '  messages: [{ role: "user", content: "What is 17 + 25?" }],\n'
            "});\n"
            "console.log(reply.choices[0].message.content);\n"
        ),
        steps=("npm install openai",),
    )


def curl(target: Target) -> Recipe:
    messages = [{"role": "user", "content": "What is 17 + 25?"}]
    body = shlex.quote(json.dumps({"model": target.model, "messages": messages}))
    key = f' -H "Authorization: Bearer ${API_KEY_VARIABLE}"' if target.needs_key else ""
    return Recipe(
        id="curl",
        name="curl",
        kind=RecipeKind.ENVIRONMENT,
        language=Language.SHELL,
        snippet=(
            f"curl {target.api_url}/chat/completions{key} -H 'Content-Type: application/json' \\\n"
            f"  -d {body}\n"
        ),
        steps=("Type this into a terminal.",),
    )


def cursor(_: Target) -> Recipe:
    return Recipe(
        id="cursor",
        name="Cursor",
        kind=RecipeKind.IMPOSSIBLE,
        language=Language.TEXT,
        snippet="",
        note="Cursor's own servers call the API, not the editor, and they cannot reach an address on your "
        "machine. It would take a tunnel with a public address, and your code would leave the machine.",
    )
