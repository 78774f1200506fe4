"""Where data files come from: the only module that knows addresses, hashes and folders.

Three places can hold a file:

* the **bundled** folder inside the package (the sample edition, iris, breast cancer);
* the folder named by ``COURSEKIT_DATA``, which already holds the full data sets and is
  never written to;
* the **cache**, where downloads go (``COURSEKIT_CACHE``, else the user cache directory).

Whatever the place, a file is used only after its content has been checked.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import socket
import stat
import threading
import urllib.parse
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
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

PIECE = 1 << 16  # bytes of a file at a time
GZIP = b"\x1f\x8b"  # what a file compressed with gzip begins with


# Errors of file systems, such as some network drives, on which files cannot be locked.
NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)

# What to do where a mirror did not give a file.
CONNECT = "Connect to the internet and call again."
CALL_LATER = (
    "Something answered, but did not send the file. Sign in to the network if it asks for that, "
    "or call again later."
)
PROXY = "Correct the proxy in HTTPS_PROXY, or unset it, and call again."


class DataUnavailableError(RuntimeError):
    """A data set is neither here nor to be had; the message says what to do next."""


class BadFileError(ValueError):
    """The content of a file is not what it should be; the message says how."""


@dataclass(frozen=True)
class DataFile:
    """One file of one data set.

    ``sha256`` is the hash of the file; where the container's hash is not known (the
    walking zip), ``members`` gives the hash of each file that must be inside it. ``content``
    is the hash of what a gzip file holds: the same data, unpacked or compressed by another
    program, are as good.
    """

    dataset: str
    edition: str  # "full", "sample", or "both" where there is only one edition
    path: str  # below the bundled folder, COURSEKIT_DATA or the cache
    size: int  # bytes; for a container whose hash is not known, about
    sha256: str | None = None
    urls: tuple[str, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)
    content: str | None = None

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


def _mnist(name: str, size: int, sha256: str, content: str) -> DataFile:
    urls = tuple(mirror + name for mirror in _MNIST_MIRRORS)
    return DataFile("mnist", "full", f"mnist/{name}", size, sha256, urls, content=content)


_WALKING_ZIP = "activity+recognition+from+single+chest+mounted+accelerometer.zip"

# The hashes of the bundled files are printed by `make data`, which makes the files.
REGISTRY: tuple[DataFile, ...] = (
    _mnist(
        "train-images-idx3-ubyte.gz",
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    _mnist(
        "train-labels-idx1-ubyte.gz",
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    _mnist(
        "t10k-images-idx3-ubyte.gz",
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    _mnist(
        "t10k-labels-idx1-ubyte.gz",
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
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
    # An array is neither, but can be asked only element by element.
    if not isinstance(edition, str) or edition not in EDITIONS:
        raise ValueError(f"{source} is {edition!r}; it must be one of {', '.join(EDITIONS)}.")
    return str(edition)


# ---------------------------------------------------------------------- folders


def bundled_directory() -> Path:
    """Find the folder with the files that travel with the package."""
    installed = Path(__file__).parents[1] / "data"
    # In a checkout installed with `pip install -e`, the files lie beside the package.
    return installed if installed.is_dir() else Path(__file__).parents[2] / "data"


def data_directory() -> Path | None:
    """Return the folder named by ``COURSEKIT_DATA``, or None where it is not set."""
    named = os.environ.get("COURSEKIT_DATA")
    return _folder(named) if named else None


def cache_directory() -> Path:
    """Say where downloads go: ``COURSEKIT_CACHE``, else the user cache directory."""
    named = os.environ.get("COURSEKIT_CACHE")
    if named:
        return _folder(named)
    return Path(_pooch().os_cache("coursekit"))


def folders() -> dict[str, Path | None]:
    """Return the folders in which data files are looked for, in this order.

    Returns
    -------
    dict of str to Path
        ``"bundled"``: what travels with the package. ``"named"``: the folder that
        ``COURSEKIT_DATA`` names, or None. ``"downloaded"``: where downloads go.
    """
    return {
        "bundled": bundled_directory(),
        "named": data_directory(),
        "downloaded": cache_directory(),
    }


def _folder(named: str) -> Path:
    # Unlike Path.expanduser, this takes ~somebody for a plain name where nobody is called so.
    return Path(os.path.abspath(os.path.expanduser(named)))


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


def places(file: DataFile) -> list[Path]:
    """List where ``file`` may be: a browser that unpacks a download drops its ``.gz``, too."""
    path = location(file)
    return [path, path.with_suffix("")] if path.suffix == ".gz" else [path]


# --------------------------------------------------------------------- checking


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the content of a file piece by piece, unpacked where it is compressed with gzip.

    Raises
    ------
    BadFileError
        If it is compressed, and damaged or cut short.
    """
    with path.open("rb") as stream:
        piece = stream.read(PIECE)
        if not piece.startswith(GZIP):
            while piece:
                yield piece
                piece = stream.read(PIECE)
            return
        unzip = zlib.decompressobj(wbits=31)  # gzip, whose checksum is looked at
        try:
            while piece:
                if content := unzip.decompress(piece):
                    yield content
                # What follows the end is another part, as some programs write, or zeros that pad.
                if piece := unzip.unused_data.lstrip(b"\0"):
                    unzip = zlib.decompressobj(wbits=31)
                else:
                    piece = stream.read(PIECE)
        except zlib.error as error:
            raise BadFileError(f"it is not a readable gzip file ({error})") from error
    if not unzip.eof:
        raise BadFileError("it is cut short: the gzip file in it has no end")


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
            # Some programs for Windows write backslashes, against the format's rules.
            name = PurePosixPath(info.filename.replace("\\", "/")).name
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
    # Nobody says what else a damaged archive has zipfile raise: errors of zlib, bz2 and lzma,
    # NotImplementedError for an unknown method, UnicodeDecodeError for a name, and more.
    except Exception as error:
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
    OSError
        If it cannot be read.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):  # reading a pipe would wait
        raise BadFileError(f"it is {'a folder' if stat.S_ISDIR(mode) else 'a device'}, not a file")
    digest = sha256_of(path)
    if file.sha256 is not None:
        if digest != file.sha256 and not _same_content(path, file):
            raise BadFileError(
                f"its {path.stat().st_size:,} bytes have SHA-256 {digest}, expected "
                f"{file.sha256} ({file.size:,} bytes)"
            )
        return digest
    mark = cache_directory() / "verified" / digest
    if thorough:  # asked for by who only looks, and wants nothing written
        read_members(path, file.members)
    elif not os.path.exists(mark):
        read_members(path, file.members)
        # In a read-only home the mark fails, and the members are hashed again next time.
        with suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
    return digest


