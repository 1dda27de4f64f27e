"""What the child process runs before a program: report ready, wait for the limits, run main.py as __main__.

Started as ``python -P -s -S -B -X utf8 child.py ALARM_S MEMORY_EXIT SITE...`` in the program's private directory with
a scrubbed environment. Imports nothing that the interpreter has not loaded already: starting up is most of what a
three-line program costs. Protocol: one byte on stdout says "ready"; one byte on stdin says "limits are set, go"; end of
file on stdin instead means that the parent is gone. Everything after that byte is the program's own stdin.
"""

from __future__ import annotations

import builtins
import sys
from _signal import alarm  # type: ignore[import-not-found]
from posix import _exit, getcwd, read, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType


def _show(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """Print an uncaught exception without this file's frames. A MemoryError sets an exit code of its own."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    value.__traceback__ = trace
    sys.__excepthook__(kind, value, trace)
    if issubclass(kind, MemoryError):
        try:
            sys.stdout.flush()
        finally:
            _exit(int(_MEMORY_EXIT))


write(1, b"r")
if not read(0, 1):
    _exit(0)
_, _ALARM, _MEMORY_EXIT, *_SITE = sys.argv
alarm(int(_ALARM))  # ends an orphan whose parent died without killing it
sys.argv[:] = ["main.py"]
sys.path[:] = [getcwd(), *sys.path, *_SITE]
sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what was printed before a kill is kept
sys.excepthook = _show
builtins.__dict__.update(exit=sys.exit, quit=sys.exit)  # without site they do not exist
_main = sys.modules["__main__"] = type(sys)("__main__")
_main.__dict__.update(__builtins__=builtins, __file__="main.py")
with open("main.py", "rb") as _file:
    _source = _file.read()
exec(compile(_source, "main.py", "exec", dont_inherit=True), _main.__dict__)
