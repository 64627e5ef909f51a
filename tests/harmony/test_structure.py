import pytest

from optiq_harmony.conversation import CustomTool, FunctionTool, JsonObjectFormat
from optiq_harmony.structure import Structure, ToolChoice, ToolChoiceMode
from optiq_harmony.structure_errors import StructureError

LOOK_UP = FunctionTool(name="look_up")
SHELL = CustomTool(name="shell")


def test_all_declared_tools_may_be_called_unless_some_are_named() -> None:
    named = ToolChoice(mode=ToolChoiceMode.REQUIRED, names=frozenset({"shell"}))

    assert Structure(tools=(LOOK_UP, SHELL)).callable_tools == (LOOK_UP, SHELL)
    assert Structure(tools=(LOOK_UP, SHELL), tool_choice=named).callable_tools == (SHELL,)


def test_tool_choice_none_leaves_nothing_to_call() -> None:
    structure = Structure(tools=(LOOK_UP,), tool_choice=ToolChoice(mode=ToolChoiceMode.NONE))

    assert structure.callable_tools == ()
    assert not structure.must_call


def test_only_a_reply_without_any_demand_is_free() -> None:
    assert Structure().is_free
    assert not Structure(tools=(LOOK_UP,)).is_free
    assert not Structure(response_format=JsonObjectFormat()).is_free
    assert not Structure(reasoning=False).is_free
    assert not Structure(reasoning_budget=10).is_free


@pytest.mark.parametrize("name", ["", "two words", "a<b", "x" * 129, "naïve", "a\n"])
def test_a_name_that_no_header_can_hold_is_refused(name: str) -> None:
    with pytest.raises(StructureError) as caught:
        Structure(tools=(LOOK_UP, FunctionTool(name=name)))

    assert caught.value.field == "tools[1].name"


def test_a_name_declared_twice_is_refused() -> None:
    with pytest.raises(StructureError, match="'shell' is declared twice") as caught:
        Structure(tools=(SHELL, FunctionTool(name="shell")))

    assert caught.value.field == "tools[1].name"


def test_choosing_an_undeclared_tool_is_refused() -> None:
    with pytest.raises(StructureError, match="'other' is not among the tools"):
        Structure(tools=(LOOK_UP,), tool_choice=ToolChoice(names=frozenset({"other"})))


def test_a_required_call_without_tools_is_refused() -> None:
    with pytest.raises(StructureError, match="no tool to call"):
        Structure(tool_choice=ToolChoice(mode=ToolChoiceMode.REQUIRED))


def test_a_negative_budget_is_refused() -> None:
    with pytest.raises(StructureError) as caught:
        Structure(reasoning_budget=-1)

    assert caught.value.field == "reasoning_budget"
