"""Link the chapters and the API reference of coursekit in both directions.

The pages in ``book/api`` name modules; Sphinx's autodoc and napoleon read their docstrings. This
extension adds the rest: it links inline code and code cells of the chapters to the entries, lists
in each entry the chapters that use it, and adds entries for the command line.

sphinx-codeautolink links blocks of code, but not inline code. sphinx-click and sphinxcontrib-typer
describe commands, but do not link inline code to them.
"""

from __future__ import annotations

import ast
import html
import importlib
import inspect
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from coursekit_glossary import is_interactive
from docutils import nodes
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

PACKAGE = "coursekit"
USAGE_WIDTH = 72
# A name, optionally followed by a call.
CALL = re.compile(r"([A-Za-z_][\w.]*)(?:\(.*\))?", re.DOTALL)


def style_reference(app, config) -> None:
    """Configure how docstrings are rendered."""
    # Docstrings state types with shapes and units, which annotations cannot.
    config.autodoc_typehints = "none"
    config.autodoc_member_order = "bysource"  # __all__ of each module is in reading order
    config.napoleon_google_docstring = False
    # Keep one line for "train, test : float", and types as plain words.
    config.napoleon_use_param = False
    config.napoleon_use_rtype = False
    config.napoleon_custom_sections = [
        ("Attributes", "params_style"),
        ("Raises", "params_style"),
        ("Warns", "params_style"),
    ]
    config.toc_object_entries_show_parents = "hide"


_attributes: dict[str, list[str]] = {}


def set_attribute_aside(app, what: str, name: str, described, options, lines: list[str]) -> None:
    """Save the docstring of an attribute before napoleon misreads ``Share: of`` as a type."""
    if what in ("attribute", "data", "property"):
        _attributes[name] = lines.copy()


def put_attribute_back(app, what: str, name: str, described, options, lines: list[str]) -> None:
    """Restore the saved docstring of an attribute after napoleon."""
    if name in _attributes:
        lines[:] = _attributes.pop(name)


# ----------------------------------------------------------------- names in the code of a notebook


@dataclass(frozen=True)
class Code:
    """The names of the package that the code cells of a notebook import and use.

    Attributes
    ----------
    imported : dict of str to str
        Names in the notebook, and the dotted names of the objects they stand for.
    own : set of str
        Names that the notebook defines itself.
    used : set of str
        Dotted names of the package that are used, and all their prefixes.
    """

    imported: dict[str, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)


def read_code(source: str) -> Code:
    """Find the names of the package that some code imports and uses.

    Parameters
    ----------
    source : str
        Python code; lines in IPython syntax are ignored.

    Returns
    -------
    Code
        Empty if the code has a syntax error.
    """
    code = Code()
    lines = [
        re.sub(r"\S.*", "pass", line) if line.lstrip().startswith(("%", "!", "?")) else line
        for line in source.splitlines()
    ]
    try:
        tree = ast.parse("\n".join(lines))
    except SyntaxError:  # an exercise may have a blank in its code
        return code
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_in_package(node.module or ""):
            for name in node.names:
                code.imported[name.asname or name.name] = f"{node.module}.{name.name}"
        elif isinstance(node, ast.Import):
            for name in node.names:
                if _is_in_package(name.name):
                    whole = name.name if name.asname else PACKAGE
                    code.imported[name.asname or PACKAGE] = whole
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            code.own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            code.own.add(node.id)
    for node in ast.walk(tree):
        chain = _dotted_names(node)
        if chain and chain[0] in code.imported:
            name = ".".join([code.imported[chain[0]], *chain[1:]])
            code.used.update(name[: match.start()] for match in re.finditer(r"\.|$", name))
    return code


def _is_in_package(module: str) -> bool:
    return module == PACKAGE or module.startswith(f"{PACKAGE}.")


