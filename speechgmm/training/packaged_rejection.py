"""Rejection without recordings of non-speech: speech and non-speech mixtures of the shipped model.

The shipped model was trained on many voices and on freely licensed recordings of sounds (see its card), with the front
end of its rejecting stream. Its mixtures suit every model whose rejecting stream has this front end, if the frames are
normalised toward the same mean.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from speechgmm.classifier import model_file
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.shipped_model import shipped_model_file
from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Floats
from speechgmm.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class PackagedRejection:
    """What the package contains for rejection.

    Attributes
    ----------
    nonspeech : NonSpeechModel
        With its own mixtures of speech, so that it does not depend on the voices of a small corpus.
    reference_mean : ndarray (D,)
        Mean toward which the frames of its stream are normalised.
    """

    nonspeech: NonSpeechModel
    reference_mean: Floats


def packaged_rejection(recipe: Recipe) -> PackagedRejection | None:
    """What the package contains for the rejecting stream of a recipe.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    PackagedRejection or None
        None if the recipe does not ask for it, or names a class of non-speech instead.

    Raises
    ------
    OptionError
        If the rejecting stream has another front end than the package's mixtures.
    ModelFileError
        If the installation has no shipped model.
    """
    if recipe.nonspeech or not recipe.packaged_nonspeech:
        return None
    shipped = model_file.load(shipped_model_file())
    rejecting = recipe.rejecting_stream
    if shipped.nonspeech is None or shipped.front_ends[shipped.nonspeech.stream] != recipe.front_ends[rejecting]:
        raise OptionError(
            f"rejection.packaged needs streams.{rejecting + 1}, the one of the longest window, as it is in the recipe "
            "robust: leave it so, or name a class of non-speech recordings (rejection.nonspeech), or set "
            "rejection.packaged=false"
        )
    source = shipped.streams[shipped.nonspeech.stream]
    return PackagedRejection(
        nonspeech=replace(shipped.nonspeech, stream=rejecting, speech=source.mixtures),
        reference_mean=source.reference_mean,
    )
