"""mutations - small breaks of C sources, made mechanically from their text, and a choice among them by seed.

Each mutation changes one place of one line, so that line numbers stay: a comparison is flipped or widened by one,
+ and - or && and || are swapped, a term or a factor of a condition is dropped, a condition is negated, a call, a break or
a continue is dropped, a constant is changed, true and false are swapped. Comments, strings, the preprocessor and
REQUIRE (which states what cannot be) are left alone.

The choice is proportional to the lines of the files. Within a file it goes by a hash of the seed and the changed text,
not of the place: an edit elsewhere leaves the rest of the choice as it was.
"""

import hashlib
import re
from collections import namedtuple

Mutation = namedtuple("Mutation", "file line column what old new")  # old and new: the whole line

COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
STATEMENTS = re.compile(r"^(if|for|while|switch|return|sizeof|va_\w+|require_failed|static_assert|_Static_assert)$")
OPERAND = r"(?:\([\w*\s]+\))?!?\w+(?:->\w+|\.\w+|\[[^\][]*\])*(?:\((?:[^()]|\([^()]*\))*\))?"


def masked(text):
    """The source with comments, strings and characters blanked out, of the same length and lines."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", "\x01", m.group()), text)


def statements_of_require(lines):
    """Numbers of the lines that belong to a REQUIRE or to the preprocessor."""
    found, depth, continued = set(), 0, False
    for number, line in enumerate(lines):
        if continued or line.lstrip().startswith("#"):
            found.add(number)
            continued = line.endswith("\\")
            continue
        at = line.find("REQUIRE")
        if at >= 0 or depth > 0:
            found.add(number)
            part = line[max(at, 0) :] if depth == 0 else line
            depth += part.count("(") - part.count(")")
    return found


def balanced(line, at):
    """The index after the bracket that closes the one at `at`, or None."""
    depth = 0
    for i in range(at, len(line)):
        depth += (line[i] == "(") - (line[i] == ")")
        if depth == 0:
            return i + 1
    return None


def changed_constant(digits):
    value = int(digits)
    return "1" if value == 0 else "0" if value == 1 else str(value + 1) if value < 100 else str(value * 2)


def changes(line, mask):
    """(column, what, new line) for each mutation of a line; mask is the line without comments and strings."""

    def put(start, end, text, what):
        return start, what, line[:start] + text + line[end:]

    for m in re.finditer(r"(?<= )(<=|>=|==|!=|<|>)(?= )", mask):
        yield put(*m.span(), COMPARISONS[m.group()], f"{m.group()} becomes {COMPARISONS[m.group()]}")
    for m in re.finditer(r"(?<=[\w)\]] )([+-])(?= )", mask):
        other = "-" if m.group() == "+" else "+"
        yield put(*m.span(), other, f"{m.group()} becomes {other}")
    for m in re.finditer(r"(?<= )([+-])=(?= )", mask):
        other = "-=" if m.group(1) == "+" else "+="
        yield put(*m.span(), other, f"{m.group()} becomes {other}")
    for m in re.finditer(r"(\+\+|--)(?=;)", mask):
        other = "--" if m.group() == "++" else "++"
        yield put(*m.span(), other, f"{m.group()} becomes {other}")
    for m in re.finditer(r"&&|\|\|", mask):
        other = "||" if m.group() == "&&" else "&&"
        yield put(*m.span(), other, f"{m.group()} becomes {other}")
    for m in re.finditer(rf" ([+-]|&&|\|\|) {OPERAND}(?=[;,)\]]| [+&|]| - )", mask):
        yield put(*m.span(), "", f"drops {line[m.start() : m.end()].strip()}")
    for m in re.finditer(rf"(?<=\()({OPERAND}) (&&|\|\|) ", mask):
        yield put(*m.span(), "", f"drops {line[m.start() : m.end()].strip()}")
    for m in re.finditer(r"\b(?:if|while) (?=\()", mask):
        end = balanced(mask, m.end())
        if end:
            yield put(m.end(), end, f"(!{line[m.end() : end]})", "negates the condition")
    for m in re.finditer(r"(?<![\w)\]!])!(?=[\w(])", mask):
        yield put(*m.span(), "", "drops !")
    for m in re.finditer(r"(?<![\w.])(\d+)(?![\w.])", mask):
        if not re.match(r"\s*(case|static const char)\b", mask):
            new = changed_constant(m.group())
            yield put(*m.span(), new, f"{m.group()} becomes {new}")
    for m in re.finditer(r"\bINT64_M(AX|IN)\b", mask):
        other = "INT64_MIN" if m.group(1) == "AX" else "INT64_MAX"
        yield put(*m.span(), other, f"{m.group()} becomes {other}")
    for m in re.finditer(r"\b(true|false)\b", mask):
        other = "false" if m.group() == "true" else "true"
        yield put(*m.span(), other, f"{m.group()} becomes {other}")
    m = re.match(r"\s*(\w+)\(", mask)
    if m and not STATEMENTS.match(m.group(1)):
        end = balanced(mask, m.end() - 1)
        if end and mask[end:].rstrip("\x01 ") == ";":
            yield put(m.start(1), end, "", f"drops the call of {m.group(1)}")
    m = re.search(r"\b(break|continue)(?=;)", mask)
    if m:
        yield put(*m.span(), "", f"drops {m.group()}")


def mutations_of(name, text):
    lines, masks = text.split("\n"), masked(text).split("\n")
    passed_over = statements_of_require(masks)
    inside = False  # a function: its braces stand in the first column
    for number, (line, mask) in enumerate(zip(lines, masks)):
        if mask.startswith("{"):
            inside = True
        elif mask.startswith("}"):
            inside = False
        if not inside or number in passed_over:
            continue
        for column, what, new in changes(line, mask):
            yield Mutation(name, number + 1, column + 1, what, line, new)


def code_lines(text):
    return sum(1 for line in masked(text).split("\n") if re.search(r"\w", line))


def shares(weights, count):
    """count divided in proportion to the weights, at least 1 each, by largest remainder."""
    total = sum(weights.values())
    exact = {name: count * weight / total for name, weight in weights.items()}
    found = {name: max(1, int(part)) for name, part in exact.items()}
    for name in sorted(exact, key=lambda n: (int(exact[n]) - exact[n], n)):
        if sum(found.values()) < count:
            found[name] += 1
    return found


def choose(sources, seed, count):
    """{file: (how many, its mutations in the order in which to try them)}; one mutation of a line at most."""
    orders, weights = {}, {}
    for name, text in sorted(sources.items()):
        seen, ranked = {}, []
        for m in mutations_of(name, text):
            same = seen[m.old, m.new] = seen.get((m.old, m.new), 0) + 1
            key = hashlib.sha256(f"{seed}\n{name}\n{m.old.strip()}\n{m.new.strip()}\n{same}".encode()).hexdigest()
            ranked.append((key, m))
        lines, order = set(), []
        for _, m in sorted(ranked):
            if m.line not in lines:
                lines.add(m.line)
                order.append(m)
        if order:
            orders[name], weights[name] = order, code_lines(text)
    quota = shares(weights, count)
    return {name: (quota[name], order) for name, order in orders.items()}
