"""Where data files come from: the only module that knows addresses, hashes and folders.

Three places can hold a file:

* the **bundled** folder inside the package (the sample edition, iris, breast cancer);
* the folder named by ``COURSEKIT_DATA``, which already holds the full data sets and is
  never written to;
* the **cache**, where downloads go (``COURSEKIT_CACHE``, else the user cache directory).

Whatever the place, a file is used only after its content has been checked.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import threading
import urllib.parse
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

EDITIONS = ("full", "sample")

# One failing mirror may cost a learner who is offline this many seconds, not more.
CONNECT_SECONDS = 6.0
# A mirror that stops sending for this long is given up.
STALL_SECONDS = 10.0
# How long to wait for another process that is downloading the same data set.
LOCK_SECONDS = 900.0


class DataUnavailableError(RuntimeError):
    """A data set is neither here nor to be had; the message says what to do next."""


class BadFileError(ValueError):
    """The content of a file is not what it should be; the message says how."""


@dataclass(frozen=True)
class DataFile:
    """One file of one data set.

    ``sha256`` is the hash of the file; where the container's hash is not known (the
    walking zip), ``members`` gives the hash of each file that must be inside it.
    """

    dataset: str
    edition: str  # "full", "sample", or "both" where there is only one edition
    path: str  # below the bundled folder, COURSEKIT_DATA or the cache
    size: int  # bytes; for a container whose hash is not known, about
    sha256: str | None = None
    urls: tuple[str, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)

    @property
    def bundled(self) -> bool:
        """Whether the file travels with the package."""
        return not self.urls


class LocalFile(NamedTuple):
    """A checked file on this machine."""

    path: Path
    sha256: str


_MNIST_MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)


def _mnist(name: str, size: int, sha256: str) -> DataFile:
    urls = tuple(mirror + name for mirror in _MNIST_MIRRORS)
    return DataFile("mnist", "full", f"mnist/{name}", size, sha256, urls)


_WALKING_ZIP = "activity+recognition+from+single+chest+mounted+accelerometer.zip"

# The hashes of the bundled files are printed by `make data`, which makes the files.
REGISTRY: tuple[DataFile, ...] = (
    _mnist(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    _mnist(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    _mnist(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    _mnist(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
    DataFile(
        dataset="walking",
        edition="full",
        path=f"walking/{_WALKING_ZIP}",
        size=11_098_084,
        urls=(
            f"https://archive.ics.uci.edu/static/public/287/{_WALKING_ZIP}",
            "https://archive.ics.uci.edu/ml/machine-learning-databases/00287/"
            "Activity%20Recognition%20from%20Single%20Chest-Mounted%20Accelerometer.zip",
        ),
        members={
            "1.csv": "517c3182b69294e9d5b402b47fa27baa7d912e1f55063c12e2fe866895d4dc29",
            "2.csv": "94282f1b10cc77f85cae2ae9da5a644791505c63d861978f526368adc700d4a5",
            "3.csv": "1caa47a160e33b24728c64fadfc6d807fbc83e1f6ecd0326c15d9f2f08e85bbc",
            "4.csv": "d8ffa611da84fc99c0f53d75fb700f1e5cb9263fbca17be81a6e690be6055963",
            "5.csv": "f7900e7ed9bfbaaa488514acafd96a09e5d8e13b04b066425c3cfbb3ec125784",
            "6.csv": "e75c295681b5d73088709408421db4827fef53508529bfd239f2e132ada5aa91",
            "7.csv": "08eb87b81d7d26c69730b25d86d301e0f4dae22028508009770d1840b1602d5b",
            "8.csv": "5cb33776f413c4518cbd728483e5f1c093f086023c573817ee9f6214c510f961",
            "9.csv": "81237118f445b68eb68aa9576a39282f4820a00d4efb627a48fa90faf88d7715",
            "10.csv": "9c2be46118cbdd3fced0210e26f553ea2061cb4421887297c1d1f80ac50652dd",
            "11.csv": "d154a2d59c2a3ccfa91efcd3de23fe7e7e94789fdc9ef49957e723dbcfe18201",
            "12.csv": "c960a3770c6f047634f1bec1555f46f1ef3882a0446ecb4fec4801f18f79bc73",
            "13.csv": "d4fae870eb1fcd482a521448f6276853e8dcf7634febdb2ffeaac4a032b28222",
            "14.csv": "38afc987ff34d2a79717d0ac6ab891a3a34babb26c7e8e12ff6180c90cf0091e",
            "15.csv": "dd33fa778fff54a6cc58d2f1ae5ae8de30f50d83dd826ea924ecab5ee4750e3c",
        },
    ),
    DataFile(
        "iris",
        "both",
        "iris.csv",
        3_858,
        "9cc1c345c71bcc9b486b74cbf6063fa66f4bb5e0f603a4b3c3471ec2e5e8e355",
    ),
    DataFile(
        "breast_cancer",
        "both",
        "breast_cancer.csv",
        24_263,
        "d3c46f082ba1687840a2ebd2117450cd40c29edb13b968a0ed9525697203adf5",
    ),
    DataFile(
        "mnist",
        "sample",
        "mnist_sample/train-images-idx3-ubyte.gz",
        651_283,
        "4b9820e455bf0d275661675aa07afe9f952413e3a66f8b3e9bf66449317215fd",
    ),
    DataFile(
        "mnist",
        "sample",
        "mnist_sample/train-labels-idx1-ubyte.gz",
        2_061,
        "50b13da766150405f389de75603209f87d1e7cc12120362cd78d971e4cb21d47",
    ),
    DataFile(
        "mnist",
        "sample",
        "mnist_sample/t10k-images-idx3-ubyte.gz",
        164_121,
        "88a3f51dd47802e13cbe8ae159d6df92a721540e4576df6cf4468e735dbd344b",
    ),
    DataFile(
        "mnist",
        "sample",
        "mnist_sample/t10k-labels-idx1-ubyte.gz",
        522,
        "aeba4b5fe5da657d1c5eb3e2c24d30d530bb1220dd399cc8f5660c0a3d31e123",
    ),
    DataFile(
        "walking",
        "sample",
        "walking_sample/simulated_walking.zip",
        1_142_653,
        "1308b0379494289688d436c471672a9a84393e06ea721fa74bbdec5ab3d5a0f4",
    ),
)


def files_of(dataset: str, edition: str) -> tuple[DataFile, ...]:
    """List the files that make up one edition of one data set."""
    return tuple(
        file for file in REGISTRY if file.dataset == dataset and file.edition in (edition, "both")
    )


def resolve_edition(edition: str | None) -> str:
    """Turn a loader's ``edition`` argument into ``"full"`` or ``"sample"``.

    ``None`` reads ``COURSEKIT_EDITION`` and falls back to ``"full"``.

    Raises
    ------
    ValueError
        For any other name, wherever it came from.
    """
    source = "edition"
    if edition is None:
        source = "the environment variable COURSEKIT_EDITION"
        edition = os.environ.get("COURSEKIT_EDITION") or "full"
    if edition not in EDITIONS:
        raise ValueError(f"{source} is {edition!r}; it must be one of {', '.join(EDITIONS)}.")
    return edition


# ---------------------------------------------------------------------- folders


def bundled_directory() -> Path:
    """Find the folder with the files that travel with the package."""
    installed = Path(__file__).parents[1] / "data"
    # In a checkout installed with `pip install -e`, the files lie beside the package.
    return installed if installed.is_dir() else Path(__file__).parents[2] / "data"


def data_directory() -> Path | None:
    """Return the folder named by ``COURSEKIT_DATA``, or None where it is not set."""
    named = os.environ.get("COURSEKIT_DATA")
    return Path(os.path.abspath(Path(named).expanduser())) if named else None


def cache_directory() -> Path:
    """Say where downloads go: ``COURSEKIT_CACHE``, else the user cache directory."""
    named = os.environ.get("COURSEKIT_CACHE")
    if named:
        return Path(os.path.abspath(Path(named).expanduser()))
    return Path(_pooch().os_cache("coursekit"))


def _pooch():
    """Import pooch without the advice, in notebooks, to install a nicer progress bar."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        import pooch
    return pooch


