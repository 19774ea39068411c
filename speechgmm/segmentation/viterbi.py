"""Online Viterbi decoding with minimum state durations.

A path is a sequence of runs: state j from one step to another, at least its minimum of steps long. Only the first and
the last run may be shorter, because the start and the end of the steps cut them. The score of a path is the sum of the
emissions of its steps minus a transition cost for each change of state. With ``E_j(t)`` the sum of the first t
emissions of j, ``d_j`` its minimum duration and ``V_j(t)`` the score of the best path that is in j after t steps and
may leave it,

    V_j(t) - E_j(t) = max(V_j(t-1) - E_j(t-1), max_i [V_i(t - d_j) - cost_ij] - E_j(t - d_j))                       (8)

(Viterbi 1967, with minimum durations). A step costs S² operations for S states, whatever the minimum durations.

The runs that all surviving paths have in common are final. With a lag, the best path is also made final that many steps
back, and the paths that disagree with it are pruned.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from speechgmm.errors import OptionError
from speechgmm.segmentation.array_types import Floats


@dataclass(frozen=True)
class Run:
    """Steps `start` to `end`, half open, in one state."""

    state: int
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Topology:
    """Minimum durations and transition costs of S states.

    Attributes
    ----------
    min_steps : tuple of int
        Minimum duration of each state in steps; at least 1.
    costs : tuple of tuple of float
        S by S: cost in nats of the transition from the row's state to the column's; 0 or more, infinite to forbid it.
        The diagonal is not used.
    """

    min_steps: tuple[int, ...]
    costs: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        n_states = len(self.min_steps)
        if n_states == 0 or min(self.min_steps) < 1:
            raise OptionError(f"min_steps is {self.min_steps}, but each state must last at least 1 step")
        if len(self.costs) != n_states or any(len(row) != n_states for row in self.costs):
            raise OptionError(f"costs must be {n_states} by {n_states} numbers, one for each pair of states")
        if not all(cost >= 0 for row in self.costs for cost in row):
            raise OptionError(f"costs is {self.costs}, but no cost may be negative")


class _Node:
    """A run without its end, linked to the run before it; paths that share their first runs share these nodes."""

    __slots__ = ("parent", "start", "state")

    def __init__(self, state: int, start: int, parent: _Node | None) -> None:
        self.state, self.start, self.parent = state, start, parent

    def chain(self) -> list[_Node]:
        """The runs of the path that ends in this one, in order of time."""
        nodes: list[_Node] = []
        node: _Node | None = self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]

    def covering(self, step: int) -> _Node:
        """The run of the path that contains a step."""
        node = self
        while node.start > step and node.parent is not None:
            node = node.parent
        return node


class Viterbi:
    """Online decoder: takes emissions and gives runs as soon as they are final.

    Parameters
    ----------
    topology : Topology
    lag : int, optional
        Steps after which the best path is final, 0 or more. By default only what all surviving paths share is final.
    """

    def __init__(self, topology: Topology, *, lag: int | None = None) -> None:
        if lag is not None and lag < 0:
            raise OptionError(f"lag is {lag}, but it must be 0 or more steps")
        states = range(len(topology.min_steps))
        self._topology, self._lag = topology, lag
        self._n_steps = self._n_final = 0
        self._totals = [0.0 for _ in states]  # E_j
        self._values = [0.0 for _ in states]  # V_j - E_j
        self._nodes = [_Node(state, 0, None) for state in states]
        # Runs shorter than the minimum duration, oldest first, each with the V_j - E_j of its path.
        self._young = [deque([(-math.inf, self._nodes[state])] * topology.min_steps[state]) for state in states]

    def advance(self, emissions: Floats) -> list[Run]:
        """Decode further steps.

        Parameters
        ----------
        emissions : ndarray (T, S)
            Log-likelihood (nats) of each step in each state, up to a constant per step.

        Returns
        -------
        list of Run
            The part of the path that has become final since the last call. A run may come in parts: consecutive items
            of the same state.
        """
        for row in emissions.tolist():
            self._step(row)
        final = 0 if self._lag is None else max(self._n_steps - self._lag, 0)
        if final > 0:
            self._prune(final - 1)
        return list(self._final_runs(final))

    def finish(self) -> list[Run]:
        """The rest of the best path, at the end of the steps."""
        return list(self._runs(self._best().chain(), self._n_steps)) if self._n_steps else []

    def _step(self, emission: Sequence[float]) -> None:
        totals, values, nodes = self._totals, self._values, self._nodes
        self._n_steps += 1
        states = range(len(totals))
        for state in states:
            totals[state] += emission[state]
            value, node = self._young[state].popleft()
            if value > values[state]:
                values[state], nodes[state] = value, node
        scores = [values[state] + totals[state] for state in states]
        for state in states:
            best, source = -math.inf, state
            for other in states:
                score = scores[other] - self._topology.costs[other][state]
                if other != state and score > best:
                    best, source = score, other
            self._young[state].append((best - totals[state], _Node(state, self._n_steps, nodes[source])))

    def _survivors(self) -> Iterator[tuple[float, _Node]]:
        """Score and last run of each path that may still become the best one; some start at the next step only."""
        for state, total in enumerate(self._totals):
            for value, node in [(self._values[state], self._nodes[state]), *self._young[state]]:
                if value > -math.inf:
                    yield value + total, node

    def _best(self) -> _Node:
        started = (survivor for survivor in self._survivors() if survivor[1].start < self._n_steps)
        return max(started, key=lambda survivor: survivor[0])[1]

    def _prune(self, step: int) -> None:
        """Keep only the paths that are in the same run as the best one at this step."""
        best_run = self._best().covering(step)

        def pruned(value: float, node: _Node) -> float:
            return value if value > -math.inf and node.covering(step) is best_run else -math.inf

        for state, young in enumerate(self._young):
            self._values[state] = pruned(self._values[state], self._nodes[state])
            self._young[state] = deque((pruned(value, node), node) for value, node in young)

    def _final_runs(self, final: int) -> Iterator[Run]:
        """The runs that all survivors share, at least up to the step `final`."""
        chains = [node.chain() for _, node in self._survivors()]
        common = [nodes[0] for nodes in zip(*chains, strict=False) if all(node is nodes[0] for node in nodes)]
        if common:
            yield from self._runs(common, max(final, common[-1].start))
            common[-1].parent = None  # frees the memory of the runs that are final

    def _runs(self, chain: Sequence[_Node], until: int) -> Iterator[Run]:
        """The runs of a path from the last final step up to `until`, which becomes the last final step."""
        ends = [*(node.start for node in chain[1:]), until]
        for node, end in zip(chain, ends, strict=True):
            if end > self._n_final:
                yield Run(node.state, self._n_final, end)
                self._n_final = end


def joined(runs: Iterable[Run]) -> list[Run]:
    """Join consecutive runs of the same state."""
    whole = []
    for state, parts in itertools.groupby(runs, key=lambda run: run.state):
        first, *others = parts
        whole.append(Run(state, first.start, (others or [first])[-1].end))
    return whole


def best_path(emissions: Floats, topology: Topology) -> list[Run]:
    """The best path through all steps at once.

    Parameters
    ----------
    emissions : ndarray (T, S)
        As for `Viterbi.advance`.
    topology : Topology

    Returns
    -------
    list of Run
        From step 0 to T; empty without steps.
    """
    decoder = Viterbi(topology)
    return joined([*decoder.advance(emissions), *decoder.finish()])
