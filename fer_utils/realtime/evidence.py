"""Probabilities frame by frame → one emotion an expression, or "unsure"."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# All our choices.
ENOUGH = 0.2  # seconds of evidence before a name, if the intensity is at least CLEAR times the threshold of an onset
CLEAR, LONGEST = 3.0, 0.35  # a weaker expression needs more seconds, but no more than LONGEST
SURE = 0.4  # probability for a name
AHEAD = 0.1  # a name must be this much more probable than any other
CALM = 0.2  # SURE rises by up to this much while the face is nearly as restless as in speech
EARLY = 0.9  # probability for a name while the face still moves: what is to come may change it
BETTER = 0.15  # another emotion replaces the name if it is more probable by this much
UNSURE = "unsure"


@dataclass(frozen=True)
class Expression:
    """One expression, from rest to rest.

    Times are in seconds: `start` the last frame at rest, `onset` the first in which the rise was seen, `apex` the
    first at nine tenths of the highest `intensity`, `end` the first at rest again (or the last that was seen).
    `emotion` is "unsure" if no class is worth a name; `probability` is that of the most probable class. `face` is the
    face's number, if several are followed.
    """

    start: float
    onset: float
    apex: float
    end: float
    emotion: str
    probability: float
    intensity: float
    face: int = 1


class Evidence:
    """What is known of one expression since its onset: the mean of the classes' log probabilities.

    A frame counts by its duration and the fourth power of its intensity, since a weak expression looks like many.
    """

    def __init__(self, classes):
        self.classes, self.emotion, self.seconds = [str(name) for name in classes], None, 0.0
        self._sum, self._weight = np.zeros(len(self.classes)), 0.0

    def add(
        self, probabilities: np.ndarray, intensity: float, seconds: float, sure: float = SURE, clarity: float = CLEAR
    ) -> None:
        """Take in the probabilities (C,) of a frame that lasts for `seconds`.

        `sure` is the probability that a name needs now, `clarity` how many times the threshold of an onset the
        intensity is.
        """
        weight = intensity**4 * seconds
        self._sum += weight * np.log(np.maximum(probabilities, 1e-6))
        self._weight += weight
        self.seconds += seconds
        p = self.probabilities
        best = p.argmax()
        enough = min(LONGEST, ENOUGH * max(1.0, CLEAR / clarity))
        if self.seconds < enough or p[best] < sure or self.classes[best] == self.emotion:
            return
        if self.emotion is None:
            least = np.delete(p, best).max(initial=0.0) + AHEAD  # a single class has no others
        else:
            least = p[self.classes.index(self.emotion)] + BETTER
        if p[best] > least:
            self.emotion = self.classes[best]

    @property
    def probabilities(self) -> np.ndarray:
        """(C,), by the evidence so far."""
        scores = self._sum / self._weight if self._weight else self._sum
        scores = np.exp(scores - scores.max())
        return scores / scores.sum()


class Ongoing:
    """An expression that is not over yet."""

    def __init__(self, start: float, onset: float, classes):
        self.start, self.onset, self.evidence = start, onset, Evidence(classes)
        self._rise: list[tuple[float, float]] = []  # times and intensities of the highest so far

    def add_intensity(self, time: float, intensity: float) -> None:
        """Take in the intensity of a frame."""
        if not self._rise or intensity > 1.02 * self._rise[-1][1]:  # so that the list stays short
            self._rise.append((time, intensity))

    def expression_at(self, time: float) -> Expression:
        """Return the expression as it is known at a time, the newest so far."""
        highest = self._rise[-1][1]
        apex = next(when for when, intensity in self._rise if intensity >= 0.9 * highest)
        evidence = self.evidence
        p = float(evidence.probabilities.max()) if evidence.seconds else math.nan
        return Expression(self.start, self.onset, apex, time, evidence.emotion or UNSURE, p, highest)
