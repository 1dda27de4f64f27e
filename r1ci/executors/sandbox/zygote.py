"""A zygote: a small single-threaded process that has imported a tier's modules and forks once per program.

It starts with a clean environment, leaves the host's namespaces, builds the root its programs see, imports, and then
serves requests. It never reads a program or its output: they pass by as descriptors, so that no child inherits
anything of another program. It is the first process of its PID namespace: when it dies, so does everything below it,
and it dies when its supervisor's end of the socket closes.
Does not protect: programs share its address layout and hash seed.
"""

from __future__ import annotations

import gc
import json
import os
import re
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from r1ci.executors.sandbox import child, kernel, landlock, root, seccomp, tiers, wire

_MADV_COLLAPSE = 25


class _Files:
    """What a zygote needs of /proc, opened before it is out of sight."""

    def __init__(self) -> None:
        self.maps = os.open("/proc/self/maps", os.O_RDONLY)
        self.memory = os.open("/proc/self/statm", os.O_RDONLY)
        self.tasks = os.open("/proc/self/task", os.O_RDONLY | os.O_DIRECTORY)
        self.namespace = os.open("/proc/self/ns/pid", os.O_RDONLY)


def main() -> Callable[[], NoReturn]:
    """Start up and serve until a fork of this process has a program to run; what it is to call."""
    config = json.loads(sys.argv[1])
    control = socket.socket(fileno=config["control"])
    try:
        files, layers = _start(config)
    except BaseException as error:
        wire.send(control, {"failed": f"{type(error).__name__}: {error}"})
        os._exit(1)
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    size, resident, *_, data, _ = os.pread(files.memory, 200, 0).split()
    page = os.sysconf("SC_PAGE_SIZE")
    sizes = {"virtual": int(size) * page, "resident": int(resident) * page, "data": int(data) * page}
    missing = {} if layers.ruleset else {"landlock": config["landlock"]}
    wire.send(control, {"ready": {"pid": os.getpid(), "missing": missing, **sizes}})
    return _serve(control, reading, files, layers)


def _start(config: dict[str, Any]) -> tuple[_Files, child.Layers]:
    """Leave the host, build the root, import the tier; single-threaded throughout."""
    mode = config["mode"]
    sys.path[:] = [path for path in sys.path if path != config["home"]] + config["paths"]
    modules, packages = tiers.modules(config["tier"]), tiers.installed()
    namespaces = mode != "none"
    if namespaces:
        root.leave_host(user_namespace=mode == "user")
        _hand_over(config["control"])
    else:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    files = _Files()
    if namespaces:
        root.build(config["visible"], config["private"])
    tiers.load(modules, keep_caches=config["keep_caches"])
    for name in [name for name in sys.modules if name.partition(".")[0] == "r1ci"]:
        del sys.modules[name]
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what was printed before a kill is kept
    filters = {flag: seccomp.Filter(subprocesses=flag) for flag in (False, True)} if config["seccomp"] else None
    ruleset = None
    if not config["landlock"]:
        read = ["/"] if namespaces else ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", *config["visible"]]
        ruleset = landlock.Ruleset(read, ["/dev"] if namespaces else root.DEVICES)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
    gc.disable()
    gc.collect()
    gc.freeze()
    _collapse(files.maps)
    if len(os.listdir(files.tasks)) != 1:
        raise OSError("the zygote has threads")
    private = config["private"]
    return files, child.Layers(
        namespaces, private, root.INNER_ID if mode == "user" else None, ruleset, filters, packages
    )


def _hand_over(control: int) -> None:
    """Go on as the first process of the new PID namespace; this one waits for it and dies with it."""
    if pid := os.fork():
        os.close(control)
        _, status = os.waitpid(pid, 0)
        os._exit(1 if status else 0)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def _collapse(maps: int) -> None:
    """Put the heap on huge pages: forking and ending a child then touches far fewer page tables."""
    text = b""
    while part := os.read(maps, 65_536):
        text += part
    for start, end in re.findall(rb"^(\w+)-(\w+) rw-p 0+ 00:00 0 *(?:\[heap\])?$", text, re.MULTILINE):
        first, length = int(start, 16), int(end, 16) - int(start, 16)
        kernel.libc.madvise(first, length, _MADV_COLLAPSE)


def _serve(control: socket.socket, wake: int, files: _Files, layers: child.Layers) -> Callable[[], NoReturn]:
    """Fork for every request, tell of every exit. Returns in a child only."""
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(wake, select.POLLIN)
    running: dict[int, int] = {}
    while True:
        for fd, _ in poller.poll():
            if fd == wake:
                os.read(wake, 4096)
                _reap(control, running)
                if not layers.namespaces:
                    _end_orphans(running)
            elif program := _answer(control, files, layers, running):
                return program


def _answer(
    control: socket.socket, files: _Files, layers: child.Layers, running: dict[int, int]
) -> Callable[[], NoReturn] | None:
    """Do what the supervisor asks for; in a fork, what it is to call."""
    request, fds = wire.receive(control)
    if request is None:
        os._exit(0)
    if "alive" in request:
        wire.send(control, request)
        return None
    try:
        pid = _fork(files, layers)
    except OSError as error:
        wire.send(control, {"unforked": request["run"], "reason": str(error)})
    else:
        if pid == 0:
            return child.become(request, fds, layers, control)
        running[pid] = request["run"]
    for received in fds:
        os.close(received)
    return None


def _fork(files: _Files, layers: child.Layers) -> int:
    """One fork, the first process of a PID namespace of its own where there are namespaces."""
    if layers.namespaces:
        # Only a process whose children would land in its own PID namespace may make another one for them.
        kernel.setns(files.namespace, kernel.CLONE_NEWPID)
        kernel.unshare(kernel.CLONE_NEWPID)
    return os.fork()


def _reap(control: socket.socket, running: dict[int, int]) -> None:
    """Tell of every child that ended."""
    while True:
        try:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        if pid in running:
            cpu_s = usage.ru_utime + usage.ru_stime
            number = running.pop(pid)
            wire.send(control, {"exited": number, "status": status, "cpu_s": cpu_s, "peak_kb": usage.ru_maxrss})


def _end_orphans(running: dict[int, int]) -> None:
    """Kill what programs left behind where no PID namespace does it: children that we did not fork."""
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        for pid in map(int, file.read().split()):
            if pid not in running:
                os.kill(pid, signal.SIGKILL)
