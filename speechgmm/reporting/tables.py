"""Tables of the evaluation page.

A table is defined by its columns: a title and a function that renders one cell from the row's JSON value. Rows after
`MAX_VISIBLE_ROWS` are folded; rows after `MAX_ROWS` are left out, and the page states how many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

from speechgmm.classifier.decision import UNKNOWN
from speechgmm.evaluation import headline
from speechgmm.reporting.html_elements import Html, element, folded, joined, listing, name, paragraph, table
from speechgmm.reporting.numbers import Form, JsonValue, count, ends, number

MAX_VISIBLE_ROWS = 20
MAX_ROWS = 300
NO_NAME = "(none)"

Clips = Mapping[tuple[str, float, float | None], str]
Column = tuple[str, Callable[[JsonValue], Html]]


def headline_table(report: JsonValue) -> Html:
    """Headline metrics with their intervals, UAR first."""
    bases = {
        "utterances": count(report["n_utterances"], "utterance"),
        "decided": joined([count(report["n_decided"]), " decided"]),
    }
    rows = []
    for metric in sorted(headline.METRICS, key=lambda metric: metric is not headline.UAR):
        title = f"{metric.title}: {metric.description}" if metric.description else metric.title
        value, of = number(report[metric.name]), bases[metric.of]
        bootstrap, wilson = f"{metric.name}_bootstrap", f"{metric.name}_wilson"
        rows.append([title, value, ends(report[bootstrap]) if bootstrap in report.value else "", of])
        if wilson in report.value:
            rows.append([f"{metric.title}, Wilson interval (independent utterances)", value, ends(report[wilson]), of])
    return table("All utterances", ["metric", "value", _level(report), "of"], rows)


def confusion_table(report: JsonValue) -> Html:
    """Counts by label in the corpus and predicted label."""
    classes = [_name_of(label) for label in report["classes"]]
    rows = [[label, *map(count, row)] for label, row in zip(classes, report["confusion"], strict=True)]
    caption = "Utterances by label in the corpus (rows) and predicted label (columns)"
    return table(caption, ["label in the corpus", *classes, UNKNOWN], rows)


def class_table(report: JsonValue) -> Html:
    """Recall, precision and F1 of each class."""
    columns = [
        *(_name("class", "name"), *_COUNTS, _count("predicted", "n_predicted")),
        *(_figure("recall", "recall"), _ends(_bootstrap(report), "recall_bootstrap")),
        *(_figure("precision", "precision"), _figure("F1", "f1")),
    ]
    return _table("Results by class", columns, report["per_class"])


def detection_table(report: JsonValue) -> Html:
    """One class against the others: EER, AUC, Cllr, discrimination loss and calibration loss."""
    columns = [
        *(_name("class", "target"), _count("targets", "n_targets"), _count("non-targets", "n_nontargets")),
        *(_figure("EER", "eer"), _ends(_bootstrap(report), "eer_bootstrap"), _figure("AUC", "auc")),
        *(_figure("Cllr", "cllr"), _ends(_bootstrap(report), "cllr_bootstrap")),
        *(_figure("discrimination loss", "min_cllr"), _figure("calibration loss", "calibration_loss")),
    ]
    return _table("One class against the others; Cllr and losses in bits", columns, report["detection"])


def reliability_table(curve: JsonValue) -> Html:
    """The bins of a reliability diagram."""
    columns = [
        ("predicted probability", lambda row: ends(row, "tenths")),
        *(_count("utterances", "n_trials"), _figure("mean probability", "probability")),
        *(_count("targets", "n_targets"), _figure("observed share", "share"), _ends("Wilson interval", "share_wilson")),
    ]
    caption = joined(["Predicted probability of ", _name_of(curve["target"]), " and observed share"])
    return _table(caption, columns, curve["reliability"])


def group_table(report: JsonValue, groups: JsonValue, caption: str, title: str) -> Html:
    """Results of groups of utterances; `title` is the header of the group names."""
    columns = [
        *(_name(title, "name"), *_COUNTS, _figure("accuracy", "accuracy"), _ends("Wilson interval", "accuracy_wilson")),
        *(_figure("UAR", "uar"), _ends(_bootstrap(report), "uar_bootstrap")),
    ]
    return _table(caption, columns, groups)


def fold_table(report: JsonValue) -> Html:
    """Results of each fold of a cross-validation."""
    figures = (_figure("accuracy", "accuracy"), _figure("UAR", "uar"), _figure("EER", "eer"), _figure("Cllr", "cllr"))
    return _table("Results by fold", [_name("fold", "name"), *_COUNTS, *figures], report["folds"])


def spread_table(report: JsonValue) -> Html:
    """Minimum, median, maximum and standard deviation over the folds."""
    fields = ("minimum", "median", "maximum", "standard_deviation")
    titles = {"accuracy": "accuracy", "UAR": "uar", "EER": "eer", "Cllr": "cllr"}
    spread = report["fold_spread"]
    rows = [[title, *(number(spread[figure][field]) for field in fields)] for title, figure in titles.items()]
    return table("Spread over the folds", ["metric", *(field.replace("_", " ") for field in fields)], rows)


def speaker_table(report: JsonValue) -> Html:
    """Results of each speaker, lowest accuracy first."""
    columns = [
        *(_name("speaker", "speaker"), _name("label in the corpus", "label"), _count("utterances", "n_utterances")),
        *(_count("errors", "n_errors"), _count("unknown", "n_unknown"), _figure("accuracy", "accuracy")),
    ]
    return _table("Results by speaker, lowest accuracy first", columns, report["per_speaker"], n_texts=2)


def example_table(caption: str, examples: JsonValue, clips: Clips | None) -> Html:
    """Single decisions, with clips if there are any."""
    columns = [
        ("recording", lambda row: joined([_recording(row), Html("") if clips is None else _player(row, clips)])),
        *(_name("label in the corpus", "truth"), _name("predicted label", "label"), _name("speaker", "speaker")),
        *(_figure("probability", "probability"), _figure("score (nats)", "score")),
        *(_figure("speech (s)", "speech_s", "tenths"), _figure("estimated SNR (dB)", "snr_db", "tenths")),
    ]
    return _table(caption, columns, examples, n_texts=4)


def skipped_list(report: JsonValue) -> Html:
    """Skipped recordings, each with the reason."""
    return _folded_list("Recordings and reasons", report["skipped"], "reason")


def warning_list(report: JsonValue) -> Html:
    """Recordings whose audio was odd, each with the warning."""
    return _folded_list("Recordings and warnings", report["warnings"], "warning")


def _folded_list(title: str, values: JsonValue, field: str) -> Html:
    items = [joined([_name_of(row["path"]), ": ", _name_of(row[field])]) for row in islice(values, MAX_ROWS)]
    return joined([folded(title, listing(items)), _omitted(len(items), len(values))])


def _table(caption: str, columns: Sequence[Column], values: JsonValue, n_texts: int = 1) -> Html:
    """A table of the first rows, and a folded table of further rows."""
    titles = [title for title, _ in columns]
    rows = ([cell(value) for _, cell in columns] for value in values)
    first = table(caption, titles, islice(rows, MAX_VISIBLE_ROWS), n_texts=n_texts)
    further = list(islice(rows, MAX_ROWS - MAX_VISIBLE_ROWS))
    if not further:
        return first
    more = table(joined([caption, ", continued"]), titles, further, n_texts=n_texts)
    return joined([first, folded(f"The next {len(further)} rows", more), _omitted(MAX_ROWS, len(values))])


def _omitted(n_shown: int, n_all: int) -> Html:
    if n_all <= n_shown:
        return Html("")
    return paragraph(f"{n_all - n_shown:,} more are not shown; report.json has all of them.", class_="faint")


def _name(title: str, field: str) -> Column:
    return title, lambda row: _name_of(row[field])


def _count(title: str, field: str) -> Column:
    return title, lambda row: count(row[field])


def _figure(title: str, field: str, form: Form = "ratio") -> Column:
    return title, lambda row: number(row[field], form)


def _ends(title: str, field: str) -> Column:
    return title, lambda row: ends(row[field])


_COUNTS = (
    *(_count("utterances", "n_utterances"), _count("speakers", "n_speakers")),
    *(_count("correct", "n_correct"), _count("unknown", "n_unknown")),
)


def _name_of(value: JsonValue) -> Html:
    return name(str(value) or NO_NAME)


def _level(report: JsonValue) -> Html:
    return joined([number(report["intervals"]["level"], "percent"), " interval"])


def _bootstrap(report: JsonValue) -> Html:
    return joined([number(report["intervals"]["level"], "percent"), " bootstrap interval"])


def _recording(example: JsonValue) -> Html:
    path, start, end = _name_of(example["path"]), example["start"], example["end"]
    if end.value is None:
        return path if start.value == 0 else joined([path, " from ", number(start, "tenths"), " s to the end"])
    return joined([path, " from ", number(start, "tenths"), " to ", number(end, "tenths"), " s"])


def _player(example: JsonValue, clips: Clips) -> Html:
    source = clips.get((example["path"].value, example["start"].value, example["end"].value))
    if source is None:
        return Html(" (no clip: the recording cannot be read)")
    return element("audio", controls=True, preload="none", src=source, aria_label=f"Listen to {example['path']}")
