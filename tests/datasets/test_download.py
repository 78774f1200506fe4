"""Downloads, tried against a mirror on this machine: what goes well, and all that does not."""

from __future__ import annotations

import dataclasses
import errno
import gzip
import hashlib
import json
import os
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import filelock
import numpy as np
import pytest

from coursekit import datasets
from coursekit.datasets import DataUnavailableError, downloading, obtaining, places, registry
from tests.datasets.mirror import mirror  # noqa: F401  (a fixture)

REAL_CONNECT_SECONDS = downloading.CONNECT_SECONDS  # before the fixture below shortens it

NAMES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


def idx(values: np.ndarray) -> bytes:
    header = b"\x00\x00\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    return gzip.compress(header + values.tobytes(), mtime=0)


def small_mnist() -> dict[str, bytes]:
    """Twenty random "digits" in four files of the real form."""
    rng = np.random.default_rng(0)
    contents = {}
    for part, n in (("train", 15), ("t10k", 5)):
        # Large enough that half of a file is more than the network buffers at once.
        contents[f"{part}-images-idx3-ubyte.gz"] = idx(
            rng.integers(0, 256, (n, 280, 280), np.uint8)
        )
        contents[f"{part}-labels-idx1-ubyte.gz"] = idx(rng.integers(0, 10, n, np.uint8))
    return contents


def registry_of(contents: dict[str, bytes], urls) -> tuple[registry.DataFile, ...]:
    return tuple(
        registry.DataFile(
            "mnist",
            "full",
            f"mnist/{name}",
            len(contents[name]),
            hashlib.sha256(contents[name]).hexdigest(),
            tuple(urls(name)),
            content=hashlib.sha256(gzip.decompress(contents[name])).hexdigest(),
        )
        for name in NAMES
    )


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(downloading, "CONNECT_SECONDS", 2.0)
    monkeypatch.setattr(downloading, "STALL_SECONDS", 0.5)


@pytest.fixture
def mnist_from(mirror, monkeypatch):  # noqa: F811
    """Return a function that makes load_mnist download from mirrors of these behaviours."""

    def use(*behaviours: str) -> None:
        mirror.files = small_mnist()
        files = registry_of(
            mirror.files, lambda name: [mirror.url(behaviour, name) for behaviour in behaviours]
        )
        monkeypatch.setattr(registry, "REGISTRY", files)

    return use


def cached_files() -> list[str]:
    """All files in the cache but the locks, which stay where a process was killed."""
    root = places.cache_directory()
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    )


ALL_FOUR = sorted(f"mnist/{name}" for name in NAMES)


def test_good_mirror(mnist_from, mirror):  # noqa: F811
    mnist_from("good", "gone")
    (x_train, y_train), (x_test, y_test) = datasets.load_mnist()
    assert x_train.shape == (15, 280, 280) and y_test.shape == (5,)
    assert cached_files() == ALL_FOUR
    datasets.load_mnist()
    assert mirror.asked.total() == 4  # the second call asks nobody


@pytest.mark.parametrize(
    ("first", "words"),
    [
        ("wrong", "wrong content: its .* bytes have SHA-256 .*, expected"),
        ("truncated", "the connection broke"),
        ("404", "the server answered 404 Not Found"),
        ("500", "the server answered 500 Internal Server Error"),
        ("stall", "the connection broke|no data for"),
        ("gone", "could not connect"),
    ],
)
class TestBadMirror:
    def test_second_mirror_serves(self, mnist_from, mirror, first, words):  # noqa: F811
        mnist_from(first, "good")
        (x_train, _), _ = datasets.load_mnist()
        assert x_train.shape == (15, 280, 280)
        assert cached_files() == ALL_FOUR
        if first != "gone":
            assert mirror.asked[f"{first}/{NAMES[0]}"] == 1
        assert mirror.asked[f"good/{NAMES[0]}"] == 1

    def test_no_mirror_serves(self, mnist_from, mirror, first, words):  # noqa: F811
        mnist_from(first, first)
        with pytest.raises(DataUnavailableError, match=words) as raised:
            datasets.load_mnist()
        message = str(raised.value)
        assert message.count(mirror.url(first, NAMES[0])) == 2  # each attempt is told
        assert 'load_mnist(edition="sample")' in message
        assert str(places.cache_directory() / "mnist") in message
        assert "COURSEKIT_DATA" in message
        assert all(name in message for name in NAMES)
        assert cached_files() == []


def test_interrupted_download_goes_on(mnist_from, mirror):  # noqa: F811
    mnist_from("good")
    whole = mirror.files.copy()
    mirror.files[NAMES[2]] = b"the mirror is being repaired"
    with pytest.raises(DataUnavailableError):
        datasets.load_mnist()
    assert cached_files() == sorted(f"mnist/{name}" for name in NAMES[:2])
    mirror.files = whole
    datasets.load_mnist()
    assert cached_files() == ALL_FOUR
    assert mirror.asked[f"good/{NAMES[0]}"] == 1  # what was there was not fetched again