def _dotted_names(node: ast.AST) -> list[str]:
    """Return the names in ``a.b.c``; an empty list if it does not begin with a name."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return [node.id, *reversed(names)] if isinstance(node, ast.Name) else []


@lru_cache(maxsize=256)
def _code_of(path: str, _changed: int) -> Code:
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    whole = Code()
    for cell in cells:
        if cell["cell_type"] == "code":
            # Parse cell by cell, so that a syntax error affects only its own cell.
            part = read_code(_with_imports(whole, "".join(cell["source"])))
            whole.imported.update(part.imported)
            whole.own.update(part.own)
            whole.used.update(part.used)
    return whole


def _with_imports(code: Code, source: str) -> str:
    """Prepend the imports of earlier cells to a cell."""
    imports = [
        f"from {module} import {name} as {alias}" if module else f"import {name} as {alias}"
        for alias, whole in code.imported.items()
        for module, _, name in [whole.rpartition(".")]
    ]
    return "\n".join([*imports, source])


def code_of(app, page: str) -> Code:
    """Return the names in the code cells of a page; empty for a page that is not a notebook."""
    path = Path(app.env.doc2path(page))
    if path.suffix != ".ipynb" or not path.exists():
        return Code()
    return _code_of(str(path), path.stat().st_mtime_ns)


# -------------------------------------------------------------------- entries of the reference


@dataclass(frozen=True)
class Entry:
    """The location of an object's description in the reference."""

    name: str
    page: str
    anchor: str
    kind: str


