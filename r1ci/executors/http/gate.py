"""Who may ask a server for how much: tokens, and places for programs per client and in all.

A client is a token and the address it comes from. Behind a proxy every request has the proxy's address: give each user
a token of their own there. Does not protect against a flood of connections; a proxy does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

RETRY_AFTER_S = 1
"""When a client that was turned away may come again."""


class Refusal(Exception):
    """A request that is answered with an HTTP error; ``name`` is for programs, ``message`` for people."""

    def __init__(self, code: int, name: str, message: str, field: str = "") -> None:
        super().__init__(code, name, message, field)
        self.code = code
        self.name = name
        self.message = message
        self.field = field


@dataclass(frozen=True)
class Client:
    """Whom programs are run for."""

    token: int
    """Which of the server's tokens it holds; -1: none is asked for."""
    address: str


def client_of(authorization: str, address: str, tokens: Sequence[str]) -> Client:
    """The client behind a request. Raises Refusal for a missing or wrong token."""
    if not tokens:
        return Client(-1, address)
    given = _given(authorization)
    if given is None:
        raise Refusal(401, "token_missing", "send the server's token: Authorization: Bearer TOKEN")
    # Every token is compared, in constant time: how long it takes tells nothing.
    matches = [hmac.compare_digest(given, token.encode()) for token in tokens]
    if not any(matches):
        raise Refusal(401, "token_wrong", "the token is not one of this server's")
    return Client(matches.index(True), address)


def session_key(client: Client, instance: str, session: str) -> str:
    """The name of a client's session inside the executor: clients that choose equal names do not meet.

    ``instance`` tells clients apart that share token and address.
    """
    if not session:
        return ""
    named = json.dumps([client.token, instance or client.address, session])
    return hashlib.sha256(named.encode()).hexdigest()


class Gate:
    """Counts programs that run or wait, per client and in all. Not thread-safe: for one event loop."""

    def __init__(self, per_client: int, in_all: int) -> None:
        self._per_client = per_client
        self._in_all = in_all
        self._held: Counter[Client] = Counter()

    @property
    def held(self) -> int:
        """Programs inside."""
        return self._held.total()

    @contextmanager
    def places(self, client: Client, count: int) -> Iterator[None]:
        """Room for so many programs while the block lasts. Raises Refusal if there is none."""
        if self._held[client] + count > self._per_client:
            message = f"{self._held[client]} of your programs run or wait, {count} more are too many: at most "
            raise Refusal(429, "queue_full", f"{message}{self._per_client} per client")
        if self.held + count > self._in_all:
            message = f"{self.held} programs run or wait, {count} more are too many: at most {self._in_all} in all"
            raise Refusal(429, "queue_full", message)
        self._held[client] += count
        try:
            yield
        finally:
            self._held[client] -= count
            if not self._held[client]:
                del self._held[client]


def _given(authorization: str) -> bytes | None:
    """The token of an Authorization header: Bearer, or the password of Basic (what a URL can carry)."""
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() == "bearer" and value:
        return value.strip().encode("utf-8", "surrogateescape")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return None
    return None
