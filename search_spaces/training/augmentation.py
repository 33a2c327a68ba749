"""How examples are varied while a network is trained on them: images, text or sound.

augmentation()                      of images
augmentation("text", deletion="0.0..0.2")
augmentation("audio").only("noise", "pitch")

At 0 each parameter changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from search_spaces.errors import SearchSpaceError, did_you_mean
from search_spaces.scalars import shown
from search_spaces.space import DistributionLike, SearchSpace

RANGES: Mapping[str, Mapping[str, DistributionLike]] = MappingProxyType(
    {
        "image": {
            "flip": "0.0..0.5",
            "crop": "0.0..0.25",
            "rotation": "0.0..30.0",
            "colour": "0.0..1.0",
            "noise": "0.0..0.3",
            "cutout": "0.0..0.5",
            "mixup": "0.0..1.0",
        },
        "text": {
            "synonyms": "0.0..0.3",
            "insertion": "0.0..0.3",
            "swap": "0.0..0.3",
            "deletion": "0.0..0.3",
            "masking": "0.0..0.3",
            "mixup": "0.0..1.0",
        },
        "audio": {
            "shift": "0.0..0.2",
            "speed": "0.0..0.2",
            "pitch": "0.0..4.0",
            "noise": "0.0..0.3",
            "time_mask": "0.0..0.2",
            "frequency_mask": "0.0..0.4",
            "mixup": "0.0..1.0",
        },
    }
)
"""Kind of examples -> what can be done to them, and how much of it."""


def augmentation(
    kind: Literal["image", "text", "audio"] = "image",
    *,
    flip: DistributionLike = None,
    crop: DistributionLike = None,
    rotation: DistributionLike = None,
    colour: DistributionLike = None,
    noise: DistributionLike = None,
    cutout: DistributionLike = None,
    mixup: DistributionLike = None,
    synonyms: DistributionLike = None,
    insertion: DistributionLike = None,
    swap: DistributionLike = None,
    deletion: DistributionLike = None,
    masking: DistributionLike = None,
    shift: DistributionLike = None,
    speed: DistributionLike = None,
    pitch: DistributionLike = None,
    time_mask: DistributionLike = None,
    frequency_mask: DistributionLike = None,
) -> SearchSpace:
    """Augmentation of images (flip, crop, rotation, colour, noise, cutout, mixup), of text, or of sound.

    Args:
        kind: image, text or audio: which of the parameters below there are, each at its range in `RANGES` where none is
            given.
        flip: of images: how often left and right are exchanged. 0.5 in torchvision; 0 where left is not right, as in
            digits.
        crop: of images: by which share of its side the frame is moved at most. He et al., 2016: 4 of 32 pixels.
        rotation: of images: largest angle in degrees. 30 in AutoAugment (Cubuk et al., 2019).
        colour: of images: strength of changes in brightness, contrast, saturation and hue, as in SimCLR (Chen et al.,
            2020): 0.5 for CIFAR-10, 1 for ImageNet.
        noise: of images and sound: deviation of Gaussian noise relative to that of the inputs (Bishop, "Training with
            Noise is Equivalent to Tikhonov Regularization", 1995). 0.1 is a signal-to-noise ratio of 20 dB, 0.3 of
            about 10 dB, within the 0 to 15 dB of Snyder et al. ("X-vectors", 2018).
        cutout: of images: side of the square that is blanked, as a share of the image's. DeVries and Taylor, 2017: 16,
            8 and 20 of 32 pixels.
        mixup: alpha of the Beta distribution by which two examples are mixed. 0.1 to 0.4 for ImageNet, 1 for CIFAR in
            Zhang et al., 2018; of text: Guo, Mao and Zhang, 2019; of sound: Tokozume, Ushiku and Harada, 2018.
        synonyms: of text: share of words that a synonym replaces. This and the next three are those of Wei and Zou
            ("EDA", 2019), who try 0.05 to 0.5 and advise 0.1 or less.
        insertion: of text: synonyms put in anywhere, as a share of the words.
        swap: of text: share of words that change places.
        deletion: of text: share of words left out. 0.3 in Iyyer et al., 2015.
        masking: of text: share of words behind a mask, the counterpart of cutout. 0.15 in BERT (Devlin et al., 2019).
        shift: of sound: largest shift in time, as a share of the length. 0.1 in TensorFlow's speech commands.
        speed: of sound: largest change of speed, as a share. 0.1 in Ko et al. ("Audio Augmentation for Speech
            Recognition", 2015), about 0.2 in Salamon and Bello, 2017.
        pitch: of sound: largest change in semitones. 3.5 in Salamon and Bello ("Deep Convolutional Neural Networks and
            Data Augmentation for Environmental Sound Classification", 2017).
        time_mask: of sound: longest stretch that is blanked, as a share of the length. At most 0.2 for Switchboard in
            SpecAugment (Park et al., 2019).
        frequency_mask: of sound: widest band that is blanked, as a share of all. 27 of 80 in SpecAugment.

    Raises:
        SearchSpaceError: there is no such kind, a parameter of another kind is given, or a range cannot be read.
    """
    if kind not in RANGES:
        raise SearchSpaceError(
            f"kind must be one of {', '.join(RANGES)}, got {shown(kind)}{did_you_mean(kind, RANGES)}"
        )
    asked = {
        "flip": flip,
        "crop": crop,
        "rotation": rotation,
        "colour": colour,
        "noise": noise,
        "cutout": cutout,
        "mixup": mixup,
        "synonyms": synonyms,
        "insertion": insertion,
        "swap": swap,
        "deletion": deletion,
        "masking": masking,
        "shift": shift,
        "speed": speed,
        "pitch": pitch,
        "time_mask": time_mask,
        "frequency_mask": frequency_mask,
    }
    given = {name: range_ for name, range_ in asked.items() if range_ is not None}
    if foreign := [name for name in given if name not in RANGES[kind]]:
        known = ", ".join(RANGES[kind])
        raise SearchSpaceError(f"{name}: {kind} has no such augmentation; it has {known}" for name in foreign)
    return SearchSpace({**RANGES[kind], **given})
