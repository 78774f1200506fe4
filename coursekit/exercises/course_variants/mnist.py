"""The variants of the tuning lab: which digits a student gets, and what is tried on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coursekit.exercises.variants import Draw, declare_variant

# Seeds with which the digits are shuffled; 123 is that of the chapters.
SHUFFLES = range(1000, 10_000)


@dataclass(frozen=True)
class BatchSize:
    """The numbers of one variant of exercise 4-A.

    Attributes
    ----------
    shuffle : int
        Seed with which the digits are shuffled.
    batch_sizes : tuple of int
        Four batch sizes, in ascending order.
    epochs : int
        How many epochs each network trains for.
    learning_rate : float
        Learning rate of plain SGD.
    """

    shuffle: int
    batch_sizes: tuple[int, int, int, int]
    epochs: int
    learning_rate: float


@dataclass(frozen=True)
class LearningRate:
    """The numbers of one variant of exercise 4-B.

    Attributes
    ----------
    shuffle : int
        Seed with which the digits are shuffled.
    momenta : tuple of float
        Three values of momentum.
    sgd_settings : tuple of (float, float)
        Six pairs of learning rate and momentum for SGD.
    sgd_rates, adaptive_rates : tuple of float
        Learning rates to try with SGD, and with RMSprop and Adam.
    batch_size, epochs : int
        Batch size and number of epochs of all networks.
    """

    shuffle: int
    momenta: tuple[float, float, float]
    sgd_settings: tuple[tuple[float, float], ...]
    sgd_rates: tuple[float, float, float]
    adaptive_rates: tuple[float, float, float]
    batch_size: int
    epochs: int


@dataclass(frozen=True)
class Capacity:
    """The numbers of one variant of exercises 4-C and 4-D.

    Attributes
    ----------
    shuffle : int
        Seed with which the digits are shuffled.
    networks : tuple of tuple of int
        The widths of the hidden layers of six networks; the last is a funnel.
    epochs : int
        How many epochs each of the six trains for.
    big : tuple of int
        The widths of the hidden layers of the network of exercise 4-D.
    most_epochs : int
        How many epochs that network trains for at most.
    """

    shuffle: int
    networks: tuple[tuple[int, ...], ...]
    epochs: int
    big: tuple[int, int]
    most_epochs: int


@dataclass(frozen=True)
class Regularisation:
    """The numbers of one variant of exercise 4-E.

    Attributes
    ----------
    shuffle : int
        Seed with which the digits are shuffled.
    widths : tuple of int
        The widths of the hidden layers of all networks.
    l2_factors : tuple of float
        Three factors of the L2 penalty, from the largest to the smallest.
    dropout_rates : tuple of float
        Three dropout rates, from the smallest to the largest.
    most_epochs : int
        How many epochs these networks train for at most.
    noisy_rate : float
        Dropout rate of the network whose validation loss is noisy.
    noisy_epochs : int
        How many epochs that network trains for at most.
    patiences : tuple of int
        A short and a long patience.
    seeds : tuple of int
        Five seeds of starting weights; the first is that of all networks that train once.
    """

    shuffle: int
    widths: tuple[int, int]
    l2_factors: tuple[float, float, float]
    dropout_rates: tuple[float, float, float]
    most_epochs: int
    noisy_rate: float
    noisy_epochs: int
    patiences: tuple[int, int]
    seeds: tuple[int, ...]


def _shuffle(draw: Draw, candidates: Sequence[int] = SHUFFLES) -> int:
    return draw.one_of("shuffle", 123, candidates)


@declare_variant("mnist-batch-size")
def batch_size(draw: Draw) -> BatchSize:
    """Draw the numbers of exercise 4-A.

    The steps of the second size are a multiple of those of the third, so that both can train for
    as many steps. The largest size does not divide the training rows.
    """
    three = draw.one_of(
        "batch sizes", (16, 32, 128), [(16, 32, 128), (20, 40, 160), (10, 25, 100), (16, 40, 160)]
    )
    largest = draw.one_of("largest batch size", 512, [420, 450, 480, 512, 600])
    return BatchSize(_shuffle(draw), (*three, largest), epochs=3, learning_rate=0.01)


@declare_variant("mnist-learning-rate")
def learning_rate(draw: Draw) -> LearningRate:
    """Draw the numbers of exercise 4-B.

    The third setting makes moves as long as the fifth, which has a lower rate and momentum.
    """
    momenta = draw.one_of(
        "momenta", (0.5, 0.9, 0.99), [(0.5, 0.9, 0.99), (0.6, 0.9, 0.98), (0.75, 0.9, 0.98)]
    )
    rate = draw.one_of("rate", 0.1, [0.06, 0.08, 0.1])
    alone = [(round(rate / 10, 6), 0.0), (rate, 0.0), (round(10 * rate, 6), 0.0)]
    return LearningRate(
        shuffle=_shuffle(draw),
        momenta=momenta,
        sgd_settings=(*alone, *((rate, momentum) for momentum in momenta)),
        sgd_rates=(rate, round(10 * rate, 6), 10.0),
        adaptive_rates=draw.one_of(
            "adaptive rates", (0.001, 0.01, 0.1), [(0.001, 0.01, 0.1), (0.001, 0.01, 0.3)]
        ),
        batch_size=128,
        epochs=3,
    )


@declare_variant("mnist-capacity")
def capacity(draw: Draw) -> Capacity:
    """Draw the numbers of exercises 4-C and 4-D."""
    narrow = draw.one_of("narrow", 32, [24, 32, 40])
    middle = draw.one_of("middle", 512, [384, 512, 640])
    wide = draw.one_of("wide", 2048, [1536, 1792, 2048])
    big = draw.one_of("big", 1024, [768, 896, 1024])
    return Capacity(
        shuffle=_shuffle(draw),
        networks=(
            (2,),
            (narrow,),
            (middle,),
            (wide,),
            (middle, middle),
            (middle, middle // 2, middle // 4),
        ),
        epochs=3,
        big=(big, big),
        most_epochs=20,
    )


@declare_variant("mnist-regularisation")
def regularisation(draw: Draw) -> Regularisation:
    """Draw the numbers of exercise 4-E."""
    width = draw.one_of("width", 512, [384, 448, 512])
    seeds = draw.generator("seeds").choice(range(10, 1000), 5, replace=False)
    return Regularisation(
        shuffle=_shuffle(draw),
        widths=(width, width),
        l2_factors=draw.one_of(
            "L2 factors",
            (0.01, 0.001, 0.0001),
            [(0.01, 0.001, 0.0001), (0.008, 0.0008, 0.00008), (0.01, 0.0015, 0.0002)],
        ),
        dropout_rates=draw.one_of(
            "dropout rates", (0.2, 0.3, 0.5), [(0.2, 0.3, 0.5), (0.1, 0.3, 0.5), (0.2, 0.4, 0.5)]
        ),
        most_epochs=10,
        noisy_rate=0.5,
        noisy_epochs=20,
        patiences=draw.one_of("patiences", (1, 5), [(1, 4), (1, 5), (1, 6)]),
        seeds=draw.one_of("the seeds", (1, 2, 3, 4, 5), [tuple(map(int, seeds))]),
    )
