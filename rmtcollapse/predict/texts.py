"""A user's text, or a table of tokens and counts, as a sample of tokens; refused in one line where it is neither."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rmtcollapse.errors import ParameterError, did_you_mean

__all__ = ["TEXTS", "Text", "load_text", "read_text"]

LEAST_TOKENS, MOST_TOKENS = 1000, 10**8
TEXTS = ("python-topics",)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True, eq=False)
class Text:
    """A sample of tokens.

    Attributes
    ----------
    tokens : array (tokens,)
        The sample in its order, each token a number from 0.
    source : str
        Where it is from.
    kinds : int
        Number of different tokens.

    Raises
    ------
    ParameterError
        For fewer than 1,000 tokens or more than 10^8, or where all are the same or none occurs twice.
    """

    tokens: NDArray[np.int64]
    source: str
    kinds: int

    def __post_init__(self) -> None:
        size = len(self.tokens)
        if not LEAST_TOKENS <= size <= MOST_TOKENS:
            domain = f"a text of {LEAST_TOKENS:,} to {MOST_TOKENS:,} words; it has {size:,}"
            raise ParameterError("data", self.source, domain)
        if self.kinds in (1, size):
            domain = (
                f"a text in which some words are repeated and some are not; {self.kinds:,} of {size:,} are different"
            )
            raise ParameterError("data", self.source, domain)

    @classmethod
    def from_words(cls, words: Iterable[str], source: str) -> Text:
        """From words in their order."""
        known: dict[str, int] = {}
        numbers = [known.setdefault(word, len(known)) for word in words]
        return cls(np.array(numbers, dtype=np.int64), source, len(known))


def read_text(path: str | Path) -> Text:
    """Read a text, or a table of tokens and counts.

    Parameters
    ----------
    path : path
        ``.csv`` or ``.tsv`` with the columns ``token`` and ``count``; any other file is read as text, whose words
        (letters, with apostrophes between them) are taken without regard to capitals.

    Raises
    ------
    ParameterError
        For anything that is neither; one line that says why.
    """
    path = Path(path)
    try:
        if not path.is_file():
            hint = did_you_mean(path.name, TEXTS)
            raise ParameterError("data", str(path), f"an existing file, or {', '.join(TEXTS)}{hint}")
        content = path.read_bytes()
    except OSError as error:  # such as: a name that is too long, no permission
        raise ParameterError("data", str(path), f"a file that can be read ({error.strerror})") from None
    if not content.strip():
        raise ParameterError("data", str(path), "a text with words; the file is empty")
    if b"\0" in content:
        raise ParameterError("data", str(path), "a text; the file has null bytes in it")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParameterError("data", str(path), f"a text in UTF-8; byte {error.start + 1} is not") from None
    if path.suffix.lower() in (".csv", ".tsv"):
        return _counted(text, "\t" if path.suffix.lower() == ".tsv" else ",", str(path))
    return Text.from_words(_words(text), str(path))


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]


def _counted(text: str, separator: str, source: str) -> Text:
    """Tokens repeated as often as they are counted."""
    rows = csv.reader(text.splitlines(), delimiter=separator, skipinitialspace=True)
    try:
        header = [name.strip().casefold() for name in next(rows, [])]
        if sorted(header) != ["count", "token"]:
            shown = separator.join(header)[:40]
            raise ParameterError("header", shown, "the two columns token and count (a text ends in .txt, not .csv)")
        counts: dict[str, int] = {}
        for row in rows:
            if row:
                token, number = _row(dict(zip(header, row, strict=False)), rows.line_num)
                counts[token] = counts.get(token, 0) + number
    except csv.Error as error:
        raise ParameterError("data", source, f"a table of tokens and counts ({error})") from None
    numbers = np.array([n for n in counts.values() if n > 0], dtype=np.int64)
    if numbers.sum(dtype=float) > MOST_TOKENS:
        raise ParameterError("sum of the counts", float(numbers.sum(dtype=float)), f"at most {MOST_TOKENS:,}")
    return Text(np.repeat(np.arange(len(numbers)), numbers), source, len(numbers))


def _row(entries: dict[str, str], line: int) -> tuple[str, int]:
    token, number = entries.get("token", "").strip(), entries.get("count", "").strip()
    if not re.fullmatch(r"[0-9]{1,12}", number):
        raise ParameterError(f"count in line {line}", number, "a whole number >= 0")
    return token, int(number)


def load_text(name: str) -> Text:
    """A text that comes with Python: ``python-topics``, the help pages of the language.

    Raises
    ------
    ParameterError
        For another name, or where this Python comes without it.
    """
    if name not in TEXTS:
        raise ParameterError("data", name, f"one of {', '.join(TEXTS)}{did_you_mean(name, TEXTS)}")
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise ParameterError("data", name, "a Python with its help pages (pydoc_data)") from None
    return Text.from_words(_words("\n".join(topics[topic] for topic in sorted(topics))), "help pages of Python")
