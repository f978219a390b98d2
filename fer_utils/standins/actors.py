"""Actors: who is drawn. Shape of the face at rest, colours, and the light they sit in, all from a seed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fer_utils.landmarks import canonical
from fer_utils.landmarks.canonical import VERTICES
from fer_utils.standins.action_units import MEAN, ROW, UNITS, Rig
from fer_utils.standins.mesh import PERSON, close_lips, scale_lip, smoothstep

# Colours are BGR, 0 to 255, chosen by eye.
SKINS = [(178, 200, 236), (160, 184, 226), (140, 168, 215), (118, 150, 202), (92, 122, 178), (66, 92, 142)]
HAIRS = [(22, 24, 28), (28, 36, 48), (34, 52, 78), (48, 80, 120), (80, 120, 165), (110, 112, 116)]
IRISES = [(34, 52, 84), (40, 66, 100), (70, 98, 92), (120, 100, 70), (140, 122, 88)]
CLOTHES = [(110, 62, 40), (70, 70, 74), (52, 48, 120), (66, 96, 58), (150, 140, 130), (40, 34, 34)]

# A face at rest is seldom neutral: units that an actor may carry all the time, and how strong at most (our choice).
RESTING = {1: 0.12, 2: 0.12, 4: 0.22, 5: 0.15, 7: 0.25, 12: 0.18, 15: 0.25, 17: 0.15, 24: 0.25, 10: 0.1}


@dataclass(frozen=True)
class Actor:
    """One rendered person.

    `neutral` is the face at rest (468, 3) in cm, `resting` the units (23, 2) that it carries all the time, `rig` the
    way it moves, `light` the unit vector towards the lamp. `expressivity` scales every expression that the actor shows.
    """

    seed: int
    neutral: np.ndarray
    resting: np.ndarray
    expressivity: float
    rig: Rig
    skin: tuple[float, float, float]
    hair: tuple[float, float, float]
    iris: tuple[float, float, float]
    cloth: tuple[float, float, float]
    backdrop: float
    light: np.ndarray
    brow_weight: float
    lip_red: float
    stubble: float
    lines: float
    hair_volume: float
    hair_length: float
    fringe: float


def seeds(seed: int, dataset: int, number: int) -> list[int]:
    """Return two seeds for one subject of one dataset that do not meet those of any other."""
    return np.random.SeedSequence([seed, dataset, number]).generate_state(2).tolist()


def make_actor(seed: int) -> Actor:
    """Return the actor of a seed; the same seed is the same person everywhere."""
    rng = np.random.default_rng([seed, 1])
    light = np.array([rng.uniform(-0.5, 0.5), rng.uniform(0.15, 0.6), 1.0])
    woman = rng.random() < 0.5
    return Actor(
        seed=seed,
        neutral=_face(rng, woman),
        resting=make_resting(rng),
        expressivity=float(np.clip(rng.normal(1.0, 0.16), 0.65, 1.3)),
        rig=Rig(np.random.default_rng([seed, 3])),
        skin=_tint(rng, SKINS),
        hair=_tint(rng, HAIRS),
        iris=_tint(rng, IRISES),
        cloth=_tint(rng, CLOTHES),
        backdrop=float(rng.uniform(26, 58)),
        light=light / np.linalg.norm(light),
        brow_weight=float(rng.uniform(0.55, 0.85) if woman else rng.uniform(0.75, 1.15)),
        lip_red=float(rng.uniform(0.5, 1.0) if woman else rng.uniform(0.25, 0.6)),
        stubble=0.0 if woman else float(max(0.0, rng.uniform(-0.5, 0.7))),
        lines=float(rng.uniform(0.6, 1.3)),
        hair_volume=float(rng.uniform(1.04, 1.16) if woman else rng.uniform(0.98, 1.06)),
        hair_length=float(rng.uniform(0.2, 1.0) if woman else rng.uniform(0.0, 0.15)),
        fringe=float(rng.uniform(0.0, 1.0)),
    )


def near_infrared(actor: Actor) -> Actor:
    """Return the same person as a near-infrared camera sees them, lit from beside the lens.

    Skin of any colour is bright and even there, hair and cloth are lighter, lips and stubble hardly show, and the iris
    is pale around a dark pupil.
    """
    grey = 0.75 * 190 + 0.25 * float(np.mean(actor.skin))
    return replace(
        actor,
        skin=(grey, grey, grey),
        hair=(0.5 * float(np.mean(actor.hair)) + 42,) * 3,
        iris=(118.0, 118.0, 118.0),
        cloth=(0.4 * float(np.mean(actor.cloth)) + 70,) * 3,
        backdrop=18.0,
        light=np.array([0.0, 0.12, 0.993]),
        lip_red=0.35 * actor.lip_red - 0.3,
        stubble=0.3 * actor.stubble,
    )


def _tint(rng: np.random.Generator, colours: list[tuple[int, int, int]]) -> tuple[float, float, float]:
    """Return one of the colours, a little lighter or darker."""
    colour = np.array(colours[rng.integers(len(colours))]) * rng.uniform(0.92, 1.06)
    return tuple(float(c) for c in np.clip(colour, 0, 255))


def make_resting(rng: np.random.Generator) -> np.ndarray:
    """Return units (23, 2) of the face at rest: one to three of `RESTING`, nearly the same on both sides."""
    activation = np.zeros((len(UNITS), 2))
    for unit in rng.choice(list(RESTING), rng.integers(1, 4), replace=False):
        activation[ROW[unit]] = RESTING[unit] * rng.uniform(0.2, 1.0) * rng.uniform(0.85, 1.15, 2)
    return activation


def _face(rng: np.random.Generator, woman: bool) -> np.ndarray:
    """Return the mesh (468, 3) in cm of a relaxed face: the canonical one, varied by smooth changes of shape."""
    face = PERSON.copy()
    x, y, _ = VERTICES.T
    _shape_eyes(face, rng, woman)
    _shape_mouth(face, rng, woman)

    brow = smoothstep(y, 2.9, 4.2) * smoothstep(y, 8.2, 6.0)
    outer = np.clip(np.abs(x) / 5.0, 0, 1.2) - 0.6
    face[:, 1] += brow * (rng.normal(0.12 if woman else -0.1, 0.17) + outer * rng.normal(0, 0.3))
    nose = np.exp(-((x / 1.9) ** 2)) * smoothstep(y, -3.0, -1.6) * smoothstep(y, 3.5, 0.0)
    face[:, 0] *= 1 + nose * rng.normal(-0.06 if woman else 0.04, 0.09)
    face[:, 1] += nose * rng.normal(0, 0.2)
    face[:, 2] += nose * rng.normal(-0.2, 0.35)

    below = smoothstep(y, -0.5, -8.5)
    face[:, 0] *= 1 + below * np.clip(rng.normal(-0.06 if woman else 0.03, 0.06), -0.16, 0.12)
    face[:, 1] -= smoothstep(y, -5.0, -9.0) * rng.normal(-0.1, 0.35)
    face[:, 0] *= 1 + smoothstep(y, 3.0, 8.0) * rng.normal(0, 0.04)
    face *= [np.clip(rng.normal(1, 0.045), 0.9, 1.1), np.clip(rng.normal(1, 0.035), 0.92, 1.08), rng.normal(1, 0.04)]
    # no face is the same on both sides
    face[:, 1] += 0.06 * rng.normal() * x / 5 * np.exp(-(((y + 4) / 3) ** 2))
    face[:, 1] += 0.06 * rng.normal() * x / 5 * np.exp(-(((y - 4.5) / 2) ** 2))
    lips = canonical.UPPER_LIP[3, 1:-1], canonical.LOWER_LIP[3, 1:-1]
    face[lips, 1] = face[lips, 1].mean(0)  # closed, without a line of teeth
    return MEAN.deform(face, np.zeros((len(UNITS), 2)))


def _shape_eyes(face: np.ndarray, rng: np.random.Generator, woman: bool) -> None:
    size = np.clip(rng.normal(1.09 if woman else 1.04, 0.06), 0.92, 1.22)
    # the canonical lids are half closed; awake eyes are open by about a third of their width
    opening = np.clip(rng.normal(1.4 if woman else 1.3, 0.16), 0.95, 1.7)
    spacing, slant = rng.normal(0, 0.12), rng.normal(0.0, 0.09)
    for side, sign in ((canonical.RIGHT, -1), (canonical.LEFT, 1)):
        corners = VERTICES[canonical.UPPER_LID[side, [0, -1]]]
        away = (VERTICES - corners.mean(0))[:, :2]
        near = np.exp(-(((away / [2.4, 1.3]) ** 2).sum(1) ** 2))
        face[:, 0] += near * (away[:, 0] * (size - 1) + sign * spacing)
        face[:, 1] += near * (away[:, 1] * (size * opening - 1) + sign * away[:, 0] * slant)


def _shape_mouth(face: np.ndarray, rng: np.random.Generator, woman: bool) -> None:
    close_lips(face)
    upper, lower = canonical.UPPER_LIP[:, 1:-1], canonical.LOWER_LIP[:, 1:-1]
    face[upper, 2] = face[lower, 2] = (face[upper, 2] + face[lower, 2]) / 2
    line = face[canonical.UPPER_LIP[3], 1].mean()
    for lip in (canonical.UPPER_LIP, canonical.LOWER_LIP):
        scale_lip(face, lip, np.clip(rng.normal(1.38 if woman else 1.15, 0.26), 0.6, 2.0))
    x, y, _ = VERTICES.T
    near = np.exp(-((x / 4.0) ** 4) - ((y - line) / 2.2) ** 2)
    face[:, 0] *= 1 + near * np.clip(rng.normal(0.08, 0.07), -0.1, 0.22)
    face[:, 1] += near * (rng.normal(0, 0.14) + 0.10 * rng.normal() * ((np.abs(x) / 2.4) ** 2 - 0.5).clip(-0.5, 1))
