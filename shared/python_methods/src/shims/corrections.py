"""Corrects parts of RustPython and of its standard library, so that values are those of CPython 3.11 to 3.13."""

import builtins
import re

import _guard
import _native

# Characters that CPython's `str.split` and `str.strip` count as white space, and RustPython's do not.
EXTRA_SPACE = re.compile("[\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")
SPACE = "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a" \
    "\u2028\u2029\u202f\u205f\u3000"
# Single characters for two letters, such as U+01C4, from upper case to lower case.
DIGRAPHS = {0x1C4: 0x1C6, 0x1C7: 0x1C9, 0x1CA: 0x1CC, 0x1F1: 0x1F3}
PRECISION = re.compile(r"(.*)\.([0-9]+)(s?)", re.DOTALL)
SIGMA = "\u03a3"
# Parts of regular expressions that depend on which characters are word characters.
CLASSES = re.compile(r"\\[wWbB]")


def install():
    """Install all corrections."""
    correct_strings()
    correct_bytes()
    correct_dicts()
    correct_bools()
    correct_base64()
    correct_json()
    correct_patterns()
    correct_file_patterns()
    correct_addresses()
    correct_times()


def replace(owner, name):
    """Return a decorator that replaces a built-in method. The function makes the new method from the original one."""

    def decorator(make):
        original = getattr(owner, name)
        method = make(original)
        method.__name__ = name
        method.__qualname__ = f"{owner.__name__}.{name}"
        _native.set_attribute(owner, name, method)
        return make

    return decorator


def correct_strings():
    ascii_only = str.isascii
    has_extra_space = EXTRA_SPACE.search

    @replace(str, "split")
    def split(original):
        def method(self, sep=None, maxsplit=-1):
            if sep is not None or not has_extra_space(self):
                return original(self, sep, maxsplit)
            return words(self, maxsplit)

        return method

    @replace(str, "rsplit")
    def rsplit(original):
        def method(self, sep=None, maxsplit=-1):
            if sep is not None or not has_extra_space(self):
                return original(self, sep, maxsplit)
            limit = -1 if maxsplit < 0 else maxsplit
            return [word[::-1] for word in reversed(words(self[::-1], limit))]

        return method

    for name in ("strip", "lstrip", "rstrip"):

        @replace(str, name)
        def strip(original):
            def method(self, chars=None, /):
                if chars is None and has_extra_space(self):
                    chars = SPACE
                # RustPython strips nothing from an ASCII text if one of the characters to strip is not ASCII.
                if type(chars) is str and ascii_only(self) and not ascii_only(chars):
                    chars = "".join(char for char in chars if ascii_only(char))
                return original(self, chars)

            return method

    @replace(str, "swapcase")
    def swapcase(original):
        def method(self):
            if ascii_only(self):
                return original(self)
            return "".join(swapped(self, index, char) for index, char in enumerate(self))

        return method

    @replace(str, "title")
    def title(original):
        def method(self):
            if ascii_only(self):
                return original(self)
            found = original(self.translate(DIGRAPHS))
            return final_sigmas(self, found) if SIGMA in self else found

        return method

    @replace(str, "__format__")
    def format_string(original):
        def method(self, spec, /):
            # RustPython counts the precision in bytes and not in characters.
            precision = None if not spec or ascii_only(self) else PRECISION.fullmatch(spec)
            if precision:
                head, digits, tail = precision.groups()
                return original(self[:int(digits)], head + tail)
            return original(self, spec)

        return method

    @replace(str, "zfill")
    def zfill(original):
        def method(self, width):
            if ascii_only(self) or len(self) >= width:
                return original(self, width)
            sign = self[0] if self[0] in "+-" else ""
            return sign + "0" * (width - len(self)) + self[len(sign):]

        return method

    @replace(str, "capitalize")
    def capitalize(original):
        def method(self):
            if ascii_only(self):
                return original(self)
            return original(self[0]) + self.lower()[len(self[0].lower()):]

        return method


def final_sigmas(text, found):
    """Return `found`, the title case of `text`, with each sigma in the form that it has at the end of a word."""
    lower = text.lower()
    if not len(lower) == len(text) == len(found):
        raise _guard.NotAvailable("str.title of a text with a sigma and letters that become several is not available")
    pairs = zip(text, lower, found)
    return "".join(low if char == SIGMA and title != SIGMA else title for char, low, title in pairs)


