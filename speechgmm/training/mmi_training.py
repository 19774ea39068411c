"""Discriminative training of class mixtures on cuts of utterances, sampled evenly over speakers and corpora."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechgmm.augmentation.augment import CHANNEL, EFFORT
from speechgmm.corpus.speakers import speaker_of
from speechgmm.features.extraction import Utterance
from speechgmm.features.front_end import normalise_mean
from speechgmm.features.options import FrontEndOptions
from speechgmm.mixture.estep import Floats
from speechgmm.mixture.gaussian import DiagonalMixture
from speechgmm.mixture.mmi import Batch, MMIFit, MMIOptions, fit_mmi
from speechgmm.training.recipe import Recipe


def train_discriminative(
    mixtures: Mapping[str, DiagonalMixture],
    utterances: Sequence[Utterance],
    reference: Floats,
    front_end: FrontEndOptions,
    recipe: Recipe,
    mmi: MMIOptions,
    *,
    monitor: Callable[[Sequence[float]], None] | None = None,
) -> MMIFit:
    """Move the means of the class mixtures by maximum mutual information (MMI).

    Parameters
    ----------
    mixtures : mapping of str to DiagonalMixture
        One per class.
    utterances : sequence of Utterance
        At least one of each class with speech; augmented versions are sampled as often as `mmi` says.
    reference : ndarray (D,)
        Mean toward which cuts are normalised.
    front_end : FrontEndOptions
    recipe : Recipe
        For the seed and `balance_by`.
    mmi : MMIOptions
    monitor : callable, optional
        As for `mixture.mmi.fit_mmi`.

    Returns
    -------
    MMIFit
    """
    samplers = [SegmentSampler.of(label, utterances, recipe.balance_by) for label in mixtures]
    rng = np.random.default_rng([recipe.seed, 1])
    batches = (draw_batch(samplers, reference, front_end, mmi, rng) for _ in range(mmi.steps))
    return fit_mmi(list(mixtures.values()), batches, mmi, monitor=monitor)


@dataclass(frozen=True)
class SegmentSampler:
    """Samples utterances of one class.

    Attributes
    ----------
    groups : mapping of str to tuple of tuple of tuple of Utterance
        By augmentation (see `Recording.augmentation`): the utterances with speech of each speaker of each group.
    """

    groups: Mapping[str, tuple[tuple[tuple[Utterance, ...], ...], ...]]

    @classmethod
    def of(cls, label: str, utterances: Sequence[Utterance], balance_by: str) -> SegmentSampler:
        """Group the utterances of a class by augmentation, by the values of a column if one is named, by speaker."""
        grouped: dict[str, dict[str, dict[str, list[Utterance]]]] = defaultdict(
            lambda: defaultdict(lambda: defaultdict(list))
        )
        for each in utterances:
            if each.recording.label == label and each.n_speech:
                group = (each.recording.value_of(balance_by) or "") if balance_by else ""
                grouped[each.recording.augmentation][group][speaker_of(each.recording)].append(each)
        return cls(
            {
                augmentation: tuple(tuple(map(tuple, speakers.values())) for speakers in groups.values())
                for augmentation, groups in grouped.items()
            }
        )

    def draw(self, augmentation: str, rng: np.random.Generator) -> Utterance:
        """Draw a group in proportion to the square root of its number of speakers, a speaker and an utterance."""
        groups = self.groups.get(augmentation) or self.groups[""]
        shares = np.sqrt([len(speakers) for speakers in groups])
        speakers = groups[int(rng.choice(len(groups), p=shares / shares.sum()))]
        utterances = speakers[int(rng.integers(len(speakers)))]
        return utterances[int(rng.integers(len(utterances)))]


def draw_batch(
    samplers: Sequence[SegmentSampler],
    reference: Floats,
    front_end: FrontEndOptions,
    options: MMIOptions,
    rng: np.random.Generator,
) -> Batch:
    """Draw a batch of cuts, the classes in turn."""
    shares = [1.0 - options.channel_share - options.effort_share, options.channel_share, options.effort_share]
    shortest, longest = (
        max(1, round(seconds / front_end.hop_s)) for seconds in (options.shortest_s, options.longest_s)
    )
    truth = np.arange(options.batch_size) % len(samplers)
    frames = []
    for index in truth.tolist():
        utterance = samplers[index].draw(("", CHANNEL, EFFORT)[int(rng.choice(3, p=shares))], rng)
        length = min(utterance.n_speech, int(rng.integers(shortest, longest + 1)))
        begin = int(rng.integers(utterance.n_speech - length + 1))
        frames.append(normalise_mean(utterance.storage.read(begin, begin + length), reference, front_end))
    return Batch(np.concatenate(frames), np.array([len(each) for each in frames]), truth)
