"""Run code that nobody trusts in a process that can do little.

Linux offers several means, and not every machine allows each of them: namespaces (an own
view of processes, network and mounts), Landlock (an allow-list of files and addresses), seccomp
(an allow-list of calls of the system) and resource limits. :func:`run` uses all that work here and
says which layers are on.

The processes, outermost first::

    supervisor   our code only: counts, and ends everything when its time has come
      init       our code only: number 1 of the new process space; when it ends, all in it end
        worker   limits itself, then runs what it was given

Nothing of the submission runs in the first two.

Memory is limited by counting and by refusing. No process has more than its own limit, the
supervisor adds up what all of them hold, and what it could not see is refused: memory that
belongs to no process and to no file of the submission's. A control group would count all of it,
but only root, and whoever was handed a part of their tree, can make one.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from coursegrader.seccomp import filter_calls

LAYERS = {
    "limits": "memory, processes, file sizes and open files are limited",
    "processes": "no process outside can be seen or signalled, and none stays behind",
    "network": "no network, not even this machine's own",
    "files": "nothing can be written but a scratch folder, and nothing read that is not needed",
}
OVERRUN = {90: "memory", 91: "processes"}  # exit statuses of the supervisor
SCRATCH_BYTES = 512 << 20
SCRATCH_FILES = 100_000  # an empty one takes memory, too
SOCKET_BYTES = 208 << 10  # what may wait in one or in a pipe, as Linux comes
WATCH_SECONDS = 0.1
MOST_SHARED = 8  # times the limit of memory, if each process counts what it shares

_CLONE = {"user": 0x10000000, "mount": 0x00020000, "pid": 0x20000000, "net": 0x40000000,
          "ipc": 0x08000000}  # fmt: skip
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 1, 2, 4, 0x4000, 1 << 18
_MS_REMOUNT, _MS_BIND = 0x20, 0x1000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 1, 38, 36
_PR_CAPBSET_DROP = 24
# What the supervisor sends init, and what init sends all in its process space then.
_TO_ALL = {signal.SIGSTOP: signal.SIGUSR1, signal.SIGCONT: signal.SIGUSR2}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
# Landlock's rights on files, by the version of its interface that knows them.
_FS_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_FS_LIST = 1 << 3
_FS_READ = 1 << 0 | 1 << 2 | _FS_LIST  # execute, read files, read folders
_FS_FILE_ONLY = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
# Programs and libraries, and what they read of the machine.
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc", "/sys", "/opt",
           "/etc/alternatives", "/etc/fonts", "/etc/group", "/etc/host.conf", "/etc/hosts",
           "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf",
           "/etc/passwd", "/etc/python3", "/etc/timezone")  # fmt: skip
_SHARED = "/dev/shm"  # where semaphores and shared memory lie
_DEVICES = ("/dev/null", "/dev/full", "/dev/random", "/dev/urandom")
# Not to be written: whoever shares /dev/zero has memory that is counted nowhere.
_ONLY_READ = ("/dev/zero",)


@dataclass(frozen=True)
class Limits:
    """How much a submission may use, in bytes where it is not said otherwise.

    Attributes
    ----------
    memory : int
        Of one process beyond what a fresh one has, and of all of them together.
    processes : int
        At the same time.
    file : int
        The largest file.
    """

    memory: int = 4 << 30
    processes: int = 64
    file: int = 256 << 20


@dataclass
class Sandbox:
    """What to allow, and, once entered, which layers are on.

    Attributes
    ----------
    layers : set of str
        Those to try, of :data:`LAYERS`.
    limits : Limits
    readable : list of str
        Folders to read besides the system's and Python's own.
    hidden : list of str
        Folders and files that nobody may look into, wherever they lie. What has to be read
        (``readable``, and Python's own folders) stays where it lies within one of them; one
        that lies within what has to be read is hidden. A folder that is named in both stays.
    scratch : str
        An empty folder, the only one to write to.
    on : dict of str to str
        The layers that are on, and by what means; filled in on the way.
    private : bool
        Whether scratch and shared memory are file systems of its own; filled in on the way.
    """

    layers: set[str] = field(default_factory=lambda: set(LAYERS))
    limits: Limits = field(default_factory=Limits)
    readable: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    scratch: str = ""
    on: dict[str, str] = field(default_factory=dict)
    private: bool = False


def run(sandbox: Sandbox, work: Callable[[Sandbox], None], keep: Iterable[int]) -> None:
    """Turn this process into the supervisor of one that does the work. Does not return.

    Parameters
    ----------
    sandbox : Sandbox
    work : callable
        Called in the worker with the sandbox, whose ``on`` names each layer that is on and
        by what means.
    keep : iterable of int
        Open files that the worker keeps; the supervisor closes its own copies, so that the
        other end notices the worker's end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    mounted = _separate(sandbox) and _mount(sandbox)
    init = os.fork()
    if init == 0:
        _be_init(sandbox, work, mounted)
    for fd in keep:
        os.close(fd)
    os._exit(_supervise(init, sandbox))


def _separate(sandbox: Sandbox) -> bool:
    """Leave the namespaces of the machine; returns whether that is allowed here."""
    wanted = set()
    if "processes" in sandbox.layers:
        wanted |= {"pid", "ipc"}
    if "network" in sandbox.layers:
        wanted |= {"net"}
    if not wanted and "files" not in sandbox.layers:
        return False
    flags = sum(_CLONE[name] for name in wanted | {"user", "mount"})
    uid, gid = os.getuid(), os.getgid()
    if _libc().unshare(flags) != 0:
        return False
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
    except OSError:
        return False
    if "pid" in wanted:
        sandbox.on["processes"] = "namespace"
    if "net" in wanted:
        sandbox.on["network"] = "namespace"
    return True


def _be_init(sandbox: Sandbox, work: Callable[[Sandbox], None], mounted: bool) -> None:
    """Start the worker, and wait for it."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if sandbox.on.get("processes"):
        # Only number 1 of a process space may mount its /proc. Some containers forbid it;
        # then the old view stays, and Landlock closes what matters of it.
        flags = _MS_NOSUID | _MS_NODEV
        _libc().mount(b"proc", b"/proc", b"proc", flags, None)
    worker = os.fork()
    if worker == 0:
        status = 1
        try:
            # Of its own: an interrupt is meant for the worker and for what it started.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            _restrict(sandbox, mounted)
            os.chdir(sandbox.scratch)
            work(sandbox)
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        except BaseException as error:
            with suppress(Exception):
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
        finally:
            os._exit(status)
    _close_all_but_standard()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if sandbox.on.get("processes"):
        for what, asked in _TO_ALL.items():
            signal.signal(asked, lambda *_, what=what: _signal_all(what))
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(1)
        if pid == worker:
            code = os.waitstatus_to_exitcode(status)
            # With it end all that it left behind, if this is number 1 of a process space.
            os._exit(code if code >= 0 else 128 - code)


def _signal_all(which: signal.Signals) -> None:
    """As number 1 of a process space, which this does not reach: signal all others in it."""
    with suppress(ProcessLookupError):
        os.kill(-1, which)


def _supervise(init: int, sandbox: Sandbox) -> int:
    """Watch what the tree of processes uses, and return how it ended."""
    awaited = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    status = None
    next_count = [0.0]
    while status is None:
        pid, raw = os.waitpid(init, os.WNOHANG)
        if pid:
            status = os.waitstatus_to_exitcode(raw)
        elif "limits" in sandbox.layers and (overrun := _overrun(init, sandbox, next_count)):
            status = overrun
        else:
            came = signal.sigtimedwait(awaited, WATCH_SECONDS)
            if came is not None and came.si_signo == signal.SIGTERM:
                status = -signal.SIGTERM
    _kill_tree(init)
    return status if status >= 0 else 128 - status


def _overrun(init: int, sandbox: Sandbox, next_count: list[float]) -> int:
    """Return the status that says what there is too much of, or 0.

    The list has one element: the time before which the fair sum of memory is not made again.
    """
    limits = sandbox.limits
    tree = _tree(init)
    if len(tree) > limits.processes or _threads(tree) > _most_threads(limits):
        return 91
    beside = _in_files(sandbox) + SOCKET_BYTES * len(set().union(*map(_sockets, tree)))
    # In this sum, what forking shares is counted once for each process.
    most = beside + sum(_resident(pid, sandbox) for pid in tree)
    if most > MOST_SHARED * limits.memory:
        return 90
    now = time.monotonic()
    if most > limits.memory and now > next_count[0]:
        # The fair sum takes longer, and many busy processes would keep us from it.
        _signal(init, signal.SIGSTOP)
        fair = beside + sum(_proportional(pid, sandbox) for pid in _tree(init))
        _signal(init, signal.SIGCONT)
        if fair > limits.memory:
            return 90
        # Half of the time is the submission's.
        end = time.monotonic()
        next_count[0] = end + (end - now)
    return 0


def _tree(init: int) -> list[int]:
    """Return the processes of the submission, as /proc has them."""
    if _sees_ours():
        return descendants(init)
    return [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]


def _sees_ours() -> bool:
    """Return whether /proc has our numbers for processes.

    We share the mounts of the new process space but are not in it, where its /proc is mounted.
    """
    return os.path.exists("/proc/self/stat")


def _signal(init: int, which: signal.Signals) -> None:
    """Stop or continue all processes of the submission."""
    if not _sees_ours():
        os.kill(init, _TO_ALL[which])
        # Init has to wake up first. Where it takes longer, the count is slower, and still right.
        time.sleep(0.002)
        return
    for pid in descendants(init):
        with suppress(ProcessLookupError):
            os.kill(pid, which)


def _kill_tree(init: int) -> None:
    """End init and, where it has no process space of its own, everything below us."""
    with suppress(ProcessLookupError):
        os.kill(init, signal.SIGKILL)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        # Orphans become ours (we are their subreaper), so none escapes by leaving its parent.
        for pid in descendants(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def descendants(pid: int) -> list[int]:
    """Return the processes below one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError, ValueError), open(f"/proc/{name}/stat") as file:
                # The name, in brackets, may hold anything; the parent is the second after it.
                parent = int(file.read().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _most_threads(limits: Limits) -> int:
    """Return how many threads all processes may have: a few each, and libraries' own per core."""
    return 4 * limits.processes + 16 * (os.cpu_count() or 1)


def _threads(tree: list[int]) -> int:
    found = 0
    for pid in tree:
        with suppress(OSError):
            # The links of a folder: itself, its parent, and one for each folder in it.
            found += os.stat(f"/proc/{pid}/task").st_nlink - 2
    return found


def _resident(pid: int, sandbox: Sandbox) -> int:
    """Return the bytes of memory that a process uses, shared or not, but those of files."""
    kinds = ("RssAnon:",) if sandbox.private else ("RssAnon:", "RssShmem:")
    return _sum_of(f"/proc/{pid}/status", kinds) or 0


def _proportional(pid: int, sandbox: Sandbox) -> int:
    """Return the same, but of what n processes share an n-th."""
    kinds = ("Pss_Anon:",) if sandbox.private else ("Pss_Anon:", "Pss_Shmem:")
    found = _sum_of(f"/proc/{pid}/smaps_rollup", kinds)  # Linux 5.9
    return _resident(pid, sandbox) if found is None else found


def _sum_of(path: str, kinds: tuple[str, ...]) -> int | None:
    """Return the bytes that a table of the kernel gives for some kinds; None if for none."""
    found = None
    with suppress(OSError, ValueError, IndexError), open(path, errors="replace") as file:
        for line in file:
            if line.startswith(kinds):
                found = (found or 0) + (int(line.split()[1]) << 10)
    return found


def _sockets(pid: int) -> set[str]:
    """Return the names of the sockets and pipes that a process has open."""
    found = set()
    with suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with suppress(OSError):
                found.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return {name for name in found if name.startswith(("socket:", "pipe:"))}


def _in_files(sandbox: Sandbox) -> int:
    """Return the bytes in files that lie in memory, if they are the submission's alone."""
    if not sandbox.private:
        return 0
    try:
        state = os.statvfs(sandbox.scratch)
    except OSError:
        return 0
    return (state.f_blocks - state.f_bfree) * state.f_frsize


def _mount(sandbox: Sandbox) -> bool:
    """Give the new mount namespace its own scratch, and take away what is to be hidden."""
    libc = _libc()
    if libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    if "files" not in sandbox.layers:
        return False
    kept = {os.path.abspath(path) for path in (*_SYSTEM, *_needed(sandbox), sandbox.scratch)}
    kept |= {os.path.realpath(path) for path in kept}
    # Other submissions' scratch folders, sockets of servers, editors' copies of files.
    hidden = {tempfile.gettempdir(), "/tmp", "/var/tmp", "/run", *sandbox.hidden}
    # The outer ones first: what is put back into them may have to be covered in part.
    covered = [_cover(path, kept) for path in sorted(set(map(os.path.realpath, hidden)))]
    sandbox.private = _mount_scratch(sandbox)
    return sandbox.private and all(covered)


def _mount_scratch(sandbox: Sandbox) -> bool:
    """Put one file system in memory where files may be written, so that one limit holds."""
    mount, scratch = _libc().mount, os.fsencode(sandbox.scratch)
    content = f"size={SCRATCH_BYTES},nr_inodes={SCRATCH_FILES},mode=700".encode()
    if mount(b"tmpfs", scratch, b"tmpfs", _MS_NOSUID | _MS_NODEV, content) != 0:
        return False
    for target in (_SHARED, sandbox.scratch):  # the second covers the folder of both
        source = os.path.join(sandbox.scratch, f"for {os.path.basename(target)}")
        os.mkdir(source, mode=0o700)
        if os.path.isdir(target) and mount(
            os.fsencode(source), os.fsencode(target), None, _MS_BIND, None
        ):
            return False
    return True


def _cover(path: str, kept: set[str]) -> bool:
    """Hide a folder or a file, but for what is kept in it; returns whether that worked.

    An empty folder is mounted over it, into which what is kept is put back.
    """
    mount = _libc().mount
    if path in kept or not os.path.exists(path):
        return True
    if not os.path.isdir(path):
        nothing = os.fsencode(os.devnull)
        return mount(nothing, os.fsencode(path), None, _MS_BIND, None) == 0
    if path == os.path.dirname(path):
        return False  # whoever hides the whole machine hides nothing
    within = [one for one in sorted(kept) if Path(one).is_relative_to(path)]
    outermost: list[tuple[str, int]] = []
    try:
        for one in within:
            if not (outermost and Path(one).is_relative_to(outermost[-1][0])):
                with suppress(OSError):
                    outermost.append((one, os.open(one, os.O_PATH | os.O_CLOEXEC)))
        flags = _MS_NOSUID | _MS_NODEV
        content = b"size=1m,mode=755" if outermost else b"size=4096,mode=000"
        if mount(b"tmpfs", os.fsencode(path), b"tmpfs", flags, content) != 0:
            return False
        done = True
        for one, handle in outermost:
            source = f"/proc/self/fd/{handle}"
            if os.path.isdir(source):
                os.makedirs(one, exist_ok=True)
            else:
                os.makedirs(os.path.dirname(one), exist_ok=True)
                os.close(os.open(one, os.O_CREAT | os.O_WRONLY, 0o600))
            bound = mount(source.encode(), os.fsencode(one), None, _MS_BIND | _MS_REC, None)
            done = done and bound == 0
    finally:
        for _, handle in outermost:
            os.close(handle)
    flags |= _MS_REMOUNT | _MS_BIND | _MS_RDONLY
    return mount(None, os.fsencode(path), None, flags, None) == 0 and done


def _needed(sandbox: Sandbox) -> list[str]:
    """Return the folders that Python and the course are read from."""
    here = Path(__file__).resolve().parents[1]
    return [sys.prefix, sys.base_prefix, sys.exec_prefix, str(here), *sandbox.readable]


def _restrict(sandbox: Sandbox, mounted: bool) -> None:
    """Limit this process; there is no way back."""
    if "limits" in sandbox.layers:
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * resource.getpagesize()
        _lower(resource.RLIMIT_AS, now + sandbox.limits.memory)
        _lower(resource.RLIMIT_FSIZE, sandbox.limits.file)
        _lower(resource.RLIMIT_NOFILE, 1024)
        _lower(resource.RLIMIT_CORE, 0)
        # Root's processes are not counted, and outside of a user namespace of our own those count
        # that the same user has elsewhere. The supervisor counts ours in any case.
        if os.getuid() != 0 and "namespace" in sandbox.on.values():
            _lower(resource.RLIMIT_NPROC, _most_threads(sandbox.limits))
    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if {"files", "network", "processes"} & sandbox.layers:
        _landlock(sandbox, mounted)
    network = "network" not in sandbox.layers
    inside = sandbox.on.get("network") == "namespace"
    filtered = bool(sandbox.layers) and filter_calls(network, inside)
    # Without a filter of calls some memory is counted nowhere, and servers are called by a file.
    if "limits" in sandbox.layers and filtered:
        sandbox.on["limits"] = "rlimits, a supervisor and seccomp"
    if "network" in sandbox.layers:
        means = sandbox.on.pop("network", None)
        if filtered:
            sandbox.on["network"] = f"{means} and seccomp" if means else "seccomp"


def _drop_capabilities() -> None:
    """Give up what the first process of a user namespace may do, such as undo its mounts."""
    for capability in range(64):
        _prctl(_PR_CAPBSET_DROP, capability)
    _libc().capset(struct.pack("Ii", 0x20080522, 0), bytes(24))


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def _landlock(sandbox: Sandbox, mounted: bool) -> None:
    """Allow what is needed, and nothing else, if the kernel knows Landlock."""
    call = _libc().syscall
    version = call(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
    if version < 1:
        return
    rights = 0
    if "files" in sandbox.layers:
        rights = sum(bits for since, bits in _FS_RIGHTS.items() if since <= version)
    net = 3 if version >= 4 and "network" in sandbox.layers else 0
    scoped = 3 if version >= 6 and "processes" in sandbox.layers else 0
    content = struct.pack("QQQ", rights, net, scoped)[: 24 if version >= 6 else
                                                      16 if version >= 4 else 8]  # fmt: skip
    ruleset = call(_LANDLOCK_CREATE, content, ctypes.c_size_t(len(content)), ctypes.c_uint32(0))
    if ruleset < 0:
        return
    try:
        if rights:
            hidden = {os.path.realpath(path) for path in sandbox.hidden}
            for path in (*_SYSTEM, *_ONLY_READ, *_needed(sandbox)):
                _allow_but(call, ruleset, os.path.realpath(path), rights & _FS_READ, hidden)
            # To find a module, Python lists the folders where one may be, such as a checkout.
            for path in filter(os.path.isabs, sys.path):
                _allow(call, ruleset, path, rights & _FS_LIST)
            for path in (*_DEVICES, *_shared(sandbox), sandbox.scratch):
                _allow(call, ruleset, path, rights)
        if call(_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) != 0:
            return
    finally:
        os.close(ruleset)
    if rights:
        sandbox.on["files"] = "Landlock and mounts" if mounted else "Landlock"
    if net and "network" not in sandbox.on:
        sandbox.on["network"] = "Landlock (TCP)"


def _shared(sandbox: Sandbox) -> list[str]:
    """Return the folder of shared memory, if not more can be left in it than in the scratch."""
    with suppress(OSError):
        state = os.statvfs(_SHARED)
        if sandbox.private or state.f_blocks * state.f_frsize <= SCRATCH_BYTES:
            return [_SHARED]
    return []


def _allow_but(
    call: Callable[..., int], ruleset: int, path: str, rights: int, hidden: set[str]
) -> None:
    """Allow a folder without what is hidden in it, of which only the names can be seen.

    Landlock knows no exceptions: what is allowed holds for all that lies within.
    """
    within = {one for one in hidden if one != path and Path(one).is_relative_to(path)}
    if not within:
        _allow(call, ruleset, path, rights)
        return
    _allow(call, ruleset, path, rights & _FS_LIST)
    with suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            # Where a link leads, the folder that it leads to decides.
            if entry.path not in hidden and not entry.is_symlink():
                _allow_but(call, ruleset, entry.path, rights, within)


def _allow(call: Callable[..., int], ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            rights &= _FS_FILE_ONLY
        rule = struct.pack("=Qi", rights, handle)
        call(_LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
    finally:
        os.close(handle)


def _close_all_but_standard() -> None:
    os.closerange(3, 4096)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    _libc().prctl(option, ctypes.c_ulong(value), 0, 0, 0)
