"""DiagonalSsm beside a Vandermonde product and torch.fft."""

from circulant.bench.plain_diagonal_ssm import plain_diagonal_ssm
from circulant.bench.throughput.entry import Throughput
from circulant.operators.sequence.diagonal_ssm import DiagonalSsm

ENTRY = Throughput(
    make=lambda shape: DiagonalSsm(shape[1]),
    shapes=((8, 64, 1024), (2, 96, 2048)),
    obvious={"Vandermonde and torch.fft": plain_diagonal_ssm},
    lowered=True,
)
