"""Bernoulli mixtures: scores, EM by hand and compared with StepMix, the lower bound, constant features."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn.exceptions import ConvergenceWarning
from stepmix import StepMix

from speechgmm.errors import OptionError, TrainingError
from speechgmm.mixture.bernoulli import MIN_PROBABILITY, BernoulliMixture, axes_about
from speechgmm.mixture.component_family import Family
from speechgmm.mixture.em import fit, update
from speechgmm.mixture.estep import TRUSTED, Floats, Frames, score_blocks
from speechgmm.mixture.family_registry import family_for
from speechgmm.mixture.initialisation import START_METHODS, start
from speechgmm.mixture.map_adaptation import adapt, fit_adapted
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import as_shards, shards_of
from speechgmm.mixture.statistics import Statistics, accumulate, auxiliary

PLAIN = EMOptions(max_iterations=25, tolerance=0.0, smoothing=0.0, min_occupancy=1e-3)
SMOOTH = replace(PLAIN, smoothing=2.0)

every_method = pytest.mark.parametrize("method", START_METHODS)


def random_mixture(
    seed: int = 0, *, n_components: int = 4, n_dimensions: int = 6, sharpness: float = 1.0
) -> BernoulliMixture:
    """A random mixture with probabilities from a Beta distribution: uniform, or closer to 0 and 1 with `sharpness`."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1 / sharpness, 1 / sharpness, size=(n_components, n_dimensions))
    return BernoulliMixture(rng.dirichlet(np.full(n_components, 5.0)), p.clip(1e-5, 1 - 1e-5))


def sampled(seed: int = 1, *, n_frames: int = 500, **shape: int) -> Floats:
    """Frames of a mixture with which no test starts."""
    return random_mixture(100 + seed, sharpness=2.0, **shape).sample(n_frames, np.random.default_rng(seed))[0]


def family_of(frames: Frames, options: EMOptions = PLAIN) -> Family[BernoulliMixture]:
    return family_for("bernoulli", as_shards(frames), 1, options=options)


def statistics_of(
    mixture: BernoulliMixture, frames: Frames, *, frame_weights: Floats | None = None, hard: bool = False
) -> Statistics:
    axes = axes_about(frames.mean(axis=0))
    return accumulate(mixture, frames, axes=axes, frame_weights=frame_weights, hard=hard)


def joint(mixture: BernoulliMixture, frames: Frames) -> Floats:
    """Log w_k p_k(x_t) by SciPy, (T, K)."""
    per_feature = np.asarray(scipy.stats.bernoulli.logpmf(frames[:, np.newaxis].astype(int), mixture.probabilities))
    log_joint: Floats = np.log(mixture.weights) + per_feature.sum(axis=2)
    return log_joint


def posteriors(mixture: BernoulliMixture, frames: Frames) -> Floats:
    shares: Floats = scipy.special.softmax(joint(mixture, frames), axis=1)
    return shares


def assert_same(actual: BernoulliMixture, expected: BernoulliMixture, *, rtol: float = 1e-9) -> None:
    np.testing.assert_allclose(actual.weights, expected.weights, rtol=rtol)
    np.testing.assert_allclose(actual.probabilities, expected.probabilities, rtol=rtol)


def assert_within_limits(mixture: BernoulliMixture, n_components: int, n_dimensions: int) -> None:
    p = mixture.probabilities
    assert p.shape == (n_components, n_dimensions)
    assert p.dtype == np.float64
    assert MIN_PROBABILITY <= p.min() <= p.max() <= 1 - MIN_PROBABILITY


def test_one_feature_by_hand() -> None:
    """With a probability of 1/4, the value 1 has the likelihood 1/4 and 0 has 3/4."""
    mixture = BernoulliMixture(np.ones(1), np.array([[0.25]]))
    one, zero = mixture.log_likelihoods(np.array([[1.0], [0.0]]))
    assert (one, zero) == pytest.approx((math.log(0.25), math.log(0.75)), abs=1e-15)
    assert (mixture.n_components, mixture.n_dimensions, mixture.n_parameters) == (1, 1, 1)
    assert random_mixture(n_components=4, n_dimensions=6).n_parameters == 4 * 6 + 3