def location(file: DataFile) -> Path:
    """Say where ``file`` is, or would be, on this machine."""
    if file.bundled:
        return bundled_directory() / file.path
    return (data_directory() or cache_directory()) / file.path


# --------------------------------------------------------------------- checking


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_members(path: Path, members: Mapping[str, str | None]) -> dict[str, bytes]:
    """Read the named files out of a zip, each checked by its content.

    Parameters
    ----------
    path : Path
        A zip archive. The members may lie in any folder of it, or in a zip inside it.
    members : mapping of str to str or None
        File name to SHA-256; None where the archive itself has been checked already.

    Returns
    -------
    dict of str to bytes
        One entry per name in ``members``.

    Raises
    ------
    BadFileError
        If the file is not a readable zip, or a member is missing or has other content.
    """
    found: dict[str, bytes] = {}
    wrong: dict[str, str] = {}

    def search(archive: zipfile.ZipFile, depth: int) -> None:
        for info in archive.infolist():
            name = PurePosixPath(info.filename).name
            if name in members and name not in found:
                content = archive.read(info)
                expected = members[name]
                digest = expected and hashlib.sha256(content).hexdigest()
                if digest == expected:
                    found[name] = content
                else:
                    wrong[name] = digest
            elif name.lower().endswith(".zip") and depth < 2:
                with zipfile.ZipFile(io.BytesIO(archive.read(info))) as inner:
                    search(inner, depth + 1)

    try:
        with zipfile.ZipFile(path) as archive:
            search(archive, 0)
    # RuntimeError and its NotImplementedError: an encrypted member, an unknown method.
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError) as error:
        raise BadFileError(f"it is not a readable zip archive ({error})") from error
    if missing := [name for name in members if name not in found]:
        first = missing[0]
        problem = (
            f"has SHA-256 {wrong[first]}, expected {members[first]}"
            if first in wrong
            else "is not in the archive"
        )
        raise BadFileError(f"{len(missing)} of {len(members)} members are bad: {first} {problem}")
    return found


