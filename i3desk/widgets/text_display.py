"""Display of a message's text: capitals, Markdown, and the estimated height."""

from __future__ import annotations

import itertools
import re

MAX_MARKDOWN = 20_000  # characters; longer texts are shown as plain text

_CODE = r"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`?)"
_OPENING = r"(?:[^\S\n]|[\"'“‘(\[*_#>\-–—])*"
_SENTENCE = re.compile(
    rf"{_CODE}|(?P<before>(?:\A|\n|(?P<end>(?<![.!?…])[.!?…]+)[\"'”’)\]*_]*\s){_OPENING})(?P<letter>[^\W\d_])",
    re.DOTALL,
)
_LONE_I = re.compile(
    rf"{_CODE}|(?<![\w'’.@/\\+\-])i(?P<after>(?=[\s,;:!?…\"”)\]*_]|\.(?!\w)|['’](?:m|ll|ve|d|s|re)\b)|\Z)", re.DOTALL
)
_ABBREVIATIONS = ("mr", "mrs", "ms", "dr", "st", "vs", "etc", "cf", "approx")
_LAST_WORD = re.compile(r"[\w.]*\Z")


def capitalise(text: str, growing: bool = False) -> str:
    """Capitalise the first letter of sentences and lines, and "i"; the length stays the same.

    For display only. Code is left as it is. A letter is judged by the text before it, so a growing text keeps its
    capitals; only an "i" depends on the character after it: while the text is `growing`, an "i" at its end stays.
    """

    def begin(match: re.Match[str]) -> str:
        before, letter = match["before"], match["letter"]
        if match["code"] or (match["end"] and _ends_no_sentence(text, match.start("end"), match["end"])):
            return match[0]
        return before + _upper(letter)

    def stand_alone(match: re.Match[str]) -> str:
        if match["code"] or (growing and match.end() == len(text)):
            return match[0]
        return "I"

    return _LONE_I.sub(stand_alone, _SENTENCE.sub(begin, text))


def _ends_no_sentence(text: str, at: int, sign: str) -> bool:
    if sign != ".":
        return sign in ("...", "…")
    found = _LAST_WORD.search(text, max(0, at - 16), at)
    word = found[0].lower() if found else ""
    return word in _ABBREVIATIONS or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word) is not None


def _upper(letter: str) -> str:
    upper = letter.upper()
    # Some letters have a capital of two characters, and some share their capital with another letter.
    return upper if upper.lower() == letter else letter


_MARKDOWN = re.compile(
    r"""^\ {0,3}```                                                     # a fence
    | (?<![\w`])`[^\s`](?:[^`\n]*[^\s`])?`(?![\w`])                     # `code`
    | ^\#{1,6}\ +\S                                                     # a heading
    | (?<![\w*])\*{1,3}(?=[^\s*])[^*\n]*[^\s*]\*{1,3}(?![\w*])          # *emphasis*
    | \[[^\[\]\n]+\]\((?:https?://|mailto:)[^\s)]+\)                    # [a link](https://...)
    | (?<!\w)https?://[^\s<>]+\w                                        # https://...
    | ^(?=[^\n]*\|)[^\n]*\n\ {0,3}\|?\ *:?-+:?\ *(?:\|\ *:?-+:?\ *)+\|?\ *$  # a table
    | ^\ {0,3}[-*+]\ +\S[^\n]*\n+(?:\ +\S[^\n]*\n+)*\ {0,3}[-*+]\ +\S      # two items of a list
    | ^\ {0,3}\d{1,2}[.)]\ +\S[^\n]*\n+(?:\ +\S[^\n]*\n+)*\ {0,3}\d{1,2}[.)]\ +\S
    """,
    re.MULTILINE | re.VERBOSE,
)


def has_markdown(text: str) -> bool:
    """True if the text contains Markdown, not only characters that Markdown also uses, as in "2*3*4"."""
    return len(text) <= MAX_MARKDOWN and _MARKDOWN.search(text) is not None


_FENCED = re.compile(r"(^ {0,3}```.*?(?:^ {0,3}```[^\S\n]*$|\Z))", re.DOTALL | re.MULTILINE)
_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s")
_BEGINS_BLOCK = re.compile(r"\s*(?:[-*+]\s|\d{1,9}[.)]\s|#{1,6}\s|>)")
_RULE = re.compile(r" {0,3}(?:-+|=+)\s*$")
LINE_BREAK = "\u2028"  # within a paragraph


def prepare_markdown(text: str) -> str:
    """Prepare text for a Markdown reader as people mean it.

    Line breaks stay, a list ends with its lines, deep indentation is not code, and "2*3*4" is arithmetic.
    """
    parts = _FENCED.split(text)
    parts[::2] = [_prepare_lines(part) for part in parts[::2]]
    return "".join(parts)


def _prepare_lines(text: str) -> str:
    lines = text.split("\n")
    prepared = [_escape(lines[0])]
    in_list = _ITEM.match(lines[0]) is not None
    for before, line in itertools.pairwise(lines):
        is_item = _ITEM.match(line) is not None
        prepared.append(_joint(before, line, in_list) + _escape(line))
        in_list = is_item or (in_list and (not line.strip() or line[0].isspace()))
    return "".join(prepared)


def _joint(before: str, line: str, in_list: bool) -> str:
    """The separator of two lines."""
    if not before.strip() or not line.strip() or _BEGINS_BLOCK.match(line) or ("|" in before and "|" in line):
        return "\n"
    if _RULE.match(line) or (in_list and not line[0].isspace()):
        return "\n\n"
    return LINE_BREAK if not _BEGINS_BLOCK.match(before) or in_list else "\n\n"


def _escape(line: str) -> str:
    pieces = re.split(r"(`[^`]+`)", line)
    pieces[::2] = [re.sub(r"(?<=\w)\*(?=\w)", r"\\*", piece) for piece in pieces[::2]]
    line = "".join(pieces)
    return line if _ITEM.match(line) else re.sub(r"^\s{4,}", "   ", line)


def estimate_text_height(text: str, width: int, character_width: float, line_height: float) -> int:
    """Estimate the height of a text at this width."""
    per_line = max(1, int(width / character_width))
    if len(text) <= per_line:
        return round(line_height * (1 + text.count("\n")))
    breaks = text.count("\n")
    # The rest of a line before a break is empty: half a line on average, less for short paragraphs.
    return round(line_height * (1 + breaks + max(0, len(text) - breaks * per_line // 3) // per_line))