def test_log_likelihoods_against_loops() -> None:
    """The score of each frame is the logarithm of equation (1b), computed factor by factor."""
    mixture, frames = random_mixture(), sampled(n_frames=40)
    for frame, score in zip(frames, mixture.log_likelihoods(frames), strict=True):
        total = 0.0
        for weight, probabilities in zip(mixture.weights, mixture.probabilities, strict=True):
            product = float(weight)
            for x, p in zip(frame, probabilities, strict=True):
                product *= p if x == 1 else 1 - p
            total += product
        assert score == pytest.approx(math.log(total), rel=1e-12)


@pytest.mark.parametrize("n_components", [1, 7])
def test_scores_against_scipy(n_components: int) -> None:
    """Log-likelihoods and responsibilities are those of SciPy; the probabilities of all possible frames sum to 1."""
    mixture, frames = random_mixture(2, n_components=n_components), sampled(3)
    expected = scipy.special.logsumexp(joint(mixture, frames), axis=1)
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=1e-12)
    np.testing.assert_allclose(mixture.responsibilities(frames), posteriors(mixture, frames), rtol=0, atol=1e-12)
    all_frames = np.array([[float(bit) for bit in f"{number:06b}"] for number in range(64)])
    assert np.exp(mixture.log_likelihoods(all_frames)).sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("mean", [0.5, 0.01, 0.0, 1.0])
def test_coefficients_do_not_depend_on_the_axes(mean: float) -> None:
    """Relative coefficients plus those of the axes give the joint log-probability for every mean of the axes."""
    mixture, frames = random_mixture(4), sampled(4)
    axes = axes_about(np.full(6, mean))
    z = axes.expand(frames, np.empty((7, len(frames)))).T
    log_joint = z @ mixture.joint_coefficients(axes) + (z @ axes.reference)[:, np.newaxis]
    np.testing.assert_allclose(log_joint, joint(mixture, frames), rtol=1e-11)


def test_axes_are_about_the_mean_of_the_mixture() -> None:
    """The reference density is that of a Bernoulli variable with the mean of the mixture, 1/4 1/2 + 3/4 1/10 = 1/5."""
    mixture = BernoulliMixture(np.array([0.25, 0.75]), np.array([[0.5], [0.1]]))
    expected = [math.log(0.2), math.log(0.8)]
    np.testing.assert_allclose(mixture.axes.log_density(np.array([[1.0], [0.0]])), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_unlikely_frames_are_scored_exactly(kind: type[np.floating]) -> None:
    """Frames outside of the trusted range, above or below, are scored as in double precision."""
    rng = np.random.default_rng(5)
    p = np.where(rng.random((2, 1000)) < 0.5, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    mixture = BernoulliMixture(np.array([0.3, 0.7]), p)
    frames = np.concatenate([p.round(), 1 - p.round(), rng.integers(2, size=(20, 1000))]).astype(kind)
    ((_, block),) = score_blocks(frames, mixture.axes, mixture.joint_coefficients(mixture.axes))
    low, high = np.log(TRUSTED[np.dtype(kind)])
    assert (block.log_ratios > high).any()
    assert (block.log_ratios < low).any()
    expected = scipy.special.logsumexp(joint(mixture, frames), axis=1)
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(mixture.responsibilities(frames), posteriors(mixture, frames), rtol=0, atol=1e-6)


def test_single_precision_statistics_are_close_to_double() -> None:
    """Log-likelihood, occupancies and sums in float32 are close to those of float64."""
    mixture = random_mixture(6, n_components=32, n_dimensions=79, sharpness=2.0)
    frames, _ = mixture.sample(10_000, np.random.default_rng(6))
    single, double = statistics_of(mixture, frames.astype(np.float32)), statistics_of(mixture, frames)
    assert single.log_likelihood == pytest.approx(double.log_likelihood, rel=1e-6)
    np.testing.assert_allclose(single.occupancies, double.occupancies, rtol=1e-5)
    counts = double.occupancies[:, np.newaxis]
    np.testing.assert_allclose(single.first / counts, double.first / counts, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("weights", "probabilities", "text"),
    [
        (
            np.full(2, 0.5),
            np.full((3, 4), 0.5),
            "a mixture needs weights (K,) and probabilities (K, D) with K and D at least 1, not (2,) and (3, 4)",
        ),
        (np.full(2, 0.5), np.full(2, 0.5), "not (2,) and (2,)"),
        (np.empty(0), np.empty((0, 4)), "K and D at least 1, not (0,) and (0, 4)"),
        (
            np.ones(1),
            np.array([[0.25, 1.0]]),
            "the probabilities of a mixture must be above 0 and below 1, but the minimum is 0.25 and the maximum 1",
        ),
        (np.ones(1), np.array([[0.0, 0.75]]), "but the minimum is 0 and the maximum 0.75"),
        (np.ones(1), np.array([[np.nan]]), "but the minimum is nan and the maximum nan"),
        (
            np.array([0.5, 0.75]),
            np.full((2, 1), 0.5),
            "the weights of a mixture must be positive and sum to 1, but the least is 0.5 and their sum 1.25",
        ),
    ],
)
def test_an_invalid_mixture_is_refused(weights: Floats, probabilities: Floats, text: str) -> None:
    """The error names shapes that do not match, and values outside of their range."""
    with pytest.raises(OptionError, match=re.escape(text) + "$"):
        BernoulliMixture(weights, probabilities)


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        ([[0.0, 0.5], [1.0, 0.5]], "feature 1 has the mean 0.5 and the variance 0,"),
        ([[0.0, 1.0], [2.0, 1.0]], "feature 0 has the mean 1 and the variance 1,"),
        ([[1.0], [-1.0]], "feature 0 has the mean 0 and the variance 1,"),
        ([[2.0], [2.0]], "feature 0 has the mean 2 and the variance 0,"),
        ([[0.0], [1.0], [1.0], [1.001]], "feature 0 has the mean 0.75025 and the variance 0.187625,"),
    ],
)
def test_other_values_than_0_and_1_are_refused(frames: list[list[float]], text: str) -> None:
    """The error names the first feature that is not binary, its mean and variance, and the remedy."""
    mixture = random_mixture(n_components=1, n_dimensions=len(frames[0]))
    advice = " but the family 'bernoulli' needs values of 0 and 1 only: give frames of zeros and ones or use "
    with pytest.raises(TrainingError, match="^" + re.escape(text + advice + "the family 'gaussian'") + "$"):
        fit(np.array(frames), mixture)


