"""A real child process, stopped at every system call that changes files: the one mechanism behind kills and faults.

The child is watched with ptrace(2), and a seccomp filter lets it stop only at calls that write, so that it runs at
nearly full speed. This sits below Python and below SQLite, needs no compiler and no tool, follows threads and what the
child executes, and can kill, refuse, shorten a call, or let it happen and say that it did not.
"""

import ctypes
import os
import platform
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

CALLS: Mapping[int, str] = {
    1: "write", 2: "open", 18: "pwrite", 20: "writev", 40: "sendfile", 74: "fsync", 75: "fdatasync", 76: "truncate",
    77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir", 86: "link", 87: "unlink", 88: "symlink", 90: "chmod",
    91: "fchmod", 257: "open", 258: "mkdir", 263: "unlink", 264: "rename", 265: "link", 266: "symlink", 268: "chmod",
    285: "fallocate", 296: "pwritev", 316: "rename", 326: "copy_file_range",
}  # fmt: skip
"""The calls of x86-64 that change files, by number (``asm/unistd_64.h``)."""
_OPEN, _OPENAT = 2, 257
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_HANDLE_FIRST = {"write", "pwrite", "writev", "pwritev", "sendfile", "fsync", "fdatasync", "ftruncate", "fchmod",
                 "fallocate"}  # fmt: skip
_LENGTH = {"write": "rdx", "pwrite": "rdx", "sendfile": "r10", "copy_file_range": "r8"}
_TARGET = {82: (None, "rsi"), 86: (None, "rsi"), 88: (None, "rsi"), 264: ("rdx", "r10"), 316: ("rdx", "r10"),
           265: ("rdx", "r10"), 266: ("rsi", "rdx")}  # fmt: skip
"""Where the new name of a rename or link stands; elsewhere the first path counts."""
_AT = {257, 258, 263, 268}
_NAMES = "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es"
_REGISTERS = (*_NAMES.split(), "fs", "gs")

_TRACEME, _CONT, _GETREGS, _SETREGS, _SYSCALL, _SETOPTIONS = 0, 7, 12, 13, 24, 0x4200
_OPTIONS = 0x01 | 0x02 | 0x04 | 0x08 | 0x10 | 0x80 | 0x100000
"""Mark system call stops; follow fork, vfork, clone, exec; stop at the filter; the child dies with its watcher."""
_SECCOMP_EVENT, _WALL = 7, 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
_libc.ptrace.restype = ctypes.c_long


class Call(NamedTuple):
    """One call below the watched folder: which one, on what, and of how many bytes (0 where that says nothing)."""

    name: str
    path: Path
    length: int


@dataclass(frozen=True)
class Order:
    """What is to become of a call.

    Attributes:
        what: ``go``; ``watch`` (tell when it is done); ``kill``; ``fail`` without doing it; ``short``: half of it,
            then as ``watch``.
        errno: What ``fail`` gives; from ``after`` it replaces the result.
    """

    what: str = "go"
    errno: int = 0


class Watch(Protocol):
    """Decides about each call."""

    def before(self, call: Call) -> Order:
        """Decide before the call is carried out."""
        ...

    def after(self, call: Call) -> Order:
        """Decide when a call that was to be watched is done: ``go``, ``kill``, or an errno instead of its result."""
        ...


