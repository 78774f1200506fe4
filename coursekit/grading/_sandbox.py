"""Run code that nobody trusts in a process that can do little.

Linux offers several means, and not every machine allows each of them: namespaces (an own
view of processes, network and mounts), Landlock (an allow-list of files and addresses), seccomp
(which refuses calls of the system) and resource limits. :func:`run` uses all that work here and
says which layers are on.

The processes, outermost first::

    supervisor   our code only: counts, and ends everything when its time has come
      init       our code only: number 1 of the new process space; when it ends, all in it end
        worker   limits itself, then runs what it was given

Nothing of the submission runs in the first two.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

LAYERS = {
    "limits": "memory, processes, file sizes and open files are limited",
    "processes": "no process outside can be seen or signalled, and none stays behind",
    "network": "no network, not even this machine's own",
    "files": "nothing can be written but a scratch folder, and nothing read that is not needed",
}
OVERRUN = {90: "memory", 91: "processes"}  # exit statuses of the supervisor
SCRATCH_BYTES = 512 << 20
WATCH_SECONDS = 0.1

_CLONE = {"user": 0x10000000, "mount": 0x00020000, "pid": 0x20000000, "net": 0x40000000,
          "ipc": 0x08000000}  # fmt: skip
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 1, 2, 4, 0x4000, 1 << 18
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 1, 38, 36
_PR_CAPBSET_DROP = 24
_PR_SET_SECCOMP, _SECCOMP_FILTER = 22, 2
# By machine: its name to seccomp, the numbers of the calls socket and socketpair, and of those
# that make memory which belongs to no process: memfd_create, shmget, msgget.
_MACHINES = {
    "x86_64": (0xC000003E, 41, 53, (319, 29, 68)),
    "aarch64": (0xC00000B7, 198, 199, (279, 194, 186)),
}
_IO_URING_SETUP, _MEMFD_SECRET = 425, 447
MUCH_SHARED = 64 << 20
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
# Landlock's rights on files, by the version of its interface that knows them.
_FS_RIGHTS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_FS_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read files, read folders
_FS_FILE_ONLY = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15
# Programs and libraries, and what they read of the machine.
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/proc", "/sys", "/opt",
           "/etc/alternatives", "/etc/fonts", "/etc/group", "/etc/host.conf", "/etc/hosts",
           "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf",
           "/etc/passwd", "/etc/python3", "/etc/timezone")  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm")


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
        Folders that nobody may look into, wherever they lie.
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
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(1)
        if pid == worker:
            code = os.waitstatus_to_exitcode(status)
            # With it end all that it left behind, if this is number 1 of a process space.
            os._exit(code if code >= 0 else 128 - code)


def _supervise(init: int, sandbox: Sandbox) -> int:
    """Watch what the tree of processes uses, and return how it ended."""
    awaited = {signal.SIGCHLD, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    status = None
    while status is None:
        pid, raw = os.waitpid(init, os.WNOHANG)
        if pid:
            status = os.waitstatus_to_exitcode(raw)
        elif "limits" in sandbox.layers and (overrun := _overrun(init, sandbox)):
            status = overrun
        else:
            came = signal.sigtimedwait(awaited, WATCH_SECONDS)
            if came is not None and came.si_signo == signal.SIGTERM:
                status = -signal.SIGTERM
    _kill_tree(init)
    return status if status >= 0 else 128 - status


def _overrun(init: int, sandbox: Sandbox) -> int:
    """Return the status that says what there is too much of, or 0."""
    if not os.path.exists("/proc/self/stat"):
        # We share the mounts of the new process space but are not in it: /proc shows it alone.
        tree = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    else:
        tree = descendants(init)
    if len(tree) > sandbox.limits.processes:
        return 91
    held = sum(map(_private_memory, tree)) + sum(map(_shared_memory, tree)) + _in_files(sandbox)
    if held > sandbox.limits.memory:
        return 90
    return 0


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


def _private_memory(pid: int) -> int:
    """Return the bytes that belong to one process alone; what forking shares is not counted."""
    with suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm") as file:
        pages = file.read().split()
        return (int(pages[1]) - int(pages[2])) * resource.getpagesize()
    return 0


def _shared_memory(pid: int) -> int:
    """Return a process's part of the memory that it shares with others and that is no file's."""
    with suppress(OSError, ValueError, IndexError):
        with open(f"/proc/{pid}/status") as file:
            shared = next(line for line in file if line.startswith("RssShmem:"))
        if int(shared.split()[1]) << 10 < MUCH_SHARED:
            return 0
        # Exact, but slow to tell: each of n processes has an n-th.
        with open(f"/proc/{pid}/smaps_rollup") as file:
            part = next((line for line in file if line.startswith("Pss_Shmem:")), shared)
        return int(part.split()[1]) << 10
    return 0


def _in_files(sandbox: Sandbox) -> int:
    """Return the bytes in files that lie in memory, if they are the submission's alone."""
    used = 0
    if sandbox.private:
        for folder in ("/dev/shm", sandbox.scratch):
            with suppress(OSError):
                state = os.statvfs(folder)
                used += (state.f_blocks - state.f_bfree) * state.f_frsize
    return used


