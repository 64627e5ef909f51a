"""The picture of bits."""

import xml.etree.ElementTree as ET

from optiq_quant.formats import affine
from optiq_quant.picture import bits_picture
from tests.quant.checkpoints import REFERENCE, inventory_of

_TEXT = "{http://www.w3.org/2000/svg}text"


def test_each_unit_shows_its_format_and_each_role_its_name() -> None:
    inventory = inventory_of(REFERENCE)
    formats = {**inventory.stored_formats(), "lm_head": affine(6, 32)}

    picture = ET.fromstring(bits_picture(inventory, formats))

    texts = ["".join(each.itertext()).strip() for each in picture.iter(_TEXT)]
    assert texts.count("affine6g32") == 1
    assert texts.count("mxfp4") == 12
    assert texts.count("bf16") == 21
    assert {"router", "query", "head", "outside", "0", "3"} <= set(texts)


def test_the_same_plan_gives_the_same_picture() -> None:
    inventory = inventory_of(REFERENCE)

    first, second = (bits_picture(inventory, inventory.stored_formats()) for _ in range(2))

    assert first == second
