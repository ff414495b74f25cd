"""The scale affine layer written out."""

from torch import Tensor

from circulant.bench.throughput.entry import Throughput
from circulant.core.sizes import Shape
from circulant.operators.dynamic.scale_affine2d import ScaleAffine2d


def _make(shape: Shape) -> ScaleAffine2d:
    return ScaleAffine2d(shape[1])


def _written_out(operator: ScaleAffine2d, x: Tensor) -> Tensor:
    scale, move = operator.tell(x).chunk(2, dim=1)
    return x * (1 + scale) + move


ENTRY = Throughput(
    make=_make,
    shapes=((8, 64, 32, 32), (4, 192, 64, 64)),
    obvious={"chunk": _written_out},
    lowered=False,
)