def _mount(sandbox: Sandbox) -> bool:
    """Give the new mount namespace its own scratch, and take away what is to be hidden."""
    libc = _libc()
    if libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        return False
    if "files" not in sandbox.layers:
        return False
    private = f"size={SCRATCH_BYTES},mode=700".encode()
    for folder in dict.fromkeys(("/dev/shm", tempfile.gettempdir(), "/tmp", "/var/tmp", "/run")):
        # Other submissions' scratch folders, sockets of servers, editors' copies of files.
        needed = any(Path(path).is_relative_to(folder) for path in _needed(sandbox))
        if os.path.isdir(folder) and not needed:
            libc.mount(b"tmpfs", folder.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, private)
    if not os.path.isdir(sandbox.scratch):
        os.makedirs(sandbox.scratch, mode=0o700)
    elif libc.mount(b"tmpfs", sandbox.scratch.encode(), b"tmpfs", _MS_NOSUID | _MS_NODEV, private):
        return False
    sandbox.private = True
    hidden = True
    needed = [Path(path).resolve() for path in _needed(sandbox)]
    for part in (part for folder in sandbox.hidden for part in _apart(Path(folder), needed)):
        folder = str(part)
        if os.path.isdir(folder) and not sandbox.scratch.startswith(folder + "/"):
            flags = _MS_RDONLY | _MS_NOSUID | _MS_NODEV
            done = libc.mount(b"tmpfs", folder.encode(), b"tmpfs", flags, b"size=4096,mode=000")
            hidden = hidden and done == 0
    return hidden


def _apart(folder: Path, needed: list[Path]) -> Iterator[Path]:
    """Return a folder, or, where something needed lies within, the other folders in it.

    Files beside what is needed stay in sight; Landlock has them closed.
    """
    if folder in needed:
        return
    if not any(path.is_relative_to(folder) for path in needed):
        yield folder
        return
    for part in sorted(folder.iterdir()):
        if part.is_dir() and not part.is_symlink():
            yield from _apart(part, needed)


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
            _lower(resource.RLIMIT_NPROC, 4 * sandbox.limits.processes)
        sandbox.on["limits"] = "rlimits and a supervisor"
    _drop_capabilities()
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if {"files", "network", "processes"} & sandbox.layers:
        _landlock(sandbox, mounted)
    refused = bool({"network", "limits"} & sandbox.layers) and _forbid_calls()
    if "network" in sandbox.layers:
        # A network namespace leaves servers that are called by a file, and so does Landlock.
        means = sandbox.on.pop("network", None)
        if refused and means:
            sandbox.on["network"] = f"{means} and seccomp"


def _forbid_calls() -> bool:
    """Have the kernel refuse sockets that can call a file, and memory that nobody can count.

    Connected pairs of sockets stay allowed. Refused is io_uring, too, which can make sockets as
    well, and calls of another machine's kind.
    """
    if os.uname().machine not in _MACHINES or struct.calcsize("P") != 8:
        return False
    machine, single, pair, memory = _MACHINES[os.uname().machine]
    never = (_IO_URING_SETUP, _MEMFD_SECRET, *memory)
    more = len(never) - 1
    load, equal, at_least, mask, answer = 0x20, 0x15, 0x35, 0x54, 0x06
    allow, refuse = 0x7FFF0000, 0x00050000 + errno.EACCES
    # Each: what to do, how many steps to skip if so and if not, and with what. What is loaded is
    # the call's number (0), the machine (4), or an argument (16, 24).
    steps = (
        (load, 0, 0, 4),
        (equal, 0, 10 + more, machine),
        (load, 0, 0, 0),
        (at_least, 8 + more, 0, 0x40000000),  # x86_64 with pointers of 32 bits
        *((equal, 7 + more - place, 0, call) for place, call in enumerate(never)),
        (equal, 3, 0, pair),
        (equal, 0, 6, single),
        (load, 0, 0, 16),
        (equal, 3, 4, socket.AF_UNIX),
        (load, 0, 0, 24),
        (mask, 0, 0, 0xF),
        (equal, 0, 1, socket.SOCK_DGRAM),  # one of a pair could be connected anew
        (answer, 0, 0, refuse),
        (answer, 0, 0, allow),
    )
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    header = struct.pack("@HP", len(steps), ctypes.addressof(program))
    done = _libc().prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_FILTER), header, 0, 0)
    return done == 0


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
            for path in (*_SYSTEM, *_needed(sandbox)):
                _allow(call, ruleset, path, rights & _FS_READ)
            for path in (*_DEVICES, sandbox.scratch):
                _allow(call, ruleset, path, rights)
        if call(_LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) != 0:
            return
    finally:
        os.close(ruleset)
    if rights:
        sandbox.on["files"] = "Landlock and mounts" if mounted else "Landlock"
    if net and "network" not in sandbox.on:
        sandbox.on["network"] = "Landlock (TCP)"


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
