"""The quizzes of the chapters, and the extension that puts them on the pages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import coursekit_quiz
import nbformat
import pytest
from docutils import nodes

from tests.conftest import ROOT

BOOK = ROOT / "book"
# Notebooks that look things up rather than teach them.
WITHOUT_QUIZ = {
    "errors-in-the-sources",
    "from-r-to-python",
    "playground",
    "seeds-and-shuffling",
    "see-it-live",
    "what-to-expect",
}
CHAPTERS = sorted({path.stem for path in BOOK.glob("*.ipynb")} - WITHOUT_QUIZ)
QUIZZES = {path.stem: path for path in sorted((BOOK / "quizzes").iterdir())}
QUESTIONS = {
    f"{name}-{question.id}": question
    for name, path in QUIZZES.items()
    for question in coursekit_quiz.read_quiz(path)
}
WITH_CODE = {name: question for name, question in QUESTIONS.items() if question.code}


def right(question) -> int:
    return next(place for place, answer in enumerate(question.answers) if answer.right)


# --- What is asked ---------------------------------------------------------------------------


def test_every_chapter_has_a_quiz_and_every_quiz_a_chapter():
    assert sorted(QUIZZES) == CHAPTERS
    assert {path.suffix for path in QUIZZES.values()} == {".yml"}


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter(name):
    questions = coursekit_quiz.read_quiz(QUIZZES[name])
    assert 4 <= len(questions) <= 6
    cells = nbformat.read(BOOK / f"{name}.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert re.search(rf"^## {coursekit_quiz.EXERCISES_TITLE}$", text, re.MULTILINE)
    assert f"# {coursekit_quiz.TITLE}" not in text  # the build writes this heading


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_question_names_a_section_that_teaches(name):
    """The build looks for the anchors, too; here in the text, and not in the last sections."""
    cells = nbformat.read(BOOK / f"{name}.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    text = re.sub(r"^(`{3,}).*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^##+ (.*)$", text, re.MULTILINE)
    anchors = {nodes.make_id(re.sub(r"[`*]", "", title)) for title in titles}
    anchors -= {"exercises", "summary", "further-reading"}
    sections = [question.section for question in coursekit_quiz.read_quiz(QUIZZES[name])]
    assert set(sections) <= anchors
    assert len(set(sections)) >= 2


def test_ids_are_unique_in_the_book():
    ids = Counter(question.id for question in QUESTIONS.values())
    assert [name for name, count in ids.items() if count > 1] == []


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_and_explanations_differ(name):
    answers = QUESTIONS[name].answers
    # The marks of code are not seen: `1` and 1 look alike.
    assert len({answer.text.replace("`", "").casefold() for answer in answers}) == len(answers)
    assert len({answer.because.casefold() for answer in answers}) == len(answers)


@pytest.mark.parametrize("name", QUESTIONS)
def test_text_fits_a_phone(name):
    question = QUESTIONS[name]
    assert len(question.question) <= 320
    assert all(len(line) <= 88 for line in question.code.splitlines())
    for answer in question.answers:
        assert len(answer.text) <= 80
        assert 20 <= len(answer.because) <= 240
        assert "*" not in re.sub(r"`[^`]*`", "", answer.text + answer.because), "no markup but code"


def test_place_and_length_do_not_give_the_answer_away():
    places = Counter(right(question) for question in QUESTIONS.values())
    assert max(places.values()) <= 0.4 * len(QUESTIONS)
    assert min(places.values()) >= 0.1 * len(QUESTIONS)
    for name in CHAPTERS:
        of_chapter = {right(question) for question in coursekit_quiz.read_quiz(QUIZZES[name])}
        assert len(of_chapter) >= 3, name
    for extreme in (max, min):
        given_away = 0
        for question in QUESTIONS.values():
            lengths = [len(answer.text) for answer in question.answers]
            found = lengths[right(question)]
            given_away += found == extreme(lengths) and lengths.count(found) == 1
        assert given_away < 0.35 * len(QUESTIONS), extreme


# --- What the code prints --------------------------------------------------------------------

# All of it runs in one process, since TensorFlow takes seconds to import. Each piece gets a
# namespace of its own. What it prints on stderr, as Keras does with its warnings, is not shown.
RUNNER = """
import contextlib, io, json, sys
codes, printed = json.load(sys.stdin), {}
if any("keras" in code for code in codes.values()):
    import coursekit
