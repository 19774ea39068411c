"""The best path through a few states that each last a while, found while the steps come in.

A path is a row of runs: state j from one step to another, at least its minimum of steps long; only the first run, which
was going on when the steps began, and the last, which they cut off, may be shorter. Its score is the sum of the
emissions of its steps less a cost for each change of state. With ``E_j(t)`` the sum of the first t emissions of j,
``d_j`` its minimum and ``V_j(t)`` the score of the best path that is in j after t steps and may leave it,

    V_j(t) - E_j(t) = max(V_j(t-1) - E_j(t-1), max_i [V_i(t - d_j) - cost_ij] - E_j(t - d_j))                       (8)

(Viterbi 1967, with the minimum durations folded in): a step costs as many operations as there are pairs of
states, however long the minima are.

What all paths that are still in the running have in common is certain. After `lag` steps what the best of them says
is taken for certain, and those that disagree are dropped.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from speechgmm.errors import OptionError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Run:
    """Steps `begin` to `end`, half open, in one state."""

    state: int
    begin: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Topology:
    """How long states last and what it costs to change them.

    Attributes
    ----------
    min_steps : tuple of int
        Fewest steps of a run in each of the S states; at least 1.
    costs : tuple of tuple of float
        Nats that it costs to go from the state of the row to that of the column; S by S, not negative, infinite where
        it is impossible. The diagonal has no meaning.
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
    """A run whose end is still open: the last of a path, or one that others go on from."""

    __slots__ = ("parent", "start", "state")

    def __init__(self, state: int, start: int, parent: _Node | None) -> None:
        self.state, self.start, self.parent = state, start, parent

    def chain(self) -> list[_Node]:
        """The runs of the path that ends in this one."""
        nodes: list[_Node] = []
        node: _Node | None = self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]

    def covering(self, step: int) -> _Node:
        """The run of the path that holds this step."""
        node = self
        while node.start > step and node.parent is not None:
            node = node.parent
        return node


class Viterbi:
    """The decoder: emissions in, runs out, as soon as they are certain.

    Parameters
    ----------
    topology : Topology
    lag : int, optional
        Steps after which what the best path says is taken for certain, 0 or more; by default only what all paths agree
        on is.
    """

    def __init__(self, topology: Topology, *, lag: int | None = None) -> None:
        if lag is not None and lag < 0:
            raise OptionError(f"lag is {lag}, but it must be 0 or more steps")
        states = range(len(topology.min_steps))
        self._topology, self._lag = topology, lag
        self._n_steps = self._n_told = 0
        self._totals = [0.0 for _ in states]  # E_j
        self._values = [0.0 for _ in states]  # V_j - E_j
        self._nodes = [_Node(state, 0, None) for state in states]
        # Runs begun less than the minimum ago, oldest first, each with what V_j - E_j will be if it is the best.
        self._young = [deque([(-math.inf, self._nodes[state])] * topology.min_steps[state]) for state in states]

    def advance(self, emissions: Floats) -> list[Run]:
        """Take further steps.

        Parameters
        ----------
        emissions : ndarray (T, S)
            Log-likelihood (nats) of each step in each state, up to what is common to all states of a step.

        Returns
        -------
        list of Run
            What has become certain: it goes on where the last `Run` told ended. A run may be told in parts, which
            follow each other in the same state.
        """
        for row in emissions.tolist():
            self._step(row)
        decided = 0 if self._lag is None else max(self._n_steps - self._lag, 0)
        if decided > 0:
            self._drop_dissenters(decided - 1)
        return list(self._certain(decided))

    def finish(self) -> list[Run]:
        """The rest of the best path, where no steps follow."""
        return list(self._told(self._best().chain(), self._n_steps)) if self._n_steps else []

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
        """Score and last run of each path that may still become the best one; those that begin now come later."""
        for state, total in enumerate(self._totals):
            for value, node in [(self._values[state], self._nodes[state]), *self._young[state]]:
                if value > -math.inf:
                    yield value + total, node

    def _best(self) -> _Node:
        running = (each for each in self._survivors() if each[1].start < self._n_steps)
        return max(running, key=lambda survivor: survivor[0])[1]

    def _drop_dissenters(self, step: int) -> None:
        """Leave only the paths that are in the same run as the best one at this step."""
        chosen = self._best().covering(step)

        def kept(value: float, node: _Node) -> float:
            return value if value > -math.inf and node.covering(step) is chosen else -math.inf

        for state, young in enumerate(self._young):
            self._values[state] = kept(self._values[state], self._nodes[state])
            self._young[state] = deque((kept(value, node), node) for value, node in young)

    def _certain(self, decided: int) -> Iterator[Run]:
        """What all survivors agree on, and no less than the steps decided."""
        chains = [node.chain() for _, node in self._survivors()]
        common = [nodes[0] for nodes in zip(*chains, strict=False) if all(node is nodes[0] for node in nodes)]
        if common:
            yield from self._told(common, max(decided, common[-1].start))
            common[-1].parent = None  # what is told is forgotten

    def _told(self, chain: Sequence[_Node], until: int) -> Iterator[Run]:
        """Tell the runs of a path from where the last ended up to a step."""
        ends = [*(node.start for node in chain[1:]), until]
        for node, end in zip(chain, ends, strict=True):
            if end > self._n_told:
                yield Run(node.state, self._n_told, end)
                self._n_told = end


def joined(runs: Iterable[Run]) -> list[Run]:
    """The same with the parts of each run put together."""
    whole = []
    for state, parts in itertools.groupby(runs, key=lambda run: run.state):
        first, *others = parts
        whole.append(Run(state, first.begin, (others or [first])[-1].end))
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
        From step 0 to T; empty where there are none.
    """
    decoder = Viterbi(topology)
    return joined([*decoder.advance(emissions), *decoder.finish()])
