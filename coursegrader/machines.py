"""Run the grading of many notebooks on this machine, or on the workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import coursekit
from coursegrader import report
from coursegrader.collect import Submitted
from coursegrader.grader import Grader, Options, SandboxError, ungraded
from coursegrader.master import Master
from coursegrader.outcomes import SubmissionOutcome
from coursegrader.sandbox import LAYERS
from coursegrader.variants import Recipient
from coursekit import exercises
from warmkernels.client import WarmUnavailableError

if TYPE_CHECKING:
    from distributed import Client

START_SECONDS = 60.0  # for the first worker
Outcomes = Iterator[tuple[Submitted, SubmissionOutcome]]
Whose = Callable[[Submitted], Recipient | None]


class RefusedError(ValueError):
    """A request cannot be carried out; the message says why, and what to do."""


@dataclass(frozen=True)
class Machine:
    """What a machine grades with, as far as it may change a grade.

    Attributes
    ----------
    host : str
        Its name.
    layers : dict of str to str
        The layers of the sandbox that work there, with the mechanism of each.
    edition : str
        The edition of the data.
    code : str
        A digest of the code of the grader, of the course and of the files of checks.
    """

    host: str
    layers: dict[str, str]
    edition: str
    code: str

    @classmethod
    def of(cls, grader: Grader) -> Machine:
        """Describe this machine."""
        code = digest_of_code(grader.options)
        return cls(socket.gethostname(), grader.sandbox(), _edition(), code)

    @property
    def missing(self) -> list[str]:
        """The layers of the sandbox that do not work there."""
        return [layer for layer in LAYERS if layer not in self.layers]


def _edition() -> str:
    return os.environ.get("COURSEKIT_EDITION", "full")


def digest_of_code(options: Options) -> str:
    """Return a digest of the code that may change a grade, with that of the files of checks."""
    own = sorted(hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in options.checks)
    return hashlib.sha256(" ".join([_digest_of_packages(), *own]).encode()).hexdigest()


def _digest_of_packages() -> str:
    digest = hashlib.sha256()
    for package in (Path(__file__).parent, Path(coursekit.__file__).parent):
        for path in sorted(package.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def use_checks(checks: Sequence[str]) -> None:
    """Register the checks defined in these files.

    Raises
    ------
    RefusedError
        If one of them defines no checks.
    FileNotFoundError
        If one does not exist.
    """
    for path in checks:
        try:
            exercises.use(path)
        except ValueError as error:
            raise RefusedError(str(error)) from None


def on_this_machine(
    grader: Grader, jobs: int | None, whose: Whose
) -> Callable[[Sequence[Submitted]], Outcomes]:
    """Return a function that grades on this machine, several notebooks at a time.

    Parameters
    ----------
    grader : Grader
    jobs : int or None
        How many at a time; None: as many as there are cores.
    whose : callable
        Says whose notebook a submission is.
    """
    jobs = jobs or len(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else (1,))

    def run(waiting: Sequence[Submitted]) -> Outcomes:
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            futures = {pool.submit(_grade_one, grader, one, whose(one)): one for one in waiting}
            try:
                for future in as_completed(futures):
                    # Free the memory: the outcome is already written.
                    yield futures.pop(future), future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                grader.close()  # ends the running submissions
                raise

    return run


def _grade_one(grader: Grader, one: Submitted, recipient: Recipient | None) -> SubmissionOutcome:
    """Grade one notebook; an error in it does not affect the others."""
    if one.problem:
        return report.bounded(ungraded(_single_master(grader.masters), one.problem, 0.0))
    try:
        return report.bounded(grader.grade(one.content, one.stem, recipient))
    except (SandboxError, WarmUnavailableError):
        raise
    except Exception as error:
        return _outcome_of_trouble(grader.masters, error)


def _single_master(masters: Sequence[Master]) -> Master | None:
    return masters[0] if len(masters) == 1 else None


def _outcome_of_trouble(masters: Sequence[Master], error: BaseException) -> SubmissionOutcome:
    """Return the outcome of a notebook whose grading raised an unexpected error."""
    reason = f"it could not be graded ({type(error).__name__}: {error})"
    # The submission is not to blame, so the next run tries again.
    return replace(report.bounded(ungraded(_single_master(masters), reason, 0.0)), again=True)


# ---------------------------------------------------------------------------------- a cluster

_remote: dict[str, tuple[Grader, Machine]] = {}
_remote_lock = threading.Lock()


def expected_machine(grader: Grader, client: Client | None) -> Machine:
    """Describe what every notebook is graded with.

    That is what this machine has; or, of the machines of a cluster, the host that has the fewest
    layers of the sandbox, with those that work on all of them.

    Raises
    ------
    RefusedError
        If a worker has another edition of the data, or other code; or if it cannot use the files
        of checks.
    WarmUnavailableError
        If no warm process can be started.
    """
    machines = _workers(client, grader.masters, grader.options) if client else []
    if not machines:
        return Machine.of(grader)
    common = set.intersection(*(set(machine.layers) for machine in machines))
    weakest = max(machines, key=lambda machine: len(machine.missing))
    layers = {name: how for name, how in weakest.layers.items() if name in common}
    expected = Machine(weakest.host, layers, _edition(), digest_of_code(grader.options))
    for machine in machines:
        _refuse_unlike(machine, expected)
    return expected


def _workers(client: Client, models: list[Master], options: Options) -> list[Machine]:
    """Describe the machines of a cluster's workers, one for each worker that is there now."""
    with suppress(TimeoutError):  # in containers, the command may start before the workers do
        client.wait_for_workers(1, timeout=START_SECONDS)
    found = client.run(_describe_worker, models, options, on_error="return")
    for answer in found.values():
        is_lost = isinstance(answer, OSError) and not isinstance(answer, FileNotFoundError)
        if isinstance(answer, BaseException) and not is_lost:
            raise answer
    return [answer for answer in found.values() if isinstance(answer, Machine)]