def test_damaged_file_in_the_cache_is_replaced(mnist_from, mirror):  # noqa: F811
    mnist_from("good")
    datasets.load_mnist()
    path = places.cache_directory() / "mnist" / NAMES[1]
    path.write_bytes(path.read_bytes()[:-3])
    datasets.load_mnist()
    assert path.read_bytes() == mirror.files[NAMES[1]]
    assert mirror.asked[f"good/{NAMES[1]}"] == 2


def test_a_host_that_never_answers_is_given_up(mnist_from, monkeypatch):
    test_is_over = threading.Event()

    def hang(*args, **kwargs):
        test_is_over.wait(30)
        raise OSError("nobody waits for this any more")

    mnist_from("good", "good")
    monkeypatch.setattr(downloading, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(downloading.socket, "create_connection", hang)
    began = time.monotonic()
    try:
        with pytest.raises(DataUnavailableError, match="no answer within"):
            datasets.load_mnist()
        assert time.monotonic() - began < 10
    finally:
        test_is_over.set()


def test_behind_a_proxy_the_host_is_not_looked_up(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert downloading._unreachable("http://no-such-host.invalid/file") is None
    monkeypatch.delenv("http_proxy")
    assert "could not connect" in downloading._unreachable("http://no-such-host.invalid/file")


def test_offline_the_answer_comes_within_thirty_seconds():
    """Offline, every mirror fails when connecting, for the first of the files."""
    mirrors = max(len(file.urls) for file in registry.REGISTRY)
    assert mirrors * REAL_CONNECT_SECONDS < 15


def test_unwritable_cache(mnist_from, monkeypatch, tmp_path):
    mnist_from("good")
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataUnavailableError, match="COURSEKIT_CACHE"):
        datasets.load_mnist()


def test_a_checked_file_needs_no_lock(mnist_from, mirror):  # noqa: F811
    """As in a cache that can only be read. A folder cannot be locked by anybody, root included."""
    mnist_from("good")
    datasets.load_mnist()
    (places.cache_directory() / ".mnist.lock").mkdir()
    assert datasets.load_mnist()[0][0].shape == (15, 280, 280)
    (places.cache_directory() / "mnist" / NAMES[1]).write_bytes(b"damaged")
    with pytest.raises(DataUnavailableError, match="Free the folder") as raised:
        datasets.load_mnist()
    assert f"{NAMES[1]}: its 7 bytes have SHA-256" in str(raised.value)
    assert mirror.asked.total() == 4


@pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv, to take rights from root")
def test_a_cache_that_can_only_be_read(mnist_from, mirror):  # noqa: F811
    mnist_from("good")
    datasets.load_mnist()
    cache = places.cache_directory()
    (cache / ".mnist.lock").unlink(missing_ok=True)
    folders = [cache, cache / "mnist"]
    for folder in folders:
        folder.chmod(0o555)
    rights = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.getuid() == 0 else []
    try:
        process = start_loading(rights)
        output, errors = process.communicate(timeout=60)
        assert (process.returncode, output) == (0, "(15, 280, 280)\n"), errors
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert cached_files() == ALL_FOUR


NO_FLOCK = """
#include <errno.h>
int flock(int fd, int operation) { errno = NUMBER; return -1; }
"""


@pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("gcc"), reason="needs Linux and gcc"
)
@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks(mnist_from, mirror, tmp_path, number):  # noqa: F811
    """As network drives answer. For the last one, filelock has a lock of another kind."""
    (tmp_path / "no_flock.c").write_text(NO_FLOCK.replace("NUMBER", str(number)))
    library = tmp_path / "no_flock.so"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "no_flock.c"], check=True, timeout=60
    )
    environment = {"LD_PRELOAD": str(library)}
    mnist_from("good")
    process = start_loading(environment=environment)
    output, errors = process.communicate(timeout=60)
    if number == errno.ENOSYS:
        assert process.returncode == 0, errors
    else:
        assert process.returncode == 1 and "Files cannot be locked there" in errors
        assert mirror.asked.total() == 0 and not places.cache_directory().exists()
        datasets.load_mnist()
    (places.cache_directory() / ".mnist.lock").touch()  # left from before
    process = start_loading(environment=environment)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "(15, 280, 280)\n"), errors
    assert mirror.asked.total() == 4


def test_a_lock_that_nobody_gives_up(mnist_from, mirror, monkeypatch):  # noqa: F811
    mnist_from("good")
    monkeypatch.setattr(obtaining, "LOCK_SECONDS", 0.2)
    places.cache_directory().mkdir()
    with (
        filelock.FileLock(places.cache_directory() / ".mnist.lock"),
        pytest.raises(DataUnavailableError, match=r"If there is none, delete .*mnist\.lock"),
    ):
        datasets.load_mnist()
    assert mirror.asked.total() == 0