def test_one_invalid_frame_in_many_is_refused() -> None:
    """A single value of 0.5 among 100,000 zeros and ones is an error; without it there is none."""
    frames = np.random.default_rng(7).integers(2, size=(100_000, 1)).astype(np.float32)
    family_of(frames)
    frames[77_777] = 0.5
    with pytest.raises(TrainingError, match=r"^feature 0 has the mean 0\.\d+ and the variance 0\.\d+, but the family"):
        family_of(frames)


def test_e_step_and_m_step_by_hand() -> None:
    """Frames 1, 1, 0, p = 0.8 and 0.2: occupancies 1.8 and 1.2, sums 1.6 and 0.4; smoothing adds 2 frames of 2/3."""
    frames = np.array([[1.0], [1.0], [0.0]])
    mixture = BernoulliMixture(np.array([0.5, 0.5]), np.array([[0.8], [0.2]]))
    statistics = statistics_of(mixture, frames)
    np.testing.assert_allclose(statistics.occupancies, [1.8, 1.2], rtol=1e-12)
    np.testing.assert_allclose(statistics.first, [[1.6], [0.4]], rtol=1e-12)
    assert statistics.log_likelihood == pytest.approx(3 * math.log(0.5), rel=1e-12)
    plain = family_of(frames).maximise(statistics)
    assert_same(plain, BernoulliMixture(np.array([0.6, 0.4]), np.array([[8 / 9], [1 / 3]])))
    smooth = family_of(frames, SMOOTH).maximise(statistics)
    probabilities = np.array([[(1.6 + 4 / 3) / 3.8], [(0.4 + 4 / 3) / 3.2]])
    assert_same(smooth, BernoulliMixture(np.array([0.6, 0.4]), probabilities))


