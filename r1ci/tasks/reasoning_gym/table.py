"""The Reasoning-Gym tasks, without importing any of them. One line per task, in the order of the official list."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo

HERE = "r1ci.tasks.reasoning_gym"
SOURCE = "Reasoning-Gym"

TABLE: tuple[TaskInfo, ...] = (
    TaskInfo(
        "rg/gcd", SOURCE, "train", f"{HERE}.integers", "greatest common divisor", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/lcm", SOURCE, "train", f"{HERE}.integers", "least common multiple", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/chain_sum", SOURCE, "train", f"{HERE}.expressions", "sums and differences", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/count_primes", SOURCE, "train", f"{HERE}.integers", "primes in an interval", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/spell_backward", SOURCE, "train", f"{HERE}.sequences", "a word spelled backward", True,
        answer="a word", check="equal words, in any case",
    ),
    TaskInfo(
        "rg/bitwise_arithmetic", SOURCE, "train", f"{HERE}.expressions", "hexadecimal arithmetic with shifts", True,
        answer="a hexadecimal number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/number_filtering", SOURCE, "train", f"{HERE}.sequences", "numbers of a list above or below a bound", True,
        answer="a list of numbers", check="equal numbers in equal order",
    ),
    TaskInfo(
        "rg/base_conversion", SOURCE, "test", f"{HERE}.integers", "a number from one base to another", True,
        answer="digits in the target base", check="equal digits",
    ),
    TaskInfo(
        "rg/count_bits", SOURCE, "test", f"{HERE}.integers", "ones in a binary representation", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/products", SOURCE, "test", f"{HERE}.expressions", "products", True,
        answer="a whole number", check="equal whole numbers",
    ),
)  # fmt: skip
