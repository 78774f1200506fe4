"""The walking data: who is this, from five seconds of gait?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coursekit.datasets import obtaining, registry

PEOPLE = 15
SAMPLING_RATE = 52  # Hz
LENGTH = 260  # time steps in a window: 5 s
STRIDE = 52  # time steps from one window to the next: 1 s
CHANNELS = ("acc_x", "acc_y", "acc_z")


@dataclass(frozen=True, eq=False, repr=False)
class Walking:
    """Windows of walking, as :func:`load_walking` returns them.

    Attributes
    ----------
    x : ndarray of float32, shape (n, 260, 3)
        Acceleration per window, time and channel. Each channel of each window has mean 0
        and standard deviation 1 (with ``n - 1``), so it has no unit.
    labels : ndarray of int64, shape (n,)
        Who walks: 1 to 15.
    y : ndarray of float32, shape (n, 15)
        The labels, one-hot: person 1 is column 0.
    start : ndarray of int64, shape (n,)
        The window's first row within its person's recording, for splits by time.
    seconds : ndarray of float64, shape (n,)
        When the window begins, in seconds since this person began to walk.
    sampling_rate : int
        52, in Hz.
    channels : tuple of str
        Names of the last axis of ``x``.

    Raises
    ------
    ValueError
        If ``x`` does not have three axes, if ``labels``, ``start`` or ``seconds`` does not have
        one value for each window, or if a label is not one of 1 to 15.
    """

    x: np.ndarray
    labels: np.ndarray
    start: np.ndarray
    seconds: np.ndarray
    sampling_rate: int = SAMPLING_RATE
    channels: tuple[str, ...] = CHANNELS

    def __post_init__(self) -> None:
        if np.ndim(self.x) != 3:
            raise ValueError(
                f"x has shape {np.shape(self.x)}; it must have three axes: window, time, channel."
            )
        for name in ("labels", "start", "seconds"):
            if np.shape(getattr(self, name)) != np.shape(self.x)[:1]:
                raise ValueError(
                    f"{name} has shape {np.shape(getattr(self, name))}; it must have one value "
                    f"for each of the {len(self.x)} windows of x."
                )
        if unknown := set(np.unique(self.labels).tolist()) - set(range(1, PEOPLE + 1)):
            raise ValueError(
                f"labels has {min(unknown)}; each must be a whole number from 1 to {PEOPLE}."
            )

    @property
    def y(self) -> np.ndarray:
        """The labels, one-hot."""
        return np.eye(PEOPLE, dtype=np.float32)[self.labels - 1]

    def __repr__(self) -> str:
        windows, length, channels = self.x.shape
        return (
            f"Walking({windows:,} windows of {length} time steps x {channels} channels at "
            f"{self.sampling_rate} Hz, {len(np.unique(self.labels))} people)"
        )


def load_walking() -> Walking:
    """Load five-second windows of fifteen people walking, from a chest accelerometer.

    Returns
    -------
    Walking
        6,792 windows: ``x`` (6792, 260, 3) float32, ``labels`` (6792,) 1 to 15, ``y`` (6792, 15)
        one-hot, ``start`` and ``seconds`` (6792,), ``sampling_rate`` (52 Hz) and ``channels``.

    Raises
    ------
    DataUnavailableError
        If the installation is damaged: the recordings come with coursekit.

    Notes
    -----
    The fifteen recordings are laid end to end and a window of 260 rows (5 s) is cut every
    52 rows (1 s), so neighbouring windows share four seconds. A window is kept where one
    person walks from its first row to its last. Within each window and channel the mean is
    subtracted and the result divided by the sample standard deviation.

    References
    ----------
    Casale, P., Pujol, O., Radeva, P., "Personalization and user verification in wearable
    systems using biometric walking patterns", Personal and Ubiquitous Computing 16, 2012.
    UCI Machine Learning Repository, data set 287 (CC BY 4.0).

    Examples
    --------
    >>> load_walking().x.shape
    (6792, 260, 3)
    """
    (file,) = registry.files_of("walking", "both")
    with np.load(obtaining.obtain(file)) as stored:
        counts = np.column_stack([stored[channel] for channel in CHANNELS]).astype(np.float32)
        names = ("rows", "first_row_of_all", "first_row_of_person")
        rows, first_in_all, first_in_own = (stored[name] for name in names)
    begins = np.cumsum(rows) - rows  # where each person's walk begins among the stored rows
    labels, walked = [], []
    for person, (count, first) in enumerate(zip(rows, first_in_all, strict=True), start=1):
        # Windows begin at multiples of the stride in the fifteen recordings laid end to end.
        starts = np.arange(-first % STRIDE, count - LENGTH + 1, STRIDE)
        labels.append(np.full(len(starts), person))
        walked.append(starts)
    labels, walked = np.concatenate(labels), np.concatenate(walked)
    windows = np.lib.stride_tricks.sliding_window_view(counts, LENGTH, axis=0)
    x = windows[begins[labels - 1] + walked].transpose(0, 2, 1).astype(np.float64)
    x -= x.mean(axis=1, keepdims=True)
    x /= x.std(axis=1, ddof=1, keepdims=True)
    x, start = np.ascontiguousarray(x, dtype=np.float32), first_in_own[labels - 1] + walked
    return Walking(x=x, labels=labels, start=start, seconds=walked / SAMPLING_RATE)
