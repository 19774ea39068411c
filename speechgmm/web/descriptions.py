"""The types of the answers, for the OpenAPI description. The answers are written as the commands write them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Problem(BaseModel):
    """A request that was refused or could not be answered (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="One sentence: what is wrong, what was expected, and the remedy.")


class Answer(BaseModel):
    """The voice gender label of a recording."""

    path: str = Field(description="Name of the recording.")
    label: str = Field(description="A class of the model, or `unknown`.")
    probability: float | None = Field(description="Calibrated probability of the label; null if it is `unknown`.")
    score: float | None = Field(description="Calibrated log-likelihood ratio of the label against the other classes.")
    speech_s: float = Field(description="Seconds of speech that were scored.")
    reason: str = Field(description="Why the label is `unknown`; otherwise empty.")
    duration_s: float
    warning: str = Field(description="What was odd about the recording; empty if nothing was.")
    probabilities: dict[str, float | None]
    log_likelihood_ratios: dict[str, float | None]


class _Versioned(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    name_of_schema: str = Field(alias="schema")
    schema_version: int


class Answers(_Versioned):
    """As `speechgmm classify --format json` prints it, for one recording."""

    answers: list[Answer]


class SegmentOfRecording(BaseModel):
    """A time span with one label."""

    start: float
    end: float
    label: str = Field(description="A class of the model, `unknown` or `nonspeech`.")
    probability: float | None
    probabilities: dict[str, float]
    reason: str = Field(description="Why the label is `unknown`; otherwise empty.")


class Segments(_Versioned):
    """As `speechgmm segment --format json` prints it."""

    path: str
    segments: list[SegmentOfRecording]
    duration_s: float
    heard_s: float | None
    warning: str


class ModelDescription(_Versioned):
    """As `speechgmm describe --format json` prints it."""

    model_config = ConfigDict(extra="allow")

    labels: list[str]
    card: dict[str, Any]
