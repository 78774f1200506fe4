"""Insert the quiz of a chapter, from ``quizzes/NAME.yml``, before its exercises.

A quiz is a list of questions::

    - id: count-parameters         # letters, digits, hyphens; unique in the book
      section: the-hidden-layers   # anchor of the section of the page that answers it
      question: How many ...?      # text in backticks is code, also in answers
      code: print(2 + 2)           # optional: the code that the question is about
      prints: "4"                  # its output without the last newline, for the tests
      answers:
        - text: "4"
          right: true              # on exactly one answer
          because: Why this is so.
        - text: "22"
          because: Why it is not, and what led here.

On a page, each question is a group of radio buttons with the script ``quiz.js``, which also counts
the right answers. Without JavaScript, and in print, the answers follow the questions. Formats other
than HTML get two plain lists. Every answer leads back to the section that explains it; a section
that is not on the page fails the build.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml
from docutils import nodes
from docutils.utils.smartquotes import educate_tokens
from sphinx.errors import SphinxError
from sphinx.transforms.post_transforms import SphinxPostTransform

TITLE = "Check yourself"
EXERCISES_TITLE = "Exercises"  # the quiz is inserted before this section
INTRODUCTION = (
    "One answer to each question is right. Every answer comes with an explanation, the wrong ones "
    "too."
)
LETTERS = "ABCDEF"
# Builders whose pages are read on a screen; the output of others may be printed.
SCREEN_BUILDERS = {"html", "dirhtml"}


class QuizError(SphinxError):
    """A quiz is invalid or cannot be inserted; this stops the build."""

    category = "Quiz error"


@dataclass(frozen=True)
class Answer:
    """One answer of a question, with its explanation."""

    text: str
    because: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """One question, with the code that it is about, if any."""

    id: str
    section: str
    question: str
    answers: tuple[Answer, ...]
    code: str = ""
    prints: str = ""


# --- Reading ---------------------------------------------------------------------------------


def read_quiz(path: Path) -> list[Question]:
    """Read the quiz of one chapter.

    Parameters
    ----------
    path : Path
        The YAML file, in the format described at the top of this module.

    Returns
    -------
    list of Question
        At least one, in the order of the file.

    Raises
    ------
    QuizError
        If the file is not YAML or not in this format. The message names file and question.
    """
    where = f"{path.parent.name}/{path.name}"
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise QuizError(f"{where} is no valid YAML: {error}") from error
    if not isinstance(entries, list) or not entries:
        raise QuizError(f"{where}: a quiz is a list of questions; found {entries!r:.60}.")
    questions = [
        _question(entry, f"{where}, question {number}") for number, entry in enumerate(entries, 1)
    ]
    seen = set()
    for question in questions:
        if question.id in seen:
            raise QuizError(f"{where}: two questions have the id {question.id!r}. Rename one.")
        seen.add(question.id)
    return questions


def _question(entry: object, where: str) -> Question:
    needed = ("id", "section", "question", "answers")
    fields = _fields(entry, where, needed=needed, known=("code", "prints"))
    name = fields["id"]
    where = f"{where} ({name})"
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise QuizError(f"{where}: an id has lower-case letters, digits and hyphens only.")
    fields["section"] = fields["section"].removeprefix("#")
    if "prints" in fields and "code" not in fields:
        raise QuizError(f"{where}: prints says what code prints, but there is no code.")
    entries = fields.pop("answers")
    if not isinstance(entries, list) or not 3 <= len(entries) <= len(LETTERS):
        raise QuizError(f"{where}: answers is a list of 3 to {len(LETTERS)} answers.")
    answers = []
    for letter, answer in zip(LETTERS, entries, strict=False):
        label = f"{where}, answer {letter}"
        answers.append(Answer(**_fields(answer, label, ("text", "because"), known=("right",))))
    right = [letter for letter, answer in zip(LETTERS, answers, strict=False) if answer.right]
    if len(right) != 1:
        found = " and ".join(right) or "none"
        raise QuizError(
            f"{where}: exactly one answer is right; found {found}. Write right: true on that one."
        )
    return Question(**fields, answers=tuple(answers))


def _fields(entry: object, where: str, needed: tuple, known: tuple) -> dict:
    """Validate the names and types of the fields of a mapping, and return it."""
    if not isinstance(entry, dict):
        raise QuizError(f"{where}: expected {', '.join(needed)}; found {entry!r:.60}.")
    if missing := [name for name in needed if name not in entry]:
        raise QuizError(f"{where}: {', '.join(missing)} is missing.")
    if unknown := [str(name) for name in entry if name not in needed + known]:
        raise QuizError(
            f"{where}: unknown {', '.join(unknown)}. There are {', '.join(needed + known)}."
        )
    for name, value in entry.items():
        if name == "answers":
            continue
        kind = bool if name == "right" else str
        if not isinstance(value, kind):
            raise QuizError(
                f"{where}: {name} is {value!r}, of type {type(value).__name__}. "
                + ("Write true or false." if kind is bool else "Put quotes around it.")
            )
        if kind is str and not value.strip():
            raise QuizError(f"{where}: {name} is empty.")
        if name not in ("code", "prints") and kind is str and value.count("`") % 2:
            raise QuizError(f"{where}: {name} has a backtick without a partner: {value!r:.60}.")
    return dict(entry)


# --- Finding ---------------------------------------------------------------------------------


def quiz_of(page: str) -> str:
    """Return the path of a page's quiz, relative to the source folder."""
    name = PurePosixPath(page)
    return (name.parent / "quizzes" / f"{name.name}.yml").as_posix()


