"""The original Wisconsin breast cancer data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coursekit.datasets import obtaining, registry

if TYPE_CHECKING:
    import pandas as pd

SCORES = (
    "clump_thickness",
    "uniformity_of_cell_size",
    "uniformity_of_cell_shape",
    "marginal_adhesion",
    "single_epithelial_cell_size",
    "bare_nuclei",
    "bland_chromatin",
    "normal_nucleoli",
    "mitoses",
)
CLASSES = ("benign", "malignant")


def load_breast_cancer() -> pd.DataFrame:
    """Load nine cytology scores of 699 fine-needle aspirates of breast masses.

    This is the *original* Wisconsin data, which R's mlbench calls ``BreastCancer``; it is
    not the diagnostic data of ``sklearn.datasets.load_breast_cancer``.

    Returns
    -------
    DataFrame, shape (699, 11)
        ``id`` (str; the "sample code number", 645 of them distinct), nine scores from
        1 (most normal) to 10 (Int64, nullable; ``bare_nuclei`` lacks 16) and ``class``
        (category: benign 458, malignant 241).

    Raises
    ------
    DataUnavailableError
        If the file is missing or damaged: the installation is.

    References
    ----------
    Wolberg, W. H., Mangasarian, O. L., "Multisurface method of pattern separation for
    medical diagnosis applied to breast cytology", PNAS 87, 1990. UCI Machine Learning
    Repository, data set 15 (CC BY 4.0), as distributed with mlbench.

    Examples
    --------
    >>> load_breast_cancer()["class"].value_counts().to_dict()
    {'benign': 458, 'malignant': 241}
    """
    import pandas as pd

    (file,) = registry.files_of("breast_cancer", "both")
    types = {"id": "str", **dict.fromkeys(SCORES, "Int64")}
    cancer = pd.read_csv(obtaining.obtain(file), dtype=types)
    cancer["class"] = pd.Categorical(cancer["class"], categories=CLASSES)
    return cancer
