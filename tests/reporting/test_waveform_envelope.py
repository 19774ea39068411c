"""Waveform envelope: minimum and maximum in a bounded number of bins."""

from __future__ import annotations

import numpy as np
import pytest

from speechgmm.reporting.waveform_envelope import Envelope


def by_loops(samples: list[float], max_bins: int) -> tuple[int, list[list[float]]]:
    """Reference: bin width and extremes, computed sample by sample."""
    width = 1
    while len(samples) > width * max_bins:
        width *= 2
    extremes: list[list[float]] = []
    for number, sample in enumerate(samples):
        if number % width == 0:
            extremes.append([sample, sample])
        lowest, highest = extremes[-1]
        extremes[-1] = [min(lowest, sample), max(highest, sample)]
    return width, extremes


@pytest.mark.parametrize("n_samples", [1, 7, 8, 9, 16, 17, 63, 64, 65, 1000])
@pytest.mark.parametrize("block", [1, 3, 8, 50, 2000])
def test_extremes_equal_the_reference(n_samples: int, block: int) -> None:
    """Each bin has its minimum and maximum, for any block size."""
    samples = np.random.default_rng(n_samples).uniform(-1, 1, n_samples).astype(np.float32)
    envelope = Envelope(max_bins=8)
    for start in range(0, n_samples, block):
        envelope.add(samples[start : start + block])
        envelope.add(samples[:0])
    width, extremes = by_loops(samples.tolist(), 8)
    assert (envelope.bin_width, envelope.n_samples) == (width, n_samples)
    np.testing.assert_array_equal(envelope.extremes(), np.array(extremes, np.float32))


def array_bytes(envelope: Envelope) -> int:
    return sum(value.nbytes for value in vars(envelope).values() if isinstance(value, np.ndarray))


def test_memory_does_not_grow() -> None:
    """After ten hours the arrays have their initial size, and between half and all of the bins are used."""
    envelope = Envelope()
    size = array_bytes(envelope)
    block = np.linspace(-0.5, 0.5, 16_000 * 600, dtype=np.float32)
    for _ in range(60):
        envelope.add(block)
    assert array_bytes(envelope) == size
    assert envelope.extremes().shape == (-(-envelope.n_samples // envelope.bin_width), 2)
    assert 1024 < len(envelope.extremes()) <= 2048
    assert (envelope.extremes().min(), envelope.extremes().max()) == (-0.5, 0.5)


def test_an_empty_envelope_has_no_bins() -> None:
    """Before the first sample there is no bin."""
    assert Envelope().extremes().shape == (0, 2)
