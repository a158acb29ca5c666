"""Kill a real child at the n-th system call that writes, below Python: what SQLite does cannot be patched in ``os``.

A few lines of C, preloaded, count the C library's writing calls; the armed process writes half of what was asked and
kills itself. One preloaded server process forks a child per step, so a hundred steps take seconds.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

LIMIT = 2000
_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>
static long left = 0;
void kill_at(long step) { left = step; }
static int last(void) { return left > 0 && --left == 0; }
static void die(void) { kill(getpid(), SIGKILL); for (;;) pause(); }
#define REAL(type, name, ...) type (*real)(__VA_ARGS__) = dlsym(RTLD_NEXT, name)
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  if (last()) { real(fd, b, n / 2, o); die(); }
  return real(fd, b, n, o);
}
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  if (last()) { real(fd, b, n / 2, o); die(); }
  return real(fd, b, n, o);
}
ssize_t write(int fd, const void *b, size_t n) {
  REAL(ssize_t, "write", int, const void *, size_t);
  if (fd > 2 && last()) { real(fd, b, n / 2); die(); }
  return real(fd, b, n);
}
int fsync(int fd) { REAL(int, "fsync", int); if (last()) die(); return real(fd); }
int fdatasync(int fd) { REAL(int, "fdatasync", int); if (last()) die(); return real(fd); }
int ftruncate64(int fd, off64_t n) { REAL(int, "ftruncate64", int, off64_t); if (last()) die(); return real(fd, n); }
int ftruncate(int fd, off_t n) { REAL(int, "ftruncate", int, off_t); if (last()) die(); return real(fd, n); }
int unlink(const char *p) { REAL(int, "unlink", const char *); if (last()) die(); return real(p); }
int rename(const char *a, const char *b) { REAL(int, "rename", const char *, const char *); if (last()) die(); return real(a, b); }
int link(const char *a, const char *b) { REAL(int, "link", const char *, const char *); if (last()) die(); return real(a, b); }
"""  # noqa: E501 - C, one call a line
_SHIM = "TALLYSTICK_TEST_SHIM"


def build(folder: Path) -> Path | None:
    """Compile the preloaded library; None where there is no C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    source, library = folder / "killer.c", folder / "killer.so"
    source.write_text(_SOURCE)
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-w", "-o", library, source, "-ldl"], check=True, timeout=60)
    return library


def serve(library: Path, target: str, *arguments: str) -> str:
    """Run ``module:function`` in a process that has ``library`` preloaded; return what it printed."""
    module, function = target.split(":")
    code = f"import sys; from {module} import {function}; {function}(*sys.argv[1:])"
    environment = {**os.environ, "LD_PRELOAD": str(library), _SHIM: str(library)}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[2],
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def killed_at(step: int, action: Callable[[], None]) -> bool:
    """Inside the server: run ``action`` in a fork that dies at its ``step``-th writing call; tell whether it died."""
    child = os.fork()
    if child == 0:
        try:
            ctypes.CDLL(os.environ[_SHIM]).kill_at(ctypes.c_long(step))
            action()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(99)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the child failed by itself"
    return False
