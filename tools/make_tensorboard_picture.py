"""Take the book's picture of TensorBoard: ``python tools/make_tensorboard_picture.py``.

Three small networks learn iris in a few seconds, with a log each. TensorBoard shows the logs on the
loopback interface, and Chromium takes a picture of the page. The picture is not made with the book,
since the look of TensorBoard changes only with its version.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import site_checks
from PIL import Image

PICTURE = site_checks.ROOT / "book" / "_static" / "tensorboard.png"
SIZE = {"width": 1150, "height": 500}  # CSS pixels
# As if one had dragged the edge of the list of runs, so that their names and colours are seen.
WIDER_CSS = ".sidebar { width: 340px !important }"
MOST_BYTES = 150_000
PAGE = "?darkMode=false&smoothing=0&tagFilter=epoch_(accuracy|loss)#timeseries"


def write_logs(folder: Path) -> None:
    """Train three networks on iris; write one folder of logs for each, named by its id."""
    import keras
    import numpy as np

    from coursekit import datasets

    iris = datasets.load_iris()
    order = np.random.default_rng(1).permutation(len(iris))
    measured = iris.drop(columns="species").to_numpy("float32")[order]
    x = (measured - measured.mean(axis=0)) / measured.std(axis=0)
    y = iris["species"].astype("category").cat.codes.to_numpy()[order]
    for layers, units in ((1, 8), (1, 64), (2, 64)):
        keras.utils.set_random_seed(1)
        hidden = [keras.layers.Dense(units, activation="relu") for _ in range(layers)]
        output = keras.layers.Dense(3, activation="softmax")
        network = keras.Sequential([keras.Input((4,)), *hidden, output])
        network.compile(
            loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"]
        )
        log_dir = folder / f"mlp_{layers}_layers_{units}_units"
        logger = keras.callbacks.TensorBoard(log_dir, write_graph=False)
        network.fit(x, y, epochs=25, batch_size=16, validation_split=0.2, verbose=0,
                    callbacks=[logger])  # fmt: skip


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Run TensorBoard on the loopback interface; yield its address, which ends in a slash."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    command += ["--host", "127.0.0.1", "--port", "0", "--load_fast", "false"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            for line in server.stderr:
                if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                    yield found[0]
                    break
            else:
                raise RuntimeError("TensorBoard ended before it printed an address.")
        finally:
            server.terminate()


def take_picture(address: str) -> Image.Image:
    """Open TensorBoard in Chromium and return a picture of its curves."""
    with site_checks.browser() as browser:
        tab = browser.new_page(viewport=SIZE, color_scheme="light")
        tab.goto(address + PAGE)
        tab.locator("scalar-card").first.wait_for(timeout=300_000)
        tab.get_by_text("Enable step selection and data table").click()
        tab.get_by_label("Close side pane").click()
        tab.add_style_tag(content=WIDER_CSS)
        tab.wait_for_timeout(10_000)  # the curves are drawn
        return Image.open(io.BytesIO(tab.screenshot())).convert("RGB")


def main() -> int:
    """Make the picture; return 1 if it is too large for a page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "iris"
        write_logs(folder)
        with serve(folder) as address:
            picture = take_picture(address)
    picture.quantize(64).save(PICTURE, optimize=True)
    size = PICTURE.stat().st_size
    print(f"{PICTURE.relative_to(site_checks.ROOT)}: {picture.size}, {size / 1000:.0f} kB")
    return int(size > MOST_BYTES)


if __name__ == "__main__":
    sys.exit(main())
