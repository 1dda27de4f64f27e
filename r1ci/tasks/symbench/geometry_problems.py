"""Problems of geometry whose answers are fractions, roots and multiples of pi."""

from __future__ import annotations

from r1ci.tasks.symbench.templates import Template as T

PROBLEMS = (
    T(
        "A rectangle is {a} wide and {b} high. What is its area?",
        "a=2..40* b=2..40*", "{a}*{b}",
    ),
    T(
        "The sides of a right triangle that meet at the right angle are {a} and {b}. How long is the third side?",
        "a=1..20* b=1..20*", "{a}**2 + {b}**2", "1", "sqrt({})",
    ),
    T(
        "A circle has radius {r}. What is its area?",
        "r=2..60*", "{r}**2", "1", "{}*pi",
    ),
    T(
        "A circle has diameter {d}. What is its circumference?",
        "d=2..90*", "{d}", "1", "{}*pi",
    ),
    T(
        "A circle has diameter {d}. What is its area?",
        "d=3..60*", "{d}**2", "4", "{}*pi",
    ),
    T(
        "An equilateral triangle has sides of length {s}. What is its area?",
        "s=2..50*", "{s}**2", "4", "{}*sqrt(3)",
    ),
    T(
        "An equilateral triangle has sides of length {s}. What is its height?",
        "s=2..90*", "{s}", "2", "{}*sqrt(3)",
    ),
    T(
        "A square has a diagonal of length {d}. What is its area?",
        "d=2..90*", "{d}**2", "2",
    ),
    T(
        "A square has an area of {a}. How long is its diagonal?",
        "a=2..400*", "2*{a}", "1", "sqrt({})",
    ),
    T(
        "A cube has edges of length {e}. How long is the line from one corner through the cube's centre to the "
        "opposite corner?",
        "e=2..60*", "{e}", "1", "{}*sqrt(3)",
    ),
    T(
        "A box is {a} long, {b} wide and {c} high. How long is the straight line between two opposite corners of the "
        "box?",
        "a=1..12* b=1..12* c=1..12*", "{a}**2 + {b}**2 + {c}**2", "1", "sqrt({})",
    ),
    T(
        "A box is {a} long, {b} wide and {c} high. What is the total area of its six faces?",
        "a=2..20* b=2..20* c=2..20*", "2*({a}*{b} + {a}*{c} + {b}*{c})",
    ),
    T(
        "A cylinder has radius {r} and height {h}. What is its volume?",
        "r=2..15* h=2..20*", "{r}**2*{h}", "1", "{}*pi",
    ),
    T(
        "A cylinder has radius {r} and height {h}. What is the area of its whole surface, with both round ends?",
        "r=2..15* h=2..20*", "2*{r}*({r} + {h})", "1", "{}*pi",
    ),
    T(
        "A cone has radius {r} and height {h}. What is its volume?",
        "r=2..15* h=2..20*", "{r}**2*{h}", "3", "{}*pi",
    ),
    T(
        "A ball has radius {r}. What is its volume?",
        "r=2..30*", "4*{r}**3", "3", "{}*pi",
    ),
    T(
        "A ball has radius {r}. What is the area of its surface?",
        "r=2..60*", "4*{r}**2", "1", "{}*pi",
    ),
    T(
        "A cone has a base of radius {r} and a height of {h}. How long is the straight line from its tip to the edge "
        "of its base?",
        "r=1..20* h=1..20*", "{r}**2 + {h}**2", "1", "sqrt({})",
    ),
    T(
        "A trapezoid has parallel sides of length {a} and {b}, which are {h} apart. What is its area?",
        "a=2..30* b=2..30* h=2..20*", "({a} + {b})*{h}", "2",
    ),
    T(
        "A rhombus has diagonals of length {a} and {b}. What is its area?",
        "a=3..40* b=3..40*", "{a}*{b}", "2",
    ),
    T(
        "A rhombus has diagonals of length {a} and {b}. What is its perimeter?",
        "a=2..30* b=2..30*", "4*({a}**2 + {b}**2)", "1", "sqrt({})",
    ),
    T(
        "A sector of a circle of radius {r} has an angle of {d} degrees at the centre. What is the area of the "
        "sector?",
        "r=2..20* d=10..350", "{r}**2*{d}", "360", "{}*pi",
    ),
    T(
        "An arc of a circle of radius {r} belongs to an angle of {d} degrees at the centre. How long is the arc?",
        "r=2..20* d=10..350", "2*{r}*{d}", "360", "{}*pi",
    ),
    T(
        "In a plane with coordinates, how far is the point ({a}, {b}) from the point ({c}, {d})?",
        "a=-9..9* b=-9..9* c=10..30* d=10..30*", "({a} - {c})**2 + ({b} - {d})**2", "1", "sqrt({})",
    ),
    T(
        "What is the area of the triangle with the corners (0, 0), ({a}, 0) and ({b}, {c})?",
        "a=2..30* b=-9..20* c=2..30*", "{a}*{c}", "2",
    ),
    T(
        "A line goes through the points ({a}, {b}) and ({c}, {d}). What is its slope?",
        "a=-9..9 b=-20..20 c=10..30* d=21..40*", "{d} - {b}", "{c} - {a}",
    ),
    T(
        "A regular polygon has {n} sides. How many degrees is each of its interior angles?",
        "n=3..60*", "180*({n} - 2)", "{n}",
    ),
    T(
        "How many diagonals does a convex polygon with {n} corners have?",
        "n=4..60*", "{n}*({n} - 3)", "2",
    ),
    T(
        "A regular hexagon has sides of length {s}. What is its area?",
        "s=2..40*", "3*{s}**2", "2", "{}*sqrt(3)",
    ),
    T(
        "A ring lies between two circles with the same centre and the radii {a} and {b}. What is its area?",
        "a=2..20* d=1..20* b:{a}+{d}", "{b}**2 - {a}**2", "1", "{}*pi",
    ),
    T(
        "A chord of a circle of radius {r} is {d} away from the centre. How long is the chord?",
        "d=1..15* e=1..15* r:{d}+{e}", "4*({r}**2 - {d}**2)", "1", "sqrt({})",
    ),
    T(
        "Two similar triangles have matching sides of length {a} and {b}. The first has an area of {s}. What is the "
        "area of the second?",
        "a=2..12* b=2..20* s=5..60*", "{s}*{b}**2", "{a}**2",
    ),
    T(
        "Two angles of a triangle are {a} and {b} degrees. How many degrees is the third angle?",
        "a=5..85 b=5..85", "180 - {a} - {b}",
    ),
    T(
        "A right triangle has an angle of 30 degrees, and its longest side is {c}. What is its area?",
        "c=2..50*", "{c}**2", "8", "{}*sqrt(3)",
    ),
    T(
        "A right triangle has two equal sides of length {a}. How long is its longest side?",
        "a=2..90*", "{a}", "1", "{}*sqrt(2)",
    ),
    T(
        "A circle is drawn inside a square with sides of length {s} so that it touches all four sides. What is the "
        "area of the circle?",
        "s=3..60*", "{s}**2", "4", "{}*pi",
    ),
    T(
        "A square is drawn inside a circle of radius {r} so that all its corners lie on the circle. What is the area "
        "of the square?",
        "r=2..60*", "2*{r}**2",
    ),
    T(
        "A pyramid has a square base with sides of length {s} and a height of {h}. What is its volume?",
        "s=2..20* h=2..20*", "{s}**2*{h}", "3",
    ),
    T(
        "A point is {d} away from the centre of a circle of radius {r}. How long is a tangent from the point to the "
        "circle?",
        "r=1..15* e=1..15* d:{r}+{e}", "{d}**2 - {r}**2", "1", "sqrt({})",
    ),
    T(
        "A triangle has sides of length {a} and {b} with an angle of 60 degrees between them. What is its area?",
        "a=2..30* b=2..30*", "{a}*{b}", "4", "{}*sqrt(3)",
    ),
    T(
        "A triangle has sides of length {a} and {b} with an angle of 60 degrees between them. How long is its third "
        "side?",
        "a=2..20* b=2..20*", "{a}**2 + {b}**2 - {a}*{b}", "1", "sqrt({})",
    ),
    T(
        "An isosceles triangle has a base of length {c} and a height of {h} on it. What is its perimeter minus its "
        "base?",
        "h=1..20* c=2..30*", "{c}**2 + 4*{h}**2", "1", "sqrt({})",
    ),
)  # fmt: skip
"""Different kinds of problem."""
