"""Fold typography to the characters that a vocabulary has: quotes, dashes, blanks, accents, compatibility forms.

A text of known characters stays as it is. Otherwise it is brought to Unicode's form NFC, and each character that the
vocabulary lacks becomes what people type in its place, if the vocabulary has that: "what’s" becomes "what's", "é" "e".
Scripts are never transliterated: what has no plain form is left, and is `<UNK>` to the tokenizer.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

# What people type in place of a character, the best first. The rest follows from Unicode's decompositions.
_QUOTES = dict.fromkeys("‘’‚‛‹›′‵`´ʹʻʼʽˈ՚❛❜", ("'",)) | dict.fromkeys("“”„‟«»″‶‴〃〝〞〟❝❞", ('"',))
_LETTERS = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "ng",
    "ŧ": "t", "ə": "e", "ƒ": "f", "µ": "u", "ς": "σ", "ɑ": "a", "ɡ": "g", "ĸ": "k",
}  # fmt: skip
_SIGNS = {
    "\t": " ", "\r": "\n", "\n": " ", "\v": "\n", "\f": "\n", "\x85": "\n", '"': "'",
    "−": "-", "⁃": "-", "•": "-", "‣": "-", "◦": "-", "▪": "-", "●": "-", "·": "-", "∙": "-", "⁄": "/",
    "∕": "/", "÷": "/", "×": "x", "✕": "x", "✖": "x", "±": "+-", "≤": "<=", "≥": ">=", "≠": "!=", "≈": "~",
    "→": "->", "←": "<-", "⇒": "=>", "↔": "<->", "©": "(c)", "®": "(r)", "℗": "(p)", "¦": "|", "∣": "|", "∗": "*",
    "★": "*", "☆": "*", "¿": "", "¡": "", "、": ",", "。": ".", "…": "...", "⋯": "...", "‗": "_", "∶": ":",
    "【": "[", "】": "]", "〔": "[", "〕": "]", "〈": "<", "〉": ">", "《": '"', "》": '"', "「": '"', "」": '"',
    "『": '"', "』": '"',
}  # fmt: skip
_WORDS = {
    "°": "degrees",
    "€": "euro",
    "£": "pound",
    "¥": "yen",
    "¢": "cent",
    "℃": "degrees c",
    "℉": "degrees f",
}  # apart from letters and digits
_CANDIDATES = {key: (value,) for key, value in (_LETTERS | _SIGNS | _WORDS).items()} | _QUOTES
_BY_CATEGORY = {"Zs": " ", "Zl": "\n", "Zp": "\n", "Pd": "-", "Cf": ""}
_MARKS = re.compile(
    "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
_LONGEST_CLASS = 60_000  # characters that a pattern may list


class TextFolding:
    """Folds texts for a vocabulary. Folding twice gives what folding once gives.

    Attributes:
        known: the lower-case characters that the vocabulary has.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self.known = frozenset(known)
        upper = {c.upper() for c in self.known if len(c.upper()) == 1 and c.upper().lower() == c}
        self._readable = self.known | (upper - {"Σ"})  # whose lower case depends on its place
        listed = "".join(map(re.escape, sorted(self._readable)[:_LONGEST_CLASS]))
        self._unread = re.compile(f"[^{listed}]" if listed else r"[\s\S]")
        self._replacements: dict[str, str] = {c: c for c in self._readable}
        # Of ASCII, only what can be folded matters: few characters, found faster one by one than by a pattern.
        self._odd_ascii = tuple(c for c in map(chr, range(128)) if self._replacement(c) != c)

    def __call__(self, text: str) -> str:
        """Fold a text; one of known characters is returned unchanged."""
        if text.isascii():
            for character in self._odd_ascii:
                if character in text:
                    break
            else:
                return text
        elif not self._unread.search(text):
            return text
        while True:
            folded = unicodedata.normalize("NFC", text)
            if "\r" in folded and "\r" not in self.known:
                folded = folded.replace("\r\n", "\n")
            folded = self._unread.sub(self._replaced, folded)
            if folded == text or folded.isascii():
                return folded
            text = folded

    def _replaced(self, match: re.Match[str]) -> str:
        """The replacement of a character, apart from its neighbours where it would run into them."""
        character, text = match[0], match.string
        replacement = self._replacement(character)
        if replacement == character:
            return character
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        if character in _WORDS:
            left = " " if before.isalnum() else ""
            return left + replacement + (" " if after.isalnum() else "")
        if before.isdigit() and unicodedata.category(character) == "No":
            if "/" in replacement:  # 1½
                return f" {replacement}" if " " in self.known else character
            if unicodedata.decomposition(character).startswith("<super>"):  # 10²
                return f"^{replacement}" if "^" in self.known else character
        return replacement

    def _replacement(self, character: str) -> str:
        """What replaces a character; itself, if the vocabulary has it or nothing like it."""
        found = self._replacements.get(character)
        if found is None:
            found = next((text for text in map(self._known, _candidates(character)) if text is not None), character)
            self._replacements[character] = found
        return found

    def _known(self, candidate: str) -> str | None:
        """The candidate in characters that the vocabulary has, if it can be written so."""
        written = "".join(map(self._replacement, candidate.lower()))
        return written if self.known.issuperset(written) else None


def _candidates(character: str) -> Iterable[str]:
    """Texts that can stand for a character, the best first."""
    lowered = character.lower()
    if lowered != character:
        yield lowered
    yield from _CANDIDATES.get(lowered, ())
    kind = unicodedata.category(character)
    # Without its mark, a letter of another script is another letter: й is not и.
    keeps_marks = kind.startswith("L") and "LATIN" not in unicodedata.name(character, "")
    for form in ("NFD", "NFKD"):
        decomposed = unicodedata.normalize(form, lowered)
        if decomposed != lowered and not (keeps_marks and _MARKS.search(decomposed)):
            yield decomposed
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", lowered))
    if plain != lowered and not keeps_marks:
        yield plain
    category = _BY_CATEGORY.get(kind)
    if category is not None and category != character:
        yield category
