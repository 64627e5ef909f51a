"""What the user is told when the model is ready. Pure."""

import json

from optiq_server.api_key import API_KEY_VARIABLE


def ready_lines(*, model: str, url: str, seconds: float, has_key: bool = False) -> str:
    """One line that says where, one command to paste, and the page. `seconds` is how long the start took."""
    body = json.dumps({"messages": [{"role": "user", "content": "What is 17 + 25?"}]})
    key = f' -H "Authorization: Bearer ${API_KEY_VARIABLE}"' if has_key else ""
    return (
        f"optiq: {model} is ready at {url}/v1 after {seconds:.1f} s (Ctrl-C stops it)\n"
        f"try it: curl {url}/v1/chat/completions{key} -H 'Content-Type: application/json' -d '{body}'\n"
        f"or open {url}/ in a browser: OptiQ Lab"
    )
