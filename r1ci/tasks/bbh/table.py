"""The BIG-Bench-Hard tasks, without importing any of them. One entry per task, in the order of the official list."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo

HERE = "r1ci.tasks.bbh"
SOURCE = "BIG-Bench-Hard"
GENERATED = "generated"

TABLE: tuple[TaskInfo, ...] = (
    TaskInfo(
        "bbh/boolean_expressions", SOURCE, "train", f"{HERE}.boolean_expressions",
        "truth of and, or, not", True, repeats=True, shown=True, answer="True or False", check="equal truth values",
    ),
    TaskInfo(
        "bbh/causal_judgement", GENERATED, "train", f"{HERE}.causal_judgement",
        "whether an act was a cause, by a stated rule", True, answer="Yes or No", check="the same of Yes and No",
        faults="duplicate rows; what people would say is not derivable",
    ),
    TaskInfo(
        "bbh/date_understanding", SOURCE, "train", f"{HERE}.date_understanding",
        "a date, from what is said about another", True, answer="a letter", check="the same option",
        faults="some dates depend on unstated conventions",
    ),
    TaskInfo(
        "bbh/disambiguation_qa", SOURCE, "train", f"{HERE}.disambiguation_qa",
        "whom a pronoun means, or that it is open", False, answer="a letter", check="the same option",
        faults="the reading of many sentences is a matter of opinion",
    ),
    TaskInfo(
        "bbh/dyck_languages", SOURCE, "test", f"{HERE}.dyck_languages",
        "close open brackets", True, answer="closing brackets", check="equal brackets, spaces aside",
        faults="a lazy extraction loses a last >",
    ),
    TaskInfo(
        "bbh/formal_fallacies", SOURCE, "train", f"{HERE}.formal_fallacies",
        "whether an argument is valid", True, shown=True, answer="valid or invalid", check="the same word",
        faults="the word valid stands in invalid",
    ),
    TaskInfo(
        "bbh/geometric_shapes", SOURCE, "train", f"{HERE}.geometric_shapes",
        "the shape an SVG path draws", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/hyperbaton", SOURCE, "train", f"{HERE}.hyperbaton",
        "the right order of adjectives", True, answer="a letter", check="the same option",
        faults="the order is not stated",
    ),
    TaskInfo(
        "bbh/logical_deduction_five_objects", SOURCE, "train", f"{HERE}.logical_deduction",
        "the order of five things", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/logical_deduction_seven_objects", SOURCE, "train", f"{HERE}.logical_deduction",
        "the order of seven things", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/logical_deduction_three_objects", SOURCE, "train", f"{HERE}.logical_deduction",
        "the order of three things", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/movie_recommendation", GENERATED, "train", f"{HERE}.movie_recommendation",
        "the film nearest to some others, by features", True, answer="a letter", check="the same option",
        faults="one target is cut off at a comma in its options; not derivable from the question",
    ),
    TaskInfo(
        "bbh/multistep_arithmetic_two", SOURCE, "train", f"{HERE}.multistep_arithmetic_two",
        "sums and products in parentheses", True, answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "bbh/navigate", SOURCE, "train", f"{HERE}.navigate",
        "whether a walk comes back", True, answer="Yes or No", check="the same of Yes and No",
    ),
    TaskInfo(
        "bbh/object_counting", SOURCE, "test", f"{HERE}.object_counting",
        "things of one kind in a list", True, answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "bbh/penguins_in_a_table", SOURCE, "train", f"{HERE}.penguins_in_a_table",
        "questions about a small table", True, answer="a letter", check="the same option",
        faults="always the same table",
    ),
    TaskInfo(
        "bbh/reasoning_about_colored_objects", SOURCE, "train", f"{HERE}.reasoning_about_colored_objects",
        "coloured things on a table", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/ruin_names", GENERATED, "train", f"{HERE}.ruin_names",
        "the edit of a name that is a joke", False, answer="a letter", check="the same option",
        faults="two targets are text, one is the unchanged name",
    ),
    TaskInfo(
        "bbh/salient_translation_error_detection", GENERATED, "train", f"{HERE}.salient_translation_error_detection",
        "the kind of error in a translation", False, answer="a letter", check="the same option",
        faults="several golds can be argued about",
    ),
    TaskInfo(
        "bbh/snarks", GENERATED, "test", f"{HERE}.snarks",
        "which of two statements is sarcastic", False, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/sports_understanding", SOURCE, "train", f"{HERE}.sports_understanding",
        "whether an athlete can have done that", False, answer="yes or no", check="the same of yes and no",
        faults="duplicate rows; ambiguous actions",
    ),
    TaskInfo(
        "bbh/temporal_sequences", SOURCE, "test", f"{HERE}.temporal_sequences",
        "when someone was free", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/tracking_shuffled_objects_five_objects", SOURCE, "test", f"{HERE}.tracking_shuffled_objects",
        "five people swap things", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/tracking_shuffled_objects_seven_objects", SOURCE, "test", f"{HERE}.tracking_shuffled_objects",
        "seven people swap things", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/tracking_shuffled_objects_three_objects", SOURCE, "test", f"{HERE}.tracking_shuffled_objects",
        "three people swap things", True, answer="a letter", check="the same option",
    ),
    TaskInfo(
        "bbh/web_of_lies", SOURCE, "train", f"{HERE}.web_of_lies",
        "who tells the truth in a chain", True, answer="Yes or No", check="the same of Yes and No",
    ),
    TaskInfo(
        "bbh/word_sorting", SOURCE, "train", f"{HERE}.word_sorting",
        "sort words from a to z", True, answer="words in order", check="equal words in order",
    ),
)  # fmt: skip
