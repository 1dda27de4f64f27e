"""Keep the head and the tail of a stream of any length in bounded memory."""

from __future__ import annotations

_HEAD_SHARE = {"stdout": 0.75, "stderr": 0.25}
"""An uncaught exception is the last thing on stderr, so its tail matters more."""


class Capture:
    """The first and the last bytes of one stream; ``total`` counts all of them."""

    def __init__(self, stream: str, max_bytes: int) -> None:
        self._head_bytes = int(max_bytes * _HEAD_SHARE[stream])
        self._tail_bytes = max_bytes - self._head_bytes
        self._head = bytearray()
        self._tail = bytearray()
        self.total = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes."""
        self.total += len(data)
        room = self._head_bytes - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[max(room, 0) :]
        if len(self._tail) > 2 * self._tail_bytes + 65_536:
            del self._tail[: len(self._tail) - self._tail_bytes]

    @property
    def truncated(self) -> bool:
        """Whether bytes were dropped."""
        return self.total > self._head_bytes + self._tail_bytes

    def text(self) -> str:
        """What was kept, invalid UTF-8 replaced; a line in the middle says how many bytes are missing."""
        if not self.truncated:
            return bytes(self._head + self._tail).decode("utf-8", "replace")
        head = _whole_characters(bytes(self._head))
        tail = bytes(self._tail[len(self._tail) - self._tail_bytes :]).lstrip(_CONTINUATION)
        dropped = self.total - len(head) - len(tail)
        return f"{head.decode('utf-8', 'replace')}\n... {dropped} bytes left out ...\n{tail.decode('utf-8', 'replace')}"


_CONTINUATION = bytes(range(0x80, 0xC0))


def _whole_characters(data: bytes) -> bytes:
    """Without the UTF-8 character that the cut split, if it did."""
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead < 0x80:
            return data
        if lead >= 0xC0:
            length = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
            return data[:-back] if back < length else data
    return data