def test_nothing_is_left_where_nothing_came(mnist_from):
    mnist_from("404")
    with pytest.raises(DataUnavailableError):
        datasets.load_mnist()
    assert not places.cache_directory().exists()
    places.cache_directory().mkdir()
    with pytest.raises(DataUnavailableError):
        datasets.load_mnist()
    assert list(places.cache_directory().iterdir()) == []  # but the folder was not ours


# ------------------------------------------------------------ certificates and proxies


def https(mirror, monkeypatch) -> None:  # noqa: F811
    """Ask the mirror through TLS, of which it knows nothing."""
    secure = [mirror.url("good", "").replace("http:", "https:") + end for end in ("?1=", "?2=")]
    files = registry_of(mirror.files, lambda name: [url + name for url in secure])
    monkeypatch.setattr(registry, "REGISTRY", files)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_of_certificates_that_is_gone(mnist_from, mirror, monkeypatch, tmp_path, name):  # noqa: F811
    mnist_from("good")
    https(mirror, monkeypatch)
    monkeypatch.setenv(name, str(tmp_path / "gone.pem"))
    with pytest.raises(DataUnavailableError) as raised:
        datasets.load_mnist()
    lines = str(raised.value).splitlines()
    tried = [line for line in lines if "Could not find a suitable TLS CA certificate" in line]
    assert len(tried) == 2 and "?1=" in tried[0] and "?2=" in tried[1]  # both mirrors
    (advice,) = (line for line in lines if "REQUESTS_CA_BUNDLE to a file" in line)
    assert f"{name} is {str(tmp_path / 'gone.pem')!r} now, and there is no such file" in advice
    assert "COURSEKIT_CACHE" not in str(raised.value) and "Connect to" not in str(raised.value)


def test_a_file_of_certificates_with_none_in_it(mnist_from, mirror, monkeypatch, tmp_path):  # noqa: F811
    mnist_from("good")
    https(mirror, monkeypatch)
    (tmp_path / "empty.pem").write_text("no certificate\n")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "empty.pem"))
    with pytest.raises(
        DataUnavailableError, match="the certificate could not be checked"
    ) as raised:
        datasets.load_mnist()
    assert f"REQUESTS_CA_BUNDLE is {str(tmp_path / 'empty.pem')!r} now." in str(raised.value)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl, to make a certificate")
def test_a_certificate_that_nobody_vouches_for(mnist_from, mirror, monkeypatch, tmp_path):  # noqa: F811
    """As of a proxy that looks into the connection."""
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", key, "-out", certificate]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    mirror.server.socket = context.wrap_socket(mirror.server.socket, server_side=True)
    mnist_from("good")
    https(mirror, monkeypatch)
    mirror.files = {f"?1={name}": content for name, content in mirror.files.items()}
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # which requests does not read
    with pytest.raises(DataUnavailableError) as raised:
        datasets.load_mnist()
    said = str(raised.value)
    assert said.count("the certificate could not be checked ([SSL: CERTIFICATE_VERIFY_FAILED]") == 2
    assert "certifi" in said and "Set REQUESTS_CA_BUNDLE" in said and "SSL_CERT_FILE is not" in said
    assert "Connect to the internet" not in said and " now." not in said
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))  # and the advice helps
    assert datasets.load_mnist()[0][0].shape == (15, 280, 280)


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://127.0.0.1:1", "the proxy did not connect"),
        ("http://[", "the proxy's address cannot be used"),
        ("http://", "the proxy's address cannot be used"),
        ("other://127.0.0.1", "the proxy's address cannot be used"),
        ("http://127.0.0.1:99999", "the proxy's address cannot be used"),
        ("http://.a..b", "the proxy's address cannot be used"),
    ],
)
def test_bad_proxies(mnist_from, mirror, monkeypatch, proxy, words):  # noqa: F811
    mnist_from("good")
    https(mirror, monkeypatch)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(DataUnavailableError, match=words) as raised:
        datasets.load_mnist()
    assert str(raised.value).count(words) == 2
    assert "Correct the proxy in HTTPS_PROXY" in str(raised.value)


# ------------------------------------------------------------------ several processes

LOAD = """
import json, sys
from coursekit import datasets
from coursekit.datasets import downloading, registry
registry.REGISTRY = tuple(registry.DataFile(**file) for file in json.load(sys.stdin))
downloading.STALL_SECONDS = 20.0
print(datasets.load_mnist()[0][0].shape)
"""


