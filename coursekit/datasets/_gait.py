"""The simulated gait behind the sample edition of the walking data.

The real recordings are too large to bundle with the book, so the sample edition
bundles recordings of fifteen people who do not exist. They are simulated here, once,
by ``tools/make_bundled_data.py``; loading the data never runs this module.

The model
---------
A person walks with a *stride* (two steps) that repeats about once a second. Each of
the three axes is a sum of harmonics of the stride frequency:

    a(t) = offset + Σ_h  A_h(t) · cos(h · θ(t) + φ_h(t)) + noise(t),   θ' = 2π f(t)

* **Between people**: the stride frequency, and the amplitude ``A_h`` and phase ``φ_h``
  of every harmonic on every axis, scatter around one common gait.
* **Within a person**: all of them drift while the person walks, as
  Ornstein-Uhlenbeck processes that forget their past in about ``DRIFT_SECONDS``.
  Shoes loosen, the path climbs, the sensor slips and tilts.
* **Settling**: a walk begins slower and in another manner, and finds its own within the
  first minute. Each person starts somewhere else; the difference dies away with
  ``SETTLING_SECONDS``.
* **Noise**: independent per sample, larger on impact (just after each step).

Why these numbers
-----------------
The real recordings have two properties that an honest evaluation has to find, and the
sample edition is made to share them:

* Windows that overlap, or lie a few seconds apart, look nearly alike; windows further
  apart differ. So a random split, which puts neighbours of test windows into the training
  part, looks better than a split by time. The drift does this: it is slow against a
  window (5 s) and fast against a recording (minutes).
* The first minute of a walk is unlike the rest. A network trained on the end of the walks
  does far worse on their beginning than the other way round. The settling does this.

``BETWEEN``, ``WITHIN``, ``SETTLING`` and ``NOISE`` were tried out on the final network of
the course until its test accuracies came near those on the real recordings: about 0.95
with a random split, 0.88 by time and 0.75 backwards in time (real: 0.94, 0.92 and 0.6; the
bands are in the book, under "What to expect").
"""

from __future__ import annotations

import numpy as np

from coursekit.datasets.walking import SAMPLING_RATE

HARMONICS = 6
DRIFT_SECONDS = 20.0
SETTLING_SECONDS = 20.0

# The common gait: amplitude of each harmonic (sensor counts) per axis x, y, z. Steps
# are the even harmonics of the stride, so those dominate, as they do on a real chest.
COMMON_AMPLITUDE = np.array(
    [
        [18.0, 52.0, 12.0, 30.0, 8.0, 12.0],  # x
        [30.0, 95.0, 20.0, 45.0, 12.0, 20.0],  # y
        [34.0, 48.0, 18.0, 24.0, 10.0, 10.0],  # z
    ]
)
COMMON_PHASE = np.array(
    [
        [0.3, 1.9, 4.0, 0.8, 2.2, 5.1],
        [1.2, 0.2, 2.6, 5.5, 3.3, 1.1],
        [5.0, 3.1, 0.9, 4.4, 1.5, 2.7],
    ]
)
OFFSET = np.array([1900.0, 2380.0, 1980.0])  # where a resting sensor reads
NOISE = 48.0  # counts, standard deviation, while walking
STANDING_NOISE = 6.0

# Spread between people, difference of a walk's beginning, and wandering within one person,
# in the same units: relative frequency, log amplitude, phase in radians, tilt in radians.
BETWEEN = {"frequency": 0.05, "amplitude": 0.25, "phase": 0.30}
SETTLING = {"frequency": 0.10, "amplitude": 0.40, "phase": 0.50}
WITHIN = {"frequency": 0.012, "amplitude": 0.14, "phase": 0.14, "tilt": 0.04}


def _drift(rng: np.random.Generator, rows: int, shape: tuple[int, ...]) -> np.ndarray:
    """Ornstein-Uhlenbeck paths with unit variance, shape ``(rows, *shape)``."""
    # Simulated on a coarse grid and interpolated: the drift is far slower than 1 s.
    seconds = rows // SAMPLING_RATE + 2
    keep = np.exp(-1.0 / DRIFT_SECONDS)
    path = np.empty((seconds, *shape))
    path[0] = rng.standard_normal(shape)
    for second in range(1, seconds):
        shock = rng.standard_normal(shape)
        path[second] = keep * path[second - 1] + np.sqrt(1 - keep**2) * shock
    at = np.arange(rows) / SAMPLING_RATE
    low = at.astype(int)
    share = (at - low).reshape(-1, *[1] * len(shape))
    return (1 - share) * path[low] + share * path[low + 1]


def simulate_recording(
    person: int, *, seconds: int, standing_seconds: int = 0, seed: int
) -> np.ndarray:
    """Simulate the recording of one person who stands, walks and stands again.

    Parameters
    ----------
    person : int
        1 to 15; decides, with ``seed``, who is walking.
    seconds : int
        Length of the walk.
    standing_seconds : int
        How long the person stands still before it, and again after it.
    seed : int
        Seed of the whole data set.

    Returns
    -------
    ndarray of int, shape (52 * (standing_seconds + seconds + standing_seconds), 3)
        Sensor counts on the axes x, y, z.
    """
    rng = np.random.default_rng([seed, person])
    rows = seconds * SAMPLING_RATE
    axes = (3, HARMONICS)

    frequency = 0.95 * np.exp(BETWEEN["frequency"] * rng.standard_normal())
    log_amplitude = np.log(COMMON_AMPLITUDE) + BETWEEN["amplitude"] * rng.standard_normal(axes)
    phase = COMMON_PHASE + BETWEEN["phase"] * rng.standard_normal(axes)

    settling = np.exp(-np.arange(rows) / (SETTLING_SECONDS * SAMPLING_RATE))
    slower = SETTLING["frequency"] * rng.random()
    at_first = rng.standard_normal((2, *axes))
    log_amplitude = log_amplitude + SETTLING["amplitude"] * settling[:, None, None] * at_first[0]
    phase = phase + SETTLING["phase"] * settling[:, None, None] * at_first[1]

    speed = frequency * np.exp(WITHIN["frequency"] * _drift(rng, rows, ()) - slower * settling)
    theta = 2 * np.pi * (rng.random() + np.cumsum(speed) / SAMPLING_RATE)
    amplitude = np.exp(log_amplitude + WITHIN["amplitude"] * _drift(rng, rows, axes))
    phase = phase + WITHIN["phase"] * _drift(rng, rows, axes)

    angle = theta[:, None, None] * np.arange(1, HARMONICS + 1) + phase
    signal = (amplitude * np.cos(angle)).sum(axis=2)

    tilt = WITHIN["tilt"] * _drift(rng, rows, ())  # the sensor turns about the y axis
    x, y, z = signal.T
    signal = np.stack(
        [x * np.cos(tilt) + z * np.sin(tilt), y, z * np.cos(tilt) - x * np.sin(tilt)], axis=1
    )
    impact = 1 + 0.5 * np.maximum(np.cos(2 * theta), 0)[:, None]
    walk = OFFSET + signal + NOISE * impact * rng.standard_normal((rows, 3))

    still = standing_seconds * SAMPLING_RATE
    before, after = OFFSET + STANDING_NOISE * rng.standard_normal((2, still, 3))
    return np.rint(np.concatenate([before, walk, after])).astype(int)
