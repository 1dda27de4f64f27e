"""Cases: what programs write. Other executors hang on a full pipe, cut silently, or read results out of it."""

from __future__ import annotations

from r1ci.executors.conformance.case import Want
from r1ci.executors.conformance.write import odd
from r1ci.executors.protocol import Status

GROUP = "output"
_TOO_MUCH = Want(status=(Status.OUTPUT,), truncated=True)

CASES = (
    odd(GROUP, "endless-stdout", "while True: print('y' * 80)", _TOO_MUCH),
    odd(GROUP, "endless-stderr", "import sys\nwhile True: print('y' * 80, file=sys.stderr)", _TOO_MUCH),
    odd(
        GROUP,
        "one-line-of-200-mb",
        "import os\nblock = b'x' * 2**20\nfor _ in range(200): os.write(1, block)\nprint('done')",
        Want(status=(Status.OUTPUT,), truncated=True, begins="xxx", hides=("done",)),
    ),
    odd(
        GROUP,
        "300-kb-on-stdout",
        "print('first'); print('x' * 300_000); print('last')",
        Want(begins="first\nxxx", ends="xxx\nlast", written=300_012, truncated=True),
        note="a full pipe that nobody reads is a deadlock elsewhere",
    ),
    odd(
        GROUP,
        "8-mb-on-stdout",
        "print('first')\nfor _ in range(8000): print('x' * 999)\nprint('last')",
        Want(begins="first\nxxx", ends="xxx\nlast", written=8_000_011, truncated=True),
    ),
    odd(
        GROUP,
        "300-kb-on-both",
        "import sys\nfor i in range(3000): print('o' * 99); print('e' * 99, file=sys.stderr)\nprint('last')",
        Want(ends="last", written=300_005, truncated=True),
    ),
    odd(
        GROUP,
        "60-kb-are-whole",
        "for i in range(6000): print(f'{i:09d}')",
        Want(
            begins="000000000\n000000001\n", ends="000005999", written=60_000, truncated=False, shows=("\n000003000\n",)
        ),
    ),
    odd(
        GROUP,
        "many-small-writes",
        "import os\nfor i in range(20_000): os.write(1, b'a')",
        Want(words=("a" * 20_000,), written=20_000),
    ),
    odd(
        GROUP,
        "output-right-before-the-end",
        "import os; os.write(1, b'z' * 60_000); os._exit(0)",
        Want(words=("z" * 60_000,)),
        note="the exit may be seen before the pipe is empty",
    ),
    odd(GROUP, "stdout-closed", "import os, sys; sys.stdout.close(); os.write(1, b'raw')", Want(words=("raw",))),
    odd(GROUP, "descriptor-1-closed", "import os; print('seen', flush=True); os.close(1)", Want(words=("seen",))),
    odd(
        GROUP,
        "every-descriptor-closed",
        "import os; print('seen', flush=True); os.closerange(0, 1024)",
        Want(words=("seen",)),
    ),
    odd(
        GROUP,
        "print-after-close",
        "import os; print('seen', flush=True); os.close(1); print('lost')",
        Want(status=(Status.ERROR,), words=("seen",)),
    ),
    odd(
        GROUP,
        "stdout-is-stderr",
        "import os; os.dup2(2, 1); print('moved', flush=True)",
        Want(words=("",), errors=("moved",)),
        note="no words on stdout",
    ),
    odd(
        GROUP,
        "stdout-replaced",
        "import io, sys; sys.stdout = io.StringIO(); print('into the buffer'); sys.__stdout__.write('out')",
        Want(words=("out",)),
    ),
    odd(
        GROUP,
        "stdout-is-nothing",
        "import sys; print('seen'); sys.stdout = None; print('unseen')",
        Want(words=("seen",)),
    ),
    odd(
        GROUP,
        "stdout-raises",
        """
        import sys
        class Bad:
            def write(self, text): raise RuntimeError("no")
            def flush(self): raise RuntimeError("no")
        print("seen")
        sys.stdout = Bad()
        """,
        Want(status=(Status.OK, Status.ERROR), words=("seen",)),
    ),
    odd(
        GROUP,
        "invalid-utf-8",
        "import os; os.write(1, b'a\\xff\\xfe\\xc3b')",
        Want(begins="a", ends="b", shows=("\ufffd",)),
    ),
    odd(GROUP, "nul-bytes", "print('a\\0b')", Want(words=("a\0b",))),
    odd(GROUP, "surrogates", "print('\\ud800')", Want(status=(Status.ERROR,), errors=("UnicodeEncodeError",))),
    odd(GROUP, "unicode", "print('\\u00e9\\u4e2d\\U0001f600')", Want(words=("\u00e9\u4e2d\U0001f600",))),
    odd(GROUP, "control-characters", "print('\\x1b[31mred\\x07\\r')", Want(shows=("\x1b[31mred",))),
    odd(
        GROUP,
        "both-streams-apart",
        "import sys; print('o'); print('e', file=sys.stderr)",
        Want(words=("o",), errors=("e",)),
    ),
    odd(
        GROUP,
        "written-by-a-library-in-c",
        "import ctypes; libc = ctypes.CDLL(None); libc.puts(b'from C'); libc.fflush(None)",
        Want(words=("from C",)),
    ),
    odd(GROUP, "nothing", "x = 1", Want(words=("",))),
)
