"""Every public function of coursekit.datasets, given what nobody should give it.

It answers rightly, or with an error of a documented kind that is ours and names the argument or
its value; never with another library's. ``python -m tests.datasets.test_edges`` prints the table.
"""

from __future__ import annotations

import inspect
import pickle
import re
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from coursekit import datasets
from coursekit.datasets import DataUnavailableError, Walking, registry

PACKAGE = Path(inspect.getfile(datasets)).parents[1]
HUGE = 10**15  # rows: more than can be addressed, so that no machine begins to make room for them
NAN = float("nan")


@dataclass(frozen=True)
class Case:
    """A call, and what has to come of it: a check of the answer, or an error and its words."""

    function: str
    what: str
    call: Callable[[], Any]
    right: Callable[[Any], bool] | type[Exception]
    words: str = ""
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.function}({self.what})"


def threshold(what: str, right, words: str = "", /, **options) -> Case:
    return Case("make_threshold", what, lambda: datasets.make_threshold(**options), right, words)


def rows(n: int) -> Callable[[Any], bool]:
    return lambda answer: (
        answer[0].shape == (n, 3) and answer[0].dtype == "f4" and answer[1].dtype == "i8"
    )


CASES = [
    threshold("n=1", rows(1), n=1),
    threshold("n=True", ValueError, "n is True", n=True),
    threshold("n=np.int8(5)", rows(5), n=np.int8(5)),
    threshold("n=np.array(5)", rows(5), n=np.array(5)),
    threshold("n=0", ValueError, "n is 0", n=0),
    threshold("n=-1", ValueError, "n is -1", n=-1),
    threshold("n=10**15", ValueError, "n is 1000000000000000; .* 1 to 100000000", n=HUGE),
    threshold("n=2**63", ValueError, "n is 9223372036854775808; .* 1 to", n=2**63),
    threshold("n=2.0", TypeError, r"n is 2\.0; it must be a whole number", n=2.0),
    threshold("n=nan", TypeError, "n is nan", n=NAN),
    threshold("n=None", TypeError, "n is None", n=None),
    threshold("n='10'", TypeError, "n is '10'", n="10"),
    threshold("n=[10]", TypeError, r"n is \[10\]", n=[10]),
    threshold("n=np.array([4, 5])", TypeError, r"n is array\(\[4, 5\]\)", n=np.array([4, 5])),
    threshold("n=np.float64(3)", TypeError, "n is np", n=np.float64(3)),
    threshold("seed=0", rows(9), n=9, seed=0),
    threshold("seed=np.uint64(2**64 - 1)", rows(9), n=9, seed=np.uint64(2**64 - 1)),
    threshold("seed=10**30", rows(9), n=9, seed=10**30),
    threshold("seed=-1", ValueError, "seed is -1", seed=-1),
    threshold("seed=1.5", TypeError, r"seed is 1\.5", seed=1.5),
    threshold("seed=nan", TypeError, "seed is nan", seed=NAN),
    threshold("seed=None", TypeError, "seed is None", seed=None),
    threshold("seed='1'", TypeError, "seed is '1'", seed="1"),
]

EDITIONS = {
    "''": "",
    "'FULL'": "FULL",
    "' sample'": " sample",
    "b'sample'": b"sample",
    "0": 0,
    "-1": -1,
    "True": True,
    "nan": NAN,
    "pd.NA": pd.NA,
    "['sample']": ["sample"],
    "{}": {},
    "np.array(['full', 'sample'])": np.array(["full", "sample"]),
    "pd.Series(['sample'])": pd.Series(["sample"]),
    "Path('sample')": Path("sample"),
}


def sample(answer: Any) -> bool:
    if isinstance(answer, Walking):
        return answer.x.shape == (2560, 260, 3) and type(answer.edition) is str
    return answer[0][0].shape == (4000, 28, 28)


# Folders and files of these names are made for the tests, below.
DATA = {
    "a folder that is not there": ("none", "none"),
    "a file": ("file", "file"),
    "an empty folder": ("empty", "empty"),
    "[brackets] and spaces": ("[a] b/[/c]", r"\[a\] b"),
    "a folder of folders": ("folders", "it is a folder, not a file"),
    "a file for a folder": ("files", "files"),
    "~nobody": ("~no-such-user/data", "~no-such-user"),
    "a name that is too long": ("x" * 300, "x" * 300),
    "a folder of wrong files": ("wrong", "is not a readable|have SHA-256"),
}

