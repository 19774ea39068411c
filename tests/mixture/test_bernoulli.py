"""Mixtures of Bernoulli variables: scores, EM by hand and against StepMix, the bound, and bits that never vary."""

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
from speechgmm.mixture.adaptation import adapt, fit_adapted
from speechgmm.mixture.bernoulli import LEAST_PROBABILITY, BernoulliMixture, axes_about
from speechgmm.mixture.em import fit, update
from speechgmm.mixture.estep import TRUSTED, score_blocks
from speechgmm.mixture.families import family_for
from speechgmm.mixture.initialisation import START_METHODS, start
from speechgmm.mixture.options import EMOptions
from speechgmm.mixture.shards import as_shards, shards_of
from speechgmm.mixture.statistics import accumulate, auxiliary

PLAIN = EMOptions(max_iterations=25, tolerance=0.0, smoothing=0.0, min_occupancy=1e-3)
SMOOTH = replace(PLAIN, smoothing=2.0)

every_method = pytest.mark.parametrize("method", START_METHODS)


def random_mixture(seed=0, *, n_components=4, n_dimensions=6, sharpness=1.0):
    """Probabilities from a Beta distribution: uniform, or the nearer to 0 and 1 the sharper."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1 / sharpness, 1 / sharpness, size=(n_components, n_dimensions))
    return BernoulliMixture(rng.dirichlet(np.full(n_components, 5.0)), p.clip(1e-5, 1 - 1e-5))


def drawn(seed=1, *, n_frames=500, **shape):
    """Frames of a mixture that no test starts from."""
    return random_mixture(100 + seed, sharpness=2.0, **shape).sample(n_frames, np.random.default_rng(seed))[0]


def family_of(frames, options=PLAIN):
    return family_for("bernoulli", as_shards(frames), 1, options=options)


def statistics_of(mixture, frames, **how):
    return accumulate(mixture, frames, axes=axes_about(frames.mean(axis=0)), **how)


def joint(mixture, frames):
    """Log w_k p_k(x_t) by SciPy, (T, K)."""
    each = scipy.stats.bernoulli.logpmf(frames[:, np.newaxis].astype(int), mixture.probabilities)
    return np.log(mixture.weights) + each.sum(axis=2)


def posteriors(mixture, frames):
    return scipy.special.softmax(joint(mixture, frames), axis=1)


def assert_same(one, other, *, rtol=1e-9):
    np.testing.assert_allclose(one.weights, other.weights, rtol=rtol)
    np.testing.assert_allclose(one.probabilities, other.probabilities, rtol=rtol)


def assert_admissible(mixture, n_components, n_dimensions):
    p = mixture.probabilities
    assert p.shape == (n_components, n_dimensions)
    assert p.dtype == np.float64
    assert LEAST_PROBABILITY <= p.min() <= p.max() <= 1 - LEAST_PROBABILITY


def test_one_bit_by_hand():
    """Of a bit that is 1 in a quarter of the cases, 1 has the probability 1/4 and 0 has 3/4."""
    mixture = BernoulliMixture(np.ones(1), np.array([[0.25]]))
    one, zero = mixture.log_likelihoods(np.array([[1.0], [0.0]]))
    assert (one, zero) == pytest.approx((math.log(0.25), math.log(0.75)), abs=1e-15)
    assert (mixture.n_components, mixture.n_dimensions, mixture.n_parameters) == (1, 1, 1)
    assert random_mixture(n_components=4, n_dimensions=6).n_parameters == 4 * 6 + 3


def test_log_likelihoods_against_loops():
    """Each frame's score is the logarithm of equation (1b), computed factor by factor."""
    mixture, frames = random_mixture(), drawn(n_frames=40)
    for frame, found in zip(frames, mixture.log_likelihoods(frames), strict=True):
        total = 0.0
        for weight, probabilities in zip(mixture.weights, mixture.probabilities, strict=True):
            product = float(weight)
            for x, p in zip(frame, probabilities, strict=True):
                product *= p if x == 1 else 1 - p
            total += product
        assert found == pytest.approx(math.log(total), rel=1e-12)


