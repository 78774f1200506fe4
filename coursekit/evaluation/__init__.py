"""How good a model is, and whether two models differ."""

from coursekit.evaluation._comparing import (
    Interval,
    paired_difference,
    prediction_interval,
    resampled_difference,
    wilson_interval,
)
from coursekit.evaluation._confusion import ConfusionReport

__all__ = [
    "ConfusionReport",
    "Interval",
    "paired_difference",
    "prediction_interval",
    "resampled_difference",
    "wilson_interval",
]