class Reference:
    """Finds entries of the reference by the names that pages use.

    Parameters
    ----------
    entries : iterable of Entry
        All entries, including modules.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: dict[str, Entry] = {entry.name: entry for entry in entries}
        last: dict[str, list[str]] = {}
        for name, entry in self.entries.items():
            if entry.kind in ("function", "class", "exception", "data"):
                last.setdefault(name.rpartition(".")[2], []).append(name)
        self._unique = {short: names[0] for short, names in last.items() if len(names) == 1}

    def find(self, text: str, code: Code) -> Entry | None:
        """Return the entry that inline code refers to, or None.

        Parameters
        ----------
        text : str
            Such as ``datasets.load_mnist()``, or ``load_mnist`` if that is not ambiguous on the
            page.
        code : Code
            Names in the code of the page.
        """
        match = CALL.fullmatch(text.strip())
        if not match:
            return None
        first, dot, rest = match[1].partition(".")
        if dot:
            whole = f"{code.imported.get(first, f'{PACKAGE}.{first}')}.{rest}"
            if first == PACKAGE:
                whole = match[1]
            elif first in code.own:
                return None
            return self.entries.get(whole)
        if first in code.own:
            return None
        if first in code.imported:
            found = self.entries.get(code.imported[first])
            return found if found and found.kind != "module" else None
        # A single word may be anything, but with an underscore it is a name.
        return self.find_short(first) if "_" in first.strip("_") else None

    def find_short(self, name: str) -> Entry | None:
        """Return the entry whose dotted name ends in this name, if there is exactly one."""
        return self.entries.get(self._unique.get(name, ""))

    def find_type(self, text: str) -> Entry | None:
        """Return the entry of a class by the last part of its dotted name."""
        entry = self.find_short(text)
        return entry if entry and entry.kind in ("class", "exception") else None

    def find_chain(self, chain: list[str], code: Code) -> tuple[int, Entry] | None:
        """Return the entry for the longest prefix of ``a.b.c``, with the length of the prefix."""
        if chain[0] not in code.imported:
            return None
        for length in range(len(chain), 0, -1):
            whole = ".".join([code.imported[chain[0]], *chain[1:length]])
            entry = self.entries.get(whole)
            if entry and entry.kind != "module":
                return length, entry
        return None


def reference_of(env) -> Reference:
    """Collect the entries that Sphinx has read, without aliases."""
    return Reference(
        Entry(name, found.docname, found.node_id, found.objtype)
        for name, found in env.get_domain("py").objects.items()
        if _is_in_package(name) and not found.aliased
    )


# ------------------------------------------------------------------------- links in the pages


def resolve(app, doctree: nodes.document, page: str) -> None:
    """Add the links to a page before it is written."""
    if app.builder.format != "html":
        return
    reference = reference_of(app.env)
    if _is_reference(app, page):
        _link_types(app, doctree, page, reference)
        _list_users(app, doctree, page)
    else:
        _link_prose(app, doctree, page, reference)


def find_elsewhere(app, env, node: addnodes.pending_xref, content: nodes.Node):
    """Resolve a role in a docstring that names an object of another module by its last name."""
    if node.get("refdomain") != "py" or not _is_reference(app, node.get("refdoc", "")):
        return None
    entry = reference_of(env).find_short(node["reftarget"])
    if entry is None:
        return None
    return make_refnode(app.builder, node["refdoc"], entry.page, entry.anchor, content)


def _is_reference(app, page: str) -> bool:
    return page.startswith(app.config.api_folder)


def _link(app, page: str, entry: Entry, content: nodes.Node, **options) -> nodes.reference:
    address = app.builder.get_relative_uri(page, entry.page)
    return nodes.reference(
        "", "", content, internal=True, refuri=f"{address}#{entry.anchor}", **options
    )


def _link_prose(app, doctree: nodes.document, page: str, reference: Reference) -> None:
    """Link inline code to the entry that it names."""
    code = code_of(app, page)
    commands = {command.name: command for command in commands_of(app)}
    for literal in list(doctree.findall(nodes.literal)):
        if _is_within(literal, nodes.reference, nodes.title, nodes.term, nodes.thead):
            continue
        text = literal.astext()
        entry = reference.find(text, code)
        if (
            entry is None
            and text in commands
            and app.config.api_commands_page in app.env.found_docs
        ):
            entry = Entry(text, app.config.api_commands_page, nodes.make_id(text), "command")
        if entry is not None:
            literal.parent.replace(
                literal, _link(app, page, entry, literal.deepcopy(), reftitle=entry.name)
            )


def _is_within(node: nodes.Node, *kinds: type) -> bool:
    """Return whether a node lies in one of these kinds, or in an interactive element."""
    while node := node.parent:
        if isinstance(node, kinds) or is_interactive(node):
            return True
    return False


def _link_types(app, doctree: nodes.document, page: str, reference: Reference) -> None:
    """Link the types in a docstring to the entries of their classes."""
    for body in doctree.findall(nodes.field_body):
        for word in list(body.findall(nodes.emphasis)) + list(body.findall(nodes.strong)):
            entry = reference.find_type(word.astext())
            if entry is not None and not _is_within(word, nodes.reference):
                word.parent.replace(word, _link(app, page, entry, word.deepcopy()))


def _list_users(app, doctree: nodes.document, page: str) -> None:
    """List in each entry the chapters and exercises that use it."""
    used = {other: code_of(app, other).used for other in _readers(app)}
    for entry in list(doctree.findall(addnodes.desc)):
        names = {
            name
            for child in entry
            if isinstance(child, addnodes.desc_signature)
            for name in child["ids"]
        }
        users = [other for other, found in used.items() if names & found]
        if not users:
            continue
        sentence = nodes.paragraph("", "Used in: ", classes=["api-used-in"])
        for index, other in enumerate(users):
            title = app.env.titles[other].astext()
            address = app.builder.get_relative_uri(page, other)
            sentence += nodes.Text(", " if index else "")
            sentence += nodes.reference("", title, internal=True, refuri=address)
        sentence += nodes.Text(".")
        content = entry[-1]
        # Before the methods of a class, which have their own entries.
        methods = [n for n, child in enumerate(content) if isinstance(child, addnodes.desc)]
        content.insert(methods[0] if methods else len(content), sentence)


def _readers(app) -> Iterator[str]:
    """Yield the notebooks that use the package, in order, without the solutions."""
    for page in app.env.collect_relations():
        if code_of(app, page).used and not any(
            Path(app.env.doc2path(page)).match(pattern) for pattern in app.config.api_not_users
        ):
            yield page


def depend_on_notebooks(app, doctree: nodes.document) -> None:
    """Rebuild the reference when a notebook has changed."""
    if _is_reference(app, app.env.docname):
        for page in app.env.found_docs:
            if str(app.env.doc2path(page)).endswith(".ipynb"):
                app.env.note_dependency(str(app.env.doc2path(page)))


# Code cells are highlighted when HTML is written, so links have to be added to the HTML.
BLOCK = re.compile(r'<div class="highlight-i?python3? notranslate">.*?</pre>', re.DOTALL)
NAME = r'<span class="n">(?:\w+)</span>'
CHAIN = re.compile(rf'(?<!<span class="o">\.</span>){NAME}(?:<span class="o">\.</span>{NAME})*')


def link_code(body: str, reference: Reference, code: Code, address: Callable[[Entry], str]) -> str:
    """Link the first use of each function in a page's code cells to its entry.

    Parameters
    ----------
    body : str
        HTML of the page, with code highlighted by Pygments.
    reference : Reference
    code : Code
        Names in the code of the page.
    address : callable
        Returns the address of an entry.

    Returns
    -------
    str
        The HTML with links.
    """
    seen: set[str] = set()

    def link(match: re.Match) -> str:
        tokens = re.findall(r"<span.*?</span>", match[0])
        chain = [html.unescape(re.sub(r"<.*?>", "", token)) for token in tokens[::2]]
        found = reference.find_chain(chain, code)
        if found is None or found[1].name in seen:
            return match[0]
        length, entry = found
        seen.add(entry.name)
        inside, after = tokens[: 2 * length - 1], tokens[2 * length - 1 :]
        target = html.escape(address(entry))
        return (
            f'<a class="api-code" href="{target}" title="{html.escape(entry.name)}">'
            f"{''.join(inside)}</a>{''.join(after)}"
        )

    return BLOCK.sub(lambda block: CHAIN.sub(link, block[0]), body)


def link_page(app, page: str, template: str, context: dict, doctree) -> None:
    """Link the names in the code cells of a page."""
    if doctree is None or not context.get("body"):
        return
    code = code_of(app, page)
    if code.imported:
        context["body"] = link_code(
            context["body"],
            reference_of(app.env),
            code,
            lambda entry: f"{app.builder.get_relative_uri(page, entry.page)}#{entry.anchor}",
        )


# ---------------------------------------------------------------------------------- directives


class ModuleTable(SphinxDirective):
    """A table of the public names of a module, with the first lines of their docstrings."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Make the table of the module that the argument names."""
        (module_name,) = self.arguments
        module = importlib.import_module(module_name)
        # Roles in the docstrings refer to names in the same module.
        before = self.env.ref_context.get("py:module")
        self.env.ref_context["py:module"] = module_name
        rows = []
        for name in module.__all__:
            value = getattr(module, name)
            # The docstring of a constant is that of its type.
            text = inspect.getdoc(value) if callable(value) else f"A {type(value).__name__}."
            first, _ = self.parse_inline((text or "").partition("\n")[0], lineno=self.lineno)
            rows.append([[self._reference(module_name, name)], first])
        self.env.ref_context["py:module"] = before
        return [table(["name", "what it does or is"], rows)]

    def _reference(self, module: str, name: str) -> addnodes.pending_xref:
        target = addnodes.pending_xref(
            "",
            nodes.literal("", name, classes=["xref", "py", "py-obj"]),
            refdomain="py",
            reftype="obj",
            reftarget=f"{module}.{name}",
            refexplicit=True,
            refdoc=self.env.docname,
            refwarn=True,
        )
        self.set_source_info(target)
        return target


