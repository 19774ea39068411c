"""HTML page of an evaluation report.

Every number is read from the report's JSON and carries its JSON pointer (`numbers`). Figures and clips are arguments.
The same arguments give the same page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from speechgmm.reporting import tables
from speechgmm.reporting.html_elements import Html, element, figure, joined, listing, name, page, paragraph, section
from speechgmm.reporting.model_card import card
from speechgmm.reporting.numbers import JsonValue, count, ends, length, number

_MEANING = (
    "A label describes how a voice sounds to the model or to the annotators of the corpus. It makes no statement about "
    "the person."
)
_GROUP_CAPTION = "Error bars are Wilson intervals; n is the number of utterances."


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a page was made.

    Attributes
    ----------
    command : str
        The command line.
    made : str
        Date and time, ISO 8601.
    versions : mapping of str to str
        Versions of Python and of packages, by name.
    """

    command: str
    made: str
    versions: Mapping[str, str]


def report_page(
    report: Mapping[str, Any], *, origin: Origin, pictures: Mapping[str, Html] = {}, clips: tables.Clips | None = None
) -> str:
    """Make the page of a report.

    Parameters
    ----------
    report : mapping
        Content of report.json, as from `evaluation.report_files.to_json`.
    origin : Origin
    pictures : mapping of str to Html
        ``svg`` elements by names from `rendered_figures.DESCRIPTIONS`; missing figures are left out.
    clips : mapping of (str, float, float or None) to str, optional
        Data URLs by path, start and end of the examples; None for a page without clips.

    Returns
    -------
    str
        Content of a self-contained HTML file.
    """
    root = JsonValue(report)
    sections = [
        _summary(root),
        _confusion(root, pictures),
        _discrimination(root, pictures),
        _calibration(root, pictures),
        _durations(root, pictures),
        _snr(root, pictures),
        _folds(root),
        _columns(root),
        _speakers(root),
        _examples(root, clips),
        _left_out(root),
        _model(root),
        _origin(root, origin),
    ]
    model = root["model"].value.get("name")
    title = f"Evaluation of {model}" if isinstance(model, str) else "Evaluation of the model"
    footer = joined(
        [
            *("Every number on this page is also in ", element("code", "report.json"), "; "),
            *(element("code", "scores.csv"), " has one row per utterance."),
        ]
    )
    return page(title, _lead(root), [content for content in sections if content], footer=footer)


def _lead(report: JsonValue) -> Html:
    speakers = count(report["n_speakers"], "named speaker" if report["n_unnamed"].value else "speaker")
    sentence = joined(
        [
            *("UAR ", number(report["uar"]), " (", number(report["intervals"]["level"], "percent"), " interval "),
            *(ends(report["uar_bootstrap"]), ") on ", count(report["n_utterances"], "utterance")),
            *(" of ", speakers, "."),
        ]
    )
    notes = [paragraph(name(str(note)), class_="warning") for note in report["notes"]]
    meaning = joined(
        [
            *("UAR (unweighted average recall) is the mean of the recalls of ", _names(report["classes"])),
            *("; an utterance labelled unknown counts as an error. ", _MEANING),
        ]
    )
    return joined([paragraph(sentence, class_="lead"), *notes, paragraph(meaning)])


def _summary(report: JsonValue) -> Html:
    return section("summary", "Summary", tables.headline_table(report), paragraph(_method(report), class_="faint"))


def _method(report: JsonValue) -> Html:
    method = report["intervals"]
    unnamed = ["Utterances without a speaker: ", count(report["n_unnamed"]), "; each counts as its own speaker. "]
    return joined(
        [
            *(unnamed if report["n_unnamed"].value else []),
            *(number(method["level"], "percent"), " intervals by bootstrap over speakers: ", str(method["bootstrap"])),
            *(" (", count(method["n_resamples"]), " resamples, seed ", number(method["seed"], "plain"), "). "),
            *("Wilson intervals: ", str(method["wilson"]), ". "),
            "Where there are no errors, the bootstrap interval has zero width; use the Wilson interval.",
        ]
    )


def _confusion(report: JsonValue, pictures: Mapping[str, Html]) -> Html:
    caption = "Rows: label in the corpus. Columns: predicted label. Colour intensity: share of the row."
    shown = [figure(pictures["confusion"], caption)] if "confusion" in pictures else []
    beside = element("div", *shown, tables.confusion_table(report), class_="figures")
    return section("confusion", "Confusion matrix and results by class", beside, tables.class_table(report))


def _discrimination(report: JsonValue, pictures: Mapping[str, Html]) -> Html:
    shown = _figures(
        pictures,
        scores="The score is the log-likelihood ratio, without the model's priors. A score above 0 supports the class.",
        det="Closer to the lower left is better. The dot marks the equal error rate (EER).",
        roc="Closer to the upper left is better. AUC is the area under the curve.",
    )
    basis = paragraph(
        "Computed from the ", count(report["n_decided"], "decided utterance"), ", those not labelled unknown."
    )
    return section("discrimination", "Discrimination", basis, shown, tables.detection_table(report))


