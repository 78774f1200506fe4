"""Read training curves from TensorBoard's event files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coursekit import _options

if TYPE_CHECKING:
    import pandas as pd

_PREFIX = "epoch_"
_DATA_SETS = {"train": "training", "validation": "validation"}


def read_tensorboard(log_dir: Path | str) -> pd.DataFrame:
    """Read the curves of all runs below a folder from TensorBoard's event files.

    Parameters
    ----------
    log_dir : path
        The folder for ``tensorboard --logdir``. Each run is a folder below it, at any depth,
        with event files of ``keras.callbacks.TensorBoard``.

    Returns
    -------
    DataFrame
        One row per run, data set, metric and epoch, sorted in this order. Columns: ``run``
        (folder relative to ``log_dir``), ``data`` (``"training"`` or ``"validation"``),
        ``metric`` (for example ``"loss"``), ``epoch`` (from 1) and ``value``.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or has no event file.
    TypeError, ValueError
        If ``log_dir`` is not a path, or is the path of a file.
    ValueError
        If an event file is damaged or still being written.
    """
    folder = _options.path("log_dir", log_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}.")
    import pandas as pd
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    folders = {path.parent for path in folder.rglob("events.out.tfevents.*")}
    rows = []
    for run_folder in sorted(each for each in folders if each.name in _DATA_SETS):
        for path in sorted(run_folder.glob("events.out.tfevents.*")):
            _raise_if_damaged(path)
        run = run_folder.parent.relative_to(folder).as_posix()
        events = EventAccumulator(str(run_folder), size_guidance={"tensors": 0}).Reload()
        for tag in events.Tags()["tensors"]:
            if not tag.startswith(_PREFIX):
                continue  # other summaries, for example per step
            curve = (run, _DATA_SETS[run_folder.name], tag.removeprefix(_PREFIX))
            for event in events.Tensors(tag):
                rows.append((*curve, event.step + 1, float(make_ndarray(event.tensor_proto))))
    if not rows:
        raise FileNotFoundError(
            f"{folder} holds no event file of keras.callbacks.TensorBoard; train with log_dir."
        )
    order = ["run", "data", "metric", "epoch"]
    return pd.DataFrame(rows, columns=[*order, "value"]).sort_values(order, ignore_index=True)


def _raise_if_damaged(path: Path) -> None:
    """Raise an error for a damaged event file, of which TensorBoard would read only the start."""
    import tensorflow as tf

    try:
        records = sum(1 for _ in tf.data.TFRecordDataset(str(path)))
        reason = "" if records else "it is empty"
    except tf.errors.DataLossError as error:
        reason = error.message
    if reason:
        raise ValueError(
            f"{path} is damaged ({reason}). Train that network again, or delete its folder."
        )
