"""What the search is told of a page."""

from __future__ import annotations

import coursekit_search
from coursekit_glossary import read_glossary
from docutils.core import publish_doctree

PAGE = """
Title
=====

First words.

.. raw:: html

   <p>Markup</p>

Section
-------

Text on ``size``::

   layer = Dense(size)
   if layer: print("\\nDone")

=====================  =================  ====
R                      Python             trap
=====================  =================  ====
``fit(x)``, ``%>%``    ``model.fit(x)``   none
=====================  =================  ====

Further
^^^^^^^

Words below.
"""


def test_sections_have_their_own_text_only():
    document = publish_doctree(PAGE, settings_overrides={"doctitle_xform": False})
    top, section, further = (each.as_list(0) for each in coursekit_search.sections_of(document))
    assert top == [0, "", "Title", "First words.", "", "", ""]
    assert further[1:4] == ["further", "Further", "Words below."]
    _, anchor, heading, text, code, names, rows = section
    assert (anchor, heading) == ("section", "Section")
    assert text.startswith("Text on size:") and "Markup" not in text and "below" not in text
    # Neither what the text has, nor Python's own words, nor the letter of an escape.
    assert code == "layer Dense print"
    assert names == "fit %>%"
    assert rows == "fit(x), %>%"


def test_the_first_pattern_gives_the_weight():
    weights = [["book/api/*", 0.2], ["book/*", 0.5]]
    assert coursekit_search.weight_of("book/api/models", weights) == 0.2
    assert coursekit_search.weight_of("book/callbacks", weights) == 0.5
    assert coursekit_search.weight_of("index", weights) == 1


def test_synonyms_are_the_words_of_an_entry():
    text = """```{glossary}
.. also: relus
.. search: rectified linear unit
relu
    An activation.

epoch
    One pass.
```
"""
    groups = coursekit_search.synonyms(read_glossary(text))
    assert groups == [["relu", "relus", "rectified linear unit"]]
