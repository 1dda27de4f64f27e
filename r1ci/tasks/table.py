"""The tasks that ship with r1ci, without importing any of them. One line per task; the order is the registry's."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo

INTEGERS = "r1ci.tasks.reasoning_gym.integers"
EXPRESSIONS = "r1ci.tasks.reasoning_gym.expressions"
SEQUENCES = "r1ci.tasks.reasoning_gym.sequences"
GYM = "Reasoning-Gym"

TABLE: tuple[TaskInfo, ...] = (
    TaskInfo("rg/gcd", GYM, "train", INTEGERS, "greatest common divisor", True),
    TaskInfo("rg/lcm", GYM, "train", INTEGERS, "least common multiple", True),
    TaskInfo("rg/chain_sum", GYM, "train", EXPRESSIONS, "sums and differences", True),
    TaskInfo("rg/count_primes", GYM, "train", INTEGERS, "primes in an interval", True),
    TaskInfo("rg/spell_backward", GYM, "train", SEQUENCES, "a word spelled backward", True),
    TaskInfo("rg/bitwise_arithmetic", GYM, "train", EXPRESSIONS, "hexadecimal arithmetic with shifts", True),
    TaskInfo("rg/number_filtering", GYM, "train", SEQUENCES, "numbers of a list above or below a bound", True),
    TaskInfo("rg/base_conversion", GYM, "test", INTEGERS, "a number from one base to another", True),
    TaskInfo("rg/count_bits", GYM, "test", INTEGERS, "ones in a binary representation", True),
    TaskInfo("rg/products", GYM, "test", EXPRESSIONS, "products", True),
)
