"""The COCO class names, in the two numberings that detectors use."""

from __future__ import annotations

import numpy as np

COCO_LABELS: tuple[str, ...] = tuple(
    """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light,
    fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant,
    bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard,
    sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle,
    wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot,
    hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv, laptop,
    mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock,
    vase, scissors, teddy bear, hair drier, toothbrush""".replace("\n", " ").split(", ")
)
COCO_LABELS = tuple(label.strip() for label in COCO_LABELS)
"""The 80 names in the order of the YOLO family."""

_UNUSED_IDS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""Ids of the annotation files (0 is the background) that no object carries."""

COCO_91_TO_80 = np.full(91, -1, np.int16)
"""int16 (91,): annotation id -> index into COCO_LABELS, -1 for the ids without a class."""
COCO_91_TO_80[[i for i in range(91) if i not in _UNUSED_IDS]] = np.arange(80)
