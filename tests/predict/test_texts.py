"""Texts and tables of counts: what is read, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rmtcollapse.errors import ParameterError
from rmtcollapse.predict import Text, load_text, read_text

WORDS = "Dogs don't bark at the dog’s moon. " * 200


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_words_are_letters_without_regard_to_capitals(tmp_path: Path) -> None:
    text = read_text(written(tmp_path, "a.txt", "Été DON'T 42 été_x don't a1b. " * 300))
    # été, don't, x, a, b: digits and underscores are no letters.
    assert text.kinds == 5
    assert len(text.tokens) == 300 * 7
    np.testing.assert_array_equal(np.bincount(text.tokens), [600, 600, 300, 300, 300])
    assert read_text(written(tmp_path, "b.md", "\ufeff" + WORDS)).kinds == 7


def test_counts_are_tokens_repeated(tmp_path: Path) -> None:
    text = read_text(written(tmp_path, "a.csv", "count, token\n700,the\n\n400,of\n0,never\n100,the\n"))
    np.testing.assert_array_equal(np.bincount(text.tokens), [800, 400])
    assert read_text(written(tmp_path, "a.tsv", "token\tcount\na,b\t900\nc\t200\n")).kinds == 2


def test_the_bundled_text() -> None:
    text = load_text("python-topics")
    assert len(text.tokens) > 30_000
    assert 2000 < text.kinds == len(np.unique(text.tokens))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", "", "the file is empty"),
        ("blank.txt", " \n\t ", "the file is empty"),
        ("digits.txt", "12 34 " * 900, "of 1,000 to 100,000,000 words; it has 0"),
        ("short.txt", "too short", "it has 2"),
        ("image.png", b"\x89PNG\0\0" * 400, "null bytes"),
        ("latin.txt", "é".encode("latin-1") * 2000, "UTF-8; byte 1"),
        ("same.txt", "word " * 2000, "some words are repeated"),
        ("header.csv", "a,b,c\n1,2,3\n", "the two columns token and count"),
        ("text.csv", WORDS, "a text ends in .txt, not .csv"),
        ("count.csv", "token,count\na,2.5\n", "count in line 2 = '2.5'"),
        ("negative.csv", "token,count\na,-2\n", "count in line 2 = '-2'"),
        ("missing.csv", "token,count\na\n", "count in line 2 = ''"),
        ("once.csv", "token,count\n" + "".join(f"w{k},1\n" for k in range(2000)), "2,000 of 2,000 are different"),
        ("huge.csv", "token,count\na,999999999\nb,2\n", "sum of the counts"),
    ],
)
def test_refusals(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(ParameterError, match=r"\A[^\n]+\Z") as refusal:
        read_text(written(tmp_path, name, content))
    assert message in str(refusal.value)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="did you mean 'python-topics'"):
        read_text("python-topic")
    with pytest.raises(ParameterError, match="an existing file"):
        read_text(tmp_path)
    with pytest.raises(ParameterError, match=r"a file that can be read|an existing file"):
        read_text("x" * 5000)
    with pytest.raises(ParameterError, match="one of python-topics"):
        load_text("novels")
    with pytest.raises(ParameterError, match="it has 3"):
        Text.from_words(["a", "b", "a"], "three words")
