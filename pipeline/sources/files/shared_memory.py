"""Bytes handed from process to process through shared memory: only a name and a length are ever pickled.

Names are decided by the work, so that what a killed run left behind is taken over by the next one.
"""

import contextlib
import hashlib
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Slot:
    """Some bytes in shared memory."""

    name: str
    size: int


def prefix_of(folder: Path) -> str:
    """How the names begin of what is handed over for a folder, which one run at a time works in."""
    return f"editmill-{hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:8]}"


def look(slot: Slot) -> bytes:
    """The bytes of a slot."""
    memory = SharedMemory(slot.name)
    data = bytes(_view(memory)[: slot.size])
    memory.close()
    return data


def _view(memory: SharedMemory) -> memoryview:
    if memory.buf is None:
        raise ValueError(f"{memory.name} is closed")
    return memory.buf


def _make(name: str, size: int) -> SharedMemory:
    with contextlib.suppress(FileNotFoundError):
        left_over = SharedMemory(name)
        left_over.close()
        left_over.unlink()
    return SharedMemory(name, create=True, size=max(size, 1))


class Slots:
    """Slots that are filled again once they are free: new memory costs as much as the copying."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._made: dict[str, SharedMemory] = {}
        self._free: list[str] = []

    def fill(self, data: bytes) -> Slot:
        """Put bytes into a free slot."""
        name = self._free.pop() if self._free else f"{self._prefix}-{len(self._made)}"
        memory = self._made.get(name)
        if memory is None or memory.size < len(data):
            if memory is not None:
                memory.close()
                memory.unlink()
            memory = self._made[name] = _make(name, len(data))
        _view(memory)[: len(data)] = data
        return Slot(name, len(data))

    def free(self, slot: Slot) -> None:
        """Let a slot be filled again."""
        self._free.append(slot.name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *closing: object) -> None:
        for memory in self._made.values():
            memory.close()
            memory.unlink()