for name, code in codes.items():
    shown = io.StringIO()
    try:
        with contextlib.redirect_stdout(shown):
            exec(compile(code, name, "exec"), {"__name__": "__main__"})
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=shown)
    printed[name] = shown.getvalue()
print(json.dumps(printed))
"""


def run(codes: dict[str, str]) -> dict[str, str]:
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=json.dumps(codes), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def printed():
    return run({name: question.code for name, question in WITH_CODE.items()})


def test_runner_tells_what_was_printed_and_what_failed():
    codes = {"sum": "print(1 + 1)", "next": "print('x' in globals())", "bad": "print(1); 1 / 0"}
    assert run(codes) == {
        "sum": "2\n",
        "next": "False\n",
        "bad": "1\nZeroDivisionError: division by zero\n",
    }


@pytest.mark.parametrize("name", WITH_CODE)
def test_code_prints_what_the_quiz_says(name, printed):
    question = WITH_CODE[name]
    assert printed[name] == (question.prints + "\n" if question.prints else "")


@pytest.mark.parametrize("name", WITH_CODE)
def test_right_answer_is_what_is_printed(name):
    """And no wrong one is, where a question asks what the code prints."""
    question = WITH_CODE[name]
    if re.search(r"\bprints?\b", question.question):
        assert question.prints, "say in prints what the code prints"
        for answer in question.answers:
            assert (f"`{question.prints}`" in answer.text) == answer.right, answer.text


# --- How a quiz is read ----------------------------------------------------------------------

GOOD = """
- id: sum
  section: text
  question: How much is `1 + 1`?
  code: |-
    print(1 + 1)
  prints: "2"
  answers:
    - text: "`2`"
      right: true
      because: One and one, said "slowly".
    - text: "`11`"
      because: That puts two words together.
    - text: None of these
      because: The first one is.
"""
ONE = 'text: "`2`"\n      right: true\n      because: One and one, said "slowly".'


def written(folder: Path, text: str) -> Path:
    path = folder / "quizzes" / "page.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_good_quiz_is_read(tmp_path):
    (question,) = coursekit_quiz.read_quiz(written(tmp_path, GOOD))
    assert (question.id, question.section) == ("sum", "text")
    assert (question.code, question.prints) == ("print(1 + 1)", "2")
    assert [answer.right for answer in question.answers] == [True, False, False]


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("  section: text\n", "", r"question 1: section is missing"),
        (GOOD, "- id: [", r"quizzes/page.yml is no valid YAML"),
        (GOOD, "", r"quizzes/page.yml: a quiz is a list of questions; found None"),
        (GOOD, "id: sum", r"a quiz is a list of questions; found {'id': 'sum'}"),
        (GOOD, "- sum", r"question 1: expected id, section, question, answers; found 'sum'"),
        (GOOD, GOOD + GOOD, r"two questions have the id 'sum'"),
        ("id: sum", "id: Sum 1", r"question 1 \(Sum 1\): an id has lower-case letters"),
        ("question: How", "asked: How", r"question 1: question is missing"),
        ("prints:", "print:", r"unknown print\. There are id, section, question, answers, code,"),
        ("code: |-\n    print(1 + 1)\n  ", "", r"prints says .* but there is no code"),
        ("How much is `1 + 1`?", "7", r"question is 7, of type int\. Put quotes around it"),
        ('"`11`"', "11", r"answer B: text is 11, of type int\. Put quotes"),
        ('"`11`"', '" "', r"answer B: text is empty"),
        ('"`11`"', '"`11"', r"answer B: text has a backtick without a partner: '`11'"),
        ("right: true", 'right: "yes"', r"right is 'yes', of type str\. Write true or false"),
        ("because: That", "why: That", r"answer B: because is missing"),
        ("      right: true\n", "", r"exactly one answer is right; found none"),
        ('"`11`"', '"`11`"\n      right: true', r"exactly one answer is right; found A and B"),
        ("    - " + ONE + "\n", "", r"answers is a list of 3 to 6 answers"),
    ],
)
def test_bad_quiz_is_refused(tmp_path, good, bad, message):
    text = GOOD.replace(good, bad)
    assert text != GOOD
    with pytest.raises(coursekit_quiz.QuizError, match=message):
        coursekit_quiz.read_quiz(written(tmp_path, text))


def test_text_becomes_code_and_quotes():
    made = coursekit_quiz.inline('He writes "no", not `"no"`.')
    assert [(type(node).__name__, node.astext()) for node in made] == [
        ("Text", "He writes “no”, not "),
        ("literal", '"no"'),
        ("Text", "."),
    ]


# --- What Sphinx makes of it -----------------------------------------------------------------

PAGE = """
A page
======

