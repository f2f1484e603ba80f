"""Each way in which a message can be odd: kpid and the oracle judge alike, and read the same values.

Every case is a deal with a product of its own, so that its values can be told apart; all stand in one file. The
numbers of the lines that kpid refuses must be those that the oracle refuses.
"""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "oracle"))

from harness import Options, ask_oracle, compare, kpid, run, scratch, show  # noqa: E402
from messages import Bad, Decoder  # noqa: E402
from windows import Calendar  # noqa: E402

BASE = {
    "occurred_at": "2024-01-01T00:00:00Z",
    "created_at": "2024-01-01T00:00:00Z",
    "stage": "won",
    "closed_at": "2024-01-02T00:00:00Z",
}

# A member's name and its values as they stand in the message.
MEMBERS = {
    "amount": r"""
        "1." ".5" "+1" "++1" "+-1" " 1" "1 " "01" "1e5" "1E+5" "1e-7" "-0" "0x1" "1_0" "1,0" "" "٣" "1e" "--1" 1e5 -0
        -0.0 "1e400" 1e400 1e-400 "0e99999999999999999999" "9000000000000" "9000000000000.000001" "100000000000"
        "100000000000.004" "100000000000.005" "100000000000.006" "-100000000000" {} [] true "NaN" "Infinity" "1e13"
        "0.0000000000000000000000000000000000000000000000000001" 12345678901234567890e-12 "1.005" "1.015" "-1.005"
        "0.0000005" "0.00000050000000000000001" null NaN 01 .5 1. - +1""",
    "quantity": r""" "0" 0 "1e15" "9000000000001" 3999999999999.999999 -1 -0 "-0" "0.0000001" "-0.0000001" 2.50 """,
    "probability": r""" 0 1 "1.0" "1.0000001" "1.0000006" "-0.0000001" "0.5" "1e0" "1e-1" "50%" 2 """,
    "currency": r""" "usd" "EURO" "XXX" "XTS" "BTC" "" 7 "CLF" "USD" "USD " null "ÜSD" """,
    "created_at": r"""
        "2024-01-01t00:00:00z" "2024-01-01T00:00Z" "2024-01-01T00:00:00.Z" "2024-01-01T00:00:00,5Z"
        "2024-01-01T23:59:60Z" "2024-01-01T00:00:61Z" "2024-01-01T24:00:00Z" "2024-01-01T00:60:00Z"
        "2024-01-01T00:00:00+24:00" "2024-01-01T00:00:00+23:59" "2024-01-01T00:00:00+00:60"
        "2024-01-01T00:00:00-00:00" "2024-01-01T00:00:00+0100" "2024-01-01T00:00:00+01" "20240101" "2024-1-1"
        "2024-01-01T00:00:00" "2024-001" 1704067200000 1704067200000.0 1704067200000.5 1.7e12 "1704067200000" 0 -1
        "1970-01-01" "1970-01-01T00:00:00Z" "1970-01-01T00:59:59+01:00" "2199-12-31T23:59:59.9999999Z"
        "2199-12-31T23:59:60Z" "2200-01-01" 7258118399999 7258118400000 "2024-02-30" "2024-02-29" "2023-02-29"
        "2024-00-10" "0000-01-01" "2024-01-01T00:00:00.1234567890123456789Z" "+2024-01-01" 99999999999999999999 ""
        "2024-01-01T00:00:60+00:30" "9999-12-31T23:59:59Z" true [] null """,
    "region": r"""
        1 "a" "a\u0000b" "\u007f" "\u0080" "\u0085" "\u2028" "a\nb" "\u200b" "\ufeff" "\ud83d\ude00" "\ud83d"
        "\ude00\ud83d" true null [] "\/" "\x" "\u12" "é" """,
    "manager_id": r""" 7 -7 7.0 7e0 "7" 99999999999999999999999999 true {} """,
    "version": r"""
        1 "1" -1 1.0 1e1 9223372036854775807 9223372036854775808 -9223372036854775808 18446744073709551615 true null
        0 """,
    "deleted": r""" true false null 0 1 "true" "" [] """,
    "event_id": r""" 1 "" "x" null [] true 1.5 """,
    "occurred_at": r""" null "" "2024-01-01" 1704067200000 true "2024-01-01T00:00:00" """,
    "kafka_timestamp": r"""
        "1704067200000" 1704067200000 1.5 -1 null true 1704066899999 1704066900000 "2024-01-01T00:00:00Z"
        99999999999999999999""",
    "kafka_key": r""" 1 null "" [] """,
    "stage": r""" "Won" "won " "x" null 7 "" """,
    "x": r""" 1e400 01 NaN tru {"a":1,"a":2} "\ud800" '1' 1// /**/1 1,"x":2 1,"amount":2,"amount":2 1,"\u0061mount":5
        1,"deal_id":"twice" 1,"region":"a","region":null 1} 1,2 """,
}
# Whole lines.
LINES = [
    b" ",
    b"\xef\xbb\xbf" b'{"deal_id":"q1","occurred_at":0}',
    b'{"deal_id":"q2","occurred_at":0}\r',
    b' {"deal_id":"q3","occurred_at":0} ',
    b'{"deal_id":"q4","occurred_at":0}\x00',
    b"\x00",
    b'{"deal_id":5,"occurred_at":0}',
    b'{"deal_id":5.0,"occurred_at":0}',
    b'{"deal_id":"q5","occurred_at":null,"kafka_timestamp":5}',
    b'{"kafka_key":"d1"}',
    b'{"kafka_timestamp":1704067200001}',
    b'{"kafka_key":"zz","kafka_timestamp":1704067200001}',
    b'{"kafka_key":"","kafka_timestamp":1704067200001}',
    b'{"kafka_key":null,"kafka_timestamp":1704067200001}',
    b'{"deal_id":"q6","occurred_at":0,"region":"\xc3"}',
    b'{"deal_id":"q6","occurred_at":0,"region":"\xed\xa0\x80"}',
    b'{"deal_id":"q6","occurred_at":0,"region":"\xf4\x90\x80\x80"}',
    b'{"deal_id":"q6","occurred_at":0,"region":"a\tb"}',
]