def _calibration(report: JsonValue, pictures: Mapping[str, Html]) -> Html:
    definition = (
        "Cllr is the cost of the log-likelihood ratios: 0 for perfect ratios, 1 bit for uninformative ratios of one "
        "class against the others. Cllr = discrimination loss + calibration loss. The discrimination loss (min Cllr) "
        "remains after the optimal recalibration of the same scores on this corpus."
    )
    reliability = "The dotted line is perfect calibration. The probabilities include the model's priors."
    if len(report["curves"]) == 1:
        reliability += " Error bars are Wilson intervals."
    shown = _figures(pictures, reliability=reliability, cllr="Cllr of one class against the others.")
    bins = [tables.reliability_table(curve) for curve in report["curves"] if curve["reliability"]]
    return section("calibration", "Calibration", paragraph(definition), shown, *bins)


def _durations(report: JsonValue, pictures: Mapping[str, Html]) -> Html:
    shown = _figures(pictures, duration=_GROUP_CAPTION)
    table = tables.group_table(report, report["by_duration"], "Results by duration of the audio", "duration")
    return section("duration", "Duration", shown, table)


def _snr(report: JsonValue, pictures: Mapping[str, Html]) -> Html:
    if not report["by_snr"]:
        return Html("")
    definition = (
        "The signal-to-noise ratio (SNR) is estimated for each utterance: mean power of the speech frames over mean "
        "power of the quietest tenth of all frames, in the model's mel bands. In stationary noise the estimate is "
        "about 5 dB above the true SNR."
    )
    shown = _figures(pictures, snr=_GROUP_CAPTION)
    table = tables.group_table(report, report["by_snr"], "Results by estimated SNR", "estimated SNR")
    return section("snr", "Signal-to-noise ratio", paragraph(definition), shown, table)


def _folds(report: JsonValue) -> Html:
    if not report["folds"]:
        return Html("")
    method = "Speaker-disjoint cross-validation: the model of each fold was trained without the speakers of that fold."
    return section("folds", "Folds", paragraph(method), tables.fold_table(report), tables.spread_table(report))


def _columns(report: JsonValue) -> Html:
    groups, left_out = report["by_column"], report["columns_left_out"]
    if not groups and not left_out:
        return Html("")
    breakdowns = [
        tables.group_table(report, groups[column], joined(["Results by ", name(column)]), column)
        for column in groups.value
    ]
    reasons = [joined([name(column), ": ", str(left_out[column])]) for column in left_out.value]
    omitted = joined([paragraph("Columns without a breakdown:"), listing(reasons)]) if reasons else Html("")
    return section("columns", "Columns of the corpus", *breakdowns, omitted)


def _speakers(report: JsonValue) -> Html:
    if not report["per_speaker"]:
        return Html("")
    return section("speakers", "Speakers", tables.speaker_table(report))


def _examples(report: JsonValue, clips: tables.Clips | None) -> Html:
    wrong, unsure = report["confident_errors"], report["least_certain"]
    if not wrong and not unsure:
        return Html("")
    wrong_table = tables.example_table("Errors with the highest probability", wrong, clips)
    return section(
        "examples",
        "Examples",
        paragraph("A clip is the loudest 5 s within the first 30 s of the utterance.") if clips is not None else "",
        wrong_table if wrong else paragraph("No decided utterance has a wrong label."),
        tables.example_table("Decisions with the lowest probability", unsure, clips),
    )


def _left_out(report: JsonValue) -> Html:
    unknown, reasons = report["n_unknown"], report["unknown_reasons"]
    parts = [paragraph("Labelled unknown: ", count(unknown), " of ", count(report["n_utterances"], "utterance"), ".")]
    if reasons:
        parts.append(listing(joined([count(reasons[reason]), ": ", reason]) for reason in reasons.value))
    parts.append(paragraph("Skipped recordings: ", length(report["skipped"]), ". No result includes them."))
    if report["skipped"]:
        parts.append(tables.skipped_list(report))
    if report["warnings"]:
        parts.append(
            paragraph("Recordings with a warning: ", length(report["warnings"]), ". The results include them.")
        )
        parts.append(tables.warning_list(report))
    return section("left-out", "Unknown and skipped", *parts)


def _model(report: JsonValue) -> Html:
    return section("model", "The model", card(report["model"])) if report["model"] else Html("")


def _origin(report: JsonValue, origin: Origin) -> Html:
    versions = ", ".join(f"{package} {version}" for package, version in origin.versions.items())
    facts = {
        "Command": element("code", origin.command),
        "Date": element("time", origin.made, datetime=origin.made),
        "Software": versions,
        "Seed of the bootstrap": number(report["intervals"]["seed"], "plain"),
        "Format of report.json": joined([str(report["schema"]), " ", number(report["schema_version"], "plain")]),
    }
    entries = [joined([element("dt", title), element("dd", fact)]) for title, fact in facts.items()]
    return section("origin", "How this report was made", element("dl", *entries))


def _figures(pictures: Mapping[str, Html], **captions: str) -> Html:
    shown = [figure(pictures[key], caption) for key, caption in captions.items() if key in pictures]
    return element("div", *shown, class_="figures") if shown else Html("")


def _names(classes: JsonValue) -> Html:
    names = [name(str(label)) for label in classes]
    return joined([*(joined([label, ", "]) for label in names[:-2]), names[-2], " and ", names[-1]])
