"""One module per chapter: the training runs behind the bands that the chapter asserts.

A module has ``CHAPTER``, the chapter's file name without its ending, and ``EXPERIMENTS``: for
each model, by the name the reader knows it by, a function that takes a seed, trains once as
the chapter does, and returns figures by name.
"""
