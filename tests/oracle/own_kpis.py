"""own_kpis - section 10: KPIs of the configuration, a formula over measures with a filter over names.

A formula is parsed to nested tuples, judged for its type, and computed with Fractions; a filter is parsed and written
as SQL. What is wrong with a definition raises Wrong.
"""

import re
from fractions import Fraction

import measures

UNITS = ("count", "money", "ratio", "seconds", "quantity", "score")
SIZED = ("money", "seconds", "quantity", "score")  # types that only a plain number can multiply
PLAIN = ("number", "count", "ratio")


class Wrong(Exception):
    """The definition of a KPI cannot be used; the text says why."""


class Tokens:
    def __init__(self, text, pattern):
        self.all = []
        while text := text.lstrip(" \t"):
            match = re.match(pattern, text, re.ASCII)
            if not match:
                raise Wrong(f"not understood: {text[:20]}")
            self.all.append(match[0])
            text = text[match.end() :]

    def peek(self):
        return self.all[0] if self.all else ""

    def take(self, *wanted):
        if wanted and self.peek() not in wanted:
            raise Wrong(f"{' or '.join(wanted)} expected, not {self.peek() or 'the end'}")
        if not self.all:
            raise Wrong("it ends too early")
        return self.all.pop(0)

    def end(self):
        if self.all:
            raise Wrong(f"the end expected, not {self.peek()}")


def parse_formula(text):
    """("+", a, b), …, ("number", Fraction), ("measure", name)."""
    tokens = Tokens(text, r"\d+(?:\.\d+)?|[a-z][a-z0-9_]*|[-+*/()]")

    def level(operators, below):
        left = below()
        while tokens.peek() in operators:
            left = (tokens.take(), left, below())
        return left

    def atom():
        token = tokens.take()
        if token == "(":
            inner = whole()
            tokens.take(")")
            return inner
        if token[0].isdigit():
            return ("number", Fraction(token))
        if token not in measures.TYPES:
            raise Wrong(f"no measure: {token}")
        return ("measure", token)

    def product():
        return level(("*", "/"), atom)

    def whole():
        return level(("+", "-"), product)

    tree = whole()
    tokens.end()
    return tree


def type_of(tree):
    if tree[0] == "number":
        return "number"
    if tree[0] == "measure":
        return measures.TYPES[tree[1]]
    operator, left, right = tree[0], type_of(tree[1]), type_of(tree[2])
    wrong = Wrong(f"{left} {operator} {right}")
    if operator in "+-":
        if left != right:
            raise wrong
        return left
    if operator == "*":
        if left in SIZED and right in SIZED:
            raise wrong
        if left in SIZED or right in SIZED:
            return left if left in SIZED else right
        # number x T = T; count x count and count x ratio = count; ratio x ratio = ratio
        return "count" if "count" in (left, right) else "ratio" if "ratio" in (left, right) else "number"
    if right == "number":
        return left
    if left == right:
        return "ratio"
    if left in SIZED and right in PLAIN or right == "quantity" and left in ("money", "seconds"):
        return left
    if (left, right) == ("count", "ratio"):
        return "count"
    if left in PLAIN and right in ("count", "ratio"):
        return "ratio"
    raise wrong


def names_in(tree):
    if tree[0] in ("number", "measure"):
        return [tree[1]] if tree[0] == "measure" else []
    return list(dict.fromkeys(names_in(tree[1]) + names_in(tree[2])))


def degree(tree):
    """0: a number, 1: one sum, 2: neither."""
    if tree[0] in ("number", "measure"):
        return int(tree[0] == "measure")
    left, right = degree(tree[1]), degree(tree[2])
    if tree[0] in "+-":
        return left if left == right else 2
    if tree[0] == "*":
        return min(left + right, 2)
    return left if right == 0 else 2


def compute(tree, measured):
    """A Fraction; ZeroDivisionError where it divides by nothing."""
    if tree[0] == "number":
        return tree[1]
    if tree[0] == "measure":
        return measured.get(tree[1], Fraction(0))
    left, right = compute(tree[1], measured), compute(tree[2], measured)
    if tree[0] == "+":
        return left + right
    if tree[0] == "-":
        return left - right
    return left * right if tree[0] == "*" else left / right


