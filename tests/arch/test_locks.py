"""The locks: hashed, without hosts, one version of each thing, a reason beside each wish."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUNTIME, DEV = ROOT / "requirements.txt", ROOT / "requirements" / "dev.txt"
WISHES = sorted((ROOT / "requirements").glob("*.in"))


def pins(lock: Path) -> dict[str, str]:
    """Requirement (name and marker) -> version."""
    found = {}
    for line in lock.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9._\[\],-]+)==([^ ;\\]+)\s*(;[^\\]*)?", line):
            name, version, marker = match.groups()
            found[name + (marker or "").strip()] = version
    return found


def unhashed(text: str) -> list[str]:
    """Requirements that are not followed by a hash."""
    blocks = re.split(r"\n(?=[A-Za-z0-9])", text)
    return [block.split()[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]


@pytest.mark.parametrize("lock", [RUNTIME, DEV], ids=lambda p: p.name)
def test_every_requirement_of_a_lock_is_pinned_and_hashed(lock):
    assert len(pins(lock)) > 30
    assert unhashed(lock.read_text(encoding="utf-8")) == []


def test_a_requirement_without_a_hash_is_seen():
    assert unhashed("\na==1 \\\n    --hash=sha256:00\nb==2\n    # via a\n") == ["b==2"]


@pytest.mark.parametrize("lock", [RUNTIME, DEV, *WISHES], ids=lambda p: p.name)
def test_no_lock_names_a_host(lock):
    assert re.findall(r"\S*://\S*|--\S*index\S*", lock.read_text(encoding="utf-8")) == []


def test_tests_run_on_the_versions_that_the_app_runs_on():
    runtime, dev = pins(RUNTIME), pins(DEV)
    assert {name: dev.get(name) for name in runtime} == runtime


@pytest.mark.parametrize("wishes", WISHES, ids=lambda p: p.name)
def test_every_wish_has_its_reason(wishes):
    lines = [row for row in wishes.read_text(encoding="utf-8").splitlines() if row.strip()]
    asked = [row for row in lines if not row.startswith(("#", "-r"))]
    assert asked
    assert [row for row in asked if not re.search(r"\S\s+# \w", row)] == []
