"""How numbers are written in a report: percent with one decimal, differences in points with their sign."""

from __future__ import annotations

from r1ci.report.stats import Estimate

MINUS = "\u2212"
NONE = "\u2013"


def percent(value: float | None) -> str:
    """0.4321 -> 43.2; the unit is in the heading."""
    return NONE if value is None else f"{100 * value:.1f}"


def points(value: float | None) -> str:
    """0.061 -> +6.1, with a real minus sign."""
    if value is None:
        return NONE
    rounded = round(100 * value, 1)
    return f"{'+' if rounded > 0 else MINUS if rounded < 0 else ''}{abs(rounded):.1f}"


def bounds(estimate: Estimate | None, *, signed: bool = False) -> str:
    """The interval, as in "40.1 to 46.2"."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return "no interval"
    write = points if signed else percent
    return f"{write(estimate.low)} to {write(estimate.high)}"


def p_value(p: float | None) -> str:
    """p = 0.004; below a thousandth only that."""
    if p is None:
        return "no p-value"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.0995 else f"p = {p:.2f}"


def number(value: float | None, digits: int = 3) -> str:
    """Shortest writing with the given significant digits."""
    if value is None:
        return NONE
    if 0 < abs(value) < 1e-3:
        mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}".replace("-", MINUS)
    text = f"{value:,.{digits}g}" if abs(value) < 1000 else f"{value:,.0f}"
    return text.replace("-", MINUS)


def signed(value: float) -> str:
    """0.42 -> +0.42, with a real minus sign."""
    return f"{value:+.2f}".replace("-", MINUS)


def duration(seconds: float | None) -> str:
    """75 -> 1 min 15 s."""
    if seconds is None:
        return NONE
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def plural(count: int, one: str) -> str:
    """1 seed, 2 seeds."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def sample_sizes(estimate: Estimate) -> str:
    """3 seeds, 8 tasks, 160 questions."""
    sizes = ((estimate.seeds, "seed"), (estimate.tasks, "task"), (estimate.questions, "question"))
    return ", ".join(plural(count, one) for count, one in sizes)


def left_out(drawn: int, of: int) -> str:
    """A sentence to follow others where some rows are not drawn; empty where all are."""
    if drawn == of:
        return ""
    return f" Drawn here: {drawn} of {of:,}, the baseline and the first others. All are in index.json."