@dataclass(frozen=True)
class Command:
    """One command of the command line, with its full name and its typer object."""

    name: str
    made: object


def commands_of(app) -> list[Command]:
    """Return the commands that are not groups of commands, in order."""
    if not app.config.api_commands:
        return []
    return _commands(app.config.api_commands)


@lru_cache(maxsize=1)
def _commands(target: str) -> list[Command]:
    import typer

    module, _, name = target.partition(":")
    made = typer.main.get_command(getattr(importlib.import_module(module), name))

    def below(command: Command) -> Iterator[Command]:
        parts = getattr(command.made, "commands", None)
        if not parts:
            yield command
        for name, part in (parts or {}).items():
            yield from below(Command(f"{command.name} {name}", part))

    return list(below(Command(PACKAGE, made)))


class Commands(SphinxDirective):
    """Reference entries of the commands, from their help texts."""

    def run(self) -> list[nodes.Node]:
        """Make a section for each command."""
        return [self._section(command) for command in commands_of(self.env.app)]

    def _section(self, command: Command) -> nodes.section:
        section = nodes.section(ids=[nodes.make_id(command.name)], names=[command.name])
        section += nodes.title("", command.name)
        self.state.document.note_explicit_target(section)
        for text in (command.made.help or "").split("\n\n"):
            section += nodes.paragraph("", " ".join(text.split()))
        settings = [made for made in command.made.params if not getattr(made, "hidden", False)]
        usage = _wrap([command.name, *map(_usage, settings)])
        section += nodes.literal_block(usage, usage, language="text")
        if settings:
            rows = [
                [[nodes.literal("", _spelling(made))], [nodes.Text(_meaning(made))]]
                for made in settings
            ]
            section += table(["argument or option", "what it says"], rows)
        return section


