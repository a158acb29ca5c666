"""A real child process that kills itself at the n-th thing it does to the file system."""

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

CALLS = (
    "open", "write", "fsync", "fdatasync", "rename", "replace", "link", "unlink", "remove",
    "mkdir", "rmdir", "chmod", "fchmod", "close", "truncate", "ftruncate", "sendfile", "copy_file_range",
)  # fmt: skip
FINISHED = 0


def _arm(step: int, calls: tuple[str, ...]) -> Callable[[], None]:
    """Patch ``os`` so that this process dies at its ``step``-th call; a write dies half done.

    Returns what counts as one more call, for things that do not go through ``os``.
    """
    count = [0]

    def patch(name: str) -> None:
        real = getattr(os, name)

        def armed(*args: Any, **kwargs: Any) -> Any:
            count[0] += 1
            if count[0] == step:
                if name == "write" and len(args[1]) > 1:
                    real(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        setattr(os, name, armed)

    for name in calls:
        if hasattr(os, name):
            patch(name)

    def tick() -> None:
        count[0] += 1
        if count[0] == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return tick


def run_and_kill(
    action: Callable[[], None],
    step: int,
    calls: tuple[str, ...] = CALLS,
    prepare: Callable[[Callable[[], None]], None] = lambda tick: None,
) -> bool:
    """Run ``action`` in a child that SIGKILLs itself at its ``step``-th call; tell whether it got to its end.

    ``prepare`` runs in the child and is given a function that counts one more call (for SQL statements, say).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            prepare(_arm(step, calls))
            action()
            os._exit(FINISHED)
        except BaseException:
            traceback.print_exc()
            os._exit(99)
    _pid, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == FINISHED, "the child failed by itself"
    return True


def every_step(limit: int = 500) -> Iterator[int]:
    """Yield 1, 2, 3, ...: break out of the loop when ``run_and_kill`` says that the child got to its end."""
    yield from range(1, limit)
    raise AssertionError(f"still not finished after {limit} calls")
