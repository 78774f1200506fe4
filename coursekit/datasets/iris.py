"""Fisher's iris data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coursekit.datasets import obtaining, registry

if TYPE_CHECKING:
    import pandas as pd

SPECIES = ("setosa", "versicolor", "virginica")


def load_iris() -> pd.DataFrame:
    """Load four measurements of 150 iris flowers of three species.

    Returns
    -------
    DataFrame, shape (150, 5)
        ``sepal_length``, ``sepal_width``, ``petal_length``, ``petal_width`` in cm
        (float64) and ``species`` (category: setosa, versicolor, virginica; 50 of each).
        The same values, in the same order, as R's ``iris``.

    Raises
    ------
    DataUnavailableError
        If the file is missing or damaged: the installation is.

    References
    ----------
    Fisher, R. A., "The use of multiple measurements in taxonomic problems", Annals of
    Eugenics 7(2), 1936. Public domain.

    Examples
    --------
    >>> load_iris()["species"].value_counts().to_dict()
    {'setosa': 50, 'versicolor': 50, 'virginica': 50}
    """
    import pandas as pd

    (file,) = registry.files_of("iris", "both")
    iris = pd.read_csv(obtaining.obtain(file))
    iris["species"] = pd.Categorical(iris["species"], categories=SPECIES)
    return iris