@pytest.mark.parametrize("options", [PLAIN, SMOOTH])
def test_the_m_step_is_the_maximum(options: EMOptions) -> None:
    """A small change of any parameter, up or down, lowers expected log-likelihood plus log prior."""
    frames, mixture = sampled(8), random_mixture(8)
    family, statistics = family_of(frames, options), statistics_of(mixture, frames)
    best = family.maximise(statistics)
    top = auxiliary(statistics, best) + family.log_prior(best)
    for k, d in np.ndindex(best.probabilities.shape):
        for step in (-1e-3, 1e-3):
            p, weights = best.probabilities.copy(), best.weights.copy()
            p[k, d] += step
            moved = replace(best, probabilities=p)
            assert auxiliary(statistics, moved) + family.log_prior(moved) < top
            weights[[k, (k + 1) % 4]] += step, -step
            moved = replace(best, weights=weights)
            assert auxiliary(statistics, moved) + family.log_prior(moved) < top


def test_the_prior_is_a_beta_density() -> None:
    """Up to a constant it is a Beta density with the mode at the data's mean, equivalent to r frames."""
    frames = sampled(9)
    family, mean = family_of(frames, SMOOTH), frames.mean(axis=0)
    first, second = random_mixture(9), random_mixture(10)
    density = scipy.stats.beta(1 + 2.0 * mean, 1 + 2.0 * (1 - mean))
    expected = density.logpdf(first.probabilities).sum() - density.logpdf(second.probabilities).sum()
    assert family.log_prior(first) - family.log_prior(second) == pytest.approx(expected, rel=1e-10)
    assert family_of(frames, PLAIN).log_prior(first) == 0.0


def stepmix_after(n_iterations: int, frames: Floats) -> tuple[StepMix, BernoulliMixture]:
    """A StepMix fit of three classes from random responsibilities with a fixed seed; it does not converge."""
    options = {"measurement": "binary", "init_params": "random", "random_state": 3, "progress_bar": 0, "abs_tol": 0.0}
    model = StepMix(3, max_iter=n_iterations, **options)
    with pytest.warns(ConvergenceWarning):
        model.fit(frames)
    return model, BernoulliMixture(model.weights_, model.get_parameters()["measurement"]["pis"])


@pytest.mark.parametrize("n_updates", [1, 5, 400])
def test_updates_are_those_of_stepmix(n_updates: int) -> None:
    """From the state of StepMix after one iteration, n updates give its parameters, score and responsibilities."""
    rng = np.random.default_rng(11)
    truth = BernoulliMixture(np.array([0.2, 0.3, 0.5]), rng.uniform(0.15, 0.85, (3, 10)))
    frames = truth.sample(1000, rng)[0]
    _, initial = stepmix_after(1, frames)
    oracle, expected = stepmix_after(1 + n_updates, frames)
    found = fit(frames, initial, options=replace(PLAIN, max_iterations=n_updates))
    assert found.n_iterations == n_updates
    assert_same(found.mixture, expected, rtol=1e-7)
    assert found.log_likelihoods[-1] == pytest.approx(oracle.score(frames), rel=1e-10)
    np.testing.assert_allclose(found.mixture.responsibilities(frames), oracle.predict_proba(frames), rtol=0, atol=1e-7)
    assert np.abs(found.mixture.probabilities - initial.probabilities).max() > 1e-3


@pytest.mark.parametrize("weighted", [False, True])
def test_auxiliary_and_entropy_from_explicit_responsibilities(weighted: bool) -> None:
    """Q and the entropy from statistics are those of explicit responsibilities; their sum is the log-likelihood."""
    frames, mixture, other = sampled(12), random_mixture(12), random_mixture(13)
    weights = np.random.default_rng(4).uniform(0.2, 2.0, len(frames)) if weighted else np.ones(len(frames))
    statistics = statistics_of(mixture, frames, frame_weights=weights if weighted else None)
    shares = posteriors(mixture, frames)
    entropy = -(weights[:, np.newaxis] * shares * np.log(shares)).sum()
    assert statistics.entropy == pytest.approx(entropy, rel=1e-10)
    for candidate in (mixture, other):
        expected = (weights[:, np.newaxis] * shares * joint(candidate, frames)).sum()
        assert auxiliary(statistics, candidate) == pytest.approx(expected, rel=1e-12)
    log_likelihood = weights @ mixture.log_likelihoods(frames)
    assert auxiliary(statistics, mixture) + entropy == pytest.approx(log_likelihood, rel=1e-12)