def correct_bytes():
    for owner in (bytes, bytearray):
        for name in ("strip", "lstrip", "rstrip"):

            @replace(owner, name)
            def strip(original, name=name):
                def method(self, chars=None, /):
                    if self.isascii() or (chars is not None and not isinstance(chars, (bytes, bytearray))):
                        return original(self, chars)
                    chars = b" \t\n\r\x0b\x0c" if chars is None else chars
                    start, end = 0, len(self)
                    while name != "rstrip" and start < end and self[start] in chars:
                        start += 1
                    while name != "lstrip" and end > start and self[end - 1] in chars:
                        end -= 1
                    return self[start:end]

                return method


def words(text, limit):
    """Split a text at white space, at most `limit` times. A negative limit means no limit."""
    found, start, length = [], 0, len(text)
    while True:
        while start < length and text[start] in SPACE:
            start += 1
        if start == length:
            return found
        if limit >= 0 and len(found) == limit:
            return found + [text[start:]]
        end = start
        while end < length and text[end] not in SPACE:
            end += 1
        found.append(text[start:end])
        start = end


def swapped(text, index, char):
    if char == SIGMA:
        return text.lower()[len(text[:index].lower())]
    if char.isupper():
        return char.lower()
    return char.upper() if char.islower() else char


def correct_dicts():
    # After an item was deleted, RustPython's own reverse iterator never ends.
    def backwards(self):
        return iter(list(self)[::-1])

    for owner in (dict, type({}.keys()), type({}.values()), type({}.items())):
        _native.set_attribute(owner, "__reversed__", backwards)


def correct_bools():
    def format_bool(self, spec, /):
        return int.__format__(int(self), spec) if spec else str(self)

    _native.set_attribute(bool, "__format__", format_bool)


    @replace(float, "__format__")
    def format_float(original):
        def method(self, spec, /):
            text = original(self, spec) if spec else str(self)
            if spec and spec[-1] not in "eEfFgGn%":
                own, exact = _native.original_repr(self), repr(self)
                text = text if own == exact else text.replace(own, exact)
            return text

        return method


def correct_base64():
    import binascii

    own = binascii.a2b_base64

    def a2b_base64(data, /, **options):
        try:
            return own(data, **options)
        except binascii.Error as error:
            raise binascii.Error(str(error).removeprefix("error decoding base64: ")) from None

    binascii.a2b_base64 = a2b_base64


def correct_json():
    import json
    import json.decoder
    import json.encoder
    import json.scanner

    own_scanner, python_scanner = json.scanner.make_scanner, json.scanner.py_make_scanner

    def make_scanner(context):
        own, python = own_scanner(context), python_scanner(context)

        def scan(text, start):
            is_strict = type(text) is not str or _native.numbers_are_strict(text)
            return (own if is_strict else python)(text, start)

        return scan

    json.scanner.make_scanner = make_scanner
    json._default_decoder = json.JSONDecoder()

    # RustPython's own encoder loses a digit of the escape for the vertical tab.
    def encoder(own, python):
        return lambda text: (python if "\x0b" in text else own)(text)

    module = json.encoder
    module.encode_basestring_ascii = encoder(module.encode_basestring_ascii, module.py_encode_basestring_ascii)
    module.encode_basestring = encoder(module.encode_basestring, module.py_encode_basestring)


def correct_patterns():
    import re._compiler as compiler
    import re._constants as constants

    digits = [(0x30, 0x39)] + _native.decimal_ranges()
    gaps = list(zip([0] + [last + 1 for _, last in digits], [first - 1 for first, _ in digits] + [0x10FFFF]))
    ranges = {constants.CATEGORY_DIGIT: digits, constants.CATEGORY_NOT_DIGIT: gaps}
    own = compiler._compile_charset

    def compile_charset(charset, flags, code):
        if flags & constants.SRE_FLAG_UNICODE and not flags & constants.SRE_FLAG_LOCALE:
            charset = [part for item in charset for part in expanded(item)]
        return own(charset, flags, code)

    def expanded(item):
        if item[0] is constants.CATEGORY and item[1] in ranges:
            return [(constants.RANGE, pair) for pair in ranges[item[1]]]
        return [item]

    compiler._compile_charset = compile_charset
    _native.set_attribute(re.Match, "expand", lambda self, template: expand(self, template))
    _native.set_attribute(re.Match, "endpos", property(lambda self: refuse_text("Match.endpos")))
    for name in ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer", "scanner"):
        guard_pattern(name)


