"""Evaluation of a model, and its report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from speechgmm.api.arguments import AnyPath, DataFrameLike, corpus_of
from speechgmm.api.model_files import given_or_shipped
from speechgmm.argument_checks import channel_number, instance_of, items, job_count, path
from speechgmm.classifier.model import Model
from speechgmm.corpus.recording import Corpus
from speechgmm.workers.arithmetic import with_usual_arithmetic

if TYPE_CHECKING:
    from speechgmm.evaluation.report import Report


@with_usual_arithmetic
def evaluate(
    recordings: AnyPath | Corpus | DataFrameLike,
    model: Model | None = None,
    *,
    by: Sequence[str] = (),
    jobs: int = 1,
    channel: int | None = None,
) -> Report:
    """Evaluate a model on labelled recordings.

    Parameters
    ----------
    recordings : path, data frame or Corpus
        A folder of class folders, a manifest (.csv), a data frame of pandas or polars with the columns of a manifest,
        or the result of `read_corpus`; all splits are used.
    model : Model, optional
        By default the shipped one.
    by : sequence of str
        Columns of the manifest to break the results down by.
    jobs : int
        Processes; negative counts down from the number of cores.
    channel : int, optional
        Of multi-channel recordings, counted from 1; by default the channels are mixed.

    Returns
    -------
    Report
        Recordings that could not be read are listed as skipped.

    Raises
    ------
    CorpusError
        If the folder or manifest is faulty.
    EvaluationError
        If nothing could be classified.
    OptionError
        If an argument is wrong.
    """
    from speechgmm.evaluation.evaluate_model import assess

    model = given_or_shipped(model)
    jobs, channel, by = job_count(jobs), channel_number(channel), _columns(by)
    return assess(model, corpus_of(recordings), by=by, jobs=jobs, channel=channel).report


@with_usual_arithmetic
def save_page(report: Report, file: AnyPath) -> None:
    """Write a report as one self-contained HTML page, without sound; an existing file is replaced.

    Parameters
    ----------
    report : Report
        From `evaluate`.
    file : path
        With the extra ``report`` installed the page has pictures.

    Raises
    ------
    OptionError
        If an argument is wrong.
    OutputError
        If it cannot be written.
    """
    from speechgmm.evaluation.report import Report
    from speechgmm.reporting.write_report import origin_of, write_page

    instance_of(Report, "report", report, "a Report, which evaluate returns")
    write_page(path("file", file), report, origin=origin_of("speechgmm.save_page"))


def _columns(by: Sequence[str]) -> tuple[str, ...]:
    given = items("by", by, "a list of columns, such as ['corpus']")
    return tuple(instance_of(str, "a column in by", column, "a name") for column in given)
