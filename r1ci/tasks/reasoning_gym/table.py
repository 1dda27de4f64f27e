"""The Reasoning-Gym tasks, without importing any of them. One line per task, in the order of the official list."""

from __future__ import annotations

from r1ci.tasks.base import TaskInfo

HERE = "r1ci.tasks.reasoning_gym"
SOURCE = "Reasoning-Gym"

TABLE: tuple[TaskInfo, ...] = (
    TaskInfo(
        "rg/gcd", SOURCE, "train", f"{HERE}.integers", "greatest common divisor", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/lcm", SOURCE, "train", f"{HERE}.integers", "least common multiple", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/chain_sum", SOURCE, "train", f"{HERE}.expressions", "sums and differences", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/count_primes", SOURCE, "train", f"{HERE}.integers", "primes in an interval", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/spell_backward", SOURCE, "train", f"{HERE}.sequences", "a word spelled backward", True,
        repeats=True,
        answer="a word", check="equal words, in any case",
    ),
    TaskInfo(
        "rg/bitwise_arithmetic", SOURCE, "train", f"{HERE}.expressions", "hexadecimal arithmetic with shifts", True,
        answer="a hexadecimal number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/number_filtering", SOURCE, "train", f"{HERE}.sequences", "numbers of a list above or below a bound", True,
        repeats=True,
        answer="a list of numbers", check="equal numbers in equal order",
    ),
    TaskInfo(
        "rg/base_conversion", SOURCE, "test", f"{HERE}.integers", "a number from one base to another", True,
        repeats=True,
        answer="digits in the target base", check="equal digits",
    ),
    TaskInfo(
        "rg/count_bits", SOURCE, "test", f"{HERE}.integers", "ones in a binary representation", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/products", SOURCE, "test", f"{HERE}.expressions", "products", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/manipulate_matrix", SOURCE, "train", f"{HERE}.matrices", "a matrix after turns, mirrorings and cuts", True,
        answer="a matrix, row by row", check="equal numbers in equal rows",
        faults="the text says neither what mirroring horizontally means nor how to answer: a note does",
    ),
    TaskInfo(
        "rg/mini_sudoku", SOURCE, "train", f"{HERE}.boards", "a sudoku of 4 x 4 cells", True,
        repeats=True,
        answer="the board, row by row", check="the rules of sudoku and the given digits",
    ),
    TaskInfo(
        "rg/n_queens", SOURCE, "test", f"{HERE}.boards", "queens on a board, some of them given", True,
        repeats=True,
        answer="the board, row by row", check="one queen in each row, column and diagonal, the given ones kept",
        faults="the package's scorer evaluates the answer", shared=True,
    ),
    TaskInfo(
        "rg/polynomial_equations", SOURCE, "train", f"{HERE}.polynomials", "real roots of a polynomial", True,
        answer="numbers with four decimals", check="all real roots, each within 0.0001",
        faults="the package's solver may miss real roots: ours are computed exactly; equations without any are left "
        "out",
        slow=True,
    ),
    TaskInfo(
        "rg/polynomial_multiplication", SOURCE, "test", f"{HERE}.polynomials", "a product of polynomials", True,
        answer="a polynomial, multiplied out", check="equal coefficients",
        faults="the package's scorer evaluates the answer, and its terms are drawn in an order that differs from "
        "process to process; questions that show their answer are left out",
        slow=True,
    ),
    TaskInfo(
        "rg/pool_matrix", SOURCE, "train", f"{HERE}.matrices", "maxima or means of a matrix's regions", True,
        shown=True,
        answer="a matrix, row by row", check="numbers within half a hundredth, in equal rows",
        faults="the package takes numbers that are one hundredth part off, and does not say what happens at the edges: "
        "a note does",
    ),
    TaskInfo(
        "rg/rotate_matrix", SOURCE, "train", f"{HERE}.matrices", "a matrix after quarter turns", True,
        shown=True,
        answer="a matrix, row by row", check="equal numbers in equal rows",
    ),
    TaskInfo(
        "rg/rotten_oranges", SOURCE, "test", f"{HERE}.matrices", "minutes until every orange of a grid is rotten", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/simple_equations", SOURCE, "train", f"{HERE}.polynomials", "a linear equation", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/simple_integration", SOURCE, "train", f"{HERE}.polynomials", "an antiderivative of a polynomial", True,
        answer="a polynomial", check="its derivative is the integrand",
        faults="the package's scorer evaluates the answer", slow=True,
    ),
    TaskInfo(
        "rg/spiral_matrix", SOURCE, "test", f"{HERE}.matrices", "a matrix read in a spiral", True,
        repeats=True,
        answer="a list of numbers", check="equal numbers in equal order",
        faults="the package's scorer evaluates the answer",
    ),
    TaskInfo(
        "rg/sudoku", SOURCE, "train", f"{HERE}.boards", "a sudoku of 9 x 9 cells", True,
        answer="the board, row by row", check="the rules of sudoku and the given digits", slow=True,
    ),
    TaskInfo(
        "rg/maze", SOURCE, "train", f"{HERE}.moves", "length of the shortest way through a maze", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/quantum_lock", SOURCE, "train", f"{HERE}.moves", "buttons that turn a number into another", True,
        answer="letters of buttons with arrows between them", check="reaches the target in the fewest presses",
        faults="the text does not say what a button does while the light has another color: a note does",
        shared=True, slow=True,
    ),
    TaskInfo(
        "rg/shortest_path", SOURCE, "train", f"{HERE}.moves", "a shortest way through a grid", True,
        shown=True,
        answer="directions, or infeasible", check="leads to the goal through open cells in the fewest steps",
        shared=True,
    ),
    TaskInfo(
        "rg/sokoban", SOURCE, "train", f"{HERE}.moves", "boxes pushed onto goals", False,
        answer="a string of U, D, L and R", check="after the moves every box is on a goal",
        faults="the text does not say how one moves: a note does; boards that are solved already are left out",
        shared=True, slow=True,
    ),
    TaskInfo(
        "rg/tower_of_hanoi", SOURCE, "test", f"{HERE}.moves", "a tower of disks moved to another peg", True,
        repeats=True,
        answer="a move on each line", check="brings every disk to the target by the rules, in the fewest moves",
        faults="only the package's scorer asks for the fewest moves: a note does too", space=228,
    ),
    TaskInfo(
        "rg/modulo_grid", SOURCE, "test", f"{HERE}.figures", "a pattern of remainders with holes", True,
        repeats=True,
        answer="the grid of marks, row by row", check="equal marks",
        faults="where several rules of the package's kind fit, they fill the holes alike",
    ),
    TaskInfo(
        "rg/number_format", SOURCE, "train", f"{HERE}.quantities", "the largest or smallest of numbers", True,
        shown=True,
        answer="a number", check="a number within 0.0005",
        faults="the package's scorer takes another number of the list if it is within 0.01",
    ),
    TaskInfo(
        "rg/number_sorting", SOURCE, "train", f"{HERE}.quantities", "numbers in order", True,
        answer="a list of numbers", check="equal numbers in equal order",
        faults="the package's scorer takes numbers that are off by 1",
    ),
    TaskInfo(
        "rg/power_function", SOURCE, "train", f"{HERE}.quantities", "a power to three figures", True,
        answer="a number in scientific notation", check="equal once rounded to three figures",
        faults="the text does not say whether the sign of a negative base is raised too: a note does",
    ),
    TaskInfo(
        "rg/prime_factorization", SOURCE, "test", f"{HERE}.quantities", "prime factors of a number", True,
        repeats=True,
        answer="prime numbers with times signs between them", check="the prime factors, in any order",
        faults="the package's scorer raises on what is no number", space=999,
    ),
    TaskInfo(
        "rg/rectangle_count", SOURCE, "test", f"{HERE}.figures", "rectangles drawn over each other", True,
        answer="a whole number", check="equal whole numbers",
        faults="two that cross could be four that touch: a note asks for the fewest, and that is what was drawn",
    ),
    TaskInfo(
        "rg/simple_geometry", SOURCE, "train", f"{HERE}.figures", "an angle of a convex polygon", True,
        repeats=True,
        answer="a number of degrees", check="equal numbers",
        faults="the package's polygons may have an angle of 180 degrees or more: those are left out",
    ),
    TaskInfo(
        "rg/time_intervals", SOURCE, "train", f"{HERE}.durations", "time between two moments", True,
        answer="days, hours, minutes and seconds, in the form that the question says", check="equally long",
        faults="the package loses the time of day where the day of the week stands in brackets, gives negative times "
        "at midnight and across time zones, and cuts off seconds: the answer is computed from what is shown, and such "
        "questions are left out",
    ),
    TaskInfo(
        "rg/propositional_logic", SOURCE, "train", f"{HERE}.inference", "a conclusion from formulas", True,
        repeats=True,
        answer="a formula", check="true wherever all premises are, and not equivalent to one of them",
        faults="the package takes a premise said again for a conclusion, and its premises may contradict each other: "
        "a note forbids the one, the other is left out",
        shared=True,
    ),
    TaskInfo(
        "rg/self_reference", SOURCE, "train", f"{HERE}.inference", "solutions of statements on each other", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers", space=3200,
    ),
    TaskInfo(
        "rg/syllogism", SOURCE, "test", f"{HERE}.inference", "whether a statement follows from two others", True,
        answer="Yes or No", check="the same, in any case",
        faults="one in nine of the package's answers is wrong (it never asks for a distributed middle term): ours are "
        "computed over all worlds; a note says that no group is empty",
    ),
    TaskInfo(
        "rg/needle_haystack", SOURCE, "train", f"{HERE}.wording", "who of many does something", True,
        shown=True,
        answer="a name", check="equal names, in any case",
        faults="questions with two right names are left out",
    ),
    TaskInfo(
        "rg/palindrome_generation", SOURCE, "train", f"{HERE}.wording", "a palindrome of given letters", True,
        repeats=True,
        answer="a string of letters", check="the same backward, of the given letters",
    ),
    TaskInfo(
        "rg/palindrome_partitioning", SOURCE, "test", f"{HERE}.wording", "a string cut into palindromes", True,
        answer="a list of lists of strings", check="different partitions into palindromes, and as many as there are",
        faults="the text says that one may answer with all partitions, the scorer wants all: a note says so",
    ),
    TaskInfo(
        "rg/ransom_note", SOURCE, "train", f"{HERE}.wording", "whether letters suffice for a note", True,
        shown=True,
        answer="True or False", check="the same, in any case",
        faults="the package draws letters in an order that differs from process to process",
    ),
    TaskInfo(
        "rg/sentence_reordering", SOURCE, "train", f"{HERE}.wording", "a sentence from its words", False,
        repeats=True,
        answer="a sentence", check="equal words in equal order",
        faults="the package's answer groups words that occur twice, and some sentences are cut off: those are left out",
    ),
    TaskInfo(
        "rg/word_ladder", SOURCE, "train", f"{HERE}.wording", "a word into another, letter by letter", False,
        answer="words with commas between them", check="known words, each one letter off the one before",
        faults="the package's answer differs from process to process: ours is the first of the shortest",
    ),
    TaskInfo(
        "rg/word_sequence_reversal", SOURCE, "train", f"{HERE}.wording", "words in reversed order", True,
        answer="words with commas between them", check="equal words in equal order",
    ),
    TaskInfo(
        "rg/word_sorting", SOURCE, "train", f"{HERE}.wording", "words in the order of their characters", True,
        answer="words with commas between them", check="equal words in equal order",
    ),
    TaskInfo(
        "rg/ab", SOURCE, "train", f"{HERE}.machines", "tokens rewritten until none face each other", True,
        shown=True,
        answer="tokens such as A# #B", check="equal tokens in equal order",
        faults="programs that end with nothing have no answer; the package's scorer minds whitespace",
    ),
    TaskInfo(
        "rg/advanced_geometry", SOURCE, "train", f"{HERE}.geometry", "a triangle's orthocenter or angle", True,
        answer="a number, an angle or a pair of numbers", check="within one unit of the third decimal",
        faults="asks for three decimals and gives angles with two",
    ),
    TaskInfo(
        "rg/aiw", SOURCE, "train", f"{HERE}.counting", "sisters, friends or colleagues of somebody", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers",
        faults="counts one of the two circles of colleagues; asks for the sisters of somebody from no family",
    ),
    TaskInfo(
        "rg/arc_1d", SOURCE, "train", f"{HERE}.induction", "a rule on a row of digits, from examples", False,
        answer="a row of digits", check="equal digits in equal order",
    ),
    TaskInfo(
        "rg/basic_arithmetic", SOURCE, "train", f"{HERE}.arithmetic", "an expression of whole numbers", True,
        repeats=True,
        answer="a whole number", check="equal whole numbers",
        faults="some divisions leave a remainder and are rounded down, or by zero",
    ),
    TaskInfo(
        "rg/bf", SOURCE, "train", f"{HERE}.machines", "what a Brainf*ck program prints", True,
        repeats=True,
        answer="a word or a number", check="the same output",
        faults="loops whose bound does not fit a cell may never end",
    ),
    TaskInfo(
        "rg/binary_alternation", SOURCE, "train", f"{HERE}.anagrams", "swaps that make a binary string alternate", True,
        repeats=True,
        answer="a whole number, or -1", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/binary_matrix", SOURCE, "train", f"{HERE}.grids", "distance of each cell to the nearest 0", True,
        repeats=True,
        answer="rows of numbers", check="equal numbers, row by row",
        faults="the package's scorer evaluates the answer",
    ),
    TaskInfo(
        "rg/caesar_cipher", SOURCE, "train", f"{HERE}.ciphers", "a text to decrypt", True,
        repeats=True,
        answer="words", check="equal words, in any case",
        faults="letters with accents are lost",
    ),
    TaskInfo(
        "rg/calendar_arithmetic", SOURCE, "test", f"{HERE}.calendars", "weekdays, dates and leap years", True,
        repeats=True, shown=True,
        answer="a weekday, a number, or yes or no", check="the same weekday, number or truth",
        faults="names the wrong year of a date in the next one; leaves open whether the year is a leap year",
    ),
    TaskInfo(
        "rg/circuit_logic", SOURCE, "train", f"{HERE}.deduction", "output of a drawn circuit", True,
        answer="0 or 1", check="equal whole numbers",
        faults="does not say what XOR of three inputs is",
    ),
    TaskInfo(
        "rg/color_cube_rotation", SOURCE, "train", f"{HERE}.cubes", "a side of a cube after turning it", True,
        shown=True,
        answer="a color", check="equal words, in any case",
        faults="leaves open which way a cube turns over",
    ),
    TaskInfo(
        "rg/complex_arithmetic", SOURCE, "train", f"{HERE}.arithmetic", "arithmetic of complex numbers", True,
        repeats=True,
        answer="a complex number", check="equal real and imaginary parts",
        faults="the package's scorer refuses right answers with spaces around, and gives near ones part marks",
    ),
    TaskInfo(
        "rg/countdown", SOURCE, "test", f"{HERE}.games", "an expression worth a target", True,
        answer="an expression", check="each number once, exactly the target",
        faults="the package's scorer evaluates the answer",
        slow=True,
    ),
    TaskInfo(
        "rg/course_schedule", SOURCE, "train", f"{HERE}.graphs", "whether courses can be taken in some order", True,
        shown=True,
        answer="True or False", check="the same truth, in any case",
    ),
    TaskInfo(
        "rg/cryptarithm", SOURCE, "train", f"{HERE}.games", "digits for letters so that a sum is right", True,
        answer="letters and their digits", check="a different digit for each letter, a right sum",
    ),
    TaskInfo(
        "rg/decimal_arithmetic", SOURCE, "train", f"{HERE}.arithmetic", "an expression of decimals", True,
        repeats=True,
        answer="a number", check="equal but for the last of the asked digits",
        faults="rounds every step, and half to even where the question says up; the scorer takes three "
        "decimals for twelve digits",
    ),
    TaskInfo(
        "rg/decimal_chain_sum", SOURCE, "train", f"{HERE}.arithmetic", "decimals added and subtracted", True,
        answer="a number", check="exactly equal numbers",
        faults="rounded to the precision that another dataset left behind",
    ),
    TaskInfo(
        "rg/dice", SOURCE, "train", f"{HERE}.dice_and_fractions", "chance to roll a total or more", True,
        repeats=True,
        answer="a fraction in lowest terms", check="equal numerators and denominators",
    ),
    TaskInfo(
        "rg/emoji_mystery", SOURCE, "train", f"{HERE}.ciphers", "a sentence hidden in an emoji", True,
        repeats=True,
        answer="a sentence", check="the same sentence; case, whitespace and the kind of quotes aside",
        faults="two emojis end in a character that decodes as part of the sentence",
    ),
    TaskInfo(
        "rg/family_relationships", SOURCE, "train", f"{HERE}.families", "what somebody is to another of a family", True,
        answer="a word", check="equal words, in any case",
        faults="names in-laws, nieces and nephews from the wrong side; some names do not tell man from woman",
    ),
    TaskInfo(
        "rg/figlet_font", SOURCE, "train", f"{HERE}.ciphers", "a word drawn in letters", False,
        answer="a word", check="equal words, in any case",
        faults="some fonts draw nothing, or the same for several letters",
    ),
    TaskInfo(
        "rg/fraction_simplification", SOURCE, "train", f"{HERE}.dice_and_fractions", "a fraction in lowest terms", True,
        answer="a fraction", check="equal numerators and denominators",
        faults="gives up after ten draws and leaves a common factor",
    ),
    TaskInfo(
        "rg/game_of_life", SOURCE, "test", f"{HERE}.grids", "a board after some steps", True,
        answer="rows of 0 and 1", check="equal cells, row by row",
        faults="boards that die out share one answer",
        slow=True,
    ),
    TaskInfo(
        "rg/graph_color", SOURCE, "train", f"{HERE}.graphs", "colors for vertices, two for each edge", True,
        repeats=True,
        answer="a map of vertices to colors", check="every vertex colored, no edge in one color",
        faults="the package gives no answer",
        shared=True,
    ),
    TaskInfo(
        "rg/group_anagrams", SOURCE, "train", f"{HERE}.anagrams", "words grouped by their letters", True,
        answer="lists of words", check="equal groups, in any order",
    ),
    TaskInfo(
        "rg/gsm_symbolic", SOURCE, "train", f"{HERE}.counting", "school problems from templates", False,
        answer="a number", check="equal numbers",
        faults="the package's scorer takes the first number in the answer",
    ),
    TaskInfo(
        "rg/isomorphic_strings", SOURCE, "test", f"{HERE}.anagrams", "whether letters map to letters one to one", True,
        repeats=True, shown=True,
        answer="True or False", check="the same truth, in any case",
        faults="differs between processes",
    ),
    TaskInfo(
        "rg/jugs", SOURCE, "train", f"{HERE}.games", "moves of water to a target", True,
        repeats=True,
        answer="a list of moves", check="some jug holds the target after the moves",
        faults="solves three jugs, however many there are",
        space=783, shared=True, slow=True,
    ),
    TaskInfo(
        "rg/knights_knaves", SOURCE, "test", f"{HERE}.deduction", "who tells the truth and who lies", True,
        answer="a role for each person", check="the same role for each",
    ),
    TaskInfo(
        "rg/largest_island", SOURCE, "test", f"{HERE}.grids", "the largest patch of ones", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/leg_counting", SOURCE, "test", f"{HERE}.counting", "legs of animals", True,
        answer="a whole number", check="equal whole numbers",
    ),
    TaskInfo(
        "rg/letter_counting", SOURCE, "test", f"{HERE}.anagrams", "how often a letter occurs in a text", True,
        answer="a whole number", check="equal whole numbers",
        faults="calls digits letters; does not say that capital letters count",
    ),
    TaskInfo(
        "rg/letter_jumble", SOURCE, "train", f"{HERE}.ciphers", "words with their letters shuffled", False,
        answer="words", check="equal words, in any case",
        faults="the package's scorer takes any words after the right ones",
    ),
    TaskInfo(
        "rg/list_functions", SOURCE, "train", f"{HERE}.induction", "a rule on lists, from examples", True,
        shown=True,
        answer="a list of numbers", check="equal numbers in equal order",
        faults="one of 17 rules draws without the seed",
    ),
    TaskInfo(
        "rg/mahjong_puzzle", SOURCE, "train", f"{HERE}.rewriting", "what the last card makes of a hand", True,
        shown=True,
        answer="Peng, Chi or Pass", check="the same, in any case",
        faults="one in five of the package's answers is wrong (Pass and Chi are not verified): ours are simulated",
    ),
    TaskInfo(
        "rg/string_manipulation", SOURCE, "train", f"{HERE}.rewriting", "a string rewritten by rules", True,
        shown=True,
        answer="a string", check="equal strings",
        faults="one rule differs from its text for a string of two letters, and another is ambiguous for strings of "
        "even length: ours follow the text, ambiguous questions are left out",
    ),
    TaskInfo(
        "rg/zebra_puzzles", SOURCE, "train", f"{HERE}.zebra", "who lives in the first house", True,
        shown=True,
        answer="a name", check="equal names, in any case",
        slow=True,
    ),
)  # fmt: skip
