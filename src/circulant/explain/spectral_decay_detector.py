"""Tells generated pictures from real ones by how their spectrum decays at its upper end.

Each picture is described by the power law through the top quarter of its frequencies, its level and its
exponent, and a classifier learns from those two numbers: by default the five nearest neighbours. It sees
the upsampling of the generator's last layer, not that a picture was generated: with another upsampling
there, `circulant.optimise.last_upsample_swap`, the same generator goes undetected.

After Dzanic, Shah and Witherden, 2019, Fourier Spectrum Discrepancies in Deep Network Generated Images,
https://arxiv.org/abs/1911.06465, as used by Chandrasegaran, Tran and Cheung, 2021, A Closer Look at Fourier
Spectrum Discrepancies for CNN-generated Images Detection, https://arxiv.org/abs/2103.17195.
"""

from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circulant.data.installed import require
from circulant.explain.azimuthal_power_spectrum import azimuthal_power_spectrum

NEIGHBOURS = 5


@final
@dataclass(frozen=True, slots=True)
class SpectralDecayDetector:
    """A trained classifier of decays."""

    classifier: Any  # of scikit-learn, behind a scaler

    def is_generated(self, pictures: Tensor) -> Tensor:
        """pictures (B, C, H, W) -> its verdict on each, bool (B,)."""
        return torch.from_numpy(self.classifier.predict(decay_features(pictures)) == 1)


def spectral_decay_detector(
    real: Tensor, generated: Tensor, classifier: Any | None = None
) -> SpectralDecayDetector:
    """Train on pictures (B, C, H, W) of both kinds, of one size.

    classifier: any of scikit-learn, an SVC or an MLPClassifier say; copied, not touched.
    """
    require("sklearn", "data")
    from sklearn.base import clone
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = KNeighborsClassifier(NEIGHBOURS) if classifier is None else clone(classifier)
    pipeline = make_pipeline(StandardScaler(), chosen)
    features = np.concatenate([decay_features(real), decay_features(generated)])
    pipeline.fit(features, np.repeat([0, 1], [len(real), len(generated)]))
    return SpectralDecayDetector(pipeline)


def decay_features(pictures: Tensor) -> NDArray[np.float64]:
    """Logarithm of the level, and the exponent, of each picture: (B, 2)."""
    law = azimuthal_power_spectrum(pictures).power_law()
    return np.stack([np.log(law.level), law.exponent], 1)
