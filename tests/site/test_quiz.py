"""A quiz in a browser: verdicts, the score and the way back, also by keyboard and on paper."""

from __future__ import annotations

import pytest

from tests.book.test_quizzes import GOOD, build, project

# Nothing of coursekit runs here.
pytestmark = pytest.mark.no_cover

TWO = GOOD + GOOD.replace("id: sum", "id: again").replace("How much is", "And how much is")


@pytest.fixture(scope="module")
def quiz_address(tmp_path_factory) -> str:
    """A page with a quiz of two questions; the first answer of each is right."""
    out, errors = build(project(tmp_path_factory.mktemp("quiz"), quiz=TWO))
    assert errors == ""
    return (out / "page.html").as_uri()


@pytest.fixture
def page(tab, quiz_address):
    """The page; fails on any error."""
    wrong: list[str] = []
    tab.on("console", lambda message: wrong.append(message.text))
    tab.on("pageerror", lambda error: wrong.append(str(error)))
    tab.goto(quiz_address)
    yield tab
    assert wrong == []


def answer(page, question: str, letter: str) -> str:
    """Choose an answer and check it; return the verdict."""
    page.locator(f"label:has(#quiz-{question}-{letter})").click()
    group = page.locator(f"#quiz-{question}")
    group.get_by_role("button", name="Check").click()
    return group.locator("output").inner_text()


def score(page) -> str:
    return page.locator(".quiz-score").inner_text()


def test_the_score_counts_what_is_right(page):
    assert score(page) == ""
    page.locator("#quiz-sum").get_by_role("button", name="Check").click()
    assert "Choose an answer first." in page.locator("#quiz-sum output").inner_text()
    assert score(page) == ""  # no answer, no score
    assert "Wrong." in answer(page, "sum", "b")
    assert score(page) == "Score: 0 of 2 right; 1 not answered yet."
    assert "Right." in answer(page, "again", "a")
    assert score(page) == "Score: 1 of 2 right."
    assert "Right." in answer(page, "sum", "a")
    assert score(page) == "Score: 2 of 2 right, 1 at the first try."
    assert "Wrong." in answer(page, "again", "c")
    assert score(page) == "Score: 1 of 2 right, 0 at the first try."


def test_the_score_is_announced(page):
    """A polite live region, on the page before its text, and not hidden while it is empty."""
    line = page.locator(".quiz-score")
    assert (line.get_attribute("role"), line.get_attribute("aria-live")) == ("status", "polite")
    hidden = "node => getComputedStyle(node).display === 'none'"
    assert line.evaluate(hidden) is False


def test_each_answer_leads_back_to_its_section(page):
    assert page.locator("#quiz-sum output a").count() == 0
    for letter in "ab":  # right or wrong
        assert "Explained in: Text" in answer(page, "sum", letter)
        link = page.locator("#quiz-sum output a")
        assert link.get_attribute("href") == "#text"
    link.click()
    assert page.url.endswith("#text")
    assert page.locator("section#text h2").is_visible()
    page.locator("label:has(#quiz-sum-c)").click()  # another choice takes the verdict away
    assert page.locator("#quiz-sum output").inner_text() == ""


def test_by_keyboard(page):
    keys = page.keyboard
    page.locator("#quiz-sum-a").focus()
    keys.press("Space")
    keys.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Check"
    keys.press("Enter")
    assert score(page) == "Score: 1 of 2 right; 1 not answered yet."
    keys.press("Tab")
    keys.press("Enter")
    assert page.url.endswith("#text")


def test_by_touch(chrome, quiz_address):
    context = chrome.new_context(viewport={"width": 390, "height": 800}, has_touch=True)
    page = context.new_page()
    page.goto(quiz_address)
    page.locator("label:has(#quiz-sum-a)").tap()
    page.locator("#quiz-sum").get_by_role("button", name="Check").tap()
    assert score(page) == "Score: 1 of 2 right; 1 not answered yet."
    page.locator("#quiz-sum output a").tap()
    assert page.url.endswith("#text")
    context.close()


def test_on_paper_the_score_stays_and_the_answers_unfold(page):
    answer(page, "sum", "b")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator(".quiz-score").is_visible()
    assert score(page) == "Score: 0 of 2 right; 1 not answered yet."
    assert page.locator(".quiz-answers").get_attribute("open") is not None
    assert page.locator(".quiz-answers .quiz-section").first.is_visible()
    for gone in ("button.quiz-check", "output"):
        assert not page.locator(f"#quiz-sum {gone}").is_visible()
    page.emulate_media(media="screen")
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator(".quiz-answers").get_attribute("open") is None


def test_without_javascript_the_answers_are_below(chrome, quiz_address):
    context = chrome.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(quiz_address)
    assert not page.locator("#quiz-sum .quiz-check").is_visible()
    assert page.locator(".quiz-score").bounding_box()["height"] == 0
    page.locator(".quiz-answers > summary").click()
    links = page.locator(".quiz-answers .quiz-section a")
    assert links.count() == 2 and links.first.is_visible()
    links.first.click()
    assert page.url.endswith("#text")
    context.close()
