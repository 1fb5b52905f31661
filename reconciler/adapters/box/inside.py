"""The first program inside a box: takes rights away from itself, then becomes the program that it was given.

`python -I -S inside.py SPEC`, where SPEC is JSON. Standard library only, and nothing of this project: it runs before
anything else is trusted. Whatever it is asked for and cannot do ends it with status 125 and one line on stderr; it
never goes on with less. What is kept from the program: new namespaces, files outside the named ones (Landlock),
every socket and every way around them (seccomp), capabilities, and the limits of memory, processor and file size.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import signal
import struct
import sys
from typing import Any, NoReturn

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 22, 38
_NEW_NAMESPACES = 0x10000000 | 0x40000000 | 0x08000000 | 0x04000000  # user, network, IPC, host name

# Landlock: linux/landlock.h. The three system calls have these numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_OF_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_ALL_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}

# seccomp: what a training never calls, x86-64 and 64-bit ARM. Sockets, io_uring (opens sockets too), memory that no
# limit counts (memfd, System V), other processes, new namespaces, keys; and leaving the process group that is killed.
_CALLS = {
    "socket": (41, 198),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "shmget": (29, 194),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "unshare": (272, 97),
    "setns": (308, 268),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "setsid": (112, 157),
    "setpgid": (109, 154),
}
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}


def main() -> NoReturn:
    """Read the specification, apply it, become the program."""
    spec = json.loads(sys.argv[1])
    # Before anything is taken away: a parent that died meanwhile must not leave a program without limits.
    if spec["namespaces"]:
        _must(_libc.unshare(_NEW_NAMESPACES), "unshare")
    _must(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if spec["landlock"]:
        _landlock(spec["read"], spec["write"])
    if spec["drop"]:
        _drop_capabilities()
    if spec["seccomp"]:
        _seccomp()
    for name, value in spec["limits"].items():
        number = getattr(resource, name)
        hard = resource.getrlimit(number)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        if (
            name == "RLIMIT_CPU" and most != hard
        ):  # SIGXCPU at the soft limit says why; SIGKILL at the hard one does not
            hard = most + 1
        resource.setrlimit(number, (most, hard if name == "RLIMIT_CPU" else most))
    if spec["parent"]:  # last, because a change of credentials clears it
        _must(_libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent-death signal")
        if os.getppid() != spec["parent"]:
            _give_up("the parent is gone")
    os.chdir(spec["folder"])
    os.execv(spec["argv"][0], spec["argv"])  # noqa: S606


def landlock_abi() -> int:
    """The version of Landlock that the kernel offers; 0 or less for none."""
    return int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(1)))


def _landlock(read: list[str], write: list[str]) -> None:
    abi = landlock_abi()
    if abi < 1:
        _give_up("the kernel has no Landlock")
    handled = _ALL_FILES[min(abi, 5)]
    # ABI 4 adds TCP (bind, connect), 6 adds abstract sockets and signals to processes outside.
    fields = [handled, *([3] if abi >= 4 else []), *([3] if abi >= 6 else [])]
    attribute = struct.pack(f"={len(fields)}Q", *fields)
    ruleset = _libc.syscall(_CREATE_RULESET, attribute, ctypes.c_size_t(len(attribute)), ctypes.c_uint32(0))
    _must(ruleset, "landlock_create_ruleset")
    for path in read:
        _allow(ruleset, path, _READ & handled)
    for path in write:
        _allow(ruleset, path, handled)
    _must(_libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)), "landlock_restrict_self")
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # /lib64, /etc/alternatives and such: not on every system
    if not os.path.isdir(path):  # noqa: PTH112  pathlib is not worth its import here
        access &= _OF_A_FILE
    rule = struct.pack("=Qi", access, place)
    _must(_libc.syscall(_ADD_RULE, ruleset, 1, rule, ctypes.c_uint32(0)), f"landlock_add_rule {path}")
    os.close(place)


def _drop_capabilities() -> None:
    header = struct.pack("=Ii", 0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, this process
    _must(_libc.capset(header, bytes(24)), "capset")


def _seccomp() -> None:
    column, audit = _ARCHITECTURES.get(platform.machine(), (0, 0))
    if not audit:
        _give_up(f"no table of system calls for {platform.machine()}")
    numbers = [both[column] for both in _CALLS.values()]
    # struct sock_filter (code, jt, jf, k): load word, jump if equal, jump if at least, return.
    load, equal, least, back = 0x20, 0x15, 0x35, 0x06
    # Jumps count from the next instruction; the last one refuses. Another architecture's calls (i386, x32 from
    # 0x40000000 on) have other numbers, so they are refused altogether.
    last = len(numbers) + 5
    program = [(load, 0, 0, 4), (equal, 0, last - 2, audit), (load, 0, 0, 0), (least, last - 4, 0, 0x40000000)]
    program += [(equal, last - (5 + at), 0, number) for at, number in enumerate(numbers)]
    program += [(back, 0, 0, 0x7FFF0000), (back, 0, 0, 0x00050000 | 1)]  # allow; EPERM
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    filter_ = struct.pack("@HP", len(program), ctypes.addressof(code))
    _must(_libc.prctl(_PR_SET_SECCOMP, 2, ctypes.c_char_p(filter_), 0, 0), "seccomp")


def _must(result: Any, what: str) -> None:
    if result < 0:
        _give_up(f"{what}: {os.strerror(ctypes.get_errno())}")


def _give_up(why: str) -> NoReturn:
    sys.stderr.write(f"the box cannot be closed: {why}\n")
    sys.exit(125)


if __name__ == "__main__":
    main()