@pytest.mark.parametrize("n_components", [1, 7])
def test_scores_against_scipy(n_components):
    """Log-likelihoods and responsibilities are those of SciPy's probabilities; over all frames they sum to 1."""
    mixture, frames = random_mixture(2, n_components=n_components), drawn(3)
    expected = scipy.special.logsumexp(joint(mixture, frames), axis=1)
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=1e-12)
    np.testing.assert_allclose(mixture.responsibilities(frames), posteriors(mixture, frames), rtol=0, atol=1e-12)
    everything = np.array([[float(bit) for bit in f"{number:06b}"] for number in range(64)])
    assert np.exp(mixture.log_likelihoods(everything)).sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("mean", [0.5, 0.01, 0.0, 1.0])
def test_coefficients_do_not_depend_on_the_axes(mean):
    """Relative coefficients plus the axes' own are the joint log-probability, whatever the mean the axes are about."""
    mixture, frames = random_mixture(4), drawn(4)
    axes = axes_about(np.full(6, mean))
    z = axes.expand(frames, np.empty((7, len(frames)))).T
    found = z @ mixture.joint_coefficients(axes) + (z @ axes.reference)[:, np.newaxis]
    np.testing.assert_allclose(found, joint(mixture, frames), rtol=1e-11)


def test_axes_are_about_the_mean_of_the_mixture():
    """The density of a mixture's axes is that of independent bits of its mean, 1/4 of 1/2 and 3/4 of 1/10."""
    mixture = BernoulliMixture(np.array([0.25, 0.75]), np.array([[0.5], [0.1]]))
    expected = [math.log(0.2), math.log(0.8)]
    np.testing.assert_allclose(mixture.axes.log_density(np.array([[1.0], [0.0]])), expected, rtol=1e-12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_unlikely_frames_are_scored_right(kind):
    """Frames the axes' own density is far from, above or below all trust, are scored as in double precision."""
    rng = np.random.default_rng(5)
    p = np.where(rng.random((2, 1000)) < 0.5, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    mixture = BernoulliMixture(np.array([0.3, 0.7]), p)
    frames = np.concatenate([p.round(), 1 - p.round(), rng.integers(2, size=(20, 1000))]).astype(kind)
    ((_, block),) = score_blocks(frames, mixture.axes, mixture.joint_coefficients(mixture.axes))
    low, high = np.log(TRUSTED[np.dtype(kind)])
    assert (block.log_ratios > high).any()
    assert (block.log_ratios < low).any()
    expected = scipy.special.logsumexp(joint(mixture, frames), axis=1)
    np.testing.assert_allclose(mixture.log_likelihoods(frames), expected, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(mixture.responsibilities(frames), posteriors(mixture, frames), rtol=0, atol=1e-6)


def test_single_precision_statistics_are_close_to_double():
    """Log-likelihood, occupancies and sums in float32 are those of float64 to a few millionths."""
    mixture = random_mixture(6, n_components=32, n_dimensions=79, sharpness=2.0)
    frames, _ = mixture.sample(10_000, np.random.default_rng(6))
    single, double = (statistics_of(mixture, frames.astype(kind)) for kind in (np.float32, np.float64))
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
            "the probabilities of a mixture must be above 0 and below 1, but the least is 0.25 and the greatest 1",
        ),
        (np.ones(1), np.array([[0.0, 0.75]]), "but the least is 0 and the greatest 0.75"),
        (np.ones(1), np.array([[np.nan]]), "but the least is nan and the greatest nan"),
        (
            np.array([0.5, 0.75]),
            np.full((2, 1), 0.5),
            "the weights of a mixture must be positive and sum to 1, but the least is 0.5 and their sum 1.25",
        ),
    ],
)
def test_a_faulty_mixture_is_refused(weights, probabilities, text):
    """Arrays that do not fit one another, and values outside their range, are named."""
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
def test_other_values_than_0_and_1_are_refused(frames, text):
    """The error names the first feature that is not binary, what it is like, and what to do."""
    mixture = random_mixture(n_components=1, n_dimensions=len(frames[0]))
    advice = " so it is not always 0 or 1, which the family 'bernoulli' needs: give frames of zeros and ones or take "
    with pytest.raises(TrainingError, match="^" + re.escape(text + advice + "the family 'gaussian'") + "$"):
        fit(np.array(frames), mixture)


def test_one_stray_frame_in_many_is_refused():
    """A single 0.5 among a hundred thousand bits is enough; without it they are accepted."""
    frames = np.random.default_rng(7).integers(2, size=(100_000, 1)).astype(np.float32)
    family_of(frames)
    frames[77_777] = 0.5
    with pytest.raises(TrainingError, match=r"^feature 0 has the mean 0\.\d+ and the variance 0\.\d+, so it is not"):
        family_of(frames)


