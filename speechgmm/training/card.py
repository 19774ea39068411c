"""The model card: data, settings, fits and software of a training as JSON values, without paths or speaker names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speechgmm.corpus.speakers import speaker_of
from speechgmm.features.extraction import Utterance
from speechgmm.mixture.em import Fit
from speechgmm.mixture.information_criteria import SizeResult
from speechgmm.mixture.restarts import Restarts
from speechgmm.provenance import software_versions
from speechgmm.training.fitting import FittedStream
from speechgmm.training.material import Material
from speechgmm.training.run_context import Run


def training_card(
    material: Material, fitted: Sequence[FittedStream], run: Run, *, sizes: Sequence[SizeResult] = ()
) -> dict[str, Any]:
    """Describe a training.

    Parameters
    ----------
    material : Material
        What was trained on; only the last part of its corpus's name is kept.
    fitted : sequence of FittedStream
        The fits of each stream.
    run : Run
    sizes : sequence of SizeResult
        The numbers of components that were compared, if any.

    Returns
    -------
    dict
        Plain JSON values.
    """
    corpus, recipe = material.corpus, run.recipe
    hop_s = recipe.front_end.hop_s
    parts = {"train": material.train_recordings[0], "dev": material.dev_recordings[0]}
    n_nonspeech = sum(not each.recording.augmentation for each in material.nonspeech[0])
    return {
        "corpus": Path(corpus.source).name,
        "data": {
            part: {label: _amounts(utterances, label, hop_s) for label in corpus.labels}
            for part, utterances in parts.items()
            if utterances
        },
        **({"nonspeech_recordings": n_nonspeech} if n_nonspeech else {}),
        "recipe": (run.given or recipe).to_document(),
        **({"scaled": list(run.scaled)} if run.scaled else {}),
        "recordings_without_speaker": sum(recording.speaker is None for recording in corpus.recordings),
        "settings": {
            "n_components": recipe.n_components,
            "start": recipe.start,
            "restarts": recipe.restarts,
            "background_iterations": recipe.background_iterations,
            "speaker_share": recipe.speaker_share,
            "seed": recipe.seed,
            **({"adapt": recipe.map_relevance} if recipe.map_relevance else {}),
            **({} if parts["dev"] else {"calibration_folds": recipe.calibration_folds}),
            **asdict(recipe.em),
            **({"mmi": asdict(recipe.mmi), "augmentation": asdict(recipe.augmentation)} if recipe.mmi else {}),
            **({"balance_by": recipe.balance_by} if recipe.balance_by else {}),
        },
        **({"held_out_by_components": _held_out(sizes)} if sizes else {}),
        "streams": [
            {
                "front_end": asdict(each.stream.front_end),
                **({"restarts": _restarts(each.background)} if each.background and recipe.restarts > 1 else {}),
                **({"background": _fit(each.background.best)} if each.background and not each.fits else {}),
                **({"fits": {label: _fit(fit) for label, fit in each.fits.items()}} if each.fits else {}),
                **({"losses": _ends(each.losses)} if each.losses else {}),
            }
            for each in fitted
        ],
        "software": software_versions(),
    }


def _amounts(utterances: Sequence[Utterance], label: str, hop_s: float) -> dict[str, Any]:
    mine = [utterance for utterance in utterances if utterance.recording.label == label]
    return {
        "recordings": len(mine),
        "speakers": len({speaker_of(utterance.recording) for utterance in mine}),
        "speech_s": round(sum(utterance.n_speech for utterance in mine) * hop_s, 1),
    }


def _held_out(sizes: Sequence[SizeResult]) -> dict[str, float]:
    return {str(result.n_components): round(result.held_out, 6) for result in sizes}


def _restarts(restarts: Restarts) -> dict[str, Any]:
    return {
        "log_likelihoods_per_frame": [round(each, 6) for each in restarts.log_likelihoods],
        "spread": round(restarts.spread, 6),
    }


def _ends(losses: Sequence[float]) -> dict[str, float]:
    """MMI loss at the start and after the last iteration."""
    return {"first": round(losses[0], 6), "last": round(losses[-1], 6)}


def _fit(fit: Fit[Any]) -> dict[str, Any]:
    return {
        "family": fit.mixture.family,
        "components": fit.mixture.n_components,
        "iterations": fit.n_iterations,
        "converged": fit.converged,
        "log_likelihood_per_frame": round(fit.log_likelihoods[-1], 6),
        "variances_floored": fit.n_limited,
        "components_reseeded": fit.n_reseeded,
        "components_pruned": fit.n_pruned,
    }
