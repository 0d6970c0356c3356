"""Buffers in shared memory, which pass bytes from process to process: only a name and a length are pickled.

Names depend on the work folder alone, so the next run replaces what a killed run left behind.
"""

import contextlib
import hashlib
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Buffer:
    """Some bytes in shared memory."""

    name: str
    size: int


def buffer_prefix(folder: Path) -> str:
    """How the names of all buffers of a work folder begin; one run at a time works in a folder."""
    return f"editmill-{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:8]}"


def read_buffer(buffer: Buffer) -> bytes:
    """The bytes of a buffer."""
    memory = SharedMemory(buffer.name)
    data = bytes(_view(memory)[: buffer.size])
    memory.close()
    return data


def _view(memory: SharedMemory) -> memoryview:
    if memory.buf is None:
        raise ValueError(f"{memory.name} is closed")
    return memory.buf


def _make(name: str, size: int) -> SharedMemory:
    with contextlib.suppress(FileNotFoundError):
        leftover = SharedMemory(name)
        leftover.close()
        leftover.unlink()
    return SharedMemory(name, create=True, size=max(size, 1))


class BufferPool:
    """Buffers that are used again once they are free: new memory costs as much as copying."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._made: dict[str, SharedMemory] = {}
        self._free: list[str] = []

    def put(self, data: bytes) -> Buffer:
        """Put bytes into a free buffer."""
        name = self._free.pop() if self._free else f"{self._prefix}-{len(self._made)}"
        memory = self._made.get(name)
        if memory is None or memory.size < len(data):
            if memory is not None:
                memory.close()
                memory.unlink()
            memory = self._made[name] = _make(name, len(data))
        _view(memory)[: len(data)] = data
        return Buffer(name, len(data))

    def release(self, buffer: Buffer) -> None:
        """Make a buffer free again."""
        self._free.append(buffer.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *closing: object) -> None:
        for memory in self._made.values():
            memory.close()
            memory.unlink()