def find_quizzes(app, env, added, changed, removed) -> list[str]:
    """Return the pages that have a new quiz; raise an error for a quiz without a page."""
    expected = {quiz_of(page): page for page in env.found_docs}
    with_new_quiz = []
    for folder in {PurePosixPath(page).parent for page in env.found_docs}:
        for path in sorted(Path(env.srcdir, folder, "quizzes").glob("*.yml")):
            quiz = (folder / "quizzes" / path.name).as_posix()
            if quiz not in expected:
                raise QuizError(
                    f"{quiz} belongs to no page: there is no {(folder / path.stem).as_posix()}. "
                    "A quiz has the name of its page; rename or remove it."
                )
            if quiz not in env.dependencies[expected[quiz]]:
                with_new_quiz.append(expected[quiz])
    return with_new_quiz


def insert_quiz(app, document: nodes.document) -> None:
    """Insert the quiz of the page that was just read before its exercises."""
    page = app.env.docname
    path = Path(app.srcdir, quiz_of(page))
    if not path.is_file():
        return
    app.env.note_dependency(quiz_of(page))
    for exercises in document.findall(nodes.section):
        if exercises[0].astext() == EXERCISES_TITLE:
            break
    else:
        raise QuizError(
            f"{quiz_of(page)}: the page {page} has no section {EXERCISES_TITLE!r} to put the quiz "
            "before. Add that section, or remove the quiz."
        )
    section = nodes.section(names=[nodes.fully_normalize_name(TITLE)])
    section += nodes.title(TITLE, TITLE)
    section += nodes.paragraph(INTRODUCTION, INTRODUCTION)
    section += build(read_quiz(path), section_titles(document), quiz_of(page))
    document.note_implicit_target(section, section)
    exercises.parent.insert(exercises.parent.index(exercises), section)


def section_titles(document: nodes.document) -> dict[str, str]:
    """Return the titles of the sections of a page, by anchor."""
    return {
        anchor: section[0].astext()
        for section in document.findall(nodes.section)
        for anchor in section["ids"]
    }


# --- Nodes -----------------------------------------------------------------------------------


class Quiz(nodes.General, nodes.Element):
    """All questions of a page, and the answers below them."""


class QuizQuestion(nodes.Part, nodes.Element):
    """A question: a prompt, optional code, and the choices."""


class QuizPrompt(nodes.Part, nodes.TextElement):
    """The text of a question."""


class QuizChoice(nodes.Part, nodes.TextElement):
    """One of the answers to choose from."""


class QuizAnswers(nodes.Part, nodes.Element):
    """The explanations of all answers to all questions."""


def inline(text: str) -> list[nodes.Node]:
    """Convert text in backticks to code, and straight quotes in the rest to curly ones."""
    parts = re.split(r"`([^`]*)`", text)
    kinds = ["literal" if odd % 2 else "plain" for odd in range(len(parts))]
    parts = educate_tokens(zip(kinds, parts, strict=True), "qDe")
    return [
        nodes.literal(part, part) if kind == "literal" else nodes.Text(part)
        for kind, part in zip(kinds, parts, strict=True)
        if part
    ]


def listing(style: str, items: list[nodes.Node]) -> nodes.enumerated_list:
    """Make a list numbered in a style of docutils, such as "arabic" or "upperalpha"."""
    return nodes.enumerated_list("", *items, enumtype=style, prefix="", suffix=".")


def way_back(question: Question, titles: dict[str, str], where: str) -> nodes.paragraph:
    """Make the link to the section that answers a question, one of the given titles."""
    anchor = question.section
    if anchor not in titles:
        similar = difflib.get_close_matches(anchor, titles) or list(titles)
        raise QuizError(
            f"{where}, question {question.id}: the page has no section {anchor!r}. Similar ones "
            f"are {', '.join(similar)}."
        )
    link = nodes.reference("", titles[anchor], internal=True, refid=anchor)
    return nodes.paragraph("", "", nodes.Text("Explained in: "), link, classes=["quiz-section"])


