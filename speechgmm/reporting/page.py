"""The page of an evaluation: what report.json holds, told to people.

Every number is read from the report's JSON and says from which place of it (`numbers`); pictures and clips are handed
over. The same arguments give the same page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from speechgmm.reporting import tables
from speechgmm.reporting.card import card
from speechgmm.reporting.html import Html, element, figure, joined, listing, name, page, paragraph, section
from speechgmm.reporting.numbers import Place, count, ends, length, number

_MEANING = (
    "A label says how a voice sounds, to a model or to whoever labelled the corpus; it never says what a person is."
)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a report came to be.

    Attributes
    ----------
    command : str
        The command line.
    made : str
        Date and time.
    versions : mapping of str to str
        Of the software.
    """

    command: str
    made: str
    versions: Mapping[str, str]


def report_page(
    report: Mapping[str, Any], *, origin: Origin, pictures: Mapping[str, Html] = {}, clips: tables.Clips | None = None
) -> str:
    """Tell a report.

    Parameters
    ----------
    report : mapping
        As `evaluation.files.to_json` gives it and report.json has it.
    origin : Origin
    pictures : mapping of str to Html
        ``svg`` elements, by the names that `pictures.SHOWN` lists; what is missing is left out.
    clips : mapping of (str, float, float or None) to str, optional
        Addresses of sounds by path, start and end of the examples; None for a page without sound.

    Returns
    -------
    str
        The content of a self-contained HTML file.
    """
    root = Place(report)
    sections = [
        _summary(root),
        _answers(root, pictures),
        _scores(root, pictures),
        _calibration(root, pictures),
        _durations(root, pictures),
        _noise(root, pictures),
        _folds(root),
        _columns(root),
        _speakers(root),
        _examples(root, clips),
        _left_out(root),
        _model(root),
        _origin(root, origin),
    ]
    model = root["model"].value.get("name")
    title = f"How right is {model}?" if isinstance(model, str) else "How right is the model?"
    footer = joined(
        ["Every number is that of report.json beside this page; ", element("code", "scores.csv"), " has each answer."]
    )
    return page(title, _lead(root), [one for one in sections if one], footer=footer)


def _lead(report: Place) -> Html:
    speakers = count(report["n_speakers"], "named speaker" if report["n_unnamed"].value else "speaker")
    sentence = joined(
        [
            *("UAR ", number(report["uar"]), " (", number(report["intervals"]["level"], "percent"), " interval "),
            *(
                ends(report["uar_bootstrap"]),
                ") on ",
                count(report["n_utterances"], "utterance"),
                " of ",
                speakers,
                ".",
            ),
        ]
    )
    notes = [paragraph(name(str(note)), class_="warning") for note in report["notes"]]
    meaning = joined(
        ["UAR is the mean of the recalls of ", _names(report["classes"]), "; an unknown counts as wrong. ", _MEANING]
    )
    return joined([paragraph(sentence, class_="lead"), *notes, paragraph(meaning)])


def _summary(report: Place) -> Html:
    return section("summary", "Summary", tables.headline_table(report), paragraph(_method(report), class_="faint"))


def _method(report: Place) -> Html:
    method = report["intervals"]
    unnamed = [count(report["n_unnamed"], "utterance"), " without a speaker: each is taken as a speaker of its own. "]
    return joined(
        [
            *(unnamed if report["n_unnamed"].value else []),
            *("Intervals: ", str(method["bootstrap"]), " (", count(method["n_resamples"]), " resamples, seed "),
            *(number(method["seed"], "plain"), "). Wilson intervals: ", str(method["wilson"]), ". "),
            "Where nothing is wrong, a resample cannot be wrong either: there only the Wilson interval has a width.",
        ]
    )


def _answers(report: Place, pictures: Mapping[str, Html]) -> Html:
    picture = _figures(
        pictures, confusion="A row is a label in the corpus; a cell is as strong as its share of its row."
    )
    return section("answers", "Right and wrong", picture, tables.confusion_table(report), tables.class_table(report))


def _scores(report: Place, pictures: Mapping[str, Html]) -> Html:
    shown = _figures(
        pictures,
        scores="The score is the log-likelihood ratio, free of priors; above 0 it speaks for the class.",
        det="The lower left, the better. The dot is the equal error rate.",
        roc="The upper left, the better.",
    )
    told = joined(["These figures rest on the ", count(report["n_decided"], "decided utterance"), "."])
    return section(
        "scores",
        "How well scores tell the classes apart",
        paragraph(told),
        shown,
        tables.detection_table(report),
    )