@pytest.mark.parametrize("options", [PLAIN, SMOOTH])
def test_each_iteration_raises_the_bound_and_closes_the_gap(options: EMOptions) -> None:
    """F is the log-likelihood after each E-step; F plus log prior never falls; the gap is the divergence."""
    frames, initial = sampled(14), random_mixture(14)
    fits = (fit(frames, initial, options=replace(options, max_iterations=n)) for n in range(1, 9))
    steps = [initial, *(fitted.mixture for fitted in fits)]
    history = fit(frames, initial, options=options).iterations
    for before, after, old, new in zip(history[:8], history[1:9], steps[:8], steps[1:], strict=True):
        assert before.bound == pytest.approx(before.log_likelihood, rel=1e-12)
        assert after.raised + after.log_prior >= before.bound + before.log_prior - 1e-12
        assert after.bound >= after.raised - 1e-12
        q, p = posteriors(old, frames), posteriors(new, frames)
        divergence = (q * np.log(q / p)).sum() / len(frames)
        assert after.gap == pytest.approx(divergence, rel=1e-6, abs=1e-12)
        assert after.log_likelihood == pytest.approx(new.log_likelihoods(frames).mean(), rel=1e-12)
        assert after.log_prior == pytest.approx(family_of(frames, options).log_prior(new) / len(frames), rel=1e-12)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.5, 20.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_objective_never_falls(seed: int, smoothing: float, hard: bool) -> None:
    """Log-likelihood plus log prior rises with every iteration without re-seeding."""
    options = replace(PLAIN, smoothing=smoothing, hard=hard)
    result = fit(sampled(seed), random_mixture(seed, n_components=5), options=options)
    gains = np.diff([iteration.objective for iteration in result.iterations])
    gains = np.delete(gains, np.array(result.reseeded_at, dtype=int) - 1)
    assert gains.min() >= -1e-12


def test_hard_em_uses_the_most_likely_component() -> None:
    """Hard statistics are those of one-hot responsibilities, with the joint log-likelihood of the best components."""
    frames, mixture = sampled(15), random_mixture(15)
    statistics = statistics_of(mixture, frames, hard=True)
    best = joint(mixture, frames).argmax(axis=1)
    np.testing.assert_array_equal(statistics.occupancies, np.bincount(best, minlength=4))
    expected = np.stack([frames[best == k].sum(axis=0) for k in range(4)])
    np.testing.assert_allclose(statistics.first, expected, rtol=1e-12)
    assert statistics.log_likelihood == pytest.approx(joint(mixture, frames).max(axis=1).sum(), rel=1e-12)
    assert statistics.entropy == pytest.approx(0.0, abs=1e-8)


def test_smoothing_keeps_probabilities_from_0_and_1() -> None:
    """Without ones in a component, p is at the limit; with smoothing it is r m / (n + r)."""
    frames = np.repeat([[1.0, 0.0], [0.0, 1.0]], [30, 10], axis=0)
    initial = BernoulliMixture(np.array([0.5, 0.5]), np.array([[0.99, 0.01], [0.01, 0.99]]))
    plain, smooth = (fit(frames, initial, options=replace(options, hard=True)) for options in (PLAIN, SMOOTH))
    assert plain.n_limited == 4
    np.testing.assert_array_equal(plain.mixture.probabilities.ravel()[[1, 0]], [1e-6, 1 - 1e-6])
    assert smooth.n_limited == 0
    expected = [[31.5 / 32, 0.5 / 32], [1.5 / 12, 10.5 / 12]]
    np.testing.assert_allclose(smooth.mixture.probabilities, expected, rtol=1e-9)


@every_method
@pytest.mark.parametrize("options", [replace(PLAIN, min_occupancy=10.0), replace(SMOOTH, min_occupancy=10.0)])
def test_constant_features(method: str, options: EMOptions) -> None:
    """Features that are always 0 or always 1 are at the limits in all components and do not change the others."""
    varying = sampled(16)
    frames = np.insert(varying, [0, 6], [0.0, 1.0], axis=1)
    initial = start(as_shards(frames), 4, family_of(frames, options), np.random.default_rng(0), method=method)
    result = fit(frames, initial, options=options)
    p = result.mixture.probabilities
    assert_within_limits(result.mixture, 4, 8)
    np.testing.assert_allclose(p[:, 0], MIN_PROBABILITY, rtol=1e-6)
    np.testing.assert_allclose(p[:, 7], 1 - MIN_PROBABILITY, rtol=1e-12)
    without = fit(varying, replace(initial, probabilities=initial.probabilities[:, 1:7]), options=options)
    assert result.log_likelihoods[-1] == pytest.approx(without.log_likelihoods[-1], abs=1e-4)