def build(questions: list[Question], titles: dict[str, str], where: str) -> Quiz:
    """Make the nodes of a quiz; ``titles`` are those of the page's sections, by anchor."""
    whole, explained = Quiz(), []
    for number, question in enumerate(questions, start=1):
        name = f"quiz-{question.id}"
        asked = QuizQuestion(ids=[name], number=number, count=len(questions))
        asked += QuizPrompt("", "", *inline(question.question))
        if question.code:
            asked += nodes.literal_block(question.code, question.code, language="python")
        verdicts = []
        for letter, answer in zip(LETTERS, question.answers, strict=False):
            one = f"{name}-{letter.lower()}"
            asked += QuizChoice("", "", *inline(answer.text), ids=[one], name=name, letter=letter)
            word, kind = ("Right.", "quiz-right") if answer.right else ("Wrong.", "quiz-wrong")
            verdict = nodes.strong(word, word, classes=["quiz-verdict"])
            because = nodes.paragraph("", "", verdict, nodes.Text(" "), *inline(answer.because))
            verdicts.append(
                nodes.list_item("", because, ids=[f"{one}-because"], classes=["quiz-because", kind])
            )
        whole += asked
        again = nodes.paragraph("", "", *inline(question.question))
        explained.append(
            nodes.list_item(
                "",
                again,
                listing("upperalpha", verdicts),
                way_back(question, titles, where),
                classes=["quiz-explained"],
            )
        )
    whole += QuizAnswers("", listing("arabic", explained))
    return whole


class PlainQuiz(SphinxPostTransform):
    """Replaces a quiz by a list of questions and a list of answers in non-interactive formats."""

    default_priority = 5

    def run(self, **kwargs) -> None:
        """Replace every quiz by plain nodes, unless the pages are read on a screen."""
        if self.app.builder.name in SCREEN_BUILDERS:
            return
        for whole in list(self.document.findall(Quiz)):
            *asked, answers = whole.children
            questions = []
            for question in asked:
                prompt, *code = (n for n in question if not isinstance(n, QuizChoice))
                choices = [
                    nodes.list_item("", nodes.paragraph("", "", *choice.children))
                    for choice in question.findall(QuizChoice)
                ]
                text = nodes.paragraph("", "", *prompt.children)
                questions.append(nodes.list_item("", text, *code, listing("upperalpha", choices)))
            # Where all pages become one, several sections may have the same anchor.
            for link in list(answers.findall(nodes.reference)):
                link.replace_self(nodes.Text(link.astext()))
            heading = nodes.paragraph("", "", nodes.strong("Answers", "Answers"))
            whole.replace_self([listing("arabic", questions), heading, *answers.children])


# --- HTML ------------------------------------------------------------------------------------


def visit_quiz(self, node) -> None:
    """Open the quiz."""
    self.body.append(self.starttag(node, "div", CLASS="quiz"))


def depart_quiz(self, node) -> None:
    """Close the quiz."""
    self.body.append("</div>\n")


def visit_question(self, node) -> None:
    """Open a group of radio buttons.

    It is not in a form, where Enter would press the button that copies the code.
    """
    self.body.append(self.starttag(node, "div", CLASS="quiz-question"))
    self.body.append("<fieldset>\n")


def depart_question(self, node) -> None:
    """Close the group with a button, hidden until the script runs, and an output element."""
    self.body.append(
        '<button type="button" class="quiz-check" hidden>Check</button>\n'
        '<output role="status"></output>\n</fieldset></div>\n'
    )


def visit_prompt(self, node) -> None:
    """Open the legend of the group."""
    question = node.parent
    self.body.append(
        f'<legend><span class="quiz-number">Question {question["number"]} of '
        f"{question['count']}</span> "
    )


def depart_prompt(self, node) -> None:
    """Close the legend of the group."""
    self.body.append("</legend>\n")


def visit_choice(self, node) -> None:
    """Write a radio button, and open its label."""
    name, letter = node["name"], node["letter"]
    self.body.append(
        f'<label class="quiz-choice"><input type="radio" id="{node["ids"][0]}" name="{name}" '
        f'value="{letter}" autocomplete="off"><span class="quiz-letter">{letter}.</span> <span>'
    )


def depart_choice(self, node) -> None:
    """Close the label."""
    self.body.append("</span></label>\n")


def visit_answers(self, node) -> None:
    """Write an empty line for the score, and open the collapsed list of answers.

    Screen readers announce the score when the script writes it. The line is on the page from the
    start, because many of them ignore lines that are added later.
    """
    self.body.append('<p class="quiz-score" role="status" aria-live="polite"></p>\n')
    self.body.append(self.starttag(node, "details", CLASS="quiz-answers"))
    self.body.append("<summary>Answers</summary>\n")


def depart_answers(self, node) -> None:
    """Close the collapsed list of answers."""
    self.body.append("</details>\n")


def add_files(app, page: str, template: str, context: dict, document) -> None:
    """Load script and style only on pages with a quiz."""
    if document is not None and next(document.findall(Quiz), None) is not None:
        app.add_css_file("quiz.css")
        app.add_js_file("quiz.js", loading_method="defer")


def setup(app) -> dict:
    """Register with Sphinx."""
    app.add_node(Quiz, html=(visit_quiz, depart_quiz))
    app.add_node(QuizQuestion, html=(visit_question, depart_question))
    app.add_node(QuizPrompt, html=(visit_prompt, depart_prompt))
    app.add_node(QuizChoice, html=(visit_choice, depart_choice))
    app.add_node(QuizAnswers, html=(visit_answers, depart_answers))
    app.add_post_transform(PlainQuiz)
    app.connect("env-get-outdated", find_quizzes)
    # Before Sphinx collects the headings of a page, which it does at the usual priority of 500.
    app.connect("doctree-read", insert_quiz, priority=400)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