for function in ("load_mnist",):
    load = getattr(datasets, function)
    CASES += [
        Case(function, f"edition={what}", lambda load=load, v=value: load(edition=v), ValueError,
             "edition is .*; it must be one of full, sample")
        for what, value in EDITIONS.items()
    ]  # fmt: skip
    CASES += [
        Case(function, "edition='sample'", lambda load=load: load(edition="sample"), sample),
        Case(function, "edition=np.str_('sample')",
             lambda load=load: load(edition=np.str_("sample")), sample),
        Case(function, "$COURSEKIT_EDITION=sample", load, sample,
             environment={"COURSEKIT_EDITION": "sample"}),
        Case(function, "$COURSEKIT_EDITION=Sample", load, ValueError,
             "COURSEKIT_EDITION is 'Sample'", {"COURSEKIT_EDITION": "Sample"}),
        Case(function, "$COURSEKIT_EDITION=' '", load, ValueError,
             "COURSEKIT_EDITION is ' '", {"COURSEKIT_EDITION": " "}),
    ]  # fmt: skip
    CASES += [
        Case(function, f"$COURSEKIT_DATA={what}", load, DataUnavailableError,
             f"(?s)(?=.*{words}).*COURSEKIT_DATA names that folder", {"COURSEKIT_DATA": name})
        for what, (name, words) in DATA.items()
    ]  # fmt: skip
    CASES += [
        Case(function, f"$COURSEKIT_CACHE={what}", load, DataUnavailableError, words,
             {"COURSEKIT_CACHE": name})
        for what, name, words in [
            ("a file", "file", "file.*: .*COURSEKIT_CACHE"),
            ("[brackets] and spaces", "[a] b", "could not connect"),
            ("''", "", "could not connect"),
            ("~nobody", "~no-such-user/cache", "could not connect"),
            ("a name that is too long", "x" * 300, "xxx.*COURSEKIT_CACHE"),
        ]
    ]  # fmt: skip

RUNS = re.escape("must be one of architectures, batch-size, build-compile-fit, callbacks,")
CASES += [
    Case("load_stored_runs", f"chapter={what}",
         lambda v=value: datasets.load_stored_runs(v), ValueError, f"chapter is .*; it {RUNS}")
    for what, value in (EDITIONS | {"batch_size": "batch_size", "../iris": "../iris"}).items()
]  # fmt: skip
CASES.append(
    Case("load_stored_runs", "chapter=np.str_('callbacks')",
         lambda: datasets.load_stored_runs(np.str_("callbacks")),
         lambda answer: list(answer) == ["edition", "model", "metric", "seed", "value"])
)  # fmt: skip

BUNDLED = {
    "load_iris": lambda answer: isinstance(answer, pd.DataFrame) and answer.shape == (150, 5),
    "load_breast_cancer": lambda answer: answer.shape == (699, 11),
    "load_walking": lambda answer: answer.x.shape == (6792, 260, 3),
}
for function, right in BUNDLED.items():
    load = getattr(datasets, function)
    for what, name in {"nothing": "", "a file": "file", "~nobody": "~no-such-user"}.items():
        environment = {"COURSEKIT_DATA": name, "COURSEKIT_CACHE": name}
        environment |= {"COURSEKIT_EDITION": "neither"}  # they have one edition, and no download
        CASES.append(
            Case(function, f"$COURSEKIT_...={what}", load, right, "", environment)
        )  # fmt: skip


def walking(what: str, right, words: str = "", /, **changes) -> Case:
    given = {"x": np.zeros((2, 260, 3), "f4"), "labels": np.array([1, 15]), "start": np.zeros(2)}
    given |= {"seconds": np.zeros(len(given["x"]))} | changes

    def call():
        made = Walking(**given)
        return made, made.y, repr(made)

    return Case("Walking", what, call, right, words)


NONE = {"x": np.zeros((0, 260, 3)), "labels": np.zeros(0, int)}
NONE |= {"start": np.zeros(0, int), "seconds": np.zeros(0)}