def test_e_step_and_m_step_by_hand():
    """Bits 1, 1, 0 under halves of 0.8 and 0.2: counts 1.8 and 1.2, sums 1.6 and 0.4; two more frames of mean 2/3."""
    frames = np.array([[1.0], [1.0], [0.0]])
    mixture = BernoulliMixture(np.array([0.5, 0.5]), np.array([[0.8], [0.2]]))
    statistics = statistics_of(mixture, frames)
    np.testing.assert_allclose(statistics.occupancies, [1.8, 1.2], rtol=1e-12)
    np.testing.assert_allclose(statistics.first, [[1.6], [0.4]], rtol=1e-12)
    assert statistics.log_likelihood == pytest.approx(3 * math.log(0.5), rel=1e-12)
    plain = family_of(frames).maximise(statistics)
    assert_same(plain, BernoulliMixture(np.array([0.6, 0.4]), np.array([[8 / 9], [1 / 3]])))
    smooth = family_of(frames, SMOOTH).maximise(statistics)
    seen = np.array([[(1.6 + 4 / 3) / 3.8], [(0.4 + 4 / 3) / 3.2]])
    assert_same(smooth, BernoulliMixture(np.array([0.6, 0.4]), seen))


@pytest.mark.parametrize("options", [PLAIN, SMOOTH])
def test_the_m_step_is_the_best(options):
    """Whichever parameter is moved a little to either side, expected log-likelihood and log prior together fall."""
    frames, mixture = drawn(8), random_mixture(8)
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


def test_the_prior_is_a_beta_density():
    """Up to a constant it is the density whose mode is the data's mean, as if r frames had been seen."""
    frames = drawn(9)
    family, mean = family_of(frames, SMOOTH), frames.mean(axis=0)
    one, other = random_mixture(9), random_mixture(10)
    density = scipy.stats.beta(1 + 2.0 * mean, 1 + 2.0 * (1 - mean))
    expected = density.logpdf(one.probabilities).sum() - density.logpdf(other.probabilities).sum()
    assert family.log_prior(one) - family.log_prior(other) == pytest.approx(expected, rel=1e-10)
    assert family_of(frames, PLAIN).log_prior(one) == 0.0


def stepmix_after(n_iterations, frames):
    """A StepMix fit of three classes from random responsibilities, the same each time; it never converges."""
    options = {"measurement": "binary", "init_params": "random", "random_state": 3, "progress_bar": 0, "abs_tol": 0.0}
    model = StepMix(3, max_iter=n_iterations, **options)
    with pytest.warns(ConvergenceWarning):
        model.fit(frames)
    return model, BernoulliMixture(model.weights_, model.get_parameters()["measurement"]["pis"])


@pytest.mark.parametrize("n_updates", [1, 5, 400])
def test_updates_are_those_of_stepmix(n_updates):
    """From where StepMix is after one iteration, so many more give its parameters, score and responsibilities."""
    rng = np.random.default_rng(11)
    truth = BernoulliMixture(np.array([0.2, 0.3, 0.5]), rng.uniform(0.15, 0.85, (3, 10)))
    frames = truth.sample(1000, rng)[0]
    _, beginning = stepmix_after(1, frames)
    oracle, expected = stepmix_after(1 + n_updates, frames)
    found = fit(frames, beginning, options=replace(PLAIN, max_iterations=n_updates))
    assert found.n_iterations == n_updates
    assert_same(found.mixture, expected, rtol=1e-7)
    assert found.log_likelihoods[-1] == pytest.approx(oracle.score(frames), rel=1e-10)
    np.testing.assert_allclose(found.mixture.responsibilities(frames), oracle.predict_proba(frames), rtol=0, atol=1e-7)
    assert np.abs(found.mixture.probabilities - beginning.probabilities).max() > 1e-3


