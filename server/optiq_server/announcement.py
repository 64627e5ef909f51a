"""What the user is told when the model is ready. Pure."""

import json


def ready_lines(*, model: str, url: str, seconds: float) -> str:
    """One line that says where, and one command to paste. `seconds` is how long the start took."""
    body = json.dumps({"messages": [{"role": "user", "content": "What is 17 + 25?"}]})
    return (
        f"optiq: {model} is ready at {url}/v1 after {seconds:.1f} s (Ctrl-C stops it)\n"
        f"try it: curl {url}/v1/chat/completions -H 'Content-Type: application/json' -d '{body}'"
    )
