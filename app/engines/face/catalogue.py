"""The packs that InsightFace publishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class PublishedPack:
    """One pack of InsightFace's model zoo."""

    name: str
    #: detector and recogniser, as the model zoo describes them.
    description: str
    #: size of the download in MB, about.
    megabytes: int


#: What `auto` downloads.
DEFAULT_PACK: Final = "buffalo_l"
DLIB: Final = "dlib"
AUTO: Final = "auto"

#: From https://github.com/deepinsight/insightface/tree/master/model_zoo and the release it links to.
PUBLISHED_PACKS: Final = (
    PublishedPack("buffalo_l", "SCRFD-10GF, ResNet50 trained on WebFace600K", 276),
    PublishedPack("buffalo_m", "SCRFD-2.5GF, ResNet50 trained on WebFace600K", 263),
    PublishedPack("buffalo_s", "SCRFD-500MF, MobileFaceNet trained on WebFace600K", 122),
    PublishedPack("buffalo_sc", "SCRFD-500MF, MobileFaceNet trained on WebFace600K, nothing else", 15),
    PublishedPack("antelopev2", "SCRFD-10GF, ResNet100 trained on Glint360K", 344),
)
PUBLISHED_NAMES: Final = frozenset(pack.name for pack in PUBLISHED_PACKS)
