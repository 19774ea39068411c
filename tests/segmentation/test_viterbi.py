"""Viterbi decoding: compared with all possible paths, and step by step."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from speechgmm.errors import OptionError
from speechgmm.segmentation.viterbi import Run, Topology, Viterbi, best_path, joined


def topology(min_steps: tuple[int, ...], cost: float) -> Topology:
    n_states = len(min_steps)
    return Topology(min_steps=min_steps, costs=((cost,) * n_states,) * n_states)


def runs_of(path: tuple[int, ...]) -> list[Run]:
    runs, start = [], 0
    for state, group in itertools.groupby(path):
        length = len(list(group))
        runs.append(Run(state, start, start + length))
        start += length
    return runs


def score(path: tuple[int, ...], emissions: npt.NDArray[np.float64], top: Topology) -> float:
    """Score of a path by the definition; minus infinity if an inner run is too short."""
    runs = runs_of(path)
    if any(run.end - run.start < top.min_steps[run.state] for run in runs[1:-1]):
        return -np.inf
    total = sum(float(emissions[step, state]) for step, state in enumerate(path))
    return total - sum(top.costs[a.state][b.state] for a, b in itertools.pairwise(runs))


@pytest.mark.parametrize("seed", range(40))
def test_no_path_is_better(seed: int) -> None:
    """The decoder finds the best of all paths through a small problem."""
    rng = np.random.default_rng(seed)
    n_states = int(rng.integers(2, 4))
    n_steps = int(rng.integers(1, 10 if n_states == 2 else 8))
    emissions = rng.normal(size=(n_steps, n_states))
    costs = rng.uniform(0, 1, size=(n_states, n_states))
    top = Topology(
        min_steps=tuple(int(n) for n in rng.integers(1, 5, size=n_states)), costs=tuple(map(tuple, costs.tolist()))
    )
    best = max(itertools.product(range(n_states), repeat=n_steps), key=lambda path: score(path, emissions, top))
    assert best_path(emissions, top) == runs_of(best)


@pytest.mark.parametrize("lag", [None, 1000])
def test_steps_may_come_in_any_blocks(lag: int | None) -> None:
    """Without a lag, or with one longer than the steps, decoding in blocks gives the path of decoding at once."""
    rng = np.random.default_rng(1)
    emissions = rng.normal(size=(600, 3)) + 2 * np.eye(3)[np.repeat(rng.integers(0, 3, 30), 20)]
    top = topology((4, 7, 5), 3.0)
    decoder = Viterbi(top, lag=lag)
    final = [run for first in range(0, 600, 7) for run in decoder.advance(emissions[first : first + 7])]
    assert len(final) > 10  # most of the path is final long before the end
    assert joined([*final, *decoder.finish()]) == best_path(emissions, top)


def test_steps_are_final_after_the_lag() -> None:
    """Every step is final after the lag, in order, even with ambiguous emissions."""
    top = topology((3, 3), 1.0)
    decoder = Viterbi(top, lag=6)
    emissions = np.zeros((100, 2))
    emissions[::2, 0] = 0.1
    emissions[1::2, 1] = 0.1
    n_final = 0
    for step in range(100):
        for run in decoder.advance(emissions[step : step + 1]):
            assert run.start == n_final
            n_final = run.end
        assert n_final >= step + 1 - 6
    rest = decoder.finish()
    assert [rest[0].start, rest[-1].end] == [n_final, 100]


def test_runs_with_a_lag_have_their_minimum_duration() -> None:
    """Pruning leaves only the first and the last run shorter than the minimum duration."""
    rng = np.random.default_rng(2)
    top = topology((5, 8, 3), 0.5)
    decoder = Viterbi(top, lag=2)
    emissions = rng.normal(size=(500, 3))
    final = [run for step in range(500) for run in decoder.advance(emissions[step : step + 1])]
    runs = joined([*final, *decoder.finish()])
    assert len(runs) > 20
    assert all(run.end - run.start >= top.min_steps[run.state] for run in runs[1:-1])


def test_memory_does_not_grow() -> None:
    """Final runs are dropped: after many steps only few runs are kept."""
    rng = np.random.default_rng(3)
    decoder = Viterbi(topology((4, 4), 2.0), lag=20)
    for _ in range(300):
        decoder.advance(rng.normal(size=(10, 2)))
    kept = {id(node) for _, last in decoder._survivors() for node in last.chain()}
    assert len(kept) < 30


def test_an_infinite_cost_forbids_a_transition() -> None:
    """Even if the emissions favour it."""
    top = Topology(min_steps=(1, 1, 1), costs=((0, 1, np.inf), (1, 0, 1), (np.inf, 1, 0)))
    emissions = np.array([[9.0, 0, 0]] * 3 + [[0.0, 0, 9]] * 3)
    states = [run.state for run in best_path(emissions, top)]
    assert states == [0, 1, 2]


def test_no_steps_have_no_path() -> None:
    """The list of runs is empty."""
    assert best_path(np.empty((0, 2)), topology((1, 1), 1.0)) == []


@pytest.mark.parametrize(
    ("min_steps", "costs", "match"),
    [
        ((0, 1), ((0.0, 1.0), (1.0, 0.0)), "each state must last at least 1 step"),
        ((1, 1), ((0.0, 1.0),), "costs must be 2 by 2 numbers"),
        ((1, 1), ((0.0, -2.0), (1.0, 0.0)), "no cost may be negative"),
    ],
)
def test_a_bad_topology_is_refused(
    min_steps: tuple[int, ...], costs: tuple[tuple[float, ...], ...], match: str
) -> None:
    """Minimum durations are positive, and each pair of states has a cost that is not negative."""
    with pytest.raises(OptionError, match=match):
        Topology(min_steps=min_steps, costs=costs)


def test_a_negative_lag_is_refused() -> None:
    """The message has the value."""
    with pytest.raises(OptionError, match="lag is -1"):
        Viterbi(topology((1,), 0.0), lag=-1)