def cases():
    """The lines of the file."""
    out = []
    for name, values in MEMBERS.items():
        # a value with a space in it stands between quotes
        for value in re.findall(r'"(?:[^"\\]|\\.)*"(?:[^\s"]|"[^"\s]*")*|\S+', values):
            deal = {"deal_id": f"d{len(out)}", "product": f"case {len(out)}", "amount": "8", **BASE}
            deal.pop(name, None)
            if name == "probability":
                deal["stage"] = "open"
            out.append(f'{json.dumps(deal)[:-1]}, "{name}": {value}}}'.encode())
    for size in (128, 129):
        out.append(b'{"deal_id":"long","occurred_at":0,"region":"' + "é".encode() * size + b'"}')
    for level in (60, 70, 100_000):  # the limit lies at 64
        out.append(b'{"deal_id":"deep","occurred_at":0,"x":' + b"[" * level + b"]" * level + b"}")
        out.append(b'{"deal_id":"deep","occurred_at":0,"x":' + b'{"a":' * level + b"1" + b"}" * (level + 1))
    return out + LINES


def main():
    lines, options = cases(), Options(windows=("all", "now"))
    decoder, expected = Decoder(Calendar()), set()
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                decoder.decode("deal", line)
        except Bad:
            expected.add(number)
    with scratch() as directory:
        path = Path(directory) / "deals.ndjson"
        path.write_bytes(b"\n".join(lines) + b"\n")
        config, as_of = options.write_config(Path(directory) / "kpid.yaml"), "2199-01-01T00:00:00Z"
        done = run([kpid(), "replay", "--format", "ndjson", "--config", config, "--as-of", as_of, "--deals", path])
        theirs, _ = ask_oracle({"deals": path}, [as_of], options, directory)
        refused = {int(n) for n in re.findall(rb"deals\.ndjson:(\d+): ", done.stderr)}
    count, wrong = compare(done.stdout, theirs)
    for number in sorted(refused ^ expected):
        who = "kpid" if number in refused else "the oracle"
        wrong.append(f"only {who} refuses {lines[number - 1][:200].decode('utf-8', 'replace')}")
    print(f"{len(lines)} messages, {len(expected)} refused, {count} values compared, {len(wrong)} wrong")
    show(wrong, 60)
    sys.exit(1 if wrong or not expected else 0)


if __name__ == "__main__":
    main()