Text
----

Something.

Exercises
---------

Do it.
"""


def project(folder: Path, page: str = PAGE, quiz: str = GOOD) -> Path:
    """A tiny book of two pages, one of them with a quiz."""
    source = folder / "source"
    source.mkdir(parents=True)
    settings = {
        "extensions": ["coursekit_quiz"],
        "html_theme": "basic",
        "html_static_path": [str(BOOK / "_static")],
    }
    code = [f"import sys\nsys.path.insert(0, {str(BOOK / '_extensions')!r})"]
    code += [f"{name} = {value!r}" for name, value in settings.items()]
    (source / "conf.py").write_text("\n".join(code))
    (source / "index.rst").write_text("Start\n=====\n\n.. toctree::\n\n   page\n")
    (source / "page.rst").write_text(page)
    written(source, quiz)
    return source


def build(source: Path, builder: str = "html") -> tuple[Path, str]:
    """Build it, warnings being errors; return the folder and what was said."""
    out = source.parent / builder
    command = [sys.executable, "-m", "sphinx", "-W", "-b", builder, str(source), str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    return out, done.stderr if done.returncode else ""


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> dict[str, str]:
    out, errors = build(project(tmp_path_factory.mktemp("quiz")))
    assert errors == ""
    return {name: (out / f"{name}.html").read_text() for name in ("index", "page")}


def test_quiz_stands_before_the_exercises(html):
    titles = re.findall(r"<h2>([^<]*)<", html["page"])
    assert titles == ["Text", coursekit_quiz.TITLE, "Exercises"]


def test_quiz_is_in_the_contents_of_its_page(html):
    contents = html["page"].split('class="sphinxsidebar"')[1]
    assert re.search(rf'href="#check-yourself">{coursekit_quiz.TITLE}<', contents)


def test_question_is_usable_with_and_without_script(html):
    page = html["page"]
    assert re.search(r"<fieldset>\s*<legend>.*?How much is ", page, re.DOTALL)
    buttons = re.findall(r'<label class="quiz-choice"><input type="radio" id="([^"]+)"', page)
    assert buttons == [f"quiz-sum-{letter}" for letter in "abc"]
    assert set(re.findall(r'type="radio"[^>]*name="([^"]+)"', page)) == {"quiz-sum"}
    assert '<button type="button" class="quiz-check" hidden>Check</button>' in page
    assert '<output role="status"></output>' in page
    # What the script copies is in the page already, folded away.
    folded = re.search(r"<details[^>]*>\s*<summary>Answers</summary>(.*?)</details>", page, re.S)
    for button in buttons:
        assert f'id="{button}-because"' in folded[1]
    verdicts = re.findall(r'class="quiz-because quiz-(right|wrong)"', folded[1])
    assert verdicts == ["right", "wrong", "wrong"]
    assert re.findall(r'<strong class="quiz-verdict">(\w+)\.', folded[1]) == [
        "Right", "Wrong", "Wrong",
    ]  # fmt: skip
    assert "said “slowly”" in folded[1]
    (explained,) = re.findall(r'<li class="quiz-explained">(.*)</li>', folded[1], re.DOTALL)
    links = re.findall(r'<p class="quiz-section">Explained in: <a [^>]*href="([^"]+)"', explained)
    assert links == ["#text"] and 'id="text"' in page
    assert '<p class="quiz-score" role="status" aria-live="polite"></p>' in page
    assert 'class="highlight-python' in page  # the code is coloured


def test_files_are_loaded_where_there_is_a_quiz(html):
    assert re.search(r'<script[^>]*defer[^>]*src="_static/quiz\.js', html["page"])
    assert 'href="_static/quiz.css' in html["page"]
    assert "quiz.js" not in html["index"] and "quiz.css" not in html["index"]


def test_script_and_page_agree_on_names(html):
    """Every class and element that script and style look for is on the page."""
    for name in ("quiz.js", "quiz.css"):
        text = re.sub(r"/\*.*?\*/|//[^\n]*", "", (BOOK / "_static" / name).read_text(), flags=re.S)
        classes = set(re.findall(r"\.(quiz[a-z-]*)\b(?!\.)", text)) - {"quiz.js"}
        assert classes
        for found in classes:
            assert re.search(rf'class="[^"]*\b{found}\b', html["page"]), (name, found)


@pytest.mark.parametrize("builder", ["singlehtml", "latex"])
def test_other_formats_get_plain_lists(tmp_path, builder):
    out, errors = build(project(tmp_path), builder)
    assert errors == ""
    (made,) = out.glob("*.tex") if builder == "latex" else out.glob("index.html")
    text = made.read_text(encoding="utf-8")
    assert "radio" not in text and "<details" not in text
    places = [text.index(part) for part in ("How much is", "None of these", "Answers", "Wrong.")]
    assert places == sorted(places)
    assert text.count("Right.") == 1 and text.count("Wrong.") == 2
    assert "Explained in: Text" in text  # not a link: in one page, anchors may stand twice


def test_changed_and_new_quizzes_are_seen(tmp_path):
    source = project(tmp_path)
    quiz = source / "quizzes" / "page.yml"
    quiz.unlink()
    page = tmp_path / "html" / "page.html"
    assert build(source)[1] == "" and "How much is" not in page.read_text()
    written(source, GOOD)
    assert build(source)[1] == "" and "How much is" in page.read_text()
    written(source, GOOD.replace("How much is", "What gives"))
    assert build(source)[1] == "" and "What gives" in page.read_text()
    quiz.unlink()
    assert build(source)[1] == "" and "What gives" not in page.read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"page": PAGE.replace("Exercises\n---------", "Work\n----")},
         "the page page has no section 'Exercises' to put the quiz before"),
        ({"quiz": GOOD.replace("section: text", "section: texts")},
         "page.yml, question sum: the page has no section 'texts'. Similar ones are text."),
        ({"quiz": GOOD.replace("right: true", "right: false")},
         "question 1 (sum): exactly one answer is right; found none"),
        ({"quiz": "- id: ["}, "quizzes/page.yml is no valid YAML"),
    ],
)  # fmt: skip
def test_build_fails_and_says_why(tmp_path, change, message):
    assert message in " ".join(build(project(tmp_path, **change))[1].split())


def test_quiz_without_a_page_fails_the_build(tmp_path):
    source = project(tmp_path)
    (source / "quizzes" / "pages.yml").write_text(GOOD)
    errors = " ".join(build(source)[1].split())
    assert "quizzes/pages.yml belongs to no page: there is no pages." in errors
