"""Cases: the host's files. Snippets only look whether they could, and name what they write so that it is found."""

from __future__ import annotations

from r1ci.executors.conformance.case import CONFINED, EVERYWHERE, Case, Want
from r1ci.executors.conformance.write import attack, odd

GROUP = "files"


def _write_into(name: str, folder: str) -> Case:
    text = f"""
    with open({folder!r} + "/r1ci-@TOKEN@", "w") as file:
        file.write("x")
    """
    return attack(GROUP, name, text, CONFINED)


CASES = (
    attack(GROUP, "read-shadow", "return len(open('/etc/shadow').read())"),
    attack(
        GROUP,
        "read-passwd",
        """
        if any(line.split(":")[0] == "daemon" for line in open("/etc/passwd")):
            return "the host's"
        raise FileNotFoundError("a generated one")
        """,
    ),
    attack(GROUP, "read-planted-secret", "return open('/tmp/r1ci-@TOKEN@-secret').read()"),
    attack(
        GROUP,
        "read-planted-secret-by-a-link",
        """
        os.symlink("/tmp/r1ci-@TOKEN@-secret", "link")
        return open("link").read()
        """,
    ),
    attack(
        GROUP,
        "read-planted-secret-from-above",
        """
        for path in ("/proc/self/root/tmp", "/proc/1/root/tmp", "../" * 20 + "tmp"):
            if os.path.exists(path + "/r1ci-@TOKEN@-secret"):
                return open(path + "/r1ci-@TOKEN@-secret").read()
        raise FileNotFoundError("nowhere")
        """,
    ),
    _write_into("write-usr", "/usr"),
    _write_into("write-etc", "/etc"),
    _write_into("write-dev", "/dev"),
    _write_into("write-var-tmp", "/var/tmp"),
    attack(
        GROUP,
        "write-site-packages",
        """
        import sysconfig
        path = sysconfig.get_path("purelib") + "/r1ci-@TOKEN@"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        os.unlink(path)
        """,
    ),
    attack(
        GROUP,
        "write-standard-library",
        """
        path = os.path.dirname(os.__file__) + "/r1ci-@TOKEN@"
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT))
        os.unlink(path)
        """,
    ),
    attack(GROUP, "open-proc-sys", "os.close(os.open('/proc/sys/kernel/hostname', os.O_WRONLY))"),
    attack(GROUP, "open-disk", "os.close(os.open('/dev/' + next(n for n in sorted(os.listdir('/sys/block'))), 0))"),
    attack(
        GROUP,
        "make-device",
        "os.mknod('disk', 0o60600, os.makedev(254, 0)); os.close(os.open('disk', os.O_RDONLY))",
        note="making the file is not enough: it must open",
    ),
    attack(
        GROUP,
        "set-user-id-file",
        """
        open("tool", "w").close()
        os.chown("tool", 0, 0)
        os.chmod("tool", 0o4755)
        if os.stat("tool").st_uid != 0 or os.getuid() == 0:
            raise PermissionError("not another's")
        """,
        EVERYWHERE,
        note="a program that is root already wins nothing",
    ),
    odd(
        GROUP,
        "own-folder",
        """
        import os, tempfile
        os.makedirs("a/b")
        with open("a/b/c.txt", "w") as file:
            file.write("kept")
        with tempfile.NamedTemporaryFile("w+") as file:
            file.write("x"); file.flush()
            print(open("a/b/c.txt").read(), os.path.exists(file.name), os.access(os.environ["HOME"], os.W_OK))
        """,
        Want(words=("kept True True",)),
    ),
    odd(
        GROUP,
        "given-files",
        "print(open('data/in.txt').read(), open('b.bin', 'rb').read())",
        Want(words=("given b'\\x00\\xff'",)),
        files={"data/in.txt": b"given", "b.bin": b"\x00\xff"},
    ),
    odd(
        GROUP,
        "given-module",
        "import helper; print(helper.VALUE)",
        Want(words=("17",)),
        files={"helper.py": b"VALUE = 17\n"},
    ),
    odd(
        GROUP,
        "dev-null-zero-random",
        """
        import os
        open("/dev/null", "w").write("x")
        print(len(open("/dev/urandom", "rb").read(9)), open("/dev/zero", "rb").read(2), len(os.urandom(3)))
        """,
        Want(words=("9 b'\\x00\\x00' 3",)),
    ),
)
