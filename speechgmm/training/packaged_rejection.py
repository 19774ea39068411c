"""What the package contributes to a training without recordings of non-speech: background mixtures and rejection.

The shipped model was trained on many voices and on freely licensed recordings of sounds (see its card). Its background
mixtures describe speech better than those of a few speakers, and its sub-models of speech against non-speech and its
mixture of non-speech suit every model that is tied to the same background mixtures.
"""

from __future__ import annotations

from dataclasses import dataclass

from speechgmm.classifier import model_file
from speechgmm.classifier.rejection import NonSpeechModel
from speechgmm.classifier.shipped_model import shipped_model_file
from speechgmm.errors import OptionError
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.training.recipe import Recipe


@dataclass(frozen=True, kw_only=True, eq=False)
class Packaged:
    """What the package contains for each stream.

    Attributes
    ----------
    backgrounds : tuple of DiagonalMixture
    reference_means : tuple of ndarray (D,)
        Means toward which the frames are normalised.
    rejection : tuple of ndarray (K, 1 + D)
        Coefficients of the sub-model of speech against non-speech; see `mixture.tied`.
    nonspeech : NonSpeechModel, optional
    """

    backgrounds: tuple[DiagonalMixture, ...]
    reference_means: tuple[Floats, ...]
    rejection: tuple[Floats, ...]
    nonspeech: NonSpeechModel | None


def packaged_for(recipe: Recipe) -> Packaged | None:
    """What the package contains for the streams of a recipe.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    Packaged or None
        None if the recipe does not ask for it, or names a class of non-speech instead.

    Raises
    ------
    OptionError
        If the recipe's models are not tied, or its streams or number of components differ from the package's.
    ModelFileError
        If the installation has no shipped model.
    """
    if not recipe.uses_package:
        return None
    shipped = model_file.load(shipped_model_file())
    tied = [stream.tied for stream in shipped.streams if stream.tied]
    if (
        not recipe.mmi
        or not shipped.tied_rejection
        or shipped.front_ends != recipe.front_ends
        or any(each.background.n_components != recipe.n_components for each in tied)
    ):
        raise OptionError(
            "rejection.packaged needs MMI, and the streams and the number of components of the recipe robust: leave "
            "them so, or name a class of non-speech recordings (rejection.nonspeech), or set rejection.packaged=false"
        )
    return Packaged(
        backgrounds=tuple(each.background for each in tied),
        reference_means=tuple(stream.reference_mean for stream in shipped.streams),
        rejection=tuple(each.coefficients[-1] for each in tied),
        nonspeech=shipped.nonspeech,
    )
