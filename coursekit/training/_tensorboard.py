"""Read back what TensorBoard shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coursekit import _options

if TYPE_CHECKING:
    import pandas as pd

_PREFIX = "epoch_"
_PARTS = {"train": "training", "validation": "validation"}


def read_tensorboard(log_dir: Path | str) -> pd.DataFrame:
    """Read the curves of all runs below a folder from TensorBoard's event files.

    Parameters
    ----------
    log_dir : path
        The folder that ``tensorboard --logdir`` is given. A run is a folder in it that
        holds what ``keras.callbacks.TensorBoard`` wrote; it may lie deeper.

    Returns
    -------
    DataFrame
        One row per run, part of the data, metric and epoch, in this order: ``run`` (the
        folder, relative to ``log_dir``), ``data`` (``"training"`` or ``"validation"``),
        ``metric`` (for example ``"loss"``), ``epoch`` (from 1) and ``value``.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no event file in it.
    TypeError, ValueError
        If ``log_dir`` is no path, or the path of a file.
    ValueError
        If an event file is damaged, or is just being written.
    """
    folder = _options.path("log_dir", log_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}.")
    import pandas as pd
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    places = sorted({path.parent for path in folder.rglob("events.out.tfevents.*")})
    rows = []
    for place in places:
        if place.name not in _PARTS:
            continue
        for path in sorted(place.glob("events.out.tfevents.*")):
            _expect_whole(path)
        events = EventAccumulator(str(place), size_guidance={"tensors": 0}).Reload()
        for tag in events.Tags()["tensors"]:
            if not tag.startswith(_PREFIX):
                continue  # other summaries, for example by step
            for event in events.Tensors(tag):
                rows.append(
                    {
                        "run": place.parent.relative_to(folder).as_posix(),
                        "data": _PARTS[place.name],
                        "metric": tag.removeprefix(_PREFIX),
                        "epoch": event.step + 1,
                        "value": float(make_ndarray(event.tensor_proto)),
                    }
                )
    if not rows:
        raise FileNotFoundError(
            f"{folder} holds no event file of keras.callbacks.TensorBoard; train with log_dir."
        )
    order = ["run", "data", "metric", "epoch"]
    return pd.DataFrame(rows).sort_values(order, ignore_index=True)


def _expect_whole(path: Path) -> None:
    """Raise an error for an event file that TensorBoard would read only the beginning of."""
    import tensorflow as tf

    try:
        records = sum(1 for _ in tf.data.TFRecordDataset(str(path)))
    except tf.errors.DataLossError as error:
        reason = error.message
    else:
        if records:
            return
        reason = "it is empty"
    raise ValueError(
        f"{path} is damaged ({reason}). Train that network again, or delete its folder."
    )
