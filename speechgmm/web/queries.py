"""The options of a request, in the query of its address: those of the command, with `_` for `-`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from speechgmm.audio.live_input import ENCODINGS, MAX_CHANNELS
from speechgmm.audio.samples import MAX_RATE, MIN_RATE
from speechgmm.classifier.writers import FORMATS as ANSWER_FORMATS
from speechgmm.errors import OptionError
from speechgmm.segmentation.writers import FORMATS as SEGMENT_FORMATS
from speechgmm.text.numerals import decimal

EVENTS = "events"
"""Format of `/segment` that tells of the segmentation while it runs."""


class ModelQuery(BaseModel):
    """Options of the decisions. An option that is not known is refused."""

    model_config = ConfigDict(extra="forbid")

    priors: str | None = Field(None, description="Prior probability of each class, such as `female=0.4,male=0.6`.")
    min_probability: float | None = Field(
        None, ge=0, lt=1, description="Give the label `unknown` if no class is at least this probable."
    )

    def prior_of_classes(self) -> dict[str, float]:
        """`priors` as numbers.

        Raises
        ------
        OptionError
            If they are not CLASS=P,CLASS=P...
        """
        values: dict[str, float] = {}
        for part in (self.priors or "").split(","):
            label, _, value = part.rpartition("=")
            prior = decimal(value)
            if not label or prior is None or label in values:
                raise OptionError(f"priors is {self.priors!r}, expected each class once, as in female=0.4,male=0.6")
            values[label] = prior
        return values


class RecordingQuery(ModelQuery):
    """Options of a recording."""

    channel: int | None = Field(
        None, ge=1, le=MAX_CHANNELS, description="Channel to use, counted from 1; by default the mean of all channels."
    )


def _one_of(*names: str) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(f"expected one of {', '.join(names)}")
        return name

    return AfterValidator(check)


def _choice(names: tuple[str, ...], default: str, description: str) -> str:
    chosen: str = Field(default, description=description, json_schema_extra={"enum": list(names)})
    return chosen


_SEGMENT_FORMATS = (*SEGMENT_FORMATS, EVENTS)


class ClassifyQuery(RecordingQuery):
    """Options of `/classify`."""

    format: Annotated[str, _one_of(*ANSWER_FORMATS)] = _choice(
        tuple(ANSWER_FORMATS), "json", "Format of the answer, as of `speechgmm classify --format`."
    )


class SegmentQuery(RecordingQuery):
    """Options of `/segment`."""

    start: float = Field(0.0, ge=0, allow_inf_nan=False, description="Start at this second of the recording.")
    end: float | None = Field(None, gt=0, allow_inf_nan=False, description="End at this second of the recording.")
    format: Annotated[str, _one_of(*_SEGMENT_FORMATS)] = _choice(
        _SEGMENT_FORMATS,
        "json",
        "Format of the answer, as of `speechgmm segment --format`; or `events`: lines of JSON while the work goes on.",
    )


class LiveQuery(ModelQuery):
    """Options of `/live`: the format of the samples, which have no header."""

    encoding: Annotated[str, _one_of(*ENCODINGS)] = _choice(ENCODINGS, "f32le", "Encoding of the samples.")
    rate: int = Field(16_000, ge=MIN_RATE, le=MAX_RATE, description="Sampling rate in Hz.")
    channels: int = Field(1, ge=1, le=MAX_CHANNELS, description="Number of channels, interleaved.")
