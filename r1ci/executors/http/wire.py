"""Programs and executions as JSON: what /run takes and gives.

A JSON string may hold what UTF-8 cannot (a lone surrogate, NUL); both are escaped and arrive as they were sent. Files
travel as base64. Reading checks every type and names the field that is wrong; it does not check what a program asks
for (a time limit of zero, say): that is the executor's answer to give.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from r1ci.executors.protocol import Execution, Program, Status

INSTANCE_HEADER = "X-R1ci-Client"
"""A random name that tells apart clients with one token and one address; only sessions depend on it."""
_PROGRAM = ("code", "stdin", "files", "session", "timeout_s", "memory_mb")


class FieldError(ValueError):
    """A request that cannot be read: the field that is wrong (empty: the whole body) and why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(field, message)
        self.field = field
        self.message = message


@dataclass(frozen=True)
class Fields:
    """A JSON object that is read key by key; each reader raises FieldError for a value of another type."""

    data: Mapping[str, Any]
    path: str = ""
    """What stands before a key in messages, for example ``programs[3].``."""

    def text(self, name: str, default: str | None = None) -> str:
        """A string; required without a default. null counts as left out where there is a default."""
        value = self._value(name, default)
        if not isinstance(value, str):
            self.refuse(name, f"must be a string, not {_kind(value)}")
        return value

    def number(self, name: str, default: float | None) -> float | None:
        """A finite number."""
        value = self._value(name, default, required=False)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            self.refuse(name, f"must be a number, not {_kind(value)}")
        try:
            return None if value is None else float(value)
        except OverflowError:
            self.refuse(name, "is too large a number")

    def integer(self, name: str, default: int | None) -> int | None:
        """A whole number."""
        value = self._value(name, default, required=False)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            self.refuse(name, f"must be a whole number, not {_kind(value)}")
        return value

    def files(self, name: str) -> dict[str, bytes]:
        """Contents by file name, from base64; files that are null are left out."""
        value = self._value(name, {})
        if not isinstance(value, dict):
            self.refuse(name, f"must be an object of base64 strings by file name, not {_kind(value)}")
        return {key: self._decoded(f"{name}[{key!r}]", text) for key, text in value.items() if text is not None}

    def strings(self, name: str) -> list[str]:
        """A list of strings."""
        value = self._value(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.refuse(name, "must be a list of strings")
        return value

    def only(self, *names: str) -> None:
        """Refuse every other key: a misspelt limit must not be ignored."""
        for key in self.data:
            if key not in names:
                self.refuse(key, f"is not known; known: {', '.join(names)}")

    def refuse(self, name: str, message: str) -> NoReturn:
        """Raise FieldError for a key."""
        raise FieldError(self.path + name, message)

    def _value(self, name: str, default: Any, *, required: bool = True) -> Any:
        value = self.data.get(name)
        if value is None and default is None and required:
            self.refuse(name, "is missing")
        return default if value is None else value

    def _decoded(self, name: str, text: Any) -> bytes:
        if not isinstance(text, str):
            self.refuse(name, f"must be a base64 string, not {_kind(text)}")
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self.refuse(name, "is not base64")


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object that a body holds. Raises FieldError."""
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise FieldError("", f"the body is not UTF-8: byte {error.start} cannot be decoded") from None
    except (ValueError, RecursionError) as error:
        raise FieldError("", f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise FieldError("", f"the body must be a JSON object, not {_kind(value)}")
    return value


def read_program(data: Any, path: str = "") -> Program:
    """A program from its JSON form. Raises FieldError."""
    if not isinstance(data, dict):
        raise FieldError(path.rstrip("."), f"must be an object, not {_kind(data)}")
    fields = Fields(data, path)
    fields.only(*_PROGRAM)
    return Program(
        code=fields.text("code"),
        stdin=fields.text("stdin", ""),
        files=fields.files("files"),
        session=fields.text("session", ""),
        timeout_s=fields.number("timeout_s", None),
        memory_mb=fields.integer("memory_mb", None),
    )


def read_programs(data: Mapping[str, Any]) -> list[Program]:
    """The programs of a batch. Raises FieldError."""
    Fields(data).only("programs")
    programs = data.get("programs")
    if not isinstance(programs, list):
        raise FieldError("programs", f"must be a list of programs, not {_kind(programs)}")
    return [read_program(program, f"programs[{place}].") for place, program in enumerate(programs)]


def program_json(program: Program) -> dict[str, Any]:
    """A program as JSON; what is default is left out."""
    form = {
        "code": program.code,
        "stdin": program.stdin,
        "files": encoded_files(program.files),
        "session": program.session,
        "timeout_s": program.timeout_s,
        "memory_mb": program.memory_mb,
    }
    return {name: value for name, value in form.items() if name == "code" or value not in ("", {}, None)}


def encoded_files(files: Mapping[str, bytes]) -> dict[str, str]:
    """Files with their contents as base64."""
    return {name: base64.b64encode(content).decode("ascii") for name, content in files.items()}


def execution_json(execution: Execution) -> dict[str, Any]:
    """An execution as JSON."""
    return {**asdict(execution), "status": execution.status.value}


def read_execution(data: Mapping[str, Any]) -> Execution:
    """An execution that a server sent. Raises ValueError for anything that is not one."""
    try:
        execution = Execution.from_dict(data)
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"not an execution: {type(error).__name__}: {error}") from None
    if not isinstance(data["missing"], list) or not all(isinstance(reason, str) for reason in data["missing"]):
        raise ValueError("not an execution: missing is no list of strings")
    for name, default in asdict(Execution(Status.OK)).items():
        value = getattr(execution, name)
        wanted = (int, float) if isinstance(default, float) else (int, type(None)) if default is None else type(default)
        if not isinstance(value, wanted):
            raise ValueError(f"not an execution: {name} is {_kind(value)}")
    return execution


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _kind(value: Any) -> str:
    names = {type(None): "null", bool: "a boolean", int: "a number", float: "a number", str: "a string"}
    return names.get(type(value)) or ("a list" if isinstance(value, list | tuple) else "an object")
