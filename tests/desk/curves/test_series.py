"""Series, thinning and smoothing: what is drawn looks like all points, however many there are."""

from __future__ import annotations

import numpy as np
import pytest
from curve_parts import part
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from i3desk.curves.metrics import History
from i3desk.curves.series import BoundedCurve, Smoother, averaged, nearest, ordered, rising, smoothed, thin

steps = st.lists(st.sampled_from([0.0, 0.25, 1.0, 1.0, 7.0]), min_size=1, max_size=120)
values = st.one_of(st.floats(-1e6, 1e6, width=32), st.just(np.nan))


@st.composite
def curves(draw):
    xs = np.cumsum(draw(steps))
    return xs, draw(hnp.arrays(np.float64, len(xs), elements=values))


@st.composite
def windows(draw):
    """A curve, the range that is looked at, and the number of pixels: mostly fewer than points."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(1, 400))
    xs = np.cumsum(chance.choice([0.0, 0.25, 1.0, 1.0, 7.0], count))
    ys = np.where(chance.random(count) < draw(st.sampled_from([0.0, 0.1, 0.9])), np.nan, chance.normal(size=count))
    low = float(xs[-1]) * draw(st.floats(-0.2, 0.6))
    return xs, ys, low, low + 0.01 + float(xs[-1]) * draw(st.floats(0, 1.2)), draw(st.integers(1, 12))


def bucket(x: float, edges: np.ndarray) -> int:
    """Which pixel column x lies in, the slow way; the right edge of the plot belongs to the last."""
    return max(number for number in range(len(edges) - 1) if x >= edges[number])


@given(windows())
def test_thinning_keeps_the_extremes_of_every_pixel_column(window):
    xs, ys, low, high, pixels = window
    edges = np.linspace(low, high, pixels + 1)
    thin_xs, thin_ys = thin(xs, ys, edges)

    for number in range(pixels):
        inside, kept = (
            [y for x, y in zip(*points, strict=True) if low <= x <= high and bucket(x, edges) == number and y == y]
            for points in ((xs, ys), (thin_xs, thin_ys))
        )
        assert bool(inside) == bool(kept)
        if inside:
            assert (min(inside), max(inside)) == (min(kept), max(kept))


@given(windows())
def test_thinned_points_are_few_in_order_and_none_is_invented(window):
    xs, ys, low, high, pixels = window
    thin_xs, thin_ys = thin(xs, ys, np.linspace(low, high, pixels + 1))
    assert len(thin_xs) == len(thin_ys) <= 4 * pixels + 2
    assert (np.diff(thin_xs) >= 0).all()
    assert set(thin_xs) <= set(xs)
    assert set(thin_ys[np.isfinite(thin_ys)]) <= set(ys)


@given(windows())
def test_a_line_enters_and_leaves_the_window_where_it_would_with_all_points(window):
    xs, ys, low, high, pixels = window
    thin_xs, thin_ys = thin(xs, ys, np.linspace(low, high, pixels + 1))
    before, after = np.flatnonzero(xs < low), np.flatnonzero(xs > high)
    if len(before):
        np.testing.assert_equal((thin_xs[0], thin_ys[0]), (xs[before[-1]], ys[before[-1]]))
    if len(after):
        np.testing.assert_equal((thin_xs[-1], thin_ys[-1]), (xs[after[0]], ys[after[0]]))


@given(curves(), st.lists(st.integers(0, 120), max_size=5))
def test_values_that_rise_part_by_part_are_those_of_the_whole(curve, cuts):
    xs = -curve[0]
    xs[::2] *= -1
    parts, last = [], -np.inf
    for part_of_xs in np.split(xs, sorted(cuts)):
        parts.append(rising(part_of_xs, last))
        last = parts[-1][-1] if len(parts[-1]) else last
    np.testing.assert_array_equal(np.concatenate(parts), rising(xs))


def test_points_without_a_place_are_left_out_and_values_not_finite_are_gaps():
    xs, ys = ordered(
        np.array([1, np.nan, 2, np.inf, 3, 2.5, 4]), np.array([1.0, 2.0, np.inf, 3.0, -np.inf, 5.0, np.nan])
    )
    np.testing.assert_array_equal(xs, [1, 2, 3, 3, 4])
    np.testing.assert_array_equal(ys, [1, np.nan, np.nan, 5, np.nan])
    assert all(len(part) == 0 for part in ordered(np.empty(0), np.empty(0)))
    assert all(len(part) == 0 for part in thin(np.empty(0), np.empty(0), np.linspace(0, 1, 101)))


@given(hnp.arrays(np.float64, st.integers(0, 700), elements=values), st.sampled_from([0.0, 0.01, 0.6, 0.9, 0.98]))
def test_smoothing_agrees_with_its_definition(ys, weight):
    average, seen, expected = 0.0, 0, []
    for y in ys:
        if y == y:
            average, seen = weight * average + (1 - weight) * y, seen + 1
            expected.append(average / (1 - weight**seen))
        else:
            expected.append(np.nan)
    scale = np.nanmax(np.abs(ys)) if np.isfinite(ys).any() else 1
    np.testing.assert_allclose(smoothed(ys, weight), expected, rtol=1e-9, atol=1e-9 * scale)


@given(hnp.arrays(np.float64, 300, elements=values), st.lists(st.integers(0, 300), max_size=4))
def test_smoothing_goes_on_where_it_stopped(ys, cuts):
    smoother = Smoother(0.9)
    parts = [smoother.extend(part) for part in np.split(ys, sorted(cuts))]
    scale = np.nanmax(np.abs(ys)) if np.isfinite(ys).any() else 1
    np.testing.assert_allclose(np.concatenate(parts), smoothed(ys, 0.9), rtol=1e-9, atol=1e-9 * scale)


@given(curves(), st.floats(-10, 3000))
def test_the_nearest_point_is_nearest(curve, x):
    xs, _ = curve
    assert abs(xs[nearest(xs, x)] - x) == np.abs(xs - x).min()


@given(curves(), st.integers(1, 30))
def test_averages_are_those_of_their_columns(curve, pixels):
    xs, ys = curve
    edges = np.linspace(xs[0], xs[-1], pixels + 1)
    found = dict(zip(*averaged(xs, ys, edges), strict=True))
    for number in range(pixels):
        inside = [i for i, x in enumerate(xs) if bucket(x, edges) == number]
        kept = ys[inside][np.isfinite(ys[inside])]
        if inside and len(kept):
            assert found[xs[inside[0]]] == pytest.approx(kept.mean(), rel=1e-6, abs=1e-6)


def test_values_that_go_back_are_held():
    np.testing.assert_array_equal(rising(np.array([1, 3, 2, np.nan, 5]), 2.0), [2, 3, 3, 3, 5])


def test_a_metric_that_comes_late_has_gaps_before():
    history = History(0.9)
    history.add(part(3, gpu_power_w=np.nan))
    history.add(part(2, start=4, gpu_power_w=300.0))
    assert history.has("gpu_power_w")
    assert not history.has("gpu_utilization_percent")
    np.testing.assert_array_equal(history.values("gpu_power_w"), [np.nan] * 3 + [300.0] * 2)
    assert len(history.xs("step")) == 5


def test_a_resumed_run_draws_on_and_what_was_dropped_is_gone():
    history = History(0.9)
    history.add(part(10))
    history.add(part(6, restarted=True))
    history.add(part(4, start=7))
    np.testing.assert_array_equal(history.xs("step"), np.arange(1, 11))
    np.testing.assert_allclose(history.smoothed("loss"), smoothed(history.values("loss"), 0.9))


def test_without_seconds_there_is_no_time():
    history = History(0.0)
    history.add(part(5))
    assert history.has_unit("seconds")
    history.add(part(5, start=6, seconds=np.nan))
    assert not history.has_unit("seconds")
    assert history.has_unit("tokens")


@given(st.lists(st.integers(1, 40), max_size=20), st.integers(2, 16))
def test_bounded_curve_keeps_the_mean_of_all_points_in_few_points(parts, most):
    curve, everything = BoundedCurve(1, most), np.arange(sum(parts), dtype=float)[:, None]
    place = 0
    for count in parts:
        curve.extend(everything[place : place + count])
        place += count
    points = curve.points
    assert len(points) <= most + 1
    assert (np.diff(points[:, 0]) > 0).all()
    if len(everything) <= most:
        assert points.tolist() == everything.tolist()
    elif len(everything):
        stride = curve.stride
        naive = [everything[start : start + stride].mean() for start in range(0, len(everything), stride)]
        assert points[:, 0].tolist() == pytest.approx(naive)


def test_bounded_curve_leaves_out_what_is_not_finite():
    curve = BoundedCurve(2, max_points=2)
    curve.extend(np.array([[1.0, 4.0], [2.0, np.nan], [3.0, np.nan], [4.0, np.nan]]))
    np.testing.assert_array_equal(curve.points, [[1.5, 4.0], [3.5, np.nan]])
