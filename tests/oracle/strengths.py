"""strengths - section 9: a manager's levers against the peers of the team, shrunk for small samples, in money.

Shrinking is Bühlmann's credibility (H. Bühlmann, "Experience rating and credibility", ASTIN Bulletin 4, 1967) with a
fixed k: a manager with n records stands n / (n + k) of the way from the team's mean to the own one.
"""

from fractions import Fraction

import measures
from exact import fixed, half_even

# lever -> (sum, its count, unit)
RATES = {
    "win_rate": ("won", "closed", "ratio"),
    "average_check": ("won_amount", "won_with_amount", "money"),
    "cycle_time": ("cycle_us", "cycles", "seconds"),
}
LEVERS = ("win_rate", "average_check", "cycle_time", "deals")
NAMES = ["won", "lost", "won_amount", "won_with_amount", "cycle_us", "cycles", "deals"]


def texts(oracle, period, as_of, k=10):
    """{(manager, name): text} of a window."""
    organisation = oracle.organisation
    peers = {}
    for manager in organisation.rows:
        team = organisation.team(manager, as_of)
        if team is not None:
            peers.setdefault(team, []).append(manager)
    measured = measures.sums(oracle, "manager", period, as_of, NAMES)
    found = {}
    for team, managers in peers.items():
        if len(managers) < 2:
            continue
        own = {manager: dict.fromkeys(NAMES, Fraction(0)) | measured.get(manager, {}) for manager in managers}
        for of_manager in own.values():
            of_manager["closed"] = of_manager["won"] + of_manager["lost"]
        pooled = {name: sum(of[name] for of in own.values()) for name in (*NAMES, "closed")}
        for manager, of_manager in own.items():
            for name, text in judge(of_manager, pooled, len(managers), k, oracle.decimals).items():
                found[manager, name] = text
            found[manager, "strengths.team"] = team
            found[manager, "strengths.peers"] = str(len(managers))
    return found


def judge(own, pooled, peers, k, decimals):
    """{name: text} of one manager."""
    shrunk, mean, unit = {}, {}, {}
    for lever, (total, count, of_unit) in RATES.items():
        unit[lever] = of_unit
        if pooled[count] > 0:  # below 0 where booked corrections have taken more back than came in
            mean[lever] = pooled[total] / pooled[count]
            if own[count] + k > 0:
                shrunk[lever] = (own[total] + k * mean[lever]) / (own[count] + k)
    mean["deals"], shrunk["deals"], unit["deals"] = pooled["deals"] / peers, own["deals"], "count"

    found = {}
    for lever in LEVERS:
        if lever in shrunk:
            found[lever + ".shrunk"] = measures.text(unit[lever], shrunk[lever], decimals)
        if lever in mean:
            found[lever + ".team"] = (
                _two_decimals(mean[lever]) if lever == "deals" else measures.text(unit[lever], mean[lever], decimals)
            )
        if mean.get(lever) and shrunk.get(lever):
            index = shrunk[lever] / mean[lever]
            found[lever + ".index"] = measures.text("ratio", 1 / index if lever == "cycle_time" else index, decimals)

    sizes = sizes_of(own, shrunk, mean)
    for lever, size in sizes.items():
        found[lever + ".size"] = measures.text("money", size, decimals)
    if any(size > 0 for size in sizes.values()):
        found["strengths.weakest"] = max(sizes, key=sizes.get)  # of equal ones the first, in the order of LEVERS
    if any(size < 0 for size in sizes.values()):
        found["strengths.strongest"] = min(sizes, key=sizes.get)
    return found


def sizes_of(own, shrunk, mean):
    """What the level of the peers would bring, in money."""
    if "win_rate" not in shrunk or "average_check" not in shrunk:
        return {}
    closed, rate, check = own["closed"], shrunk["win_rate"], shrunk["average_check"]
    sizes = {
        "win_rate": closed * (mean["win_rate"] - rate) * check,
        "average_check": closed * rate * (mean["average_check"] - check),
    }
    if mean.get("cycle_time", 0) > 0 and "cycle_time" in shrunk:
        sizes["cycle_time"] = closed * rate * check * (shrunk["cycle_time"] / mean["cycle_time"] - 1)
    sizes["deals"] = (mean["deals"] - shrunk["deals"]) * rate * check
    return sizes


def _two_decimals(value):
    return fixed(half_even(value.numerator * 100, value.denominator), 2)
