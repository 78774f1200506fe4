"""Train one network or a grid of networks, and read TensorBoard's event files."""

from coursekit.training._grid import capacity_grid
from coursekit.training._model import Trained, train_model
from coursekit.training._tensorboard import read_tensorboard

__all__ = ["Trained", "capacity_grid", "read_tensorboard", "train_model"]
