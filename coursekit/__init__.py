"""Companion package of the book "Deep learning with Keras".

Data flows one way: ``datasets``, ``preprocessing``, ``models``, ``training``,
``evaluation``, ``plotting``. TensorFlow is imported only inside the functions that need it.
"""

import os

__version__ = "0.1.0"

# TensorFlow reports on its own build, and the lack of a GPU as an error, in red, below a
# learner's first cell. Nothing there calls for action. Whoever wants it back sets 0.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
