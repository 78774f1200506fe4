"""Restrict the system calls of a submission to an allow-list with a seccomp filter.

The filter is written here, because the bindings to libseccomp need a system library that many
machines lack. Calls that are not listed fail with ``ENOSYS``, so that libraries fall back to older
calls. This includes ``clone3``, whose flags a filter cannot read, and all future calls. Sources:
seccomp(2), and the tables of system calls in Linux 6.12.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

# seccomp's identifier of each architecture, and its column in the tables below.
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
# System calls with their numbers on x86_64 and aarch64; empty if the architecture lacks it.
_ALLOWED = """
accept4=288/242 accept=43/202 access=21/ alarm=37/ arch_prctl=158/ bind=49/200 brk=12/214
capget=125/90 chdir=80/49 chmod=90/ chown=92/ clock_getres=229/114 clock_gettime=228/113
clock_nanosleep=230/115 close=3/57 close_range=436/436 connect=42/203 copy_file_range=326/285
creat=85/ dup2=33/ dup3=292/24 dup=32/23 epoll_create1=291/20 epoll_create=213/ epoll_ctl=233/21
epoll_pwait2=441/441 epoll_pwait=281/22 epoll_wait=232/ eventfd2=290/19 eventfd=284/
execve=59/221 execveat=322/281 exit=60/93 exit_group=231/94 faccessat2=439/439 faccessat=269/48
fadvise64=221/223 fallocate=285/47 fchdir=81/50 fchmod=91/52 fchmodat2=452/452 fchmodat=268/53
fchown=93/55 fchownat=260/54 fcntl=72/25 fdatasync=75/83 fgetxattr=193/10 flistxattr=196/13
flock=73/32 fork=57/ fstat=5/80 fstatfs=138/44 fsync=74/82 ftruncate=77/46 futex=202/98
futex_waitv=449/449 futimesat=261/ get_mempolicy=239/236 get_robust_list=274/100 getcpu=309/168
getcwd=79/17 getdents64=217/61 getdents=78/ getegid=108/177 geteuid=107/175 getgid=104/176
getgroups=115/158 getitimer=36/102 getpeername=52/205 getpgid=121/155 getpgrp=111/ getpid=39/172
getppid=110/173 getpriority=140/141 getrandom=318/278 getresgid=120/150 getresuid=118/148
getrlimit=97/163 getrusage=98/165 getsid=124/156 getsockname=51/204 getsockopt=55/209
gettid=186/178 gettimeofday=96/169 getuid=102/174 getxattr=191/8 kill=62/129 lchown=94/
lgetxattr=192/9 link=86/ linkat=265/37 listen=50/201 listxattr=194/11 llistxattr=195/12
lseek=8/62 lstat=6/ madvise=28/233 mbind=237/235 membarrier=324/283 mincore=27/232 mkdir=83/
mkdirat=258/34 mlock2=325/284 mlock=149/228 mlockall=151/230 mprotect=10/226 mremap=25/216
msync=26/227 munlock=150/229 munlockall=152/231 munmap=11/215 nanosleep=35/101 newfstatat=262/79
open=2/ openat2=437/437 openat=257/56 pause=34/ pidfd_open=434/434 pidfd_send_signal=424/424
pipe2=293/59 pipe=22/ poll=7/ ppoll=271/73 pread64=17/67 preadv2=327/286 preadv=295/69
prlimit64=302/261 pselect6=270/72 pwrite64=18/68 pwritev2=328/287 pwritev=296/70 read=0/63
readahead=187/213 readlink=89/ readlinkat=267/78 readv=19/65 recvfrom=45/207 recvmmsg=299/243
recvmsg=47/212 rename=82/ renameat2=316/276 renameat=264/38 restart_syscall=219/128 rmdir=84/
rseq=334/293 rt_sigaction=13/134 rt_sigpending=127/136 rt_sigprocmask=14/135
rt_sigqueueinfo=129/138 rt_sigreturn=15/139 rt_sigsuspend=130/133 rt_sigtimedwait=128/137
rt_tgsigqueueinfo=297/240 sched_get_priority_max=146/125 sched_get_priority_min=147/126
sched_getaffinity=204/123 sched_getattr=315/275 sched_getparam=143/121
sched_getscheduler=145/120 sched_rr_get_interval=148/127 sched_setaffinity=203/122
sched_setattr=314/274 sched_setparam=142/118 sched_setscheduler=144/119 sched_yield=24/124
select=23/ sendfile=40/71 sendmmsg=307/269 sendmsg=46/211 sendto=44/206 set_mempolicy=238/237
set_robust_list=273/99 set_tid_address=218/96 setitimer=38/103 setpgid=109/154
setpriority=141/140 setrlimit=160/164 setsid=112/157 shutdown=48/210 sigaltstack=131/132
signalfd4=289/74 signalfd=282/ splice=275/76 stat=4/ statfs=137/43 statx=332/291 symlink=88/
symlinkat=266/36 sync_file_range=277/84 sysinfo=99/179 tgkill=234/131 time=201/
timer_create=222/107 timer_delete=226/111 timer_getoverrun=225/109 timer_gettime=224/108
timer_settime=223/110 timerfd_create=283/85 timerfd_gettime=287/87 timerfd_settime=286/86
times=100/153 tkill=200/130 truncate=76/45 umask=95/166 uname=63/160 unlink=87/ unlinkat=263/35
utime=132/ utimensat=280/88 utimes=235/ vfork=58/ wait4=61/260 waitid=247/95 write=1/64
writev=20/66
"""
# Allowed only with some arguments: see _rules.
_WITH_ARGUMENTS = """
clone=56/220 ioctl=16/29 mknod=133/ mknodat=259/33 mmap=9/222 prctl=157/167 setsockopt=54/208
socket=41/198 socketpair=53/199
"""
# Refused with EPERM: calls that allocate memory outside the counted processes and files
# (memfd_create, shmget, io_uring_setup, vmsplice, setxattr ...) or that could gain privileges.
_REFUSED = """
add_key=248/217 bpf=321/280 capset=126/91 chroot=161/51 delete_module=176/106
fanotify_init=300/262 finit_module=313/273 fremovexattr=199/16 fsetxattr=190/7 fsopen=430/430
init_module=175/105 io_uring_enter=426/426 io_uring_register=427/427 io_uring_setup=425/425
kcmp=312/272 kexec_file_load=320/294 kexec_load=246/104 keyctl=250/219 lremovexattr=198/15
lsetxattr=189/6 memfd_create=319/279 memfd_secret=447/447 mount=165/40 mount_setattr=442/442
move_mount=429/429 mq_open=240/180 msgctl=71/187 msgget=68/186 name_to_handle_at=303/264
open_by_handle_at=304/265 open_tree=428/428 perf_event_open=298/241 personality=135/92
pidfd_getfd=438/438 pivot_root=155/41 process_vm_readv=310/270 process_vm_writev=311/271
ptrace=101/117 quotactl=179/60 reboot=169/142 removexattr=197/14 request_key=249/218
semctl=66/191 semget=64/190 setns=308/268 setxattr=188/5 shmat=30/196 shmctl=31/195
shmget=29/194 swapoff=168/225 swapon=167/224 umount2=166/39 unshare=272/97 userfaultfd=323/282
vmsplice=278/75
"""
_PR_SET_SECCOMP, _SECCOMP_FILTER = 22, 2
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_GET_NAME = 1, 15, 16
# The flags of clone that create namespaces; only clone3 and unshare create time namespaces.
_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
# Queries of terminals, such as isatty; then blocking mode, and inheritance by child processes.
_TERMINAL_IOCTLS = {0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451}
_MAP_SHARED, _MAP_ANONYMOUS, _MAP_HUGETLB = 0x01, 0x20, 0x40000
# By level. Options that enlarge buffers, such as SO_SNDBUF, are not allowed.
_SOCKET_OPTIONS = {
    1: {2, 9, 13, 15, 20, 21},  # any: reuse, keep alive, linger, time limits
    6: {1, 4, 5, 6, 18},  # TCP: no delay, how to keep alive
    41: {26},  # IPv6: no other
}

_Program = tuple[tuple[int, int, int, int], ...]
_LOAD, _EQUAL, _AT_LEAST, _SKIP, _MASK, _RETURN = 0x20, 0x15, 0x35, 0x05, 0x54, 0x06
_ALLOW: _Program = ((_RETURN, 0, 0, 0x7FFF0000),)


@dataclass(frozen=True)
class Condition:
    """Allowed values of an argument, or of some of its bits."""

    argument: int
    values: Iterable[int]
    bits: int = 0xFFFFFFFF


@dataclass(frozen=True)
class Rule:
    """Allow a call if all conditions of one of the ways hold; otherwise return the error."""

    ways: Iterable[tuple[Condition, ...]]
    error: int = errno.EPERM


def filter_calls(network: bool, inside: bool) -> bool:
    """Install the filter for this thread and everything that it starts.

    Parameters
    ----------
    network : bool
        Whether all kinds of sockets are allowed.
    inside : bool
        Whether this is a network namespace, in which internet sockets are harmless.

    Returns
    -------
    bool
        Whether it is installed; False if kernel or architecture are not supported.
    """
    kind = os.uname().machine
    if kind not in _MACHINES or struct.calcsize("P") != 8 or sys.byteorder != "little":
        return False
    steps = _program(kind, _rules(network, inside))
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    header = struct.pack("@HP", len(steps), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_FILTER), header, 0, 0) == 0


def _rules(network: bool, inside: bool) -> dict[str, Rule]:
    """Return the rules for the calls that are allowed only with some arguments."""
    files = {0, stat.S_IFREG, stat.S_IFIFO}
    shared = _MAP_SHARED | _MAP_ANONYMOUS
    rules = {
        "clone": Rule([(Condition(0, {0}, bits=sum(_NAMESPACES)),)]),
        "ioctl": Rule([(Condition(1, _TERMINAL_IOCTLS),)], error=errno.ENOTTY),
        "mknod": Rule([(Condition(1, files, bits=0xF000),)]),
        "mknodat": Rule([(Condition(2, files, bits=0xF000),)]),
        # Shared anonymous memory that is not mapped would not be counted.
        "mmap": Rule(
            [
                (
                    Condition(3, {0}, bits=_MAP_HUGETLB),
                    Condition(3, {0, _MAP_SHARED, _MAP_ANONYMOUS}, bits=shared),
                )
            ]
        ),
        "prctl": Rule([(Condition(0, {_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_GET_NAME}),)]),
        "setsockopt": Rule(
            (Condition(1, {level}), Condition(2, options))
            for level, options in _SOCKET_OPTIONS.items()
        ),
    }
    # An AF_UNIX socket can connect to a file, and so reach local servers despite a network
    # namespace and Landlock. Connected pairs, which asyncio needs, cannot, unless they are datagram
    # sockets, which can be reconnected. So only pairs of stream sockets are allowed.
    families = {socket.AF_INET, socket.AF_INET6} if network or inside else set()
    if network:
        families |= {socket.AF_UNIX, socket.AF_NETLINK}
    pair = (Condition(0, {socket.AF_UNIX}), Condition(1, {socket.SOCK_STREAM}, bits=0xF))
    return rules | {
        "socket": Rule([(Condition(0, families),)], error=errno.EACCES),
        "socketpair": Rule([pair], error=errno.EACCES),
    }


def _program(kind: str, rules: dict[str, Rule]) -> _Program:
    """Return the filter as a program of classic BPF instructions.

    Each instruction: operation, how many to skip if true and if false, and operand. The operand
    of a load is the offset of the call's number (0), the architecture (4) or an argument (16 on).
    """
    machine, column = _MACHINES[kind]
    answers: dict[int, _Program] = {}
    for number in _numbers(_ALLOWED, column).values():
        answers[number] = _ALLOW
    for number in _numbers(_REFUSED, column).values():
        answers[number] = _refuse(errno.EPERM)
    for name, number in _numbers(_WITH_ARGUMENTS, column).items():
        answers[number] = _check_arguments(rules[name])
    unknown = _refuse(errno.ENOSYS)
    # System calls of another architecture have other numbers.
    program: _Program = ((_LOAD, 0, 0, 4), (_EQUAL, 1, 0, machine), *unknown, (_LOAD, 0, 0, 0))
    # One comparison serves a range of call numbers with the same result.
    for steps, numbers in groupby(range(max(answers) + 1), lambda n: answers.get(n, unknown)):
        *_, last = numbers
        program += ((_AT_LEAST, len(steps), 0, last + 1), *steps)
    return program + unknown


def _check_arguments(rule: Rule) -> _Program:
    """Return the instructions that allow a call if one of the rule's ways holds."""
    steps: _Program = ()
    for way in rule.ways:
        holds = _ALLOW
        for condition in reversed(way):
            values = sorted(map(int, condition.values))
            tests: _Program = ((_LOAD, 0, 0, 16 + 8 * condition.argument),)
            tests += ((_MASK, 0, 0, condition.bits),)
            # If a value matches, jump past the next skip, which leaves this way.
            tests += tuple((_EQUAL, len(values) - i, 0, v) for i, v in enumerate(values))
            holds = (*tests, (_SKIP, 0, 0, len(holds)), *holds)
        steps += holds
    return steps + _refuse(rule.error)


def _refuse(error: int) -> _Program:
    return ((_RETURN, 0, 0, 0x00050000 + error),)


def _numbers(table: str, column: int) -> dict[str, int]:
    """Return the numbers of the calls in a table that exist on the architecture."""
    entries = (entry.partition("=") for entry in table.split())
    numbers = {name: numbers.split("/")[column] for name, _, numbers in entries}
    return {name: int(number) for name, number in numbers.items() if number}