def check(path: Path, file: DataFile, *, thorough: bool = False) -> str:
    """Check the content of ``path`` against ``file`` and return its SHA-256.

    The members of a container are hashed once per content and then remembered in the
    cache, because that takes a third of a second; ``thorough`` hashes them again.

    Raises
    ------
    BadFileError
        If the content is not what it should be.
    """
    digest = sha256_of(path)
    if file.sha256 is not None:
        if digest != file.sha256:
            raise BadFileError(
                f"its {path.stat().st_size:,} bytes have SHA-256 {digest}, expected "
                f"{file.sha256} ({file.size:,} bytes)"
            )
        return digest
    mark = cache_directory() / "verified" / digest
    if thorough or not mark.exists():
        read_members(path, file.members)
        # In a read-only home the mark fails, and the members are hashed again next time.
        with suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
    return digest


# -------------------------------------------------------------------- obtaining


def obtain(file: DataFile) -> LocalFile:
    """Return a checked copy of ``file`` on this machine, downloading it if need be.

    Raises
    ------
    DataUnavailableError
        If it is not here and cannot be downloaded, or if its content is wrong in a place
        that is not ours to repair.
    """
    path = location(file)
    if file.bundled:
        advice = "The installation is damaged: install coursekit again."
    elif data_directory() is not None:
        advice = (
            "COURSEKIT_DATA names that folder, so nothing was downloaded. Put the file there, "
            "point COURSEKIT_DATA at the folder that has it, or unset COURSEKIT_DATA to "
            "download it."
        )
    else:
        return _from_cache(file, path)

    if not path.is_file():
        raise _unavailable(file, [f"{path}: there is no such file"], advice)
    try:
        return LocalFile(path, check(path, file))
    except (BadFileError, OSError) as error:
        raise _unavailable(file, [f"{path}: {error}"], advice) from error