def _spelling(made) -> str:
    """Return how an argument or option is written on the command line."""
    if made.param_type_name == "argument":
        return made.name.upper()
    value = "" if getattr(made, "is_flag", False) else f" {made.name.upper()}"
    return ", ".join(made.opts) + value


def _usage(made) -> str:
    text = _spelling(made) + ("..." if made.nargs == -1 or getattr(made, "multiple", False) else "")
    return text if made.required else f"[{text}]"


def _wrap(parts: list[str]) -> str:
    """Wrap parts into lines of limited width, without breaking a part."""
    lines = [parts[0]]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) > USAGE_WIDTH:
            lines.append("   ")
        lines[-1] += f" {part}"
    return "\n".join(lines)


def _meaning(made) -> str:
    default = made.default
    text = made.help or ""
    if isinstance(default, float):
        default = f"{default:g}"
    if isinstance(default, (int, str)) and not isinstance(default, bool):
        text += f" Default: {default}."
    return text + (" Required." if made.required else "")


def table(header: list[str], rows: list[list[list[nodes.Node]]]) -> nodes.table:
    """Make a table of inline content, with a header row."""
    group = nodes.tgroup(cols=len(header))
    group += [nodes.colspec(colwidth=1) for _ in header]
    group += nodes.thead("", _row([[nodes.Text(text)] for text in header]))
    group += nodes.tbody("", *[_row(row) for row in rows])
    return nodes.table("", group, classes=["colwidths-auto"])


def _row(cells: list[list[nodes.Node]]) -> nodes.row:
    return nodes.row("", *[nodes.entry("", nodes.paragraph("", "", *cell)) for cell in cells])


def setup(app) -> dict:
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.add_config_value("api_folder", "book/api/", "env")
    app.add_config_value("api_commands", "coursekit.cli:app", "env")
    app.add_config_value("api_commands_page", "book/api/cli", "env")
    # Solutions are not listed: they would reveal the answers of exercises.
    app.add_config_value("api_not_users", ["*/solutions/*"], "env")
    app.add_directive("api-table", ModuleTable)
    app.add_directive("api-commands", Commands)
    app.add_css_file("api.css")
    app.connect("config-inited", style_reference)
    app.connect("autodoc-process-docstring", set_attribute_aside, priority=400)
    app.connect("autodoc-process-docstring", put_attribute_back, priority=600)
    app.connect("doctree-read", depend_on_notebooks)
    app.connect("missing-reference", find_elsewhere)
    app.connect("doctree-resolved", resolve)
    app.connect("html-page-context", link_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
