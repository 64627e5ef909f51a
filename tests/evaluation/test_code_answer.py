"""The program in an answer, however a model writes it down."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optiq_server.evaluation.code_answer import program_in

_PROMPT = 'import math\n\n\ndef helper(x):\n    return x\n\n\ndef double(x):\n    """Twice x."""\n'
_FUNCTION = "def double(x):\n    return helper(x) * 2\n"


def _result(text: str, argument: int = 4) -> object:
    """What the program makes of 4: 8 if it is the right one."""
    sources = program_in(text, prompt=_PROMPT, entry_point="double")
    assert sources is not None
    names: dict[str, object] = {}
    for source in sources:
        exec(source, names)
    function = names["double"]
    assert callable(function)
    return function(argument)


@pytest.mark.parametrize(
    "text",
    [
        f"```python\n{_FUNCTION}```",
        f"```\n{_FUNCTION}```",
        f"~~~py\n{_FUNCTION}~~~",
        f"````python\n{_FUNCTION}````",
        f"Here it is:\n\n```python\n{_FUNCTION}```\nIt doubles x.",
        f"```python\n{_PROMPT}    return helper(x) * 2\n```",
        f"```python\nfrom __future__ import annotations\n{_FUNCTION}```",
        "```python\nimport operator\n\ndouble = lambda x: operator.mul(x, 2)\n```",
        # Cut off before the fence closes.
        f"```python\n{_FUNCTION}",
        # In a list, indented with its fence.
        "1. So:\n\n   ```python\n   def double(x):\n       return x * 2\n   ```\n",
        # A whole block that is indented.
        "```python\n    def double(x):\n        return x * 2\n```",
        # The block is only a body.
        "```python\n    return helper(x) * 2\n```",
        "```python\nreturn helper(x) * 2\n```",
        # Several blocks: use, or a correction.
        f"```python\n{_FUNCTION}```\nUse it so:\n```python\nprint(double(2))\n```",
        f"```python\ndef double(x):\n    return x\n```\nNo:\n```python\n{_FUNCTION}```",
        f"```sh\npip install nothing\n```\n```python\n{_FUNCTION}```",
        # No fence at all.
        _FUNCTION,
        f"\n\n{_FUNCTION}",
        f"Sure, here is the function:\n\n{_FUNCTION}\nThis multiplies x by two.",
        f"import math\n\n{_FUNCTION}\n# done\nprint(double(2))\n",
        "    return helper(x) * 2",
        "    return helper(x) * 2\n\nThat is all.",
    ],
)
def test_the_function_is_found(text: str) -> None:
    assert _result(text) == 8


@pytest.mark.parametrize(
    "text", ["", "   \n", "I cannot do that.", "``` ```", "```python\n```", "The answer is 8."]
)
def test_a_text_without_code_has_no_program(text: str) -> None:
    assert program_in(text, prompt=_PROMPT, entry_point="double") is None


def test_the_prompt_goes_first_so_that_its_imports_and_helpers_exist() -> None:
    sources = program_in(f"```python\n{_FUNCTION}```", prompt=_PROMPT, entry_point="double")

    assert sources == (_PROMPT, _FUNCTION)


def test_a_name_that_only_begins_like_the_functions_does_not_define_it() -> None:
    text = f"```python\n{_FUNCTION}```\n```python\ndef double_all(xs):\n    return xs\n```"

    assert _result(text) == 8


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("`~ \n\tdef double(x):import#\x00é"), max_size=80))
def test_no_text_is_an_error(text: str) -> None:
    program_in(text, prompt=_PROMPT, entry_point="double")
