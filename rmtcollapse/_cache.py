"""The user's cache folder: where generated modules live, and how they are written so that processes do not collide."""

from __future__ import annotations

import os
import tempfile
from functools import cache
from hashlib import blake2b
from pathlib import Path

__all__ = ["cache_folder", "text_digest", "write_atomically"]


def text_digest(*texts: str | bytes) -> str:
    """Short hexadecimal digest of some texts, in order."""
    digest = blake2b(digest_size=16)
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


@cache
def _folder(named: str | None) -> Path:
    if named:
        folder = Path(named)
    else:
        from platformdirs import user_cache_path

        folder = user_cache_path("rmtcollapse", appauthor=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        # A read-only home is no reason to fail: this process generates anew, in a folder of its own.
        return Path(tempfile.mkdtemp(prefix="rmtcollapse-"))


def cache_folder() -> Path:
    """Folder for generated modules: ``$RMTCOLLAPSE_CACHE`` or the platform's user cache; made if missing."""
    return _folder(os.environ.get("RMTCOLLAPSE_CACHE"))


def write_atomically(path: Path, text: str) -> None:
    """Write `text` to `path` so that another process sees either nothing or all of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
