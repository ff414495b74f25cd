"""Gains in the frequency domain: one transform after the other, or there and back while rows are in cache."""

from typing import final

from circulant.algorithms.algorithm import Algorithm, AlgorithmName, Rejected, Work
from circulant.algorithms.fft import compute_itemsize, growth
from circulant.algorithms.transform import FusedTransform
from circulant.core.sizes import product
from circulant.problems.spectral_filter import SpectralFilterProblem
from circulant.problems.trilinear import Slot

HELD = 1.0  # spectra at once: that of x, then its product with the gains
SEVERAL_AXES_HELD = 3.0  # both, and what the inverse makes of it along the other axes
GRADIENT_HELD = 3.5  # two spectra, a conjugate, their product


@final
class FFTSpectralFilter(Algorithm[SpectralFilterProblem]):
    name = AlgorithmName.FFT

    def rejects(self, problem: SpectralFilterProblem) -> Rejected | None:
        return None

    def work(self, problem: SpectralFilterProblem) -> Work:
        p, axes = problem, len(problem.sizes)
        itemsize = compute_itemsize(p.dtype.itemsize)
        spectrum = float(itemsize * product(p.transform.result_shape))
        held = HELD if axes == 1 else SEVERAL_AXES_HELD
        held = (GRADIENT_HELD if p.slot is Slot.KERNEL else held) * spectrum
        if p.slot is Slot.INPUT:
            held += itemsize * product(p.gain_shape)  # their conjugates
        if itemsize != p.dtype.itemsize:
            held += 2.0 * itemsize * product(p.input_shape)
        return Work(p.flop, 2 * axes * p.io_byte + 3 * spectrum, held, growth(product(p.sizes)))


@final
class FusedSpectralFilter(Algorithm[SpectralFilterProblem]):
    """A spectrum is in memory for some rows at a time only."""

    name = AlgorithmName.FFT

    def rejects(self, problem: SpectralFilterProblem) -> Rejected | None:
        return FusedTransform().rejects(problem.transform)

    def work(self, problem: SpectralFilterProblem) -> Work:
        p, itemsize = problem, compute_itemsize(problem.dtype.itemsize)
        one_way = FusedTransform().work(p.transform)
        spectra = 2 if p.slot is Slot.KERNEL else 1
        row = itemsize * product(p.gain_shape[1:])
        chunk = FusedTransform().rows_at_once(p.transform)
        copies = 0.0
        if itemsize != p.dtype.itemsize:
            copies = float(itemsize * (2 * product(p.input_shape) + product(p.gain_shape)))
        if p.shared and p.slot is Slot.KERNEL:
            copies += float(row * p.channels)  # summed afterwards
        flop = 2 * one_way.flop + 6.0 * product(p.transform.result_shape) / 2
        thread = FusedTransform().buffer_byte(p.transform) + spectra * chunk * row
        return Work(flop, p.io_byte, copies, growth(product(p.sizes)), thread)