@every_method
@pytest.mark.parametrize("n_frames", [6, 60])
def test_identical_frames_give_a_valid_mixture(method: str, n_frames: int) -> None:
    """With identical frames, starts and fits are valid and all components are equal to the frame."""
    frames = np.tile([0.0, 1.0, 1.0], (n_frames, 1)).astype(np.float32)
    initial = start(as_shards(frames), 6, family_of(frames), np.random.default_rng(0), method=method)
    assert_within_limits(initial, 6, 3)
    mixture = fit(frames, initial, options=replace(PLAIN, min_occupancy=0.5)).mixture
    assert_within_limits(mixture, mixture.n_components, 3)
    np.testing.assert_allclose(mixture.probabilities, np.tile(frames[0], (mixture.n_components, 1)), rtol=0, atol=2e-6)


@pytest.mark.parametrize("bit", [0.0, 1.0])
def test_one_frame_of_one_feature(bit: float) -> None:
    """The smallest possible data can be fitted."""
    frames = np.array([[bit]])
    result = fit(frames, BernoulliMixture(np.ones(1), np.array([[0.5]])), options=SMOOTH)
    assert result.mixture.probabilities[0, 0] == pytest.approx(bit, abs=2e-6)
    assert result.log_likelihoods[-1] == pytest.approx(0.0, abs=2e-6)


@every_method
@pytest.mark.parametrize("n_components", [1, 5, 8])
@pytest.mark.parametrize("options", [PLAIN, SMOOTH])
def test_every_start_is_valid(method: str, n_components: int, options: EMOptions) -> None:
    """For every method, the mixture has K distinct components within the limits, and EM improves it."""
    frames = sampled(17, n_frames=1000).astype(np.float32)
    initial = start(
        as_shards(frames), n_components, family_of(frames, options), np.random.default_rng(0), method=method
    )
    assert_within_limits(initial, n_components, 6)
    assert len(np.unique(initial.probabilities, axis=0)) == n_components
    result = fit(frames, initial, options=options)
    assert result.mixture.n_components == n_components
    assert result.log_likelihoods[-1] >= result.log_likelihoods[0] - 1e-9


def test_samples_have_the_means_of_the_components() -> None:
    """Samples are zeros and ones with the probabilities of their components, and components have their weights."""
    mixture, n_frames = random_mixture(18), 100_000
    frames, components = mixture.sample(n_frames, np.random.default_rng(18))
    assert frames.dtype == np.float64
    np.testing.assert_array_equal(np.unique(frames), [0.0, 1.0])
    np.testing.assert_allclose(np.bincount(components) / n_frames, mixture.weights, atol=0.01)
    means = np.stack([frames[components == k].mean(axis=0) for k in range(4)])
    np.testing.assert_allclose(means, mixture.probabilities, atol=0.02)
    assert mixture.sample(0, np.random.default_rng(0))[0].shape == (0, 6)


def test_a_mixture_is_recovered_from_its_samples() -> None:
    """With well separated components, k-means and EM recover weights and probabilities."""
    rng = np.random.default_rng(19)
    p = np.where(rng.random((3, 20)) < 0.5, 0.1, 0.85)
    truth = BernoulliMixture(np.array([0.2, 0.3, 0.5]), p)
    frames = truth.sample(20_000, rng)[0].astype(np.float32)
    fitted = fit(frames, start(as_shards(frames), 3, family_of(frames), rng)).mixture
    order = np.argsort(fitted.weights)
    np.testing.assert_allclose(fitted.weights[order], truth.weights, atol=0.01)
    np.testing.assert_allclose(fitted.probabilities[order], truth.probabilities, atol=0.03)


def test_integer_weights_are_repeated_frames() -> None:
    """A frame of weight n is equivalent to n equal frames, including the mean used for smoothing."""
    frames, initial = sampled(20, n_frames=60), random_mixture(20, n_components=2)
    weights = np.random.default_rng(20).integers(4, size=60)
    weighted = fit(shards_of(frames, weights.astype(np.float64)), initial, options=SMOOTH)
    assert_same(weighted.mixture, fit(np.repeat(frames, weights, axis=0), initial, options=SMOOTH).mixture)