@pytest.mark.parametrize("weighted", [False, True])
def test_auxiliary_and_entropy_are_what_they_are_called(weighted):
    """Q and the entropy, computed from sums, are those of explicit responsibilities; together the log-likelihood."""
    frames, mixture, other = drawn(12), random_mixture(12), random_mixture(13)
    weights = np.random.default_rng(4).uniform(0.2, 2.0, len(frames)) if weighted else np.ones(len(frames))
    statistics = statistics_of(mixture, frames, frame_weights=weights if weighted else None)
    shares = posteriors(mixture, frames)
    entropy = -(weights[:, np.newaxis] * shares * np.log(shares)).sum()
    assert statistics.entropy == pytest.approx(entropy, rel=1e-10)
    for each in (mixture, other):
        expected = (weights[:, np.newaxis] * shares * joint(each, frames)).sum()
        assert auxiliary(statistics, each) == pytest.approx(expected, rel=1e-12)
    log_likelihood = weights @ mixture.log_likelihoods(frames)
    assert auxiliary(statistics, mixture) + entropy == pytest.approx(log_likelihood, rel=1e-12)


@pytest.mark.parametrize("options", [PLAIN, SMOOTH])
def test_each_iteration_raises_the_bound_and_closes_the_gap(options):
    """F is the log-likelihood after each E-step; with the log prior it never falls; the gap is the divergence."""
    frames, beginning = drawn(14), random_mixture(14)
    fits = (fit(frames, beginning, options=replace(options, max_iterations=n)) for n in range(1, 9))
    steps = [beginning, *(each.mixture for each in fits)]
    history = fit(frames, beginning, options=options).iterations
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
def test_the_objective_never_falls(seed, smoothing, hard):
    """Log-likelihood and log prior together rise with every iteration, to the smallest step, but for repairs."""
    options = replace(PLAIN, smoothing=smoothing, hard=hard)
    result = fit(drawn(seed), random_mixture(seed, n_components=5), options=options)
    gains = np.diff([iteration.objective for iteration in result.iterations])
    gains = np.delete(gains, np.array(result.reseeded_at, dtype=int) - 1)
    assert gains.min() >= -1e-12


def test_hard_em_takes_the_best_component_alone():
    """Hard statistics are those of one-hot responsibilities; their log-likelihood is the best components' joint one."""
    frames, mixture = drawn(15), random_mixture(15)
    statistics = statistics_of(mixture, frames, hard=True)
    best = joint(mixture, frames).argmax(axis=1)
    np.testing.assert_array_equal(statistics.occupancies, np.bincount(best, minlength=4))
    expected = np.stack([frames[best == k].sum(axis=0) for k in range(4)])
    np.testing.assert_allclose(statistics.first, expected, rtol=1e-12)
    assert statistics.log_likelihood == pytest.approx(joint(mixture, frames).max(axis=1).sum(), rel=1e-12)
    assert statistics.entropy == pytest.approx(0.0, abs=1e-8)


def test_smoothing_keeps_probabilities_off_0_and_1():
    """A bit that a component never sees stands at the limit; with smoothing it stands at r m / (n + r)."""
    frames = np.repeat([[1.0, 0.0], [0.0, 1.0]], [30, 10], axis=0)
    beginning = BernoulliMixture(np.array([0.5, 0.5]), np.array([[0.99, 0.01], [0.01, 0.99]]))
    plain, smooth = (fit(frames, beginning, options=replace(each, hard=True)) for each in (PLAIN, SMOOTH))
    assert plain.n_limited == 4
    np.testing.assert_array_equal(plain.mixture.probabilities.ravel()[[1, 0]], [1e-6, 1 - 1e-6])
    assert smooth.n_limited == 0
    expected = [[31.5 / 32, 0.5 / 32], [1.5 / 12, 10.5 / 12]]
    np.testing.assert_allclose(smooth.mixture.probabilities, expected, rtol=1e-9)


@every_method
@pytest.mark.parametrize("options", [replace(PLAIN, min_occupancy=10.0), replace(SMOOTH, min_occupancy=10.0)])
def test_features_that_never_vary(method, options):
    """A bit that is always 0 and one that is always 1 stand at their limits in all components; the other bits count."""
    varied = drawn(16)
    frames = np.insert(varied, [0, 6], [0.0, 1.0], axis=1)
    beginning = start(as_shards(frames), 4, family_of(frames, options), np.random.default_rng(0), method=method)
    result = fit(frames, beginning, options=options)
    p = result.mixture.probabilities
    assert_admissible(result.mixture, 4, 8)
    np.testing.assert_allclose(p[:, 0], LEAST_PROBABILITY, rtol=1e-6)
    np.testing.assert_allclose(p[:, 7], 1 - LEAST_PROBABILITY, rtol=1e-12)
    without = fit(varied, replace(beginning, probabilities=beginning.probabilities[:, 1:7]), options=options)
    assert result.log_likelihoods[-1] == pytest.approx(without.log_likelihoods[-1], abs=1e-4)


