"""Problems of counting and probability whose answers are fractions."""

from __future__ import annotations

from r1ci.tasks.symbench.templates import Template as T

PROBLEMS = (
    T(
        "In how many ways can {k} of {n} different books be chosen, if their order does not matter?",
        "k=2..5 e=1..9* n:{k}+{e}", "C({n},{k})",
    ),
    T(
        "{x} owns {n} different books. In how many orders can they stand on a shelf?",
        "n=3..12", "factorial({n})",
    ),
    T(
        "A club has {n} members. In how many ways can it choose a president, a treasurer and a secretary, three "
        "different people?",
        "n=5..30*", "{n}*({n} - 1)*({n} - 2)",
    ),
    T(
        "{x} thinks up a code. It has {n} places, and each place is one of {k} symbols. How many codes are there?",
        "n=2..7 k=2..12*", "{k}**{n}",
    ),
    T(
        "{x} tosses a fair coin {n} times. What is the probability of exactly {k} heads?",
        "k=1..4 e=1..6* n:{k}+{e}", "C({n},{k})", "2**{n}",
    ),
    T(
        "{x} tosses a fair coin {n} times. What is the probability of at least one head?",
        "n=2..6*", "2**{n} - 1", "2**{n}",
    ),
    T(
        "A bag holds {r} red and {b} blue marbles. Two are drawn at random without putting any back. What is the "
        "probability that both are red?",
        "r=2..12* b=1..12*", "{r}*({r} - 1)", "({r} + {b})*({r} + {b} - 1)",
    ),
    T(
        "A bag holds {r} red and {b} blue marbles. Two are drawn at random without putting any back. What is the "
        "probability that they have different colours?",
        "r=1..12* b=1..12*", "2*{r}*{b}", "({r} + {b})*({r} + {b} - 1)",
    ),
    T(
        "A bag holds {r} red, {b} blue and {g} green marbles. One is drawn at random. What is the probability that "
        "it is not green?",
        "r=1..15* b=1..15* g=1..15*", "{r} + {b}", "{r} + {b} + {g}",
    ),
    T(
        "From {m} women and {n} men, a group of {i} women and {j} men is to be chosen. How many different groups can "
        "it be?",
        "i=1..4 d=1..5* m:{i}+{d} j=1..4 e=1..5* n:{j}+{e}", "C({m},{i})*C({n},{j})",
    ),
    T(
        "A fair die with the numbers 1 to {s} is rolled twice. What is the probability that both rolls show the same "
        "number?",
        "s=4..60*", "1", "{s}",
    ),
    T(
        "A fair die with the numbers 1 to {s} is rolled twice. What is the probability that the second number is "
        "greater than the first?",
        "s=4..40*", "{s} - 1", "2*{s}",
    ),
    T(
        "{x} rolls a fair six-sided die {n} times. What is the probability that no roll shows a six?",
        "n=2..7", "5**{n}", "6**{n}",
    ),
    T(
        "{x} rolls a fair six-sided die {n} times. What is the probability that exactly one roll shows a six?",
        "n=2..7", "{n}*5**({n} - 1)", "6**{n}",
    ),
    T(
        "{n} people, among them {x}, sit down at a round table. Seatings that differ only by turning the table count "
        "as one. How many different seatings are there?",
        "n=3..12", "factorial({n} - 1)",
    ),
    T(
        "At a meeting of {n} people, everybody shakes hands once with everybody else. How many handshakes are there?",
        "n=4..90*", "{n}*({n} - 1)/2",
    ),
    T(
        "In how many ways can {n} identical coins be given to {k} children, if a child may get none?",
        "n=3..14* k=2..6", "C({n} + {k} - 1,{k} - 1)",
    ),
    T(
        "In how many ways can {n} identical coins be given to {k} children, if each child gets at least one?",
        "k=2..6 e=1..10* n:{k}+{e}", "C({n} - 1,{k} - 1)",
    ),
    T(
        "How many shortest ways along the lines of a grid lead from one corner of a {a} by {b} rectangle of unit "
        "squares to the opposite corner?",
        "a=2..9* b=2..6", "C({a} + {b},{a})",
    ),
    T(
        "How many whole numbers from 1 to {n} are divisible by {a} or by {b}, where {a} and {b} have no common "
        "factor?",
        "q=1..9* a=2..2 b:2*{q}+1 k=2..9* n:{a}*{b}*{k}", "{n}/{a} + {n}/{b} - {n}/({a}*{b})",
    ),
    T(
        "{x} has {n} different fruits and puts some of them, at least one, into a salad. How many different salads "
        "are possible?",
        "n=3..25", "2**{n} - 1",
    ),
    T(
        "{n} people, among them {x} and {y}, stand in a row. In how many orders do {x} and {y} stand next to each "
        "other?",
        "n=3..11", "2*factorial({n} - 1)",
    ),
    T(
        "{n} children, among them {x}, stand in a line. In how many orders is {x} neither the first nor the last?",
        "n=3..11", "({n} - 2)*factorial({n} - 1)",
    ),
    T(
        "In how many different ways can {a} letters A and {b} letters B be put in a row?",
        "a=2..8* b=2..6", "C({a} + {b},{a})",
    ),
    T(
        "In how many different ways can {a} letters A, {b} letters B and {c} letters C be put in a row?",
        "a=1..4* b=1..4 c=1..4", "C({a} + {b} + {c},{a})*C({b} + {c},{b})",
    ),
    T(
        "A number from 1 to {n} is chosen at random. What is the probability that it is divisible by {k}?",
        "k=2..12 q=2..9* r=0..1 n:{k}*{q}+{r}", "({n} - {r})/{k}", "{n}",
    ),
    T(
        "Of {n} lamps, {d} are broken. {k} lamps are chosen at random. What is the probability that none of them is "
        "broken?",
        "k=2..4 d=1..5 e=1..9* n:{k}+{d}+{e}", "C({n} - {d},{k})", "C({n},{k})",
    ),
    T(
        "Of {n} lamps, {d} are broken. {k} lamps are chosen at random. What is the probability that exactly one of "
        "them is broken?",
        "k=2..4 d=1..5 e=1..9* n:{k}+{d}+{e}", "{d}*C({n} - {d},{k} - 1)", "C({n},{k})",
    ),
    T(
        "{x} hits a target with probability {a}/{b} at each throw, independently. What is the probability that {x} "
        "misses {n} times in a row?",
        "a=1..5 e=1..7* b:{a}+{e} n=2..4", "({b} - {a})**{n}", "{b}**{n}",
    ),
    T(
        "A wheel has {n} equal parts with the numbers 1 to {n}. A player wins as many dollars as it shows. How many "
        "dollars does a player win on average?",
        "n=3..90*", "{n} + 1", "2",
    ),
    T(
        "A lottery has {n} tickets: one wins {a} dollars, {k} win {b} dollars each, and the others win nothing. How "
        "many dollars does a ticket win on average?",
        "k=2..9 e=5..90* n:{k}+1+{e} a=50..500* b=2..40", "{a} + {k}*{b}", "{n}",
    ),
    T(
        "A restaurant offers {a} starters, {b} main dishes and {c} desserts. A meal is one main dish, with or "
        "without one starter and with or without one dessert. How many different meals are there?",
        "a=2..12* b=2..12* c=2..12*", "({a} + 1)*{b}*({c} + 1)",
    ),
    T(
        "How many triangles can be drawn whose corners are three of {n} points on a circle?",
        "n=4..40*", "C({n},3)",
    ),
    T(
        "A team of {k} is drawn by lot from {n} people, among them {x} and {y}. What is the probability that both "
        "are in the team?",
        "k=2..6 e=1..12* n:{k}+{e}", "{k}*({k} - 1)", "{n}*({n} - 1)",
    ),
    T(
        "{n} married couples are at a party. Two of the people are chosen at random. What is the probability that "
        "they are married to each other?",
        "n=2..60*", "1", "2*{n} - 1",
    ),
    T(
        "A password consists of {a} different symbols out of {n}, in any order, followed by a digit from 0 to 9. How "
        "many passwords are there?",
        "a=2..4 e=1..20* n:{a}+{e}", "10*C({n},{a})*factorial({a})",
    ),
)  # fmt: skip
"""Different kinds of problem."""
