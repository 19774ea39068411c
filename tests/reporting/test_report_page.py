"""The evaluation page: valid HTML, self-contained, safe, and every number equal to report.json."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from speechgmm.classifier.decision import Decision
from speechgmm.classifier.outcome import Outcome
from speechgmm.evaluation.outcome_counts import Skipped
from speechgmm.evaluation.report import Report, evaluate
from speechgmm.evaluation.report_files import to_json
from speechgmm.reporting.html_elements import Html
from speechgmm.reporting.numbers import Form, formatted
from speechgmm.reporting.report_page import Origin, report_page
from speechgmm.reporting.tables import MAX_ROWS, MAX_VISIBLE_ROWS
from tests.builders import only, parsed, text_of

ATTACK = "<script>alert(1)</script>"
FORMS: tuple[Form, ...] = ("ratio", "count", "tenths", "percent", "plain")
ORIGIN = Origin(command=f"speechgmm evaluate '{ATTACK}'", made="2026-01-02T03:04:05+00:00", versions={"numpy": "9.9"})
CARD = {
    "name": f"{ATTACK} model",
    "labels": ["<b>", "أنثى"],
    "settings": {"rate": 0.02, "steps": 300, "hard": False, "none": None, "nested": [{"a": 1}, []]},
    "n": 12,
}


def outcome(i: int, truth: str, label: str, *, speaker: str, path: str, **columns: str) -> Outcome:
    other = "male" if label == "female" else "female"
    share = 0.55 + 0.04 * (i % 11)
    decision = Decision(
        label=label,
        probability=share,
        score=1.0 + i / 7,
        speech_s=1.5,
        probabilities={label: share, other: 1 - share},
        log_likelihood_ratios={label: 1.0 + i / 7, other: -1.0 - i / 7},
    )
    if i % 9 == 0:
        decision = Decision(label="unknown", speech_s=0.1, reason=f"too little {ATTACK}")
    return Outcome(
        path=path,
        truth=truth,
        speaker=speaker,
        duration_s=0.5 + i % 13,
        snr_db=2.0 + i % 40,
        decision=decision,
        columns=columns,
        end=None if i % 2 else 4.5,
    )


def report_of(n: int, **options: Any) -> Report:
    """Decisions of which one in five is wrong; speakers, files and columns have names with special characters."""
    outcomes = []
    for i in range(n):
        truth = ("female", "male")[i % 2]
        label = truth if i % 5 else ("male", "female")[i % 2]
        path = f"{ATTACK}{i}.wav" if i % 3 else f"tr\udcf1/ملف {'x' * 60}{i}.wav"
        columns = {"a/b~c <i>": ("<u>", "ب", "")[i % 3], "sha256": f"{i:064x}"}
        outcomes.append(outcome(i, truth, label, speaker=f"{truth} <s>{i // 3 % 60}", path=path, **columns))
    skipped = [Skipped(path=f"{ATTACK}{i}", reason="\x00 no <reason>") for i in range(n // 4)]
    return evaluate(
        outcomes, classes=("female", "male"), skipped=skipped, notes=[f"note {ATTACK}"], n_resamples=20, **options
    )


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """The content of report.json, parsed from text."""
    read: dict[str, Any] = json.loads(json.dumps(to_json(report_of(200, model=CARD))))
    return read


@pytest.fixture(scope="module")
def page(report: dict[str, Any]) -> str:
    return report_page(report, origin=ORIGIN)


def at(report: Any, pointer: str) -> Any:
    """The value at a JSON pointer."""
    for escaped in pointer.split("/")[1:]:
        step = escaped.replace("~1", "/").replace("~0", "~")
        report = report[int(step)] if isinstance(report, list) else report[step]
    return report


def test_every_number_equals_the_report(page: str, report: dict[str, Any]) -> None:
    """``value`` is the value in report.json, and the text is that value in one of the forms."""
    numbers = list(parsed(page).iter("data"))
    assert len(numbers) > 500
    for node in numbers:
        value = node.attrib["value"]
        if (list_pointer := node.get("data-length")) is not None:
            assert int(value) == len(at(report, list_pointer))
            continue
        expected = at(report, node.attrib["data-key"])
        if expected is None:
            assert (value, text_of(node)) == ("", "n/a")
            continue
        assert type(expected)(value) == expected
        assert text_of(node) in {formatted(expected, form) for form in FORMS}


def test_every_number_in_a_table_has_a_json_pointer(page: str) -> None:
    """Number cells hold only marked numbers and words."""
    cells = [node for node in parsed(page).iter("td") if node.get("class") == "number"]
    assert len(cells) > 300
    for cell in cells:
        unmarked = "".join([cell.text or "", *(child.tail or "" for child in cell)])
        assert not re.search(r"\d", unmarked), text_of(cell)


def test_the_main_results_are_on_the_page(page: str, report: dict[str, Any]) -> None:
    """The UAR with its interval, and every class, group, column, visible speaker and example."""
    root = parsed(page)
    lead = next(node for node in root.iter("p") if node.get("class") == "lead")
    low, high = report["uar_bootstrap"]["low"], report["uar_bootstrap"]["high"]
    assert text_of(lead) == (
        f"UAR {report['uar']:.3f} (95 % interval {low:.3f} to {high:.3f}) on 200 utterances of "
        f"{report['n_speakers']} speakers."
    )
    keys = {node.get("data-key") for node in root.iter("data")}
    expected = {"/cllr", "/eer", "/detection/0/min_cllr", "/detection/0/calibration_loss", "/detection/0/auc"}
    expected |= {f"/confusion/{i}/{j}" for i in range(2) for j in range(3)}
    expected |= {f"/by_snr/{i}/accuracy_wilson/low" for i in range(len(report["by_snr"]))}
    expected |= {f"/by_duration/{i}/n_utterances" for i in range(len(report["by_duration"]))}
    expected |= {f"/by_column/a~1b~0c <i>/{i}/uar" for i in range(3)}
    expected |= {f"/per_speaker/{i}/accuracy" for i in range(len(report["per_speaker"]))}
    expected |= {f"/{kind}/{i}/probability" for kind in ("confident_errors", "least_certain") for i in range(20)}
    expected |= {"/model/settings/rate", "/model/settings/nested/0/a", "/model/n", "/intervals/seed"}
    assert expected <= keys
    everything = text_of(root)
    assert "sha256: it has 200 values, more than 40" in everything
    assert ORIGIN.command in everything
    assert ORIGIN.made in everything
    assert "numpy 9.9" in everything


def test_names_are_text(page: str) -> None:
    """No element and no attribute comes from a name; undecodable bytes become U+FFFD."""
    root = parsed(page)
    tags = {node.tag for node in root.iter() if isinstance(node.tag, str)}
    assert not tags & {"script", "i", "b", "u", "s", "img", "iframe", "svg", "audio"}
    assert not any(key.startswith("on") for node in root.iter() for key in node.attrib)
    everything = text_of(root)
    assert f"{ATTACK}1.wav" in everything
    assert "tr\ufffd/ملف" in everything
    assert "\ufffd no <reason>" in everything
    page.encode("utf-8")


def test_the_page_is_self_contained(page: str) -> None:
    """No link or source points outside of the page."""
    for node in parsed(page).iter():
        for key in ("src", "href", "srcset", "action", "data", "poster"):
            assert re.match(r"#|data:", node.get(key, "#"))


def test_the_page_is_accessible(page: str) -> None:
    """One h1, sections labelled by their h2, landmarks, language, table captions and scopes."""
    root = parsed(page)
    assert root.get("lang") == "en"
    headings = [node.tag for node in root.iter() if isinstance(node.tag, str) and re.fullmatch("h[1-6]", node.tag)]
    assert headings[0] == "h1"
    assert set(headings[1:]) == {"h2"}
    assert [len(list(root.iter(tag))) for tag in ("main", "header", "nav", "footer")] == [1, 1, 1, 1]
    for section in root.iter("section"):
        assert section.get("aria-labelledby") == section[0].get("id")
    for table in root.iter("table"):
        assert table[0].tag == "caption"
        assert text_of(table[0])
        assert all(node.get("scope") in ("row", "col") and text_of(node) for node in table.iter("th"))
    ids = [node.get("id") for node in root.iter() if node.get("id")]
    assert len(ids) == len(set(ids))
    assert {node.get("href", "")[1:] for node in root.iter("a")} <= set(ids)


def test_long_tables_are_folded_and_limited() -> None:
    """The first rows are visible, further rows are folded, and the number of omitted rows is stated."""
    report = to_json(report_of(60))
    report["per_speaker"] = [dict(report["per_speaker"][0], speaker=f"s{i}") for i in range(MAX_ROWS + 7)]
    report["skipped"] = [{"path": f"p{i}", "reason": "r"} for i in range(MAX_ROWS + 1234)]
    root = parsed(report_page(report, origin=ORIGIN))
    speakers = next(node for node in root.iter("section") if node.get("aria-labelledby") == "speakers")
    first, further = (only(table.find("tbody")) for table in speakers.iter("table"))
    assert (len(first), len(further)) == (MAX_VISIBLE_ROWS, MAX_ROWS - MAX_VISIBLE_ROWS)
    assert speakers.find("details") is not None
    assert text_of(speakers).endswith("7 more are not shown; report.json has all of them.")
    left_out = next(node for node in root.iter("section") if node.get("aria-labelledby") == "left-out")
    assert len(list(only(left_out.find("details")).iter("li"))) == MAX_ROWS
    assert text_of(left_out).endswith("1,234 more are not shown; report.json has all of them.")


def test_each_example_has_its_clip(report: dict[str, Any]) -> None:
    """Each player has a label; a missing clip is stated."""
    first, second = report["confident_errors"][:2]
    clips = {(first["path"], first["start"], first["end"]): "data:audio/mpeg;base64,AAAA"}
    root = parsed(report_page(report, origin=ORIGIN, clips=clips))
    players = list(root.iter("audio"))
    assert {player.get("src") for player in players} == {"data:audio/mpeg;base64,AAAA"}
    assert all(player.attrib["aria-label"].startswith("Listen to ") for player in players)
    rows = {text_of(row[0]) for row in root.iter("tr")}
    assert any(ATTACK in row and row.endswith("(no clip: the recording cannot be read)") for row in rows)
    assert second["path"] != first["path"]


def test_figures_have_captions_and_missing_ones_are_left_out(report: dict[str, Any]) -> None:
    """Each picture passed to the page is in a ``figure`` element."""
    svg = Html('<svg role="img" aria-label="t"></svg>')
    root = parsed(report_page(report, origin=ORIGIN, pictures={"det": svg, "snr": svg}))
    assert [text_of(only(node.find("figcaption")))[:24] for node in root.iter("figure")] == [
        "Closer to the lower left",
        "Error bars are Wilson in",
    ]


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_small_reports_have_pages(n: int) -> None:
    """Parts without data are left out: one file, no decided utterance, no errors, no columns."""
    root = parsed(report_page(json.loads(json.dumps(to_json(report_of(n)))), origin=ORIGIN))
    assert f"on {n} utterance" in text_of(next(node for node in root.iter("p") if node.get("class") == "lead"))


def test_a_cross_validation_shows_its_folds() -> None:
    """Every fold, and the spread over the folds."""
    outcomes = [
        outcome(i, truth, truth, speaker=f"{truth}{i % 4}", path=str(i), fold=str(i % 4))
        for i, truth in enumerate(["female", "male"] * 20, 1)
    ]
    made = to_json(evaluate(outcomes, classes=("female", "male"), fold_column="fold", n_resamples=5))
    keys = {node.get("data-key") for node in parsed(report_page(made, origin=ORIGIN)).iter("data")}
    assert {f"/folds/{i}/uar" for i in range(4)} <= keys
    assert "/fold_spread/cllr/standard_deviation" in keys


def test_the_same_report_gives_the_same_page(report: dict[str, Any], page: str) -> None:
    """The date is an argument."""
    assert report_page(report, origin=ORIGIN) == page