@every_method
@pytest.mark.parametrize("n_frames", [6, 60])
def test_identical_frames_give_an_admissible_mixture(method, n_frames):
    """Where there is only one frame, again and again, starts and fits are valid and all components are about it."""
    frames = np.tile([0.0, 1.0, 1.0], (n_frames, 1)).astype(np.float32)
    beginning = start(as_shards(frames), 6, family_of(frames), np.random.default_rng(0), method=method)
    assert_admissible(beginning, 6, 3)
    mixture = fit(frames, beginning, options=replace(PLAIN, min_occupancy=0.5)).mixture
    assert_admissible(mixture, mixture.n_components, 3)
    np.testing.assert_allclose(mixture.probabilities, np.tile(frames[0], (mixture.n_components, 1)), rtol=0, atol=2e-6)


@pytest.mark.parametrize("bit", [0.0, 1.0])
def test_one_frame_of_one_bit(bit):
    """The least data there are can be fitted."""
    frames = np.array([[bit]])
    result = fit(frames, BernoulliMixture(np.ones(1), np.array([[0.5]])), options=SMOOTH)
    assert result.mixture.probabilities[0, 0] == pytest.approx(bit, abs=2e-6)
    assert result.log_likelihoods[-1] == pytest.approx(0.0, abs=2e-6)


@every_method
@pytest.mark.parametrize("n_components", [1, 5, 8])
@pytest.mark.parametrize("options", [PLAIN, SMOOTH])
def test_every_start_is_admissible(method, n_components, options):
    """Whatever the method, the mixture has K distinct components within the limits, and EM improves on it."""
    frames = drawn(17, n_frames=1000).astype(np.float32)
    beginning = start(
        as_shards(frames), n_components, family_of(frames, options), np.random.default_rng(0), method=method
    )
    assert_admissible(beginning, n_components, 6)
    assert len(np.unique(beginning.probabilities, axis=0)) == n_components
    result = fit(frames, beginning, options=options)
    assert result.mixture.n_components == n_components
    assert result.log_likelihoods[-1] >= result.log_likelihoods[0] - 1e-9


def test_samples_have_the_means_of_the_components():
    """Samples are zeros and ones, of a component as often 1 as it says, and components come as often as they weigh."""
    mixture, n_frames = random_mixture(18), 100_000
    frames, components = mixture.sample(n_frames, np.random.default_rng(18))
    assert frames.dtype == np.float64
    np.testing.assert_array_equal(np.unique(frames), [0.0, 1.0])
    np.testing.assert_allclose(np.bincount(components) / n_frames, mixture.weights, atol=0.01)
    means = np.stack([frames[components == k].mean(axis=0) for k in range(4)])
    np.testing.assert_allclose(means, mixture.probabilities, atol=0.02)
    assert mixture.sample(0, np.random.default_rng(0))[0].shape == (0, 6)


def test_a_mixture_is_recovered_from_its_samples():
    """From components that are told apart easily, a start by k-means and EM find weights and probabilities again."""
    rng = np.random.default_rng(19)
    p = np.where(rng.random((3, 20)) < 0.5, 0.1, 0.85)
    truth = BernoulliMixture(np.array([0.2, 0.3, 0.5]), p)
    frames = truth.sample(20_000, rng)[0].astype(np.float32)
    found = fit(frames, start(as_shards(frames), 3, family_of(frames), rng)).mixture
    order = np.argsort(found.weights)
    np.testing.assert_allclose(found.weights[order], truth.weights, atol=0.01)
    np.testing.assert_allclose(found.probabilities[order], truth.probabilities, atol=0.03)


def test_integer_weights_are_repeated_frames():
    """A frame of weight 3 counts as three, in the mean that is smoothed toward as well; one of weight 0 not at all."""
    frames, beginning = drawn(20, n_frames=60), random_mixture(20, n_components=2)
    weights = np.random.default_rng(20).integers(4, size=60)
    weighted = fit(shards_of(frames, weights.astype(np.float64)), beginning, options=SMOOTH)
    assert_same(weighted.mixture, fit(np.repeat(frames, weights, axis=0), beginning, options=SMOOTH).mixture)


