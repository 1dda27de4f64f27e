"""Cases: the network and other ways to talk to processes outside. Somebody listens, so that success would be seen."""

from __future__ import annotations

from r1ci.executors.conformance.case import CONFINED, FILTERED, Want
from r1ci.executors.conformance.write import REFUSED, attack, odd
from r1ci.executors.protocol import Status

GROUP = "network"

CASES = (
    attack(GROUP, "tcp-connect", "socket.create_connection(('127.0.0.1', @PORT@), 2).close()", CONFINED),
    attack(GROUP, "tcp-listen", "socket.create_server(('127.0.0.1', 0)).close()", FILTERED),
    attack(
        GROUP,
        "udp-send",
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", ("127.0.0.1", @PORT@))
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "udp-route-out",
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect(("192.0.2.1", 53))
            return sender.getsockname()
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "abstract-unix-socket",
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("\\0r1ci-@TOKEN@")
        """,
        CONFINED,
        note="abstract names belong to the network namespace, not to the file system",
    ),
    attack(
        GROUP,
        "unix-socket-by-path",
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("/tmp/r1ci-@TOKEN@-socket")
        """,
        CONFINED,
    ),
    attack(
        GROUP,
        "docker-socket",
        """
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("/var/run/docker.sock")
        """,
        CONFINED,
    ),
    attack(GROUP, "vsock", "socket.socket(socket.AF_VSOCK).close()", FILTERED, note="no namespace holds it"),
    attack(GROUP, "netlink", "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()", FILTERED),
    attack(GROUP, "raw-socket", "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).close()", CONFINED),
    attack(GROUP, "packet-socket", "socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()", FILTERED),
    attack(GROUP, "kernel-crypto-socket", "socket.socket(38, socket.SOCK_SEQPACKET).close()", FILTERED),
    attack(GROUP, "name-lookup", "socket.getaddrinfo('r1ci.invalid', 80)", CONFINED),
    attack(
        GROUP,
        "http-request",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:@PORT@/', timeout=1).close()",
        CONFINED,
    ),
    odd(
        GROUP,
        "asyncio-still-works",
        """
        import asyncio
        async def double(x):
            await asyncio.sleep(0.01)
            return 2 * x
        async def main():
            print(sum(await asyncio.gather(*map(double, range(10)))))
        asyncio.run(main())
        """,
        Want(words=("90",)),
        note="its event loop needs a socket pair",
    ),
    odd(
        GROUP,
        "no-wait-for-a-refusal",
        """
        import socket
        try:
            socket.create_connection(("192.0.2.1", 80), 30)
            print("done")
        except OSError:
            print("refused")
        """,
        Want(words=(REFUSED,), wall_s=(0.0, 2.0)),
        holds=CONFINED,
        otherwise=(Want(words=(REFUSED,)), Want(status=(Status.TIMEOUT,))),
        timeout_s=3.0,
        note="a program without a network hears so at once, not after a time-out",
    ),
)
