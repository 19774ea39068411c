"""Classification of what callers of the Python functions have: see `audio.given_sound`."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechgmm.audio.given_sound import Encoded, Sampled, sound_of
from speechgmm.audio.hearing import Heard
from speechgmm.classifier.classify import Classifier, classify_recording, classify_samples, in_threads
from speechgmm.classifier.decision import Decision
from speechgmm.corpus.recording import Recording
from speechgmm.errors import AudioError, OptionError
from speechgmm.features.extraction import Failure
from speechgmm.workers.arithmetic import with_usual_arithmetic
from speechgmm.workers.local import ordered_map

logger = logging.getLogger("speechgmm")


def classify_given(
    model: Classifier, source: Any, sampling_rate: float | None = None, *, channel: int | None = None
) -> Decision:
    """Classify an utterance; parameters and errors as of `speechgmm.classify`."""
    answer = _logged(_classify(sound_of(source, sampling_rate), model=model, channel=channel))
    if isinstance(answer, Failure):
        raise AudioError(answer.reason)
    return answer


def classify_each(
    model: Classifier,
    sources: Iterable[Any],
    sampling_rate: float | None = None,
    *,
    jobs: int = 1,
    channel: int | None = None,
) -> Iterator[Decision | Failure]:
    """Classify utterances lazily and in order; parameters and errors as of `speechgmm.classify_many`."""
    work = functools.partial(_classify, model=model, channel=channel)
    return map(_logged, ordered_map(work, _sounds(sources, sampling_rate), jobs=jobs, threads=in_threads(jobs)))


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """The answer to a sound, which a worker process may have found; warnings are logged in this one."""

    name: str
    result: Decision | Failure
    warning: str = ""


def _logged(answer: _Answer) -> Decision | Failure:
    log_warning(answer.name, answer.warning)
    return answer.result


def _sounds(sources: Iterable[Any], sampling_rate: float | None) -> Iterator[Encoded | Sampled | Failure]:
    """The sound in each source, in a form that another process can take."""
    for source in sources:
        try:
            yield sound_of(source, sampling_rate)
        except AudioError as error:
            yield _failure("file", str(error))


@with_usual_arithmetic
def _classify(sound: Encoded | Sampled | Failure, *, model: Classifier, channel: int | None) -> _Answer:
    if isinstance(sound, Failure):
        return _Answer(name=sound.recording.name, result=sound)
    try:
        return (
            _classify_samples(sound, model, channel)
            if isinstance(sound, Sampled)
            else _classify_file(sound, model, channel)
        )
    except AudioError as error:
        return _Answer(name=sound.name, result=_failure(sound.name, str(error)))


def _classify_samples(sound: Sampled, model: Classifier, channel: int | None) -> _Answer:
    if channel is not None:
        raise OptionError(f"channel is {channel}, but it is only for files: pass one column of the samples")
    heard = Heard()
    decision = classify_samples(model, sound.samples, sound.rate, heard=heard)
    return _Answer(name=sound.name, result=decision, warning=heard.warning)


def _classify_file(sound: Encoded, model: Classifier, channel: int | None) -> _Answer:
    with sound.as_file() as file:
        recording = Recording(file=file, name=sound.name, label="")
        outcome = classify_recording(recording, model=model, channel=channel)
        if isinstance(outcome, Failure):
            raise AudioError(outcome.reason)
    return _Answer(name=sound.name, result=outcome.decision, warning=outcome.warning)


def _failure(name: str, reason: str) -> Failure:
    return Failure(recording=Recording(file=Path(name), name=name, label=""), reason=reason)


def log_warning(name: str, warning: str) -> None:
    """Log what was odd about audio, if anything was; an option of the command line is an argument here."""
    if warning:
        logger.warning("%s: %s", name, warning.replace("--channel", "channel"))
