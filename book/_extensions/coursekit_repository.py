"""Find the address of the course's repository, and use it for the buttons of the pages.

The address is that of Git's remote ``origin``, else that of the repository whose GitHub workflow is
running, else the one in ``_config.yml``. A fork gets its own address without editing a file.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
# git@host:owner/name, and not C:\folder or a URL.
SCP_FORM = re.compile(r"(?:[^@/\s]+@)?(?P<host>[^/:@\s]{2,}):(?!/)(?P<path>[^\s]+)")
PUBLIC_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE)
# These services open notebooks from GitHub alone.
GITHUB_ONLY = ("colab_url", "deepnote_url")


def web_address(remote: str) -> str | None:
    """Return the address in a browser of a Git remote.

    Parameters
    ----------
    remote : str
        Address of a remote, in any form that Git accepts.

    Returns
    -------
    str or None
        ``https://HOST/OWNER/NAME``, without credentials, port and ``.git``. None for a folder, and
        for a host that only one machine or network knows.
    """
    remote = remote.strip()
    if "://" in remote:
        try:
            parts = urlsplit(remote)
            host, path, port = parts.hostname or "", parts.path, parts.port
        except ValueError:  # such as a port that is no number
            return None
        if parts.scheme not in ("https", "http", "ssh", "git", "git+ssh"):
            return None
        if port and parts.scheme in ("https", "http"):
            host = f"{host}:{port}"
    elif scp := SCP_FORM.fullmatch(remote):
        host, path = scp["host"], scp["path"]
    else:
        return None
    path = path.strip("/").removesuffix(".git")
    public = PUBLIC_HOST.fullmatch(host.partition(":")[0])
    if not public or not re.fullmatch(r"[\w.~-]+(?:/[\w.~-]+)+", path):
        return None
    return f"https://{host}/{path}"


def repository_address(root: Path, configured: str = "") -> str:
    """Return the address of the repository.

    Parameters
    ----------
    root : Path
        Folder of the checkout.
    configured : str
        The address in ``_config.yml``, which is used if there is no other.

    Returns
    -------
    str
        As of :func:`web_address`, or ``configured`` as it is.
    """
    return web_address(_origin(root)) or web_address(_of_the_workflow()) or configured


def _origin(root: Path) -> str:
    """Return the address of the remote, or an empty string."""
    # An unpacked archive may lie in a checkout of something else.
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "remote", "get-url", "origin"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):  # Git is not installed
        return ""
    return done.stdout if done.returncode == 0 else ""


def _of_the_workflow() -> str:
    """Return the address that a GitHub workflow is told, or an empty string."""
    name = os.environ.get("GITHUB_REPOSITORY", "")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    return f"{server}/{name}" if name else ""


def set_address(app, config) -> None:
    """Use the address for the theme's buttons, and leave out those that its host does not offer."""
    options = config.html_theme_options
    address = repository_address(Path(app.srcdir), options.get("repository_url", ""))
    options["repository_url"] = config.coursekit_repository = address
    host = urlsplit(address).hostname or ""
    if host != "github.com":
        launch = options.get("launch_buttons", {})
        options["launch_buttons"] = {
            name: value for name, value in launch.items() if name not in GITHUB_ONLY
        }
    if "bitbucket" in host:
        options["use_issues_button"] = False  # the theme cannot make one, and warns
    elif not any(name in host for name in ("github", "gitlab")):
        # Forgejo and Gitea, as at Codeberg, have GitHub's paths. The theme refuses what it does
        # not know.
        options.setdefault("repository_provider", "github")


def setup(app) -> dict:
    """Register with Sphinx."""
    # A page that names the address is read anew when it changes.
    app.add_config_value("coursekit_repository", "", "env", str)
    app.connect("config-inited", set_address)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
