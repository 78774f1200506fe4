"""The checks of all exercises. Importing this package declares them in the order of the course."""

# isort: off
from coursekit.exercises import course_variants  # noqa: F401 (the checks read its numbers)
from coursekit.exercises.checks import first_model  # noqa: F401
from coursekit.exercises.checks import iris  # noqa: F401
from coursekit.exercises.checks import breast_cancer  # noqa: F401
from coursekit.exercises.checks import keras_in_one_page  # noqa: F401
from coursekit.exercises.checks import walking  # noqa: F401
from coursekit.exercises.checks import mnist_batch_size  # noqa: F401
from coursekit.exercises.checks import mnist_learning_rate  # noqa: F401
from coursekit.exercises.checks import mnist_capacity  # noqa: F401
from coursekit.exercises.checks import mnist_regularisation  # noqa: F401
from coursekit.exercises.checks import capstone  # noqa: F401