def parse_filter(text):
    """A filter as SQL that is 1 or 0: a name that is missing equals nothing."""
    tokens = Tokens(text, r'"(?:[^"\\]|\\["\\])*"|!=|=|[(),]|[a-z_]+')

    def quoted():
        token = tokens.take()
        if token[0] != '"':
            raise Wrong(f"a text between quotes expected, not {token}")
        plain = re.sub(r"\\(.)", r"\1", token[1:-1])
        return "'" + plain.replace("'", "''") + "'"

    def comparison():
        if tokens.peek() == "not":
            tokens.take()
            return f"NOT ({comparison()})"
        if tokens.peek() == "(":
            tokens.take()
            inner = either()
            tokens.take(")")
            return f"({inner})"
        name = tokens.take()
        if name not in measures.NAMES:
            raise Wrong(f"no name to filter by: {name}")
        operator = tokens.take("=", "!=", "in", "not")
        if operator in ("=", "!="):
            found = f"({name} IS {quoted()})"
        else:
            if operator == "not":
                tokens.take("in")
            tokens.take("(")
            wanted = [quoted()]
            while tokens.peek() == ",":
                tokens.take()
                wanted.append(quoted())
            tokens.take(")")
            found = "(" + " OR ".join(f"{name} IS {one}" for one in wanted) + ")"
        return f"NOT {found}" if operator in ("!=", "not") else found

    def both():
        found = [comparison()]
        while tokens.peek() == "and":
            tokens.take()
            found.append(comparison())
        return " AND ".join(found)

    def either():
        found = [both()]
        while tokens.peek() == "or":
            tokens.take()
            found.append(both())
        return " OR ".join(found)

    sql = either()
    tokens.end()
    return f"({sql})"


class OwnKpi:
    """What stands in the configuration, judged."""

    def __init__(self, name, formula, unit, better="up", filter=None, absent=None, sample=None, **_):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name, re.ASCII) or name in measures.UNITS:
            raise Wrong(f"no name: {name}")
        if unit not in UNITS or better not in ("up", "down") or absent not in (None, "zero", "none"):
            raise Wrong("no such unit, direction or absence")
        self.name, self.unit = name, unit
        self.tree = parse_formula(formula)
        self.names = names_in(self.tree)
        if not self.names:
            raise Wrong("it names no measure")
        if type_of(self.tree) != unit:
            raise Wrong(f"the formula is {type_of(self.tree)}, the unit {unit}")
        if sample is not None and measures.TYPES.get(sample) != "count":
            raise Wrong(f"no count: {sample}")
        self.sample = sample
        self.passes = parse_filter(filter) if filter is not None else "1"
        self.additive = degree(self.tree) == 1
        self.zero = absent == "zero" or absent is None and self.additive

    def value(self, measured):
        """A Fraction, or None where it has no value."""
        if not any(measured.get(name) for name in self.names):
            return None
        try:
            value = compute(self.tree, measured)
        except ZeroDivisionError:
            return None
        return None if self.zero and value == 0 else value

    def measured(self, oracle, by, period, as_of):
        names = self.names + ([self.sample] if self.sample and self.sample not in self.names else [])
        return measures.sums(oracle, by, period, as_of, names, self.passes)

    def values(self, oracle, by, period, as_of):
        """{entity: Fraction}."""
        found = {entity: self.value(of) for entity, of in self.measured(oracle, by, period, as_of).items()}
        return {entity: value for entity, value in found.items() if value is not None}

    def texts(self, oracle, by, period, as_of):
        """{entity: (text, n)}; n is None where it is 0 or there is no sample."""
        found = {}
        for entity, of_entity in self.measured(oracle, by, period, as_of).items():
            value = self.value(of_entity)
            if value is not None:
                n = int(of_entity.get(self.sample, 0)) or None
                found[entity] = (measures.text(self.unit, value, oracle.decimals), n)
        return found
