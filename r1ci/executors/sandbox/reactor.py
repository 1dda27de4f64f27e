"""One thread that waits for descriptors and for calls from other threads, and handles both one after the other."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress


class Reactor:
    """An epoll with handlers, and an inbox."""

    def __init__(self) -> None:
        self._inbox: deque[Callable[[], None]] = deque()
        self._handlers: dict[int, Callable[[], None]] = {}
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._lock = threading.Lock()
        self._stopping = self._over = False
        self.listen(self._wake, self._read_inbox)

    def post(self, call: Callable[[], None]) -> None:
        """Have the thread make a call; made here if the thread has ended. Callable from any thread."""
        with self._lock:
            if not self._over:
                self._inbox.append(call)
                os.eventfd_write(self._wake, 1)
                return
        call()

    def listen(self, fd: int, handler: Callable[[], None]) -> None:
        """Call ``handler`` whenever ``fd`` is readable or at its end."""
        self._handlers[fd] = handler
        self._epoll.register(fd, select.EPOLLIN)

    def ignore(self, fd: int) -> None:
        """Stop listening; to be called before the descriptor is closed."""
        if self._handlers.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def run(self, patience: Callable[[], float], then: Callable[[], None]) -> None:
        """Handle what comes until stopped, waiting ``patience()`` seconds at most (-1: for ever); ``then`` after each
        wait."""
        while not self._stopping:
            for fd, _ in self._epoll.poll(patience()):
                if fd in self._handlers:  # a handler before it may have ended it
                    self._handlers[fd]()
            then()

    def stop(self) -> None:
        """End ``run`` after this wait; called from the thread."""
        self._stopping = True

    def close(self) -> None:
        """Make the calls that are left and free the descriptors; called from the thread."""
        with self._lock:
            self._over = True
            self._epoll.close()
            os.close(self._wake)
        self._make_calls()

    def _read_inbox(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        self._make_calls()

    def _make_calls(self) -> None:
        while self._inbox:
            self._inbox.popleft()()