def _same_content(path: Path, file: DataFile) -> bool:
    """Whether ``path`` holds the content of ``file``, unpacked or compressed anew."""
    if file.content is None:
        return False
    digest = hashlib.sha256()
    for piece in unpacked(path):
        digest.update(piece)
    return digest.hexdigest() == file.content


# -------------------------------------------------------------------- obtaining


def look(file: DataFile, problems: list[str], *, thorough: bool = False) -> LocalFile | None:
    """Return the copy of ``file`` that is on this machine, or None.

    What is wrong with a file that cannot be used is added to ``problems``. Nothing but the mark
    of :func:`check` is written.
    """
    for path in places(file):
        try:
            return LocalFile(path, check(path, file, thorough=thorough))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (BadFileError, OSError) as error:
            problems.append(f"{path}: {error}")
    return None


def obtain(file: DataFile) -> LocalFile:
    """Return a checked copy of ``file`` on this machine, downloading it if need be.

    Raises
    ------
    DataUnavailableError
        If it is not here and cannot be downloaded, or if its content is wrong in a place
        that is not ours to repair.
    """
    if file.bundled:
        advice = "The installation is damaged: install coursekit again."
    elif data_directory() is not None:
        advice = (
            "COURSEKIT_DATA names that folder, so nothing was downloaded. Put the file there, "
            "point COURSEKIT_DATA at the folder that has it, or unset COURSEKIT_DATA to "
            "download it."
        )
    else:
        return _from_cache(file)

    problems: list[str] = []
    if found := look(file, problems):
        return found
    raise _unavailable(file, problems or [_absent(file)], advice)


def _absent(file: DataFile) -> str:
    path = location(file)
    said = f"{path}: there is no such file"
    # Some browsers unpack an archive as soon as it is there.
    for name in list(file.members)[:1]:
        for beside in path.parent.rglob(name):
            return f"{said}, only {beside}, unpacked: the archive is needed as it was downloaded"
    return said


