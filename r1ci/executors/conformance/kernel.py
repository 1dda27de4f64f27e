"""Cases: kernel interfaces that no computation needs. Arguments are such that even a success would change nothing."""

from __future__ import annotations

from r1ci.executors.conformance.case import CONFINED, FILTERED, Want
from r1ci.executors.conformance.write import DONE, REFUSED, attack, call
from r1ci.executors.protocol import Status

GROUP = "kernel"

CASES = (
    call(GROUP, "unshare-user", (272, 97), "ctypes.c_long(0x10000000)", FILTERED, "gives capabilities to anybody"),
    call(GROUP, "unshare-mount", (272, 97), "ctypes.c_long(0x00020000)", CONFINED, ""),
    call(GROUP, "mount", (165, 40), "b'none', b'.', b'r1ci-none', ctypes.c_long(0), None", CONFINED, ""),
    call(GROUP, "open-tree", (428, 428), "ctypes.c_long(-100), b'/', ctypes.c_long(1)", CONFINED, "mounts anew"),
    call(GROUP, "chroot", (161, 51), "b'/tmp'", CONFINED, ""),
    call(GROUP, "pivot-root", (155, 41), "b'/nowhere', b'/nowhere'", CONFINED, ""),
    call(GROUP, "setns", (308, 268), "ctypes.c_long(-1), ctypes.c_long(0)", FILTERED, ""),
    call(GROUP, "bpf", (321, 280), "ctypes.c_long(0), None, ctypes.c_long(0)", FILTERED, ""),
    call(GROUP, "io-uring", (425, 425), "ctypes.c_long(1), None", FILTERED, "does what a filter forbids elsewhere"),
    call(GROUP, "keyctl", (250, 219), "ctypes.c_long(0), ctypes.c_long(-3), ctypes.c_long(1)", FILTERED, ""),
    call(GROUP, "add-key", (248, 217), "b'user', b'r1ci', b'x', ctypes.c_long(1), ctypes.c_long(-3)", FILTERED, ""),
    call(GROUP, "userfaultfd", (323, 282), "ctypes.c_long(1)", FILTERED, ""),
    call(
        GROUP,
        "perf",
        (298, 241),
        "ctypes.create_string_buffer(b'\\0\\0\\0\\0\\x40', 128), *map(ctypes.c_long, (0, -1, -1, 0))",
        FILTERED,
        "",
    ),
    call(GROUP, "memfd", (319, 279), "b'r1ci', ctypes.c_long(0)", FILTERED, "memory that no limit of memory counts"),
    call(GROUP, "memfd-secret", (447, 447), "ctypes.c_long(0)", FILTERED, ""),
    call(
        GROUP,
        "shared-memory",
        (29, 194),
        "ctypes.c_long(0), ctypes.c_long(4096), ctypes.c_long(0o1600)",
        FILTERED,
        "of System V: outlives the program",
    ),
    call(
        GROUP,
        "message-queue",
        (68, 186),
        "ctypes.c_long(0), ctypes.c_long(0o1600)",
        FILTERED,
        "of System V: outlives the program",
    ),
    call(GROUP, "set-clock", (164, 170), "None, None", CONFINED, "asks for permission, sets nothing"),
    call(GROUP, "adjust-clock", (227, 112), "ctypes.c_long(99), None", FILTERED, "a clock that does not exist"),
    call(GROUP, "kernel-module", (175, 105), "None, ctypes.c_long(0), b''", CONFINED, ""),
    call(GROUP, "reboot", (169, 142), "*map(ctypes.c_long, (0, 0, 0, 0))", CONFINED, "with the magic words wrong"),
    call(GROUP, "swap-on", (167, 224), "b'/nowhere', ctypes.c_long(0)", CONFINED, ""),
    call(GROUP, "kernel-log", (103, 116), "ctypes.c_long(10), None, ctypes.c_long(0)", FILTERED, ""),
    call(GROUP, "open-by-handle", (304, 265), "ctypes.c_long(-100), None, ctypes.c_long(0)", FILTERED, ""),
    call(GROUP, "fanotify", (300, 262), "ctypes.c_long(0), ctypes.c_long(0)", FILTERED, ""),
    call(GROUP, "personality", (135, 92), "ctypes.c_long(0xffffffff)", FILTERED, "asks, sets nothing"),
    call(GROUP, "clone3", (435, 435), "None, ctypes.c_long(0)", FILTERED, "its flags cannot be filtered"),
    attack(
        GROUP,
        "become-root",
        """
        if os.getuid() == 0:
            raise PermissionError("is it already")
        os.setuid(0)
        open("/etc/r1ci-@TOKEN@", "w").close()
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "capabilities",
        """
        libc = ctypes.CDLL(None, use_errno=True)
        header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
        libc.capget(header, sets)
        if not any(sets[i] for i in (0, 1, 3, 4)):
            raise PermissionError("none")
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "raise-own-limits",
        """
        import resource
        raised = 0
        for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_DATA"):
            which = getattr(resource, name)
            soft, hard = resource.getrlimit(which)
            try:
                resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            except (OSError, ValueError):
                continue
            raised += hard != resource.RLIM_INFINITY
        if not raised:
            raise PermissionError("none was raised")
        """,
        CONFINED,
        otherwise=(Want(words=(REFUSED, DONE)),),
        note="root without confinement may raise its own limits",
    ),
    attack(
        GROUP,
        "undo-the-filter",
        """
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(21, 0, 0, 0, 0) == 2 and libc.prctl(22, 0, 0, 0, 0) == -1:
            raise PermissionError(ctypes.get_errno())
        """,
        FILTERED,
    ),
    attack(
        GROUP,
        "foreign-system-calls",
        """
        import mmap
        if os.uname().machine != "x86_64":
            print("skip"); sys.exit()
        code = mmap.mmap(-1, 4096, prot=7)
        code.write(bytes.fromhex("53b814000000cd805bc3"))
        address = ctypes.addressof(ctypes.c_char.from_buffer(code))
        return ctypes.CFUNCTYPE(ctypes.c_int)(address)()
        """,
        FILTERED,
        wants=(Want(status=(Status.SIGNAL,)), Want(words=(REFUSED,))),
        otherwise=(Want(words=(REFUSED, DONE)), Want(status=(Status.SIGNAL,))),
        may_skip=True,
        note="calls the kernel as a 32-bit program would, whose numbers mean other calls",
    ),
)