def test_a_starved_component_is_reseeded() -> None:
    """A component without frames is re-seeded by a split, within the limits."""
    frames = sampled(21)
    p = np.vstack([random_mixture(21, n_components=2).probabilities, np.full((1, 6), 1e-6)])
    initial = BernoulliMixture(np.array([0.5, 0.4999, 0.0001]), p)
    result = fit(frames[frames.any(axis=1)], initial, options=replace(PLAIN, min_occupancy=5.0))
    assert result.reseeded_at[0] == 1
    assert (result.mixture.n_components, result.n_pruned) == (3, 0)
    assert_within_limits(result.mixture, 3, 6)


def test_split_place_and_apply_limits_by_hand() -> None:
    """Halves move 0.2 standard deviations, a placed component half of the way; both within the limits."""
    family = family_of(sampled(22, n_dimensions=2))
    mixture = BernoulliMixture(np.array([0.6, 0.4]), np.array([[0.2, 1e-6], [0.5, 0.9]]))
    split = family.split(mixture, 1)
    np.testing.assert_allclose(split.weights, [0.3, 0.4, 0.3], rtol=1e-12)
    # 0.2 sqrt(0.2 0.8) = 0.08, and 0.2 sqrt(1e-6 (1 - 1e-6)) = 0.0002 approximately.
    np.testing.assert_allclose(split.probabilities, [[0.12, 1e-6], [0.5, 0.9], [0.28, 2.01e-4]], rtol=1e-5)
    placed = family.place(mixture, np.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(placed.probabilities, [[0.6, 1e-6], [0.25, 0.95]], rtol=1e-12)
    np.testing.assert_array_equal(placed.weights, mixture.weights)
    outside = BernoulliMixture(np.array([0.6, 0.4]), np.array([[1e-9, 0.3], [0.5, 1 - 1e-9]]))
    assert family.n_limited(outside) == 2
    np.testing.assert_array_equal(family.apply_limits(outside).probabilities, [[1e-6, 0.3], [0.5, 1 - 1e-6]])
    assert family.n_limited(family.apply_limits(outside)) == 2


def test_adaptation_without_data_and_with_infinite_data() -> None:
    """Without frames the result is the background; with frame weights of 1e9 it is maximum likelihood."""
    background, frames = random_mixture(23), sampled(23)
    family = family_of(frames)
    assert_same(adapt(background, statistics_of(background, frames, frame_weights=np.zeros(500)), family), background)
    many = statistics_of(background, frames, frame_weights=np.full(500, 1e9))
    expected = update(many, family, min_occupancy=1.0, may_reseed=0).mixture
    assert_same(adapt(background, many, family), expected, rtol=1e-7)
    assert_same(adapt(background, statistics_of(background, frames), family, relevance=0.0), expected)


def test_adaptation_of_one_component_by_hand() -> None:
    """Frames 1 and 0 with relevance factor 6: 0.9 moves 1/4 of the way to 0.5, and 0.6 to 1; then the limits."""
    frames = np.array([[1.0, 1.0], [0.0, 1.0]])
    background = BernoulliMixture(np.ones(1), np.array([[0.9, 0.6]]))
    adapted = adapt(background, statistics_of(background, frames), family_of(frames), relevance=6.0)
    np.testing.assert_allclose(adapted.probabilities, [[0.8, 0.7]], rtol=1e-12)
    extreme = BernoulliMixture(np.array([0.5, 0.5]), np.array([[0.9, 0.6], [0.5, 1e-9]]))
    limited = adapt(extreme, statistics_of(extreme, frames), family_of(frames), relevance=0.0)
    np.testing.assert_allclose(limited.probabilities, [[0.5, 1 - 1e-6], [0.5, 1e-6]], rtol=1e-8)


def test_adaptation_improves_the_likelihood_of_the_data() -> None:
    """Adaptation raises the likelihood of the frames, and more with a smaller relevance factor."""
    background, frames = random_mixture(24), sampled(24)
    adapted, loose = (fit_adapted(frames, background, relevance=factor) for factor in (64.0, 16.0))
    assert adapted.log_likelihoods[-1] > background.log_likelihoods(frames).mean() + 0.01
    assert loose.log_likelihoods[-1] > adapted.log_likelihoods[-1]