def _calibration(report: Place, pictures: Mapping[str, Html]) -> Html:
    told = (
        "Cllr is what the log-likelihood ratios cost who believes them: 0 for perfect ones, 1 bit for a class against "
        "the others where they say nothing. Its first part would remain after the best calibration of the same "
        "scores; the second is what calibration on this material would gain."
    )
    shown = _figures(
        pictures,
        reliability="On the dotted line, a probability is right as often as it says. Probabilities are under the "
        "model's priors.",
        cllr="Discrimination loss and calibration loss.",
    )
    bins = [tables.reliability_table(curve) for curve in report["curves"] if curve["reliability"]]
    return section("calibration", "Whether probabilities mean what they say", paragraph(told), shown, *bins)


def _durations(report: Place, pictures: Mapping[str, Html]) -> Html:
    shown = _figures(pictures, duration="Bars are Wilson intervals; n is the number of utterances.")
    table = tables.group_table(report, report["by_duration"], "Results by length of the audio", "length")
    return section("duration", "Length of the audio", shown, table)


def _noise(report: Place, pictures: Mapping[str, Html]) -> Html:
    if not report["by_snr"]:
        return Html("")
    told = (
        "The signal-to-noise ratio is estimated from each recording: the power of its speech over that of its quietest "
        "tenth, in the bands the model hears. In steady noise it reads some 5 dB more than the true ratio."
    )
    shown = _figures(pictures, snr="Bars are Wilson intervals; n is the number of utterances.")
    table = tables.group_table(
        report, report["by_snr"], "Results by estimated signal-to-noise ratio", "estimated ratio"
    )
    return section("snr", "Noise", paragraph(told), shown, table)


def _folds(report: Place) -> Html:
    if not report["folds"]:
        return Html("")
    told = "Each fold was answered by a model that heard none of its speakers."
    return section("folds", "Folds", paragraph(told), tables.fold_table(report), tables.spread_table(report))


def _columns(report: Place) -> Html:
    groups, left_out = report["by_column"], report["columns_left_out"]
    if not groups and not left_out:
        return Html("")
    found = [
        tables.group_table(report, groups[column], joined(["Results by ", name(column)]), column)
        for column in groups.value
    ]
    reasons = [joined([name(column), ": ", str(left_out[column])]) for column in left_out.value]
    told = joined([paragraph("Nothing is broken down by these columns:"), listing(reasons)]) if reasons else Html("")
    return section("columns", "Columns of the corpus", *found, told)


def _speakers(report: Place) -> Html:
    if not report["per_speaker"]:
        return Html("")
    return section("speakers", "Speakers", tables.speaker_table(report))


def _examples(report: Place, clips: tables.Clips | None) -> Html:
    wrong, unsure = report["confident_errors"], report["least_certain"]
    if not wrong and not unsure:
        return Html("")
    told = (
        "Of each recording, the loudest five seconds of the first half minute can be heard."
        if clips is not None
        else ""
    )
    shown = [
        tables.example_table("Wrong answers, the surest first", wrong, clips)
        if wrong
        else paragraph("No answer is wrong."),
        tables.example_table("Answers, the least sure first", unsure, clips),
    ]
    return section("examples", "Single answers", paragraph(told) if told else "", *shown)


def _left_out(report: Place) -> Html:
    unknown, reasons = report["n_unknown"], report["unknown_reasons"]
    parts = [paragraph(count(unknown), " of ", count(report["n_utterances"], "utterance"), " got no label.")]
    if reasons:
        parts.append(listing(joined([count(reasons[why]), ": ", why]) for why in reasons.value))
    parts.append(paragraph(length(report["skipped"]), " recordings were skipped and count nowhere."))
    if report["skipped"]:
        parts.append(tables.skipped_list(report))
    return section("left-out", "Without an answer", *parts)


def _model(report: Place) -> Html:
    return section("model", "The model", card(report["model"])) if report["model"] else Html("")


def _origin(report: Place, origin: Origin) -> Html:
    versions = ", ".join(f"{package} {version}" for package, version in origin.versions.items())
    facts = {
        "Command": element("code", origin.command),
        "Date": element("time", origin.made, datetime=origin.made),
        "Software": versions,
        "Seed": number(report["intervals"]["seed"], "plain"),
        "Format of report.json": joined([str(report["schema"]), " ", number(report["schema_version"], "plain")]),
    }
    entries = [joined([element("dt", title), element("dd", told)]) for title, told in facts.items()]
    return section("origin", "How this report was made", element("dl", *entries))


def _figures(pictures: Mapping[str, Html], **captions: str) -> Html:
    shown = [figure(pictures[each], caption) for each, caption in captions.items() if each in pictures]
    return element("div", *shown, class_="figures") if shown else Html("")


def _names(places: Place) -> Html:
    names = [name(str(one)) for one in places]
    return joined([*(joined([one, ", "]) for one in names[:-2]), names[-2], " and ", names[-1]])
