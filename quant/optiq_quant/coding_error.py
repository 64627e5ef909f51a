"""How far coded weights are from the source's, against the nearest codes of the same format."""

import mlx.core as mx

from optiq_quant.encoded import Encoded, encode_nearest
from optiq_quant.formats import Format
from optiq_quant.pieces import row_slices


def coding_error(source: Encoded, coded: Encoded, form: Format, dtype: mx.Dtype) -> tuple[float, float]:
    """The sums of squared errors: of `coded`, and of the source's nearest codes in `form`.

    `dtype` is that of the scales: rounded to 16 bits they alone are a good part of the error at 8 bits.
    """
    mx.eval(*source.tensors("").values(), *coded.tensors("").values())
    found = least = 0.0
    for begin, end in row_slices(source):
        weights = source.rows(begin, end).decoded()
        nearest = encode_nearest(weights.astype(dtype), form).decoded()
        sums = [mx.sum(mx.square(each - weights)) for each in (coded.rows(begin, end).decoded(), nearest)]
        mx.eval(sums)
        found, least = found + float(sums[0]), least + float(sums[1])
    return found, least
