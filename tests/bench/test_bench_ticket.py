"""`bench ticket` on a short order: keys and exit codes. Never a time."""

import json

from engine.bench.ticket import DONE, USAGE, main


def test_the_report_has_the_first_and_the_last_ranking_and_what_they_were_run_on(capsys):
    assert main(["--minutes", "3", "--workers", "1", "--json"]) == DONE
    report = json.loads(capsys.readouterr().out)
    assert (report["first_paths"], report["last_paths"], report["strategies"]) == (8, 64, 7)
    assert 0 < report["first_seconds"] <= report["last_seconds"]
    assert len(report["digest"]) == 64
    assert report["meta"]["machine"]["cores"]


def test_a_bench_after_the_close_is_bad_usage(capsys):
    assert main(["--at", "23390"]) == USAGE
    assert "three minutes" in capsys.readouterr().err
