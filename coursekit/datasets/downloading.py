"""Download one data file from one mirror."""

from __future__ import annotations

import os
import shutil
import socket
import threading
import urllib.parse
from pathlib import Path

from coursekit.datasets import checking, places
from coursekit.datasets.registry import DataFile

# One failing mirror may cost a learner who is offline this many seconds, not more.
CONNECT_SECONDS = 6.0
# A mirror that stops sending for this many seconds is given up.
STALL_SECONDS = 10.0

# What to do where a mirror did not give a file.
CONNECT = "Connect to the internet and call again."
CALL_LATER = (
    "Something answered, but did not send the file. Sign in to the network if it asks for that, "
    "or call again later."
)
PROXY = "Correct the proxy in HTTPS_PROXY, or unset it, and call again."


class MirrorError(Exception):
    """One mirror did not give the file; the message says why, and ``advice`` what to do."""

    def __init__(self, reason: str, advice: str = CONNECT):
        super().__init__(reason)
        self.advice = advice


def download(file: DataFile, url: str, path: Path) -> None:
    """Download a file, check it, and only then move it to its final path.

    Only one process at a time may call this for a data set, because the folder for incoming
    files is emptied first.

    Parameters
    ----------
    file : DataFile
        The file.
    url : str
        Its address at one mirror.
    path : Path
        Where it belongs on this machine.

    Raises
    ------
    MirrorError
        If the mirror, or the way to it, is at fault, or the content is wrong.
    OSError
        If the folder cannot be written.
    """
    if reason := _unreachable(url):
        raise MirrorError(reason)
    incoming = path.parent / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    try:
        # Before pooch does it, whose error for a folder that it cannot make has no number.
        incoming.mkdir(parents=True, exist_ok=True)
        fetched = _fetch(url, incoming, path.name)
        checking.check(fetched, file)
        os.replace(fetched, path)
    except checking.BadFileError as error:
        raise MirrorError(f"wrong content: {error}", CALL_LATER) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _fetch(url: str, folder: Path, name: str) -> Path:
    """Download ``url`` into a folder, and return where it is there.

    Raises
    ------
    MirrorError
        If the mirror, or the way to it, is at fault.
    OSError
        If the folder is.
    """
    import requests

    pooch = places.import_pooch()
    log_level = pooch.get_logger().level
    pooch.get_logger().setLevel("WARNING")
    try:
        seconds = (CONNECT_SECONDS, STALL_SECONDS)
        downloader = pooch.HTTPDownloader(progressbar=True, timeout=seconds)
        # Without a hash: check() looks at it, with a message that says more.
        return Path(pooch.retrieve(url, None, fname=name, path=folder, downloader=downloader))
    except requests.HTTPError as error:
        answer = f"{error.response.status_code} {error.response.reason}"
        raise MirrorError(f"the server answered {answer}", CALL_LATER) from error
    except requests.exceptions.SSLError as error:
        reason = f"the certificate could not be checked ({_innermost(error)})"
        raise MirrorError(reason, _certificates()) from error
    except requests.exceptions.ProxyError as error:
        raise MirrorError(f"the proxy did not connect ({_innermost(error)})", PROXY) from error
    except requests.Timeout as error:
        raise MirrorError(f"no data for {STALL_SECONDS:.0f} seconds") from error
    except ValueError as error:  # requests and urllib3 say so of an address, and ours are right
        raise MirrorError(f"the proxy's address cannot be used ({error})", PROXY) from error
    except requests.RequestException as error:
        raise MirrorError(f"the connection broke ({error})") from error
    except OSError as error:
        if error.errno is not None:  # from the disk: no other mirror would help
            raise
        # This is how requests says that there is no such file of certificates.
        raise MirrorError(str(error), _certificates()) from error
    except Exception as error:  # nobody knows of one, and the next mirror may do all the same
        raise MirrorError(f"{type(error).__name__}: {error}") from error
    finally:
        pooch.get_logger().setLevel(log_level)


def _innermost(error: BaseException) -> BaseException:
    """Return the first error of a chain, whose message is the most specific."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return error


def _certificates() -> str:
    """Return the advice for a certificate that requests cannot check."""
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
    """Return why the host of ``url`` cannot be reached, or None if it can be.

    Called before a download, because the time limit of a download covers neither the look-up
    of a name nor the attempts at a host with many addresses.
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
