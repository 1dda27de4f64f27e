"""The SymBench tasks, without importing any of them. One line per task, in the order of the official list."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo

HERE = "r1ci.tasks.symbench"
SOURCE = "SymBench"

TABLE: tuple[TaskInfo, ...] = (
    TaskInfo(
        "symbench/game24", SOURCE, "train", f"{HERE}.game24", "an expression of four numbers worth 24", True,
        repeats=True,
        answer="an arithmetic expression", check="each number once, exact value", shared=True,
        faults="compares floats, so 8/(3-8/3) is refused; evaluates the answer as code",
    ),
    TaskInfo(
        "symbench/path_plan", SOURCE, "train", f"{HERE}.path_plan",
        "a path that visits some boxes and keeps out of others", True,
        answer="a list of waypoints", check="exact geometry of every line",
        faults="a line inside a box does not count as entering it; compares floats",
    ),
    TaskInfo(
        "symbench/boxlift", SOURCE, "train", f"{HERE}.boxlift", "boxes lifted together in few steps", True,
        answer="steps, one per line", check="simulated, within the bound", shared=True,
        faults="evaluates the answer as code; counts a lifter that is named three times three times",
    ),
    TaskInfo(
        "symbench/boxnet", SOURCE, "train", f"{HERE}.boxnet", "boxes passed from cell to cell to their targets", True,
        repeats=True,
        answer="a JSON list of steps", check="simulated; every box on a target", shared=True,
        faults="an arm that acts twice in a step is not noticed",
    ),
    TaskInfo(
        "symbench/blocksworld", SOURCE, "train", f"{HERE}.blocksworld", "moves of blocks from stack to stack", True,
        answer="moves, one per line", check="simulated; every stack as wanted", shared=True,
        faults="a goal that is reached at the start cannot be answered",
    ),
    TaskInfo(
        "symbench/gsm_hard", "generated", "train", f"{HERE}.gsm_hard", "word problems with large numbers", True,
        answer="a number", check="equal numbers; within a thousandth if not whole",
        faults="official problems are human text; a model judges the answers",
    ),
    TaskInfo(
        "symbench/math_geometry", "generated", "train", f"{HERE}.math_geometry", "problems of geometry", True,
        repeats=True,
        answer="an exact number", check="equal numbers with fractions, roots and pi",
        faults="official problems are human text; a model judges the answers",
    ),
    TaskInfo(
        "symbench/math_counting_probability", "generated", "train", f"{HERE}.math_counting_probability",
        "problems of counting and probability", True,
        repeats=True,
        answer="a whole number or a fraction", check="equal numbers",
        faults="official problems are human text; a model judges the answers",
    ),
    TaskInfo(
        "symbench/logical_equation", SOURCE, "train", f"{HERE}.logical_equation",
        "numbers for letters, from equations", True,
        answer="a list of whole numbers", check="each number once, every constraint",
        faults="accepts repeated numbers: constant lists pass 145 of 150",
    ),
    TaskInfo(
        "symbench/new_operator", SOURCE, "train", f"{HERE}.new_operator",
        "an expression of newly defined operators", True,
        answer="a whole number or a fraction", check="equal numbers",
        faults="evaluates only the first operator: 99 of 200 golds are wrong; precedence is not stated",
    ),
    TaskInfo(
        "symbench/pooling", SOURCE, "train", f"{HERE}.pooling", "maximum or average of a sliding window", True,
        answer="a list of numbers", check="equal numbers; averages may be rounded to two decimals",
        faults="reads averages as whole numbers: 100 of 200 can never pass",
    ),
    TaskInfo(
        "symbench/light_puzzles", SOURCE, "train", f"{HERE}.light_puzzles", "lights after buttons are pressed", True,
        answer="a list of 0s and 1s", check="equal lists",
    ),
    TaskInfo(
        "symbench/mahjong_pattern", SOURCE, "train", f"{HERE}.mahjong_pattern",
        "judgement of the last round of a card game", True,
        answer="a whole number", check="equal whole numbers",
        faults="15 of 200 golds are wrong: a Chi missed, or given where its rule is not told",
    ),
    TaskInfo(
        "symbench/statistical_counting", SOURCE, "train", f"{HERE}.statistical_counting",
        "score of the runs of equal letters", True, answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "symbench/matrix_transformation", SOURCE, "train", f"{HERE}.matrix_transformation",
        "a matrix turned by 90 degrees", True,
        answer="a list of characters", check="equal lists",
    ),
    TaskInfo(
        "symbench/logic_puzzle", SOURCE, "train", f"{HERE}.logic_puzzle",
        "different numbers of a grid, under a rule for rows and columns", True,
        answer="a list of cells", check="different cells and numbers, the first cell, the rule", shared=True,
        faults="27 of 200 golds break the rule; cells outside the grid pass",
    ),
    TaskInfo(
        "symbench/constrained_linear_arrangement", SOURCE, "train", f"{HERE}.constrained_linear_arrangement",
        "an opponent's cards from one's own and the results", True,
        repeats=True,
        answer="a list of letters", check="cards of the game, none twice, with the same results", shared=True,
        faults="accepts any letter for a draw, and cards played twice; its rules of the elements have two readings",
    ),
    TaskInfo(
        "symbench/pattern_recognition", SOURCE, "train", f"{HERE}.pattern_recognition",
        "corner of a square of equal letters", True,
        answer="a row and a column", check="equal places",
        faults="39 of 100 grids hold more than one square of the least size",
    ),
    TaskInfo(
        "symbench/string_insertion", SOURCE, "train", f"{HERE}.string_insertion",
        "a letter inserted after each of five patterns", True, answer="a string", check="equal strings",
    ),
    TaskInfo(
        "symbench/letter_logic_diagram", SOURCE, "train", f"{HERE}.letter_logic_diagram",
        "a Latin square with one letter on its minor diagonal", True,
        answer="rows of letters", check="rows, columns, diagonal and given letters",
        faults="compares with one completion where 84 of 200 puzzles have several",
    ),
    TaskInfo(
        "symbench/string_deletion_and_modification", SOURCE, "train", f"{HERE}.string_deletion_and_modification",
        "rewrite rules applied to a string until none can be", True,
        answer="a string", check="equal strings",
        faults="does not say that each step starts over at the first rule",
    ),
    TaskInfo(
        "symbench/string_synthesis", SOURCE, "train", f"{HERE}.string_synthesis",
        "blocks combined by six methods", True,
        answer="nine whole numbers", check="equal lists",
        faults="says neither that each method is used as often as possible nor the order of the counts",
    ),
    TaskInfo(
        "symbench/reversi", SOURCE, "train", f"{HERE}.reversi",
        "the board after moves of a game like Reversi", True,
        repeats=True,
        answer="a board", check="equal boards",
        faults="shows the board after the moves, so the answer stands in the question",
    ),
    TaskInfo(
        "symbench/standard_sudoku", SOURCE, "train", f"{HERE}.standard_sudoku",
        "a 9 x 9 Sudoku", True,
        answer="nine rows of digits", check="rows, columns, boxes and given digits", slow=True,
    ),
    TaskInfo(
        "symbench/letters", SOURCE, "test", f"{HERE}.letters",
        "how often and where a letter occurs in a word", True,
        answer="a count and a list of positions", check="equal count, same positions",
        faults="cannot take an answer of no positions",
    ),
    TaskInfo(
        "symbench/eight_queens", SOURCE, "test", f"{HERE}.eight_queens",
        "queens added to a board so that none attacks another", True,
        answer="eight squares", check="bounds, attacks, given queens and blocked squares", shared=True,
        faults="ignores the bounds and the given queens, so one constant answer passes every puzzle",
    ),
    TaskInfo(
        "symbench/number_multiply", SOURCE, "test", f"{HERE}.number_multiply", "products of signed numbers", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "symbench/cryptanalysis", SOURCE, "test", f"{HERE}.cryptanalysis",
        "a code of two digits and two letters from guesses", True,
        answer="two digits and two letters", check="equal codes",
        faults="compares the items joined",
    ),
    TaskInfo(
        "symbench/string_splitting", SOURCE, "test", f"{HERE}.string_splitting",
        "machines taken apart by five methods in turn", True,
        answer="six whole numbers", check="equal lists",
        faults="compares digits joined without separators, so 1,12 equals 11,2",
    ),
    TaskInfo(
        "symbench/combinatorial_calculation", SOURCE, "test", f"{HERE}.combinatorial_calculation",
        "operators put between numbers to reach a target", True,
        answer="an arithmetic expression", check="numbers in order, exact value",
        faults="ignores the order, joins adjacent digits to one number and two * to a power",
    ),
    TaskInfo(
        "symbench/synthesis_decomposition", SOURCE, "test", f"{HERE}.synthesis_decomposition",
        "crops exchanged for products by methods in turn", True,
        answer="three to five whole numbers", check="equal lists",
        faults="compares the count of an absent third crop instead of the product's where there are two crops",
    ),
    TaskInfo(
        "symbench/2048", SOURCE, "test", f"{HERE}.twenty_forty_eight",
        "a grid after moving one of its numbers", True,
        answer="a grid of whole numbers", check="equal grids",
        faults="101 of 200 start on an empty cell; 147 of 200 leave the grid as it was",
    ),
    TaskInfo(
        "symbench/permutations_and_combinations", SOURCE, "test", f"{HERE}.permutations_and_combinations",
        "books put in order under conditions", True,
        answer="a list of letters", check="each book once, every condition", shared=True,
        faults="lets books that do not exist stand among the others",
    ),
)  # fmt: skip