def start_loading(
    under: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> subprocess.Popen:
    """Load in another process, which downloads from where this one would."""
    files = [dataclasses.asdict(file) for file in registry.REGISTRY]
    process = subprocess.Popen(
        [*under, sys.executable, "-c", LOAD],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps(files))
    process.stdin.close()
    process.stdin = None
    return process


def test_two_processes_at_once(mnist_from, mirror):  # noqa: F811
    mnist_from("good")
    processes = [start_loading() for _ in range(3)]
    for process in processes:
        output, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        assert output == "(15, 280, 280)\n"
    assert cached_files() == ALL_FOUR
    assert mirror.asked.total() == 4  # nobody fetched what another was fetching


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither of these signals")
@pytest.mark.parametrize("end", ["SIGKILL", "SIGINT"])
def test_killed_half_way(mnist_from, mirror, end):  # noqa: F811
    mnist_from("half")
    process = start_loading()
    assert mirror.half_sent.wait(60)
    process.send_signal(getattr(signal, end))
    process.communicate(timeout=60)
    assert process.returncode != 0
    final = places.cache_directory() / "mnist" / NAMES[0]
    assert not final.exists()
    if end == "SIGINT":  # only a process that dies at once leaves its scraps
        assert cached_files() == []
    mnist_from("good")
    datasets.load_mnist()
    assert cached_files() == ALL_FOUR  # and the next one clears them away


# ------------------------------------------------------------------- COURSEKIT_DATA


def test_named_folder_is_used_and_never_written_to(mnist_from, mirror, monkeypatch, tmp_path):  # noqa: F811
    mnist_from("good")
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, content in mirror.files.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    assert datasets.load_mnist()[0][0].shape == (15, 280, 280)
    assert mirror.asked.total() == 0
    assert sorted(path.name for path in (tmp_path / "data").rglob("*")) == sorted(["mnist", *NAMES])


@pytest.mark.parametrize(
    ("damage", "words"), [("missing", "there is no such file"), ("wrong", "have SHA-256")]
)
def test_named_folder_with_a_bad_file(mnist_from, mirror, monkeypatch, tmp_path, damage, words):  # noqa: F811
    mnist_from("good")
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    if damage == "wrong":
        (folder / NAMES[0]).write_bytes(b"something else")
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    with pytest.raises(DataUnavailableError, match=words) as raised:
        datasets.load_mnist()
    assert "unset COURSEKIT_DATA" in str(raised.value)
    assert mirror.asked.total() == 0  # never a silent download


def unpack(path: Path) -> None:
    path.write_bytes(gzip.decompress(path.read_bytes()))


def unpack_and_rename(path: Path) -> None:
    unpack(path)
    path.rename(path.with_suffix(""))


def pack_anew(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=1))


@pytest.mark.parametrize("change", [unpack, unpack_and_rename, pack_anew])
@pytest.mark.parametrize("place", ["COURSEKIT_DATA", "COURSEKIT_CACHE"])
def test_the_content_counts_and_not_its_container(
    mnist_from,
    mirror,  # noqa: F811
    monkeypatch,
    tmp_path,
    place,
    change,
):
    mnist_from("good")
    folder = tmp_path / "digits" / "mnist"
    folder.mkdir(parents=True)
    for name, content in mirror.files.items():
        (folder / name).write_bytes(content)
    monkeypatch.setenv(place, str(tmp_path / "digits"))
    expected = datasets.load_mnist()
    for name in NAMES:
        change(folder / name)
    for part, right in zip(datasets.load_mnist(), expected, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(part, right, strict=True))
    assert mirror.asked.total() == 0
    # Another content in the same container is refused.
    path = next(path for path in folder.iterdir() if path.name.startswith("t10k-labels"))
    path.write_bytes(path.read_bytes()[:-9])
    if place == "COURSEKIT_DATA":
        with pytest.raises(DataUnavailableError, match=r"cut short|have SHA-256 .*, expected"):
            datasets.load_mnist()
    else:
        assert np.array_equal(datasets.load_mnist()[1][1], expected[1][1])
        assert mirror.asked.total() == 1


def test_a_damaged_file_beside_a_whole_one(mnist_from, mirror, monkeypatch, tmp_path):  # noqa: F811
    mnist_from("good")
    folder = tmp_path / "data" / "mnist"
    folder.mkdir(parents=True)
    for name, content in mirror.files.items():
        (folder / name).write_bytes(content[:-5])
        (folder / name).with_suffix("").write_bytes(gzip.decompress(content))
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    assert datasets.load_mnist()[0][0].shape == (15, 280, 280)


def test_a_folder_in_the_place_of_a_file(mnist_from, monkeypatch, tmp_path):
    mnist_from("good")
    (tmp_path / "data" / "mnist" / NAMES[0]).mkdir(parents=True)
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    with pytest.raises(DataUnavailableError, match=f"{NAMES[0]}: it is a folder, not a file"):
        datasets.load_mnist()
