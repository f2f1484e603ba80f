"""intervals - section 9: the Wilson 95 % interval of the KPIs that are shares, to six decimals outwards.

E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Am. Stat. Assoc. 22 (1927).
With z = 1.96 = 49/25 the edges are (2x + z² ± z √(z² + 4x(n - x)/n)) / (2(n + z²)), here in whole numbers.
"""

from math import isqrt

import measures
from exact import fixed

SHARES = {
    "win_rate": ("won", ("won", "lost")),
    "win_rate_cohort": ("deals_won_since", ("deals",)),
    "conversion_cohort": ("leads_converted", ("leads",)),
    "repeat_rate": ("repeat_deals", ("customer_deals",)),
    "payback_share": ("new_paid_back", ("new_with_cost",)),
    "csat": ("csat_satisfied", ("csat_answers",)),
}


def wilson(x, n):
    """(low, high) in millionths: the largest at most the lower edge, the smallest at least the upper one."""
    # all by 625 n; m <= (middle - root) / whole if and only if the root, rounded up, is at most middle - m whole
    middle, whole = n * (1250 * x + 2401), 2 * n * (625 * n + 2401)
    squared = 10**12 * 2401 * (2401 * n * n + 2500 * n * x * (n - x))
    root = isqrt(squared)
    root += root * root < squared
    return (10**6 * middle - root) // whole, -((-(10**6) * middle - root) // whole)


def texts(oracle, by, period, as_of):
    """{(entity, kpi + ".low" or ".high"): text}."""
    found = {}
    names = sorted({name for part, whole in SHARES.values() for name in (part, *whole)})
    for entity, of_entity in measures.sums(oracle, by, period, as_of, names).items():
        for kpi, (part, whole) in SHARES.items():
            n = int(sum(of_entity.get(name, 0) for name in whole))
            x = int(of_entity.get(part, 0))
            if n > 0 and 0 <= x <= n:  # else booked corrections have left no share of something
                low, high = wilson(x, n)
                found[entity, kpi + ".low"] = fixed(low, 6)
                found[entity, kpi + ".high"] = fixed(high, 6)
    return found
