"""Companion package of the book "Deep learning with Keras".

Data flows one way: ``datasets``, ``preprocessing``, ``models``, ``training``,
``evaluation``, ``plotting``. TensorFlow is imported only inside the functions that need it.
"""

__version__ = "0.1.0"
