"""What the agents tell the model. Our own wording of the protocol of the paper's Table 1."""

from __future__ import annotations

from r1ci.spec.models import AgentKind, PromptFormat

RESULTS = "Code Execution Results:"

_ANSWER = "End with <<<answer>>>."

HEAD: dict[AgentKind, str] = {
    "all_text": f"Reason step by step in text alone, without code. {_ANSWER}",
    "all_code": "Reason about the method, then write one ```python script that prints exactly the answer.",
    "code_agent": (
        "Reason, then answer. To compute or search, write a ```python script that prints, and stop: you get its output."
        f" {_ANSWER}"
    ),
}
HEAD["codesteer"] = HEAD["code_agent"]

FORMATS: dict[PromptFormat, str] = {
    "free": "",
    "text_then_code": "First reason in text alone, then write code that computes or checks.",
    "code_then_text": "First write code, then reason in text about its output.",
}
"""Prompt formats of demonstrations: added to the head, they vary how text and code alternate."""

LAST_CALL = "No more code can be run. Give the final answer now as <<<answer>>>."

STEER_TO_CODE = (
    "Guide: you answered without running code. Write a short program that computes or checks the answer, "
    "then answer again."
)
STEER_AWAY = "Guide: your last program failed. Correct it or solve the task another way, then answer again."
STEER_CHECK = (
    "Guide: your program only prints a constant. Write one that derives the answer from the task, then answer again."
)


def prompt(agent: AgentKind, question: str, extra: str = "") -> str:
    """The user turn: the agent's head, then the question."""
    head = f"{HEAD[agent]} {extra}" if extra else HEAD[agent]
    return f"{head}\n\n{question}"


def results(observation: str) -> str:
    """How a program's outcome is shown to the model."""
    return f"{RESULTS}\n{observation}\n"
