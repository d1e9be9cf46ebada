"""A file that is there whole or not at all."""

from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write beside it, then take its place: who reads meanwhile finds the one before."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
