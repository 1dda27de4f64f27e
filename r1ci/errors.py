"""The errors that users see, one flat hierarchy named after the boundary that failed.

    R1ciError                  exit code 1: the work ran and failed
    ├── UsageError             exit code 2: the command line or a file it names is wrong
    │   └── SpecError          exit code 2: diagnostics with file, line and column (r1ci.spec.diagnostics)
    ├── EnvironmentMissing     exit code 3: a package, model, device or service is not there
    ├── StoreError             exit code 1: the store cannot be read or written
    └── StepFailed             exit code 1: one step of the plan failed; says which, and why

Every error is picklable (Ray carries them across processes): all state is in ``args``.
To add one: subclass here, set ``exit_code``, keep the constructor's positional arguments in ``args``.
"""

from __future__ import annotations


class R1ciError(Exception):
    """Base of every error that r1ci shows without a traceback.

    ``message`` says what is wrong and where, ``help`` what to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message, help)
        self.message = message
        self.help = help

    def __str__(self) -> str:
        return f"{self.message}\nhelp: {self.help}" if self.help else self.message


class UsageError(R1ciError, ValueError):
    """The command line, or something it names, is wrong."""

    exit_code = 2


class EnvironmentMissing(R1ciError, RuntimeError):
    """A package, model, device or service that the spec needs is not on this machine."""

    exit_code = 3


class StoreError(R1ciError):
    """The store cannot be read or written."""


class StepFailed(R1ciError, RuntimeError):
    """One step of the plan failed. ``message`` names the step, the attempt and the cause."""
