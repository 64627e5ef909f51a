"""What is known of a unit's inputs, from the calibration text: the weights of its errors."""

from dataclasses import dataclass

import mlx.core as mx


@dataclass(frozen=True, slots=True, kw_only=True)
class InputStatistics:
    """Of the `count` inputs (in,) that a unit saw: the mean square of each, and the second moment
    X^T X / count (in, in) in float32 where it was asked for.

    An error dW of the weights costs tr(dW M dW^T) of mean squared output error, M being the second moment;
    with the mean squares alone its diagonal counts. An embedding has no inputs: how often each row was read,
    as a share of all tokens, stands in `mean_square` (rows,), and weighs rows instead of columns.
    """

    count: int
    mean_square: mx.array
    second_moment: mx.array | None = None
    weighs_rows: bool = False
