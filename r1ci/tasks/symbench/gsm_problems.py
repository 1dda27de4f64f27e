"""Word problems with large numbers: those marked with two stars have as many digits as the difficulty says."""

from __future__ import annotations

from r1ci.tasks.symbench.templates import Template as T

PROBLEMS = (
    T(
        "{x} sells {a} notebooks in the morning and {b} in the afternoon, at {c} dollars each. How many dollars does "
        "{x} take in?",
        "a=2..9** b=2..9** c=2..19", "({a} + {b})*{c}",
    ),
    T(
        "A warehouse holds {a} crates with {b} bottles each. {c} bottles are broken. How many whole bottles are "
        "there?",
        "a=2..9** b=6..48 c=2..5", "{a}*{b} - {c}",
    ),
    T(
        "{x} has {t} dollars and buys {a} chairs at {p} dollars each. How many dollars are left?",
        "a=2..60 p=2..9** r=2..9** t:{a}*{p}+{r}", "{t} - {a}*{p}",
    ),
    T(
        "A train makes {a} trips a day with {b} passengers on each. How many passengers does it carry in {w} weeks?",
        "a=2..14 b=2..9** w=2..20", "{a}*{b}*7*{w}",
    ),
    T(
        "{x} shares {t} beads equally among {n} friends and keeps none. {y}, one of the friends, then gives {g} "
        "beads away. How many beads does {y} have left?",
        "n=3..25 q=10..90** g=2..9 t:{n}*{q}", "{t}/{n} - {g}",
    ),
    T(
        "A bakery bakes {a} loaves every day. On {d} days it sells all but {u} of them, and the unsold ones are "
        "given away. How many loaves does it sell on these days?",
        "a=10..90** d=3..30 u=2..9", "({a} - {u})*{d}",
    ),
    T(
        "{x} earns {h} dollars an hour and twice as much for each hour beyond 40 in a week. How many dollars does "
        "{x} earn in a week of {t} hours?",
        "h=2..9** e=1..20 t:40+{e}", "40*{h} + ({t} - 40)*2*{h}",
    ),
    T(
        "A tank contains {t} litres. A pump takes out {p} litres a minute for {m} minutes, then {f} litres are "
        "poured in. How many litres are in the tank?",
        "p=12..95 m=5..60 r=2..9** f=2..9** t:{p}*{m}+{r}", "{t} - {p}*{m} + {f}",
    ),
    T(
        "{x} is {k} times as rich as {y}, who owns {a} dollars. How many dollars do they own together?",
        "k=3..40 a=2..9**", "{a}*({k} + 1)",
    ),
    T(
        "A library has {a} shelves with {b} books each and buys {c} more books. It then lends out half of its books. "
        "How many books are left in the library?",
        "a=2..90 d=2..9** b:2*{d} e=2..9** c:2*{e}", "({a}*{b} + {c})/2",
    ),
    T(
        "Tickets for a show cost {p} dollars for adults and {q} dollars for children. {a} adults and {c} children "
        "come, and the hall costs {h} dollars. How many dollars are earned after paying for the hall?",
        "p=20..95 q=5..19 a=2..9** c=2..9** h=10..24", "{p}*{a} + {q}*{c} - {h}",
    ),
    T(
        "A factory makes {a} screws an hour in {n} machines each, and {d} of all screws made in {h} hours are "
        "faulty. How many good screws are made in these hours?",
        "a=2..9** n=2..30 h=2..24 d=2..4", "{a}*{n}*{h} - {d}",
    ),
    T(
        "{x} walks {a} steps on Monday. Every day after that, {x} walks {b} steps more than on the day before. How "
        "many steps is that from Monday to Friday?",
        "a=2..9** b=100..990", "5*{a} + 10*{b}",
    ),
    T(
        "The population of a town was {a}. It doubled, and then {b} people moved away and {c} people moved in. How "
        "many people live there now?",
        "b=100..990 r=2..9** a:{b}+{r} c=2..9**", "2*{a} - {b} + {c}",
    ),
    T(
        "{x} buys {a} pens at {p} cents and {b} rulers at {q} cents. {y} pays a third of the price. How many cents "
        "does {y} pay?",
        "d=2..9** a:3*{d} p=15..99 e=2..9** b:3*{e} q=40..199", "({a}*{p} + {b}*{q})/3",
    ),
    T(
        "A farmer harvests {t} apples and packs them in boxes of {n}. Each full box is sold for {p} dollars; there "
        "is no rest. How many dollars do the boxes bring?",
        "n=8..48 q=2..9** p=3..29 t:{n}*{q}", "{t}/{n}*{p}",
    ),
    T(
        "A phone costs {a} dollars. {x} pays {d} dollars at once and the rest in {n} equal payments. How many "
        "dollars is each payment?",
        "n=3..36 q=2..9** d=10..900 a:{n}*{q}+{d}", "({a} - {d})/{n}",
    ),
    T(
        "A cinema has {r} rows of {s} seats. At each of {n} showings, {e} seats stay empty. How many tickets are "
        "sold in all, if every filled seat is one ticket?",
        "r=10..60 s=2..9** n=2..40 e=2..9", "({r}*{s} - {e})*{n}",
    ),
    T(
        "{x} saves {a} dollars a month for {y}'s present. After {m} months, {x} spends {s} dollars of the savings "
        "and gets {g} dollars from an aunt. How many dollars does {x} have then?",
        "a=2..9** m=3..48 s=2..4 g=2..9**", "{a}*{m} - {s} + {g}",
    ),
    T(
        "A ship carries {a} containers of {w} kilograms each and {b} containers of twice that weight. How many "
        "kilograms does it carry?",
        "a=12..950 w=2..9** b=10..800", "{a}*{w} + {b}*2*{w}",
    ),
    T(
        "{x} reads {a} words a minute and {y} reads {d} words a minute more. How many words do they read together in "
        "{h} hours?",
        "a=2..9** d=10..90 h=2..12", "({a} + {a} + {d})*60*{h}",
    ),
    T(
        "A school orders {b} buses. {n} of them take {a} pupils each and the others {c} pupils each; all buses are "
        "full. How many pupils go on the trip?",
        "n=3..40 m=2..30 b:{n}+{m} a=2..9** c=20..60", "{n}*{a} + ({b} - {n})*{c}",
    ),
    T(
        "A printer prints {a} pages an hour. It runs {h} hours a day for {d} days, except for {m} hours of repair. "
        "How many pages does it print?",
        "a=2..9** h=4..20 d=3..30 m=2..4", "{a}*({h}*{d} - {m})",
    ),
    T(
        "{x} has {k} times as many stamps as {y}, and a museum has {z} stamps more than {x}. The museum has {t} "
        "stamps. How many stamps does {y} have?",
        "k=3..30 q=2..9** z=1..900 t:{k}*{q}+{z}", "({t} - {z})/{k}",
    ),
    T(
        "Three brothers inherit {t} dollars. The eldest gets half of it, the second {s} dollars, and the youngest "
        "the rest. How many dollars does the youngest get?",
        "s=2..9** r=2..9** t:2*({s}+{r})", "{t}/2 - {s}",
    ),
    T(
        "A rectangular field is {a} metres long and {b} metres shorter than that in width. A fence of {p} dollars a "
        "metre is put all around it. How many dollars does the fence cost?",
        "b=2..9 r=2..9** a:{r}+{b} p=5..45", "2*({a} + {a} - {b})*{p}",
    ),
    T(
        "A cafe sold {a} cups of coffee in January. In February it sold {p} percent more. How many cups did it sell "
        "in the two months together?",
        "q=2..9** a:100*{q} p=5..95", "2*{a} + {a}*{p}/100",
    ),
    T(
        "A coat of {a} dollars is sold at {p} percent less. {x} buys {n} of these coats. How many dollars does {x} "
        "pay?",
        "q=2..9** a:100*{q} p=5..80 n=2..40", "{n}*({a} - {a}*{p}/100)",
    ),
    T(
        "{x} drives {a} kilometres a day on {d} days. The car needs 1 litre for every {k} kilometres, and a litre "
        "costs {p} cents. How many cents does the fuel cost?",
        "k=8..25 q=2..9** a:{k}*{q} d=3..60 p=120..260", "{a}*{d}/{k}*{p}",
    ),
    T(
        "A gardener plants {r} rows of {t} tulips and {s} rows of {d} daffodils. {b} of the flowers do not bloom. "
        "How many bloom?",
        "r=5..70 t=2..9** s=4..60 d=2..9** b=2..9", "{r}*{t} + {s}*{d} - {b}",
    ),
    T(
        "{x} is paid {a} dollars for the first photo and {b} dollars more for each next one than for the one before. "
        "How many dollars is {x} paid for {n} photos?",
        "a=2..9** b=5..95 n=3..40", "{n}*{a} + {b}*{n}*({n} - 1)/2",
    ),
    T(
        "A bank account holds {a} dollars. Each year {p} percent of the first amount is added. How many dollars does "
        "it hold after {n} years?",
        "q=2..9** a:100*{q} p=2..12 n=3..25", "{a} + {a}*{p}*{n}/100",
    ),
    T(
        "{n} workers lay {a} bricks each a day. After {d} days, half of the workers leave and the others go on for "
        "{e} days. How many bricks are laid in all?",
        "h=2..30 n:2*{h} a=2..9** d=2..30 e=2..30", "{n}*{a}*{d} + {n}/2*{a}*{e}",
    ),
    T(
        "A box of {n} pencils costs {p} dollars. {x} needs {t} pencils for {y}'s school. How many dollars do they "
        "cost, in full boxes?",
        "n=6..24 p=2..19 q=2..9** t:{n}*{q}", "{t}/{n}*{p}",
    ),
)  # fmt: skip
"""Different kinds of word problem."""
