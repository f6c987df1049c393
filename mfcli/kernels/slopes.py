"""Slopes: the loss of one sample and its derivative, closed form, of scores as float32."""

from __future__ import annotations

import math

import numpy as np

from mfcli.kernels.arrays import F32, Float, Int
from mfcli.kernels.compilation import inlined

# Minimax polynomials (fitted here by reweighted least squares): 2^−r and ln(1 + r)/r on [0, 1].
EXP2 = tuple(
    map(F32, (0.99999993, -0.69314225, 0.24017217, -0.055279695, 0.0091885927, -0.00093878434))
)
LOG1P = (
    *map(F32, (0.99999981, -0.49997404, 0.33275465, -0.24495397)),
    *map(F32, (0.17745101, -0.10768014, 0.04408877, -0.00853903)),
)
POWERS = F32(2) ** -np.arange(128, dtype=np.float32)
LOG2_E = F32(1.4426950408889634)


@inlined
def mse(score: Float, rating: Float) -> tuple[Float, Float]:
    """(rating − score)² and the slope of half of it: LIBMF's and Funk's convention."""
    error = score - rating
    return error * error, error


@inlined
def exp_minus(x: Float) -> Float:
    """exp(−x) of a float32 x ≥ 0 to a relative 2e-7, five times as fast as the C library's."""
    if not x < F32(87):  # NaN must not become an index
        return F32(1.6e-38) if x >= F32(87) else x
    scaled = x * LOG2_E  # exp(−x) = 2^−whole · 2^−rest
    whole = np.int32(scaled)
    r = scaled - F32(whole)
    c = EXP2
    return POWERS[whole] * (c[0] + r * (c[1] + r * (c[2] + r * (c[3] + r * (c[4] + r * c[5])))))


@inlined
def log1p_unit(x: Float) -> Float:
    """ln(1 + x) of a float32 x in [0, 1] to a relative 3e-7."""
    c = LOG1P
    low = c[0] + x * (c[1] + x * (c[2] + x * c[3]))
    high = c[4] + x * (c[5] + x * (c[6] + x * c[7]))
    return x * (low + (x * x) * (x * x) * high)


@inlined
def bpr(margin: Float) -> tuple[Float, Float]:
    """−ln σ(margin), margin = x_positive − x_negative (Rendle et al. 2009), and its slope."""
    small = exp_minus(abs(margin))  # never overflows
    loss = log1p_unit(small) + (-margin if margin < 0 else F32(0))
    return loss, -(F32(1) if margin < 0 else small) / (F32(1) + small)


@inlined
def bpr_squared(margin: Float) -> tuple[Float, Float]:
    """(1 − σ(margin))² and its slope −2 (1 − σ)² σ, which dies where the order is most wrong."""
    small = exp_minus(abs(margin))
    wrong = (F32(1) if margin < 0 else small) / (F32(1) + small)  # 1 − σ
    right = (small if margin < 0 else F32(1)) / (F32(1) + small)  # σ, where 1 − wrong cancels
    loss = wrong * wrong
    return loss, F32(-2) * loss * right


@inlined
def logistic(score: Float, label: Float) -> tuple[Float, Float]:
    """Log loss of a score against a label of 1 or 0, −ln σ(±score), and its slope σ − label."""
    loss, slope = bpr(score if label > 0 else -score)
    return loss, slope if label > 0 else -slope


@inlined
def warp(margin: Float, candidates: Int, violations: Int, draws: Int) -> tuple[Float, Float]:
    """ln(1 + ⌊candidates · violations / draws⌋) · (1 − margin) for a margin < 1, and its slope.

    WARP (Weston et al. 2011): the share of violations among the draws from the user's unseen items,
    one in as many as it took to find one, estimates the positive's rank, whose logarithm weighs the
    hinge (as in LightFM).
    """
    weight = F32(math.log(1.0 + candidates * violations // draws))
    return weight * (F32(1) - margin), -weight
