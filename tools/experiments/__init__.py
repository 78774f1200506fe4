"""One module per chapter: the training runs behind the results that the chapter asserts.

A module has ``CHAPTER``, the chapter's file name without its ending, and ``EXPERIMENTS``: for
each model, by the name the reader knows it by, a function that takes a seed, trains once as
the chapter does, and returns figures by name. With the same seed, models of a chapter share
their split and the order of their rows, so that their runs can be compared as pairs.
``EDITIONS`` names the editions of the data to measure, where there are two, and ``SAMPLE_ONLY``
the models that only back a chapter's own assertions and take too long on the full data.
"""