@cache
def unavailable() -> str:
    """Say why nothing can be traced here; empty where it can."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return "system calls are watched on Linux, x86-64 only"
    try:
        seen = _Counting()
        code = run(lambda: os.close(os.open("/dev/null", os.O_WRONLY)), Path("/dev"), seen)
    except OSError as error:
        return f"processes cannot be traced here: {error}"
    return "" if (code, seen.count) == (0, 1) else "processes cannot be traced here"


class _Counting:
    count = 0

    def before(self, _call: Call) -> Order:
        self.count += 1
        return Order()

    def after(self, _call: Call) -> Order:
        return Order()


def run(action: Callable[[], object], root: Path, watch: Watch, output: Path | None = None) -> int:
    """Run ``action`` in a watched fork; return its exit code, or minus the signal that ended it.

    Args:
        action: Whatever it raises is printed and ends the child with 99; ``SystemExit`` keeps its code; it may exec.
        root: Only calls on what lies below count.
        watch: Decides about each of them.
        output: Where the child's standard output and error go.
    """
    child = os.fork()
    if child == 0:
        _as_child(action, output)
    return _Tracer(child, root, watch).loop()


def _as_child(action: Callable[[], object], output: Path | None) -> None:
    code = 99
    try:
        os.setpgid(0, 0)
        if output is not None:
            handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for stream in (1, 2):
                os.dup2(handle, stream)
        _libc.ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        _filter_calls()
        action()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _filter_calls() -> None:
    """Install a seccomp filter that stops at the calls of ``CALLS``, and at opens only where they may write."""

    def line(code: int, yes: int, no: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value & 0xFFFFFFFF)

    trace, allow = line(0x06, 0, 0, 0x7FF00000), line(0x06, 0, 0, 0x7FFF0000)
    program = [line(0x20, 0, 0, 0)]
    for number, place in ((_OPEN, 24), (_OPENAT, 32)):
        program += [line(0x15, 0, 4, number), line(0x20, 0, 0, place), line(0x45, 0, 1, _WRITING), trace, allow]
    for number in CALLS.keys() - {_OPEN, _OPENAT}:
        program += [line(0x15, 0, 1, number), trace]
    program.append(allow)
    code = b"".join(program)
    held = ctypes.create_string_buffer(code, len(code))
    whole = ctypes.create_string_buffer(struct.pack("=HxxxxxxQ", len(program), ctypes.addressof(held)))
    if _libc.prctl(38, 1, 0, 0, 0) or _libc.prctl(22, 2, whole, 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")


Registers = dict[str, int]


class _Tracer:
    """Follows one child with all its threads until it ends."""

    def __init__(self, child: int, root: Path, watch: Watch) -> None:
        self._child, self._root, self._watch = child, str(root.absolute()), watch
        self._known: set[int] = set()
        self._watched: dict[int, Call] = {}

    def loop(self) -> int:
        pid, status = os.waitpid(self._child, _WALL)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status)
        self._ptrace(_SETOPTIONS, pid, _OPTIONS)
        self._known.add(pid)
        self._ptrace(_CONT, pid, 0)
        while True:
            pid, status = os.waitpid(-self._child, _WALL)
            if not os.WIFSTOPPED(status):
                if pid == self._child:
                    return os.waitstatus_to_exitcode(status)
                continue
            try:
                self._stopped(pid, os.WSTOPSIG(status), status >> 16)
            except ProcessLookupError:  # killed meanwhile; its end is still to be waited for
                continue

    def _stopped(self, pid: int, sent: int, event: int) -> None:
        request, pass_on = _CONT, 0
        if event == _SECCOMP_EVENT:
            request = self._entered(pid)
        elif sent == signal.SIGTRAP | 0x80:
            self._left(pid)
        elif event == 0 and pid in self._known and sent != signal.SIGTRAP:
            pass_on = sent
        self._known.add(pid)
        self._ptrace(request, pid, pass_on)

    def _entered(self, pid: int) -> int:
        found = self._registers(pid)
        call = self._call(pid, found)
        if call is None:
            return _CONT
        order = self._watch.before(call)
        if order.what == "kill":
            os.kill(self._child, signal.SIGKILL)
        elif order.what == "fail":
            self._set(pid, found | {"orig_rax": -1, "rax": -order.errno})
        elif order.what == "short" and call.length > 1:
            self._set(pid, found | {_LENGTH[call.name]: call.length // 2})
        if order.what in {"watch", "short"}:
            self._watched[pid] = call
            return _SYSCALL
        return _CONT

    def _left(self, pid: int) -> None:
        call = self._watched.pop(pid, None)
        if call is None:
            return
        order = self._watch.after(call)
        if order.what == "kill":
            os.kill(self._child, signal.SIGKILL)
        elif order.errno:
            self._set(pid, self._registers(pid) | {"rax": -order.errno})

    def _call(self, pid: int, found: Registers) -> Call | None:
        number = found["orig_rax"]
        name = CALLS[number]
        if name in _HANDLE_FIRST:
            path = _link(f"/proc/{pid}/fd/{found['rdi']}")
        elif name == "copy_file_range":
            path = _link(f"/proc/{pid}/fd/{found['rdx']}")
        else:
            folder, place = _TARGET.get(number, ("rdi", "rsi") if number in _AT else (None, "rdi"))
            text = _text(pid, found[place])
            handle = ctypes.c_int(found[folder] & 0xFFFFFFFF).value if folder else -100
            base = _link(f"/proc/{pid}/cwd" if handle == -100 else f"/proc/{pid}/fd/{handle}")
            path = os.path.normpath(Path(base) / text)
        if path != self._root and not path.startswith(self._root.rstrip("/") + "/"):
            return None
        return Call(name, Path(path), found[_LENGTH[name]] if name in _LENGTH else 0)

    def _ptrace(self, request: int, pid: int, data: object) -> None:
        if _libc.ptrace(request, pid, None, data) == -1:
            number = ctypes.get_errno()
            raise OSError(number, f"ptrace: {os.strerror(number)}")

    def _registers(self, pid: int) -> Registers:
        held = (ctypes.c_ulong * len(_REGISTERS))()
        self._ptrace(_GETREGS, pid, ctypes.addressof(held))
        return dict(zip(_REGISTERS, held, strict=True))

    def _set(self, pid: int, found: Registers) -> None:
        held = (ctypes.c_ulong * len(_REGISTERS))(*(value & (2**64 - 1) for value in found.values()))
        self._ptrace(_SETREGS, pid, ctypes.addressof(held))


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - it may name no path
    except OSError:
        return ""


def _text(pid: int, address: int) -> str:
    """Read a path out of the child's memory; it may end right before a page that is not there."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123 - unbuffered, by address
        data = b""
        while b"\0" not in data and len(data) < 8192:
            memory.seek(address + len(data))
            data += memory.read(4096 - (address + len(data)) % 4096)
    return os.fsdecode(data.split(b"\0")[0])