def _from_cache(file: DataFile, path: Path) -> LocalFile:
    attempts: list[str] = []
    with _one_process(file):
        if path.is_file():
            try:
                return LocalFile(path, check(path, file))
            except BadFileError as error:  # ours, so fetch it again
                attempts.append(f"{path}: {error}")
        for url in file.urls:
            try:
                return _download(file, url, path)
            except _MirrorError as error:
                attempts.append(f"{url}: {error}")
    raise _unavailable(file, attempts, "Connect to the internet and call again.")


def _unavailable(file: DataFile, attempts: list[str], advice: str) -> DataUnavailableError:
    lines = [f"The {file.dataset} data ({file.edition} edition) could not be loaded."]
    lines += ["What was tried:", *(f"  - {attempt}" for attempt in attempts), advice]
    if not file.bundled:
        names = sorted(PurePosixPath(other.path).name for other in files_of(file.dataset, "full"))
        lines += [
            "Without a connection, there are two ways on:",
            f'  - load_{file.dataset}(edition="sample") uses the small data set that comes with '
            "coursekit (or set COURSEKIT_EDITION=sample for a whole session);",
            f"  - put the files in {location(file).parent}",
            f"    ({', '.join(names)}), or in the folder {file.dataset}/ of any folder that you "
            "name in COURSEKIT_DATA.",
        ]
    return DataUnavailableError("\n".join(lines))


@contextmanager
def _one_process(file: DataFile):
    """Hold the cache for one process, so that two never fetch the same file at once."""
    from filelock import FileLock, Timeout

    folder = cache_directory()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f".{file.dataset}.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise _unavailable(
            file,
            [f"{folder}: another process has been fetching it for {LOCK_SECONDS:.0f} seconds"],
            "End that process and call again.",
        ) from error
    except OSError as error:
        raise _unavailable(
            file,
            [f"{folder}: {error}"],
            "Free the folder, or name another one in COURSEKIT_CACHE.",
        ) from error


class _MirrorError(Exception):
    """One mirror did not give the file; the message says why."""


def _download(file: DataFile, url: str, path: Path) -> LocalFile:
    """Fetch ``url`` and move it to ``path`` only when its content has been checked.

    Runs under the lock, so whatever lies in the incoming folder was left by a process
    that was killed, and can go.
    """
    import requests

    pooch = _pooch()
    if reason := _unreachable(url):
        raise _MirrorError(reason)
    incoming = path.parent / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    log_level = pooch.get_logger().level
    pooch.get_logger().setLevel("WARNING")
    try:
        fetched = Path(
            pooch.retrieve(
                url,
                known_hash=None,  # check() below does it, with a message that says more
                fname=path.name,
                path=incoming,
                downloader=pooch.HTTPDownloader(
                    progressbar=True, timeout=(CONNECT_SECONDS, STALL_SECONDS)
                ),
            )
        )
        digest = check(fetched, file)
        os.replace(fetched, path)
    except requests.HTTPError as error:
        response = error.response
        raise _MirrorError(
            f"the server answered {response.status_code} {response.reason}"
        ) from error
    except requests.Timeout as error:
        raise _MirrorError(f"no data for {STALL_SECONDS:.0f} seconds") from error
    except BadFileError as error:
        raise _MirrorError(f"wrong content: {error}") from error
    except requests.RequestException as error:
        raise _MirrorError(f"the connection broke ({error})") from error
    finally:
        pooch.get_logger().setLevel(log_level)
        shutil.rmtree(incoming, ignore_errors=True)
    return LocalFile(path, digest)


def _unreachable(url: str) -> str | None:
    """Say why the host of ``url`` cannot be reached, or None where it can.

    Asked before a download because neither a name look-up nor a host with many
    addresses obeys the time limit that a download can be given.
    """
    import requests

    if requests.utils.get_environ_proxies(url):
        return None  # the proxy looks up the name and connects
    parts = urllib.parse.urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    problems: list[str] = []

    def connect() -> None:
        try:
            socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS).close()
        except OSError as error:
            problems.append(f"could not connect ({error})")

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(CONNECT_SECONDS)
    if thread.is_alive():
        return f"no answer within {CONNECT_SECONDS:.0f} seconds"
    return problems[0] if problems else None
