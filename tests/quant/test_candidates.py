"""Which formats are tried for a unit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optiq_quant.candidates import AFFINE_BITS, GROUP_SIZES, Candidates, Experts, default_formats, formats_of
from optiq_quant.formats import Format, Mode, affine, dense, microscaled
from optiq_quant.units import Role, Unit

_MXFP4 = microscaled(Mode.MXFP4)
_FORMATS = st.sampled_from([*default_formats(), dense("bfloat16"), dense("float16"), dense("float32")])


def _unit(role: Role = Role.QUERY, stored: Format | None = None, shape: tuple[int, ...] = (64, 128)) -> Unit:
    return Unit(path="unit", role=role, layer=0, shape=shape, stored=stored or dense("bfloat16"))


def test_a_format_is_named_alone_or_for_all_group_sizes() -> None:
    assert formats_of(["affine4", " MXFP4 "], [32, 64]) == (affine(4, 32), affine(4, 64), _MXFP4)
    assert formats_of(["affine6g128", "bf16"]) == (affine(6, 128), dense("bfloat16"))


def test_a_format_that_is_named_twice_is_tried_once() -> None:
    assert formats_of(["affine4g32", "affine4", "affine4"], [64, 32]) == (affine(4, 32), affine(4, 64))


@pytest.mark.parametrize("name", ["affine7", "4", "int4", "affine", ""])
def test_what_is_no_format_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(ValueError, match=r"legal are affine<"):
        formats_of([name])


def test_by_default_all_that_mlx_lm_loads_are_tried() -> None:
    formats = default_formats()

    assert len(set(formats)) == len(formats) == len(AFFINE_BITS) * len(GROUP_SIZES) + 3
    assert {form.mode for form in default_formats(are_searched=True)} == {Mode.AFFINE}
    assert {form.group_size for form in default_formats([32]) if form.mode is Mode.AFFINE} == {32}


def test_native_experts_are_kept_unless_they_are_to_be_measured() -> None:
    expert = _unit(Role.EXPERT_UP, _MXFP4, (4, 64, 128))

    assert Candidates(formats=(affine(2),)).of(expert) == (_MXFP4,)
    assert Candidates(formats=(affine(2),), experts=Experts.MEASURE).of(expert) == (_MXFP4, affine(2))


def test_dense_experts_and_native_units_of_other_roles_are_priced_like_any_other() -> None:
    candidates = Candidates(formats=(affine(2),))

    assert candidates.of(_unit(Role.EXPERT_UP, shape=(4, 64, 128))) == (dense("bfloat16"), affine(2))
    assert candidates.of(_unit(Role.QUERY, affine(4))) == (affine(4), affine(2))


@given(stored=_FORMATS, formats=st.lists(_FORMATS), width=st.sampled_from([32, 64, 96, 128]))
def test_the_sources_format_is_first_and_all_others_fit_and_are_smaller(
    stored: Format, formats: list[Format], width: int
) -> None:
    if not stored.fits((64, width)):
        return
    unit = _unit(stored=stored, shape=(64, width))

    first, *others = Candidates(formats=tuple(formats), experts=Experts.MEASURE).of(unit)

    assert first == stored
    assert len(set(others)) == len(others)
    assert all(form.fits(unit.shape) and unit.bytes(form) < unit.bytes(stored) for form in others)
    assert set(others) <= set(formats)
