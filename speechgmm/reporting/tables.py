"""The tables of an evaluation's page. Long ones are folded, and cut with a word on what is missing.

A table is a list of columns, each a title and what it makes of a place in the report's JSON; a row is a place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.reporting.html import Html, element, folded, joined, listing, name, paragraph, table
from speechgmm.reporting.numbers import Form, Place, count, ends, number

MOST_SHOWN = 20  # rows of a table that are in sight at once
MOST_ROWS = 300  # rows of a table that are on the page at all
NOTHING = "(none)"

Clips = Mapping[tuple[str, float, float | None], str]
Column = tuple[str, Callable[[Place], Html]]


def headline_table(report: Place) -> Html:
    """The figures of the whole, each with its interval and what it rests on."""
    everything, decided = count(report["n_utterances"], "utterance"), joined([count(report["n_decided"]), " decided"])
    figures = [
        ("UAR: mean recall of the classes", "uar", "uar_bootstrap", everything),
        ("Accuracy", "accuracy", "accuracy_bootstrap", everything),
        ("Accuracy, as if utterances were independent", "accuracy", "accuracy_wilson", everything),
        ("Accuracy of the decided", "accuracy_decided", None, decided),
        ("Equal error rate", "eer", "eer_bootstrap", decided),
        ("Cllr (bits)", "cllr", "cllr_bootstrap", decided),
    ]
    rows = [
        [title, number(report[figure]), ends(report[interval]) if interval else "", of]
        for title, figure, interval, of in figures
    ]
    return table("All utterances", ["figure", "value", _level(report), "of"], rows)


def confusion_table(report: Place) -> Html:
    """Counts by label in the corpus and predicted label."""
    classes = [_name_at(one) for one in report["classes"]]
    rows = [[label, *map(count, row)] for label, row in zip(classes, report["confusion"], strict=True)]
    caption = "Utterances by label in the corpus (rows) and predicted label (columns)"
    return table(caption, ["label in the corpus", *classes, UNKNOWN], rows)


def class_table(report: Place) -> Html:
    """Recall, precision and F1 of each class."""
    columns = [
        *(_name("class", "name"), *_COUNTS, _count("predicted", "n_predicted")),
        *(_figure("recall", "recall"), _ends(_level(report), "recall_bootstrap")),
        *(_figure("precision", "precision"), _figure("F1", "f1")),
    ]
    return _table("Results by class", columns, report["per_class"])


def detection_table(report: Place) -> Html:
    """One class against the others: EER, Cllr and its parts."""
    columns = [
        *(_name("class", "target"), _count("utterances", "n_targets"), _count("of others", "n_nontargets")),
        *(_figure("EER", "eer"), _ends(_level(report), "eer_bootstrap"), _figure("AUC", "auc")),
        *(_figure("Cllr", "cllr"), _ends(_level(report), "cllr_bootstrap")),
        *(_figure("discrimination", "min_cllr"), _figure("calibration", "calibration_loss")),
    ]
    return _table("Each class against the others; costs in bits", columns, report["detection"])


def reliability_table(curve: Place) -> Html:
    """The bins of a reliability diagram."""
    columns = [
        ("probability", lambda one: joined([number(one["low"], "one"), " to ", number(one["high"], "one")])),
        *(_count("answers", "n_trials"), _figure("mean probability", "probability")),
        *(_count("have the label", "n_targets"), _figure("share", "share"), _ends("Wilson interval", "share_wilson")),
    ]
    caption = joined(["Probability of ", _name_at(curve["target"]), ", and how often it is right"])
    return _table(caption, columns, curve["reliability"])


def group_table(report: Place, groups: Place, caption: str, title: str) -> Html:
    """Results of utterances that have something in common."""
    columns = [
        *(_name(title, "name"), *_COUNTS, _figure("accuracy", "accuracy"), _ends("Wilson interval", "accuracy_wilson")),
        *(_figure("UAR", "uar"), _ends(_level(report), "uar_bootstrap")),
    ]
    return _table(caption, columns, groups)


def fold_table(report: Place) -> Html:
    """Results of each fold of a cross-validation."""
    figures = (_figure("accuracy", "accuracy"), _figure("UAR", "uar"), _figure("EER", "eer"), _figure("Cllr", "cllr"))
    return _table("Results by fold", [_name("fold", "name"), *_COUNTS, *figures], report["folds"])


def spread_table(report: Place) -> Html:
    """How far the folds lie apart."""
    fields = {"least": "minimum", "median": "median", "most": "maximum", "standard deviation": "standard_deviation"}
    titles = {"accuracy": "accuracy", "UAR": "uar", "EER": "eer", "Cllr": "cllr"}
    spread = report["fold_spread"]
    rows = [[title, *(number(spread[figure][field]) for field in fields.values())] for title, figure in titles.items()]
    return table("How far the folds lie apart", ["figure", *fields], rows)


def speaker_table(report: Place) -> Html:
    """Results of each speaker, the worst first."""
    columns = [
        *(_name("speaker", "speaker"), _name("label", "label"), _count("utterances", "n_utterances")),
        *(_count("errors", "n_errors"), _count("unknown", "n_unknown"), _figure("accuracy", "accuracy")),
    ]
    return _table("Speakers, the worst first", columns, report["per_speaker"], n_texts=2)


def example_table(caption: str, examples: Place, clips: Clips | None) -> Html:
    """Single answers, to be listened to where there are clips."""
    columns = [
        ("recording", lambda one: joined([_recording(one), Html("") if clips is None else _player(one, clips)])),
        *(_name("label", "truth"), _name("answer", "label"), _name("speaker", "speaker")),
        *(_figure("probability", "probability"), _figure("score (nats)", "score")),
        *(_figure("speech (s)", "speech_s", "one"), _figure("estimated SNR (dB)", "snr_db", "one")),
    ]
    return _table(caption, columns, examples, n_texts=4)


def skipped_list(report: Place) -> Html:
    """Recordings left out, each with the reason."""
    skipped = report["skipped"]
    items = [joined([_name_at(one["path"]), ": ", _name_at(one["reason"])]) for one in islice(skipped, MOST_ROWS)]
    return joined([folded("The recordings, each with the reason", listing(items)), _missing(len(items), len(skipped))])


def _table(caption: str, columns: Sequence[Column], places: Place, n_texts: int = 1) -> Html:
    """A table of the first rows, and one of further rows that is folded."""
    titles = [title for title, _ in columns]
    rows = ([cell(one) for _, cell in columns] for one in places)
    first = table(caption, titles, islice(rows, MOST_SHOWN), n_texts=n_texts)
    further = list(islice(rows, MOST_ROWS - MOST_SHOWN))
    if not further:
        return first
    more = table(joined([caption, ", continued"]), titles, further, n_texts=n_texts)
    return joined([first, folded(f"The next {len(further)}", more), _missing(MOST_ROWS, len(places))])


def _missing(n_shown: int, n_all: int) -> Html:
    if n_all <= n_shown:
        return Html("")
    return paragraph(f"{n_all - n_shown:,} more are not shown here; report.json has them all.", class_="faint")


def _name(title: str, field: str) -> Column:
    return title, lambda one: _name_at(one[field])


def _count(title: str, field: str) -> Column:
    return title, lambda one: count(one[field])


def _figure(title: str, field: str, form: Form = "ratio") -> Column:
    return title, lambda one: number(one[field], form)


def _ends(title: str, field: str) -> Column:
    return title, lambda one: ends(one[field])


_COUNTS = (
    *(_count("utterances", "n_utterances"), _count("speakers", "n_speakers")),
    *(_count("correct", "n_correct"), _count("unknown", "n_unknown")),
)


def _name_at(place: Place) -> Html:
    return name(str(place) or NOTHING)


def _level(report: Place) -> Html:
    return joined([number(report["intervals"]["level"], "percent"), " interval"])


def _recording(one: Place) -> Html:
    if one["start"].value == 0 and one["end"].value is None:
        return _name_at(one["path"])
    end = number(one["end"], "one") if one["end"].value is not None else "the end"
    return joined([_name_at(one["path"]), " from ", number(one["start"], "one"), " to ", end, " s"])


def _player(one: Place, clips: Clips) -> Html:
    source = clips.get((one["path"].value, one["start"].value, one["end"].value))
    if source is None:
        return Html(" (no sound: it cannot be read)")
    return element("audio", controls=True, preload="none", src=source, aria_label=f"Listen to {one['path']}")
