"""What the user is told when the model is ready."""

import json
import shlex

from optiq_server.announcement import ready_lines


def test_the_command_can_be_pasted_and_is_a_chat() -> None:
    ready, hint, page = ready_lines(model="demo", url="http://127.0.0.1:8080", seconds=1.23).splitlines()

    words = shlex.split(hint.removeprefix("try it: "))

    assert ready == "optiq: demo is ready at http://127.0.0.1:8080/v1 after 1.2 s (Ctrl-C stops it)"
    assert "http://127.0.0.1:8080/ in a browser" in page
    assert words[:2] == ["curl", "http://127.0.0.1:8080/v1/chat/completions"]
    assert json.loads(words[-1])["messages"][0]["role"] == "user"


def test_a_server_with_a_key_names_its_variable_and_never_the_key() -> None:
    lines = ready_lines(model="demo", url="http://127.0.0.1:8080", seconds=1.23, has_key=True)

    assert '-H "Authorization: Bearer $OPTIQ_API_KEY"' in lines.splitlines()[1]