CASES += [
    walking("two windows", lambda answer: answer[1].argmax(axis=1).tolist() == [0, 14]),
    walking("no window", lambda answer: answer[1].shape == (0, 15), **NONE),
    walking("labels=[0, 1]", ValueError, "labels has 0;", labels=np.array([0, 1])),
    walking("labels=[1, 16]", ValueError, "labels has 16;", labels=np.array([1, 16])),
    walking("labels=[1, nan]", ValueError, "labels has nan", labels=np.array([1, NAN])),
    walking("labels=[1.5, 2]", ValueError, r"labels has 1\.5", labels=np.array([1.5, 2])),
    walking("labels=one", ValueError, r"labels has shape \(1,\)", labels=np.array([1])),
    walking("start=None", ValueError, r"start has shape \(\)", start=None),
    walking("seconds=None", ValueError, r"seconds has shape \(\)", seconds=None),
    walking("x of two axes", ValueError, r"x has shape \(2, 260\)", x=np.zeros((2, 260))),
    walking("x=None", ValueError, r"x has shape \(\)", x=None),
    Case("folders", "$COURSEKIT_DATA=''", datasets.folders,
         lambda answer: answer["named"] is None and (answer["bundled"] / "iris.csv").is_file(),
         environment={"COURSEKIT_DATA": ""}),
    Case("folders", "$COURSEKIT_...=~nobody", datasets.folders,
         lambda answer: answer["named"] == answer["downloaded"] == Path.cwd() / "~no-such-user",
         environment=dict.fromkeys(("COURSEKIT_DATA", "COURSEKIT_CACHE"), "~no-such-user")),
    Case("DataUnavailableError", "''", lambda: DataUnavailableError(""),
         lambda answer: str(answer) == "" and isinstance(answer, RuntimeError)),
    Case("DataUnavailableError", "pickled",
         lambda: pickle.loads(pickle.dumps(DataUnavailableError("no [b]data[/b]"))),
         lambda answer: str(answer) == "no [b]data[/b]"),
]  # fmt: skip


def make_places(folder: Path) -> None:
    """Make the files and folders that the cases name."""
    (folder / "file").write_text("no folder")
    for name in ("empty", "[a] b", "files", "folders", "wrong"):
        (folder / name).mkdir()
    for path in {Path(file.path) for file in registry.REGISTRY if file.urls}:
        (folder / "folders" / path).mkdir(parents=True)
        (folder / "wrong" / path.parent).mkdir(exist_ok=True)
        (folder / "wrong" / path).write_bytes(b"")
        (folder / "files" / path.parent).write_text("no folder")


def answer_of(case: Case) -> tuple[str, str]:
    """Return what came of a case, in words, and what is wrong with it, if something is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            answer = case.call()
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        if not (isinstance(case.right, type) and type(error) is case.right):
            return said, "not the error that is documented"
        raised_in = Path(traceback.extract_tb(error.__traceback__)[-1].filename)
        if not raised_in.is_relative_to(PACKAGE):
            return said, f"raised by another library, in {raised_in.name}"
        if not re.search(case.words, str(error), re.DOTALL):
            return said, f"does not say {case.words}"
        return said, ""
    said = f"answered with {type(answer).__name__}"
    return said, "" if not isinstance(case.right, type) and case.right(answer) else "wrong answer"


def prepare(case: Case, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Go to the folder, set what the case sets, and have nobody ask a mirror outside."""
    patch.chdir(folder)
    # Nothing listens at port 1 of this machine.
    gone = ("http://127.0.0.1:1/a", "http://127.0.0.1:1/b")
    files = [replace(file, urls=gone) if file.urls else file for file in registry.REGISTRY]
    patch.setattr(registry, "REGISTRY", tuple(files))
    for name, value in case.environment.items():
        patch.setenv(name, value)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edges")
    make_places(folder)
    return folder


@pytest.mark.timeout(15)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_edge(case, places, monkeypatch):
    prepare(case, places, monkeypatch)
    said, wrong = answer_of(case)
    assert not wrong, said
    assert not (places / "~no-such-user").exists()


def test_every_public_name_and_parameter_has_edges():
    assert {case.function for case in CASES} == set(datasets.__all__)
    for name in datasets.__all__:
        if inspect.isfunction(function := getattr(datasets, name)):
            for parameter in inspect.signature(function).parameters:
                assert any(case.name.startswith(f"{name}({parameter}=") for case in CASES)


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        make_places(Path(folder))
        for case in CASES:
            with pytest.MonkeyPatch.context() as patch:
                for name in ("COURSEKIT_EDITION", "COURSEKIT_DATA"):
                    patch.delenv(name, raising=False)
                patch.setenv("COURSEKIT_CACHE", f"{folder}/cache")
                prepare(case, Path(folder), patch)
                said, wrong = answer_of(case)
            lines = said.replace(folder, "...").splitlines()
            short = " / ".join(line.strip() for line in lines[:3])
            print(f"{case.name:<60} {wrong.upper()}{': ' * bool(wrong)}{short:.160}")


if __name__ == "__main__":
    main()