async def _describe_worker(models: list[Master], options: Options) -> Machine:
    # In a thread: meanwhile the worker still answers its scheduler.
    return (await asyncio.to_thread(_remote_grader, models, options))[1]


def on_cluster(
    client: Client, models: list[Master], options: Options, whose: Whose, expected: Machine
) -> Callable[[Sequence[Submitted]], Outcomes]:
    """Return a function that grades on Dask's workers, and retries if a worker is lost.

    Parameters
    ----------
    client : distributed.Client
    models : list of Master
    options : Options
    whose : callable
        Says whose notebook a submission is.
    expected : Machine
        What every worker has to grade with; one that was added later may have more layers of the
        sandbox, and not fewer.
    """

    def run(waiting: Sequence[Submitted]) -> Outcomes:
        from distributed import KilledWorker
        from distributed import as_completed as completed

        shared = client.scatter([models], broadcast=True)[0]

        def submit(one: Submitted):
            return client.submit(
                *(_grade_remotely, one.loaded(), shared, options, whose(one), expected),
                pure=False,
                retries=2,
            )

        futures, alone = {}, []
        for one in waiting:
            try:
                futures[submit(one)] = one
            except (OSError, ValueError) as error:  # it was removed or changed since it was found
                yield one, _outcome_of_trouble(models, error)
        for future in completed(list(futures)):
            one = futures.pop(future)
            try:
                outcome = future.result()
            except (RefusedError, SandboxError, WarmUnavailableError):
                raise
            except KilledWorker:
                alone.append(one)
            except Exception as error:
                if client.status != "running":
                    raise
                yield one, _outcome_of_trouble(models, error)
            else:
                yield one, outcome
            future.release()
        # One of these notebooks kills workers. Run one at a time, it affects no other.
        for one in alone:
            try:
                yield one, submit(one).result()
            except RefusedError:
                raise
            except (KilledWorker, OSError, ValueError) as error:
                yield one, _outcome_of_trouble(models, error)

    return run


def _remote_grader(models: list[Master], options: Options) -> tuple[Grader, Machine]:
    """Return this worker's grader, and the description of its machine."""
    key = "".join(model.digest for model in models) + repr(options)
    with _remote_lock:
        if key not in _remote:
            use_checks(options.checks)
            grader = Grader(models, options)
            try:
                _remote[key] = grader, Machine.of(grader)
            except BaseException:
                grader.close()
                raise
        return _remote[key]


def _grade_remotely(
    one: Submitted,
    models: list[Master],
    options: Options,
    recipient: Recipient | None,
    expected: Machine,
) -> SubmissionOutcome:
    grader, machine = _remote_grader(models, options)
    _refuse_unlike(machine, expected)
    return _grade_one(grader, one, recipient)


def _refuse_unlike(machine: Machine, expected: Machine) -> None:
    """Refuse a worker that might give other points than the others."""
    if machine.code != expected.code:
        raise RefusedError(
            f"the worker on {machine.host} has another version of the course or of the files of "
            "checks than this machine. Install the same version on all machines, copy the same "
            "checks to them, and start the workers again."
        )
    if machine.edition != expected.edition:
        raise RefusedError(
            f"the worker on {machine.host} judges by the {machine.edition} edition of the data, "
            f"and this machine by the {expected.edition} one. Set COURSEKIT_EDITION alike on all "
            "machines, and start the workers again."
        )
    if lacking := sorted(set(machine.missing) - set(expected.missing)):
        raise SandboxError(
            f"the worker on {machine.host} lacks layers of the sandbox that were found on all "
            f"others, or are required: {', '.join(lacking)}. Take it out, and run the command "
            "again. Or run it again while this worker is there, without --require-sandbox."
        )
