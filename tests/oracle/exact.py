"""exact - numbers without binary floating point: decimals as integers of millionths, half-even rounding,
and the text forms of section 4 of the contract."""

import re

MICRO = 1_000_000

# ISO 4217 with the decimals of each; two where nothing is said.
_CODES = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR
LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK
PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND
TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
DECIMALS = {code: 2 for code in _CODES.split()}
DECIMALS.update({c: 0 for c in "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()})
DECIMALS.update({c: 3 for c in "BHD IQD JOD KWD LYD OMR TND".split()})
DECIMALS.update({c: 4 for c in "CLF UYW".split()})

_DECIMAL = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", re.ASCII)


def half_even(numerator, denominator):
    """The integer nearest to numerator / denominator; of two equally near ones the even one."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient % 2):
        quotient += 1
    return quotient


def parse_micro(text):
    """A decimal as an integer of millionths, half-even; None if it is none, or far beyond any limit."""
    match = _DECIMAL.fullmatch(text)
    if not match:
        return None
    sign, whole, fraction, exponent = match.groups()
    digits = int(whole + (fraction or ""))
    if digits == 0:
        return 0
    power = 6 - len(fraction or "") + int(exponent or "0")
    if len(str(digits)) + power > 40:
        return None
    if power >= 0:
        micro = digits * 10**power
    elif -power > len(str(digits)) + 1:
        micro = 0
    else:
        micro = half_even(digits, 10**-power)
    return -micro if sign else micro


def fixed(value, decimals):
    """An integer of the given decimals as text: fixed(-1234, 2) is -12.34."""
    digits = str(abs(value)).rjust(decimals + 1, "0")
    text = digits if decimals == 0 else digits[:-decimals] + "." + digits[-decimals:]
    return ("-" if value < 0 else "") + text


def shortest(micro):
    """Millionths as text without trailing zeros."""
    text = fixed(micro, 6)
    return text.rstrip("0").rstrip(".")


def bucket(seconds):
    """What is published for a measured time: exact below 256 s, then the middle of one of 128 buckets an octave."""
    if seconds < 256:
        return seconds
    width = 1 << (seconds.bit_length() - 1 - 7)
    return seconds - seconds % width + width // 2
