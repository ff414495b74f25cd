"""From a name to what can be put into the slot."""

from collections.abc import Mapping

from circulant.catalogue import operator_names
from circulant.core.errors import UnknownNameError
from circulant.models.baselines import BASELINES
from circulant.models.mixer import Mixer


def mixers() -> Mapping[str, Mixer]:
    """Every operator of the catalogue and every plain PyTorch layer, by name."""
    known = {mixer.name: mixer for mixer in BASELINES}
    for name, (card, operator) in operator_names().items():
        known[name] = Mixer(name, tuple(operator.ndims), card.mixer)
    return known


def find_mixer(name: str) -> Mixer:
    known = mixers()
    if name not in known:
        raise UnknownNameError("operator", name, known)
    return known[name]
