"""A second process that codes and seals a large file's rows while this one reads and writes.

It is our own child and nobody else's: rows go to it and come back by two pipes, it opens no file, holds none of the
desk's keys, and ends with us. Where it dies before us the run is undone.
"""

import gc
import marshal
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any, Self

from tallystick.config.errors import StoreError
from tallystick.config.i18n import _, current_language, set_language
from tallystick.node.cases.codedrow import CodedRow
from tallystick.node.intake.making import Plan, Raw, Recorder, TextMaker
from tallystick.node.intake.rejections import Sink

__all__ = ["Helper", "main"]

_LENGTH = struct.Struct("<Q")
_AHEAD = 3
"""Batches on their way to the helper and back at most."""


def _write(stream: IO[bytes], found: Any) -> None:  # noqa: ANN401 - whatever marshal can write
    data = marshal.dumps(found)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _read(stream: IO[bytes]) -> Any:  # noqa: ANN401 - as above
    """Return the next message, or None at the end; both ends of the pipe are this very program."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return marshal.loads(data) if len(data) == length else None  # noqa: S302 - from our own child or parent


class Helper:
    """The child, for one run.

    Args:
        plan: What rows depend on.
        sink: Takes what cannot be taken in.
    """

    def __init__(self, plan: Plan, sink: Sink) -> None:
        self._sink = sink
        self.rows = 0
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "tallystick.node.intake.helper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._feeder = Thread(target=self._feed, daemon=True)
        self._feeder.start()
        self._queue.put((current_language(), tuple(plan)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_details: object) -> None:
        self._queue.put(None)
        self._child.kill()
        self._child.wait()
        self._feeder.join()
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                stream.close()

    def _feed(self) -> None:
        """Write what is queued, in a thread of its own: the child may have to write first before it reads on."""
        stream = self._child.stdin
        while stream is not None and (message := self._queue.get()) is not None:
            try:
                _write(stream, message)
            except OSError:
                return  # the reader notices that nothing comes back

    def make(self, batches: Iterable[list[Raw]]) -> Iterator[list[CodedRow]]:
        """Yield what the register takes of each batch, in order."""
        waiting: deque[int] = deque()
        for batch in batches:
            if batch:
                self._queue.put([tuple(raw) for raw in batch])
                waiting.append(1)
            if len(waiting) >= _AHEAD:
                waiting.popleft()
                yield self._answer()
        while waiting:
            waiting.popleft()
            yield self._answer()

    def _answer(self) -> list[CodedRow]:
        stream = self._child.stdout
        found = _read(stream) if stream is not None else None
        if found is None:
            raise StoreError(_("the process that reads rows ended before its time; nothing was taken in"))
        self.rows, made, events = found
        recorder = Recorder()
        recorder.events = events
        recorder.replay(self._sink)
        return list(map(CodedRow._make, made))


def main(reading: IO[bytes], writing: IO[bytes]) -> None:
    """Answer batches until there are no more."""
    begun = _read(reading)
    if begun is None:
        return
    gc.freeze()  # what was imported lives as long as we do; rows come and go without cycles
    gc.set_threshold(100_000)
    set_language(begun[0])
    recorder = Recorder()
    maker = TextMaker(Plan(*begun[1]), recorder, seal_ahead=True)
    while (batch := _read(reading)) is not None:
        made = maker.make([Raw(*raw) for raw in batch])
        _write(writing, (maker.rows, list(map(tuple, made)), recorder.events))
        recorder.events.clear()


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)
