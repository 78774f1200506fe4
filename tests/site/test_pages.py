"""Every page of the built book, in a real browser: nothing wrong with any, in either scheme."""

from __future__ import annotations

import pytest
import site_checks

from tests.book.test_pages import table_of_contents

# Nothing of coursekit runs here, and being watched slows down what parses the pages.
pytestmark = pytest.mark.no_cover

MOST_KILOBYTES = 2000
GENERATED = {"404.html", "genindex.html", "index.html", "py-modindex.html", "search.html"}
PAGES = [*(f"{name}.html" for name in table_of_contents()), *sorted(GENERATED)]


@pytest.fixture(scope="module")
def one_tab(chrome):
    """The tab in which all pages are looked at."""
    tab = chrome.new_page(viewport={"width": site_checks.WIDTHS[-1], "height": 900})
    yield tab
    tab.close()


def test_all_pages_are_looked_at(built):
    unknown = set(site_checks.pages(built)) - set(PAGES)
    assert not unknown, "not in _toc.yml: from an earlier build? `make clean` removes them"


@pytest.mark.parametrize("page", PAGES)
def test_page(one_tab, address, built, page):
    found = site_checks.look(one_tab, address, page, built)
    assert found.axe == {"light": [], "dark": []}
    assert found.console == []
    assert found.outside == []
    assert found.links == []
    assert found.html == []
    assert found.images == []
    assert found.sideways == []
    assert found.icons == []
    assert found.warnings == []
    assert 0 < found.kilobytes < MOST_KILOBYTES


# ------------------------------------------------------------------- the checks themselves

GOOD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page</title></head>
<body><main><h1 id="top">A page</h1><p>Text, and <a href="#top">a link up</a>.</p></main></body>
</html>
"""


@pytest.fixture
def looked_at(one_tab, tmp_path):
    """Look at a page that is written for it."""

    def look(page: str, name: str = "page.html") -> site_checks.Findings:
        (tmp_path / name).write_text(page, encoding="utf-8")
        (tmp_path / "favicon.ico").write_bytes(b"")
        with site_checks.serve(tmp_path) as address:
            return site_checks.look(one_tab, address, name, tmp_path)

    return look


def test_a_good_page_passes(looked_at):
    found = looked_at(GOOD)
    assert found == site_checks.Findings(kilobytes=found.kilobytes)
    assert 0 < found.kilobytes < 1


@pytest.mark.parametrize(
    ("bad", "where", "words"),
    [
        ('<p style="color: #aaa; background: #fff">Pale</p>', "axe", "color-contrast"),
        (
            '<p>Words <a href="#top" style="color: #222; text-decoration: none">and</a> words</p>',
            "axe",
            "link-in-text-block",
        ),
        ('<img src="page.html">', "axe", "image-alt"),
        ("<script>console.error('Ouch')</script>", "console", "Ouch"),
        ("<script>nonsense()</script>", "console", "nonsense"),
        ('<img alt="A tracker" src="http://127.0.0.2:9/x.png">', "outside", "127.0.0.2"),
        ('<a href="gone.html">There</a>', "links", "gone.html"),
        ('<a href="#gone">There</a>', "links", "#gone"),
        ("<p><b>Bold</p>", "html", "line"),
        ('<img alt="Waves" src="page.html">', "html", "without width"),
        ('<p id="top">Again</p>', "html", "'top' stands twice"),
        ('<img alt="figure1.png" src="page.html">', "images", "figure1.png"),
        ('<div style="width: 900px">Wide</div>', "sideways", "at 390"),
        ('<div style="width: 350px">Wide</div>', "sideways", "at 320"),
        ('<i class="fas fa-unheard-of"></i>', "icons", "fa-unheard-of"),
        ('<div class="output stderr"><pre>WARNING: oh</pre></div>', "warnings", "WARNING: oh"),
    ],
)
def test_a_bad_page_is_found_out(looked_at, bad, where, words):
    found = looked_at(GOOD.replace("</main>", f"{bad}</main>"))
    report = found.axe["light"] if where == "axe" else getattr(found, where)
    assert any(words in line for line in report), report


@pytest.mark.parametrize(
    "style", ["color: #999", "background: #777", "opacity: 0.4", "font-size: 30px; color: #ccc"]
)
def test_one_pale_word_among_many_is_found_out(looked_at, style):
    """Of words that look alike one is measured; this one does not look like the others."""
    cells = "<td>Fine</td>" * 50
    row = f"<tr>{cells}</tr>"
    odd = f'<tr><td>Fine</td><td style="{style}"><b>Odd</b></td>{cells}</tr>'
    table = f'<table style="color: #444"><tbody>{row * 5}{odd}{row * 5}</tbody></table>'
    found = looked_at(GOOD.replace("</main>", f"<div>{table}</div></main>"))
    (finding,) = (line for line in found.axe["light"] if "color-contrast" in line)
    assert "(1)" in finding and "Odd" in finding


def test_a_link_is_seen_in_its_text_though_the_same_text_was_seen_before(looked_at):
    text = "<p>The same words in front, <a href='#top'{}>a link</a>, and the same after it.</p>"
    plain = text.format("") * 5
    bad = text.format(" style='color: #222; text-decoration: none'")
    found = looked_at(GOOD.replace("</main>", f"{plain}{bad}{plain}</main>"))
    assert "link-in-text-block (1)" in found.axe["light"][0]


def test_words_beside_other_elements_are_measured(looked_at):
    fine = "<p>Some words <b>and bold ones</b> and words</p>" * 20
    pale = "<p style='color: #aaa'>Some words <b style='color: #000'>and bold ones</b></p>"
    found = looked_at(GOOD.replace("</main>", f"{fine}{pale}{fine}</main>"))
    assert "color-contrast (1)" in found.axe["light"][0]


@pytest.mark.parametrize(
    ("box", "pale"),
    [
        ("position: sticky; background: #000", 11),  # #444 on black, each of another size
        ("position: sticky; background: #fff", 0),
        ("position: sticky; background: #fff; opacity: 0.3", 11),
        ("position: sticky", 0),
    ],
)
def test_words_that_look_alike_stand_on_what_they_stand_on(looked_at, box, pale):
    """The same words pass on the page, and are measured anew on another ground."""
    words = "".join(f'<p style="color: #444; font-size: {10 + n}px">Word</p>' for n in range(11))
    bad = f'<div>{words}</div><div style="top: 0; {box}">{words}</div>'
    found = looked_at(GOOD.replace("</main>", f"{bad}</main>"))
    report = [line for line in found.axe["light"] if "color-contrast" in line]
    assert [f"({pale})" in line for line in report] == [True] * bool(pale)


def test_a_page_that_leads_on_is_followed_to_its_end(looked_at, tmp_path):
    pale = '<p style="color: #aaa; background: #fff">Pale</p></main>'
    (tmp_path / "end.html").write_text(GOOD.replace("</main>", pale), encoding="utf-8")
    refresh = '<meta http-equiv="refresh" content="1; url=end.html"></head>'
    found = looked_at(GOOD.replace("</head>", refresh), "door.html")
    assert "color-contrast" in found.axe["light"][0]


def test_colours_that_only_fail_in_the_dark_are_found_out(looked_at):
    style = "@media (prefers-color-scheme: dark) { p { color: #333; background: #222 } }"
    found = looked_at(GOOD.replace("</head>", f"<style>{style}</style></head>"))
    assert found.axe["light"] == [] and "color-contrast" in found.axe["dark"][0]