def test_a_starved_component_is_put_on_a_half_of_the_heaviest():
    """A component no frame is due to is re-seeded by a split, within the limits."""
    frames = drawn(21)
    p = np.vstack([random_mixture(21, n_components=2).probabilities, np.full((1, 6), 1e-6)])
    beginning = BernoulliMixture(np.array([0.5, 0.4999, 0.0001]), p)
    result = fit(frames[frames.any(axis=1)], beginning, options=replace(PLAIN, min_occupancy=5.0))
    assert result.reseeded_at[0] == 1
    assert (result.mixture.n_components, result.n_pruned) == (3, 0)
    assert_admissible(result.mixture, 3, 6)


def test_split_place_and_admit_by_hand():
    """Halves lie 0.2 deviations to either side, a placed component half the way; none leaves the limits."""
    family = family_of(drawn(22, n_dimensions=2))
    mixture = BernoulliMixture(np.array([0.6, 0.4]), np.array([[0.2, 1e-6], [0.5, 0.9]]))
    split = family.split(mixture, 1)
    np.testing.assert_allclose(split.weights, [0.3, 0.4, 0.3], rtol=1e-12)
    # 0.2 sqrt(0.2 0.8) = 0.08, and 0.2 sqrt(1e-6 (1 - 1e-6)) = 0.0002 but for a ten millionth.
    np.testing.assert_allclose(split.probabilities, [[0.12, 1e-6], [0.5, 0.9], [0.28, 2.01e-4]], rtol=1e-5)
    placed = family.place(mixture, np.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(placed.probabilities, [[0.6, 1e-6], [0.25, 0.95]], rtol=1e-12)
    np.testing.assert_array_equal(placed.weights, mixture.weights)
    outside = BernoulliMixture(np.array([0.6, 0.4]), np.array([[1e-9, 0.3], [0.5, 1 - 1e-9]]))
    assert family.n_limited(outside) == 2
    np.testing.assert_array_equal(family.apply_limits(outside).probabilities, [[1e-6, 0.3], [0.5, 1 - 1e-6]])
    assert family.n_limited(family.apply_limits(outside)) == 2


def test_adapting_without_data_and_with_endless_data():
    """No frames leave the background as it is; frames that count without end give maximum likelihood."""
    background, frames = random_mixture(23), drawn(23)
    family = family_of(frames)
    assert_same(adapt(background, statistics_of(background, frames, frame_weights=np.zeros(500)), family), background)
    endless = statistics_of(background, frames, frame_weights=np.full(500, 1e9))
    expected = update(endless, family, min_occupancy=1.0, may_reseed=0).mixture
    assert_same(adapt(background, endless, family), expected, rtol=1e-7)
    assert_same(adapt(background, statistics_of(background, frames), family, relevance=0.0), expected)


def test_adapting_one_component_by_hand():
    """Two frames 1 and 0 at relevance 6 move 0.9 a quarter of the way to a half; a bit never seen at 0 goes up."""
    frames = np.array([[1.0, 1.0], [0.0, 1.0]])
    background = BernoulliMixture(np.ones(1), np.array([[0.9, 0.6]]))
    adapted = adapt(background, statistics_of(background, frames), family_of(frames), relevance=6.0)
    np.testing.assert_allclose(adapted.probabilities, [[0.8, 0.7]], rtol=1e-12)
    unheard = BernoulliMixture(np.array([0.5, 0.5]), np.array([[0.9, 0.6], [0.5, 1e-9]]))
    found = adapt(unheard, statistics_of(unheard, frames), family_of(frames), relevance=0.0)
    np.testing.assert_allclose(found.probabilities, [[0.5, 1 - 1e-6], [0.5, 1e-6]], rtol=1e-8)


def test_adapting_improves_the_likelihood_of_the_data():
    """Adapted mixtures describe the frames better than the background, and better the less it is trusted."""
    background, frames = random_mixture(24), drawn(24)
    adapted, loose = (fit_adapted(frames, background, relevance=each) for each in (64.0, 16.0))
    assert adapted.log_likelihoods[-1] > background.log_likelihoods(frames).mean() + 0.01
    assert loose.log_likelihoods[-1] > adapted.log_likelihoods[-1]