def expand(match, template):
    import re._parser as parser

    parsed = parser.parse_template(template, match.re)
    empty = match.string[:0]
    return empty.join(part if type(part) is not int else match[part] or empty for part in parsed)


def guard_pattern(name):
    """Let a method of `re.Pattern` fail for non-ASCII texts that RustPython may match differently from CPython."""

    @replace(re.Pattern, name)
    def guard(original):
        def method(self, *arguments, **options):
            for text in arguments:
                if type(text) is str and not text.isascii():
                    check_text(self, text)
            for text in options.values():
                if type(text) is str and not text.isascii():
                    check_text(self, text)
            return original(self, *arguments, **options)

        return method


def check_text(pattern, text):
    if type(pattern.pattern) is not str or pattern.flags & re.ASCII:
        return
    if pattern.flags & re.IGNORECASE and any(has_special_case(char) for char in text):
        refuse_text("ignoring the case of some letters outside ASCII")
    # RustPython counts vowel signs and other combining marks as letters.
    if CLASSES.search(pattern.pattern) and _native.has_ambiguous_word_characters(text):
        refuse_text(r"\w and \b beside combining marks")


def has_special_case(char):
    return char > "\x7f" and (len(char.upper()) > 1 or len(char.lower()) > 1 or char.title() != char.upper())


def refuse_text(what):
    raise _guard.NotAvailable(f"a regular expression: {what} is not available to methods")


def correct_file_patterns():
    import fnmatch

    own = fnmatch.translate

    def translate(pattern):
        """Return a regular expression that ends with `\\Z`, as in CPython before 3.14."""
        return own(pattern).removesuffix(r"\z") + r"\Z"

    fnmatch.translate = translate


def correct_addresses():
    import ipaddress

    # Versions after 3.13 test the IPv4 address inside an IPv4-mapped one.
    for name in ("is_multicast", "is_reserved", "is_link_local", "is_unspecified"):
        own = getattr(ipaddress.IPv6Address, name)

        def of_all_bits(self, own=own):
            return own.fget(Plain(self))

        setattr(ipaddress.IPv6Address, name, property(of_all_bits))

    class Plain(ipaddress.IPv6Address):
        __slots__ = ()
        ipv4_mapped = None

        def __init__(self, address):
            self._ip, self._scope_id = address._ip, address._scope_id


def correct_times():
    import _pydatetime
    import _strptime

    own = _pydatetime._parse_isoformat_time

    def parse_time(text):
        # Only 3.14 accepts 24:00 for midnight at the end of a day.
        if text[:2] == "24":
            raise ValueError("hour must be in 0..23")
        return own(text)

    _pydatetime._parse_isoformat_time = parse_time
    for kind in (_pydatetime.date, _pydatetime.time, _pydatetime.datetime):
        correct_iso_format(kind)
    correct_years(_pydatetime)
    # `_strptime` warns of formats without a year, and needs the name of its own file for that.
    _strptime.__file__ = "/lib/_strptime.py"


def correct_years(module):
    own = module._wrap_strftime

    def wrap_strftime(moment, format, timetuple):
        # Versions after 3.13 write years before 1000 with four digits.
        if timetuple[0] < 1000 and "%" in format:
            raise _guard.NotAvailable("strftime of a year before 1000 is not available to methods")
        return own(moment, format, timetuple)

    module._wrap_strftime = wrap_strftime


def correct_iso_format(kind):
    own = kind.fromisoformat.__func__

    def fromisoformat(cls, text):
        if type(text) is str:
            is_cut = text[-1:] == "T" and len(text) > 1
            if is_cut or any(char.isdecimal() and not char.isascii() for char in text):
                raise ValueError(f"Invalid isoformat string: {text!r}")
            # CPython accepts a space before the offset.
            head, space, tail = text.rpartition(" ")
            if space and tail[:1] in ("+", "-") and ":" in head:
                text = head + tail
        return own(cls, text)

    kind.fromisoformat = classmethod(fromisoformat)
