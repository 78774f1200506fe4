"""The data sets of the book.

All data come with the package, except the ``full`` edition of MNIST, which is downloaded once; the
``sample`` edition has the same types and meanings. No loader needs TensorFlow.
"""

from coursekit.datasets.breast_cancer import load_breast_cancer
from coursekit.datasets.iris import load_iris
from coursekit.datasets.mnist import load_mnist
from coursekit.datasets.obtaining import DataUnavailableError
from coursekit.datasets.places import folders
from coursekit.datasets.stored_runs import load_stored_runs
from coursekit.datasets.threshold import make_threshold
from coursekit.datasets.walking import Walking, load_walking

__all__ = [
    "DataUnavailableError",
    "Walking",
    "folders",
    "load_breast_cancer",
    "load_iris",
    "load_mnist",
    "load_stored_runs",
    "load_walking",
    "make_threshold",
]
