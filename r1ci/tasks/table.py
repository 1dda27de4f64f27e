"""The tasks that ship with r1ci, without importing any of them. One line per task; the order is the registry's."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo

OWN = "r1ci.tasks.symbench"
INTEGERS = "r1ci.tasks.reasoning_gym.integers"
EXPRESSIONS = "r1ci.tasks.reasoning_gym.expressions"
SEQUENCES = "r1ci.tasks.reasoning_gym.sequences"
GYM, SYMBENCH, BBH = "Reasoning-Gym", "SymBench", "BIG-Bench-Hard"

TABLE: tuple[TaskInfo, ...] = (
    TaskInfo(
        "symbench/statistical_counting",
        SYMBENCH,
        "train",
        f"{OWN}.statistical_counting",
        "score of the runs of equal letters",
        True,
    ),
    TaskInfo(
        "symbench/string_insertion",
        SYMBENCH,
        "train",
        f"{OWN}.string_insertion",
        "a letter inserted after each of five patterns",
        True,
    ),
    TaskInfo("symbench/game24", SYMBENCH, "train", f"{OWN}.game24", "an expression of four numbers worth 24", True),
    TaskInfo(
        "symbench/number_multiply", SYMBENCH, "test", f"{OWN}.number_multiply", "products of signed numbers", True
    ),
    TaskInfo(
        "bbh/boolean_expressions", BBH, "train", "r1ci.tasks.bbh.boolean_expressions", "truth of and, or, not", True
    ),
    TaskInfo(
        "bbh/object_counting", BBH, "test", "r1ci.tasks.bbh.object_counting", "things of one kind in a list", True
    ),
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