def _from_cache(file: DataFile) -> LocalFile:
    problems: list[str] = []
    # Without the lock, which cannot be had where nothing can be written. A file is moved to its
    # place whole, so there is no half of one to be found.
    if found := look(file, problems):
        return found
    with _one_process(file, problems):
        attempts: list[str] = []
        advice: dict[str, None] = {}
        if found := look(file, attempts):  # another process had the lock, and fetched it
            return found
        for url in file.urls:
            try:
                return _download(file, url, location(file))
            except _MirrorError as error:
                attempts.append(f"{url}: {error}")
                advice[error.advice] = None
    raise _unavailable(file, attempts, "\n".join(advice))


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
def _one_process(file: DataFile, problems: list[str]) -> Iterator[None]:
    """Hold the cache for one process, so that two never fetch the same file at once.

    Afterwards the lock is gone, and so is every new folder into which nothing came.
    """
    from filelock import FileLock, Timeout

    folder = cache_directory()
    lock = folder / f".{file.dataset}.lock"
    inner = location(file).parent
    made = [path for path in (inner, *inner.parents) if not os.path.exists(path)]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(lock, timeout=LOCK_SECONDS):
            try:
                yield
            finally:
                # While it is held, so that nobody else's is removed. Windows does not do that.
                with suppress(OSError):
                    lock.unlink()
    except Timeout as error:
        raise _unavailable(
            file,
            [
                *problems,
                f"{folder}: another process has been fetching it for {LOCK_SECONDS:.0f} seconds",
            ],
            f"End that process and call again. If there is none, delete {lock} first.",
        ) from error
    except (OSError, NotImplementedError) as error:  # of older filelocks, in place of ENOSYS
        advice = "Free the folder, or name another one in COURSEKIT_CACHE."
        if getattr(error, "errno", errno.ENOSYS) in NO_LOCKS:
            with suppress(OSError):  # it was made before it could not be locked
                lock.unlink()
            advice = (
                "Files cannot be locked there, as on some network drives, and a download needs a "
                "lock. Name a folder on a disk of this machine in COURSEKIT_CACHE."
            )
        raise _unavailable(file, [*problems, f"{folder}: {error}"], advice) from error
    finally:
        for path in made:
            with suppress(OSError):
                path.rmdir()


class _MirrorError(Exception):
    """One mirror did not give the file; the message says why, and ``advice`` what to do."""

    def __init__(self, reason: str, advice: str = CONNECT):
        super().__init__(reason)
        self.advice = advice


def _download(file: DataFile, url: str, path: Path) -> LocalFile:
    """Fetch ``url`` and move it to ``path`` only when its content has been checked.

    Runs under the lock, so whatever lies in the incoming folder was left by a process
    that was killed, and can go.
    """
    if reason := _unreachable(url):
        raise _MirrorError(reason)
    incoming = path.parent / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    try:
        # Before pooch does it, whose error for a folder that it cannot make has no number.
        incoming.mkdir(parents=True, exist_ok=True)
        fetched = _fetch(url, incoming, path.name)
        digest = check(fetched, file)
        os.replace(fetched, path)
    except BadFileError as error:
        raise _MirrorError(f"wrong content: {error}", CALL_LATER) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)
    return LocalFile(path, digest)


def _fetch(url: str, folder: Path, name: str) -> Path:
    """Download ``url`` into a folder.

    Raises
    ------
    _MirrorError
        If the mirror, or the way to it, is at fault.
    OSError
        If the folder is.
    """
    import requests

    pooch = _pooch()
    log_level = pooch.get_logger().level
    pooch.get_logger().setLevel("WARNING")
    try:
        fetched = pooch.retrieve(
            url,
            known_hash=None,  # check() does it, with a message that says more
            fname=name,
            path=folder,
            downloader=pooch.HTTPDownloader(
                progressbar=True, timeout=(CONNECT_SECONDS, STALL_SECONDS)
            ),
        )
        return Path(fetched)
    except requests.HTTPError as error:
        response = error.response
        raise _MirrorError(
            f"the server answered {response.status_code} {response.reason}", CALL_LATER
        ) from error
    except requests.exceptions.SSLError as error:
        reason = f"the certificate could not be checked ({_innermost(error)})"
        raise _MirrorError(reason, _certificates()) from error
    except requests.exceptions.ProxyError as error:
        raise _MirrorError(f"the proxy did not connect ({_innermost(error)})", PROXY) from error
    except requests.Timeout as error:
        raise _MirrorError(f"no data for {STALL_SECONDS:.0f} seconds") from error
    except ValueError as error:  # requests and urllib3 say so of an address, and ours are right
        raise _MirrorError(f"the proxy's address cannot be used ({error})", PROXY) from error
    except requests.RequestException as error:
        raise _MirrorError(f"the connection broke ({error})") from error
    except OSError as error:
        if error.errno is not None:  # from the disk: no other mirror would help
            raise
        # This is how requests says that there is no such file of certificates.
        raise _MirrorError(str(error), _certificates()) from error
    except Exception as error:  # nobody knows of one, and the next mirror may do all the same
        raise _MirrorError(f"{type(error).__name__}: {error}") from error
    finally:
        pooch.get_logger().setLevel(log_level)


def _innermost(error: BaseException) -> BaseException:
    """Find the error that all others in a chain were raised for: it says most, in least words."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return error


def _certificates() -> str:
    """Say what to do where requests cannot check a certificate."""
    now = ""
    for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):  # requests reads the second first
        if named := os.environ.get(name):
            now = f" {name} is {named!r} now"
            if not os.path.exists(named):
                now += ", and there is no such file: unset it, or correct it"
            now += "."
    return (
        "A proxy or virus scanner may look into the connection, the package certifi may be old, "
        "or the clock of this computer wrong. Set REQUESTS_CA_BUNDLE to a file with the "
        "certificates that your institution trusts (SSL_CERT_FILE is not read), or run "
        f"pip install --upgrade certifi, and call again.{now}"
    )


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
