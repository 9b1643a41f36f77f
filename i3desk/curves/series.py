"""Curves as arrays: growing columns, downsampling by extremes or means, and smoothing."""

from __future__ import annotations

from itertools import accumulate

import numpy as np

POINTS_PER_BUCKET = 4  # first, lowest, highest, last: all that a line through all points shows in a pixel column
MAX_POINTS = 4096  # of a BoundedCurve
_BLOCK = 256


class Column:
    """A float array that can be extended."""

    def __init__(self, dtype: type = np.float64) -> None:
        self._buffer = np.empty(256, dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def values(self) -> np.ndarray:
        """All values, without a copy: valid until the next `extend`."""
        return self._buffer[: self._count]

    def extend(self, values: np.ndarray) -> None:
        """Append `values`."""
        needed = self._count + len(values)
        if needed > len(self._buffer):
            larger = np.empty(max(needed, 2 * len(self._buffer)), self._buffer.dtype)
            larger[: self._count] = self.values
            self._buffer = larger
        self._buffer[self._count : needed] = values
        self._count = needed


def ordered(xs: np.ndarray, ys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The points with a finite x, as a curve: one before its predecessor moves up to it; a y not finite is a gap."""
    placed = np.isfinite(xs)
    return rising(xs[placed]), with_gaps(ys[placed])


def rising(xs: np.ndarray, last: float = -np.inf) -> np.ndarray:
    """Raise each x to the largest one before it, starting with `last`; a NaN takes that value."""
    return np.fmax.accumulate(np.concatenate(([last], xs)))[1:]


def with_gaps(ys: np.ndarray) -> np.ndarray:
    """Replace values that are not finite by NaN."""
    finite = np.isfinite(ys)
    return ys if finite.all() else np.where(finite, ys, np.nan)


def thin(xs: np.ndarray, ys: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Downsample to POINTS_PER_BUCKET points for each pixel column between two `edges`, plus the neighbours outside.

    Keeps the first, lowest, highest and last y of every column, so that the line looks as if all points were drawn.
    `xs` and `edges` must not decrease; a column without points stays empty.
    """
    begin, end = int(np.searchsorted(xs, edges[0], "left")), int(np.searchsorted(xs, edges[-1], "right"))
    outer_begin, outer_end = max(0, begin - 1), min(len(xs), end + 1)
    if end - begin <= POINTS_PER_BUCKET * (len(edges) - 1):
        return xs[outer_begin:outer_end], ys[outer_begin:outer_end]
    starts = np.searchsorted(xs[begin:end], edges[:-1], "left")
    starts = np.unique(starts[starts < end - begin])
    lasts = np.append(starts[1:], end - begin) - 1
    inside_xs, inside_ys = xs[begin:end], ys[begin:end]
    columns = len(starts)
    thin_xs = np.empty((columns, POINTS_PER_BUCKET), np.float64)
    thin_ys = np.empty((columns, POINTS_PER_BUCKET), np.float64)
    thin_xs[:, :3] = inside_xs[starts][:, None]
    thin_xs[:, 3] = inside_xs[lasts]
    thin_ys[:, 0] = inside_ys[starts]
    thin_ys[:, 1] = np.fmin.reduceat(inside_ys, starts)
    thin_ys[:, 2] = np.fmax.reduceat(inside_ys, starts)
    thin_ys[:, 3] = inside_ys[lasts]
    before, after = slice(outer_begin, begin), slice(end, outer_end)
    return (
        np.concatenate((xs[before], thin_xs.ravel(), xs[after])),
        np.concatenate((ys[before], thin_ys.ravel(), ys[after])),
    )


def bucket_means(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Mean of the finite values in each bucket, of which `starts` are the first indices; NaN if there are none.

    `values` has a row for each point; a bucket reaches to the next start, the last one to the end.
    """
    if not len(starts):
        return np.empty((0, *values.shape[1:]))
    finite = np.isfinite(values)
    counts = np.add.reduceat(finite, starts, axis=0, dtype=np.int64)
    sums = np.add.reduceat(np.where(finite, values, 0.0), starts, axis=0, dtype=np.float64)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def averaged(xs: np.ndarray, ys: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Downsample to one point for each column between two `edges`: its first x and the mean of its ys."""
    starts = np.searchsorted(xs, edges[:-1], "left")
    starts = np.unique(starts[starts < len(xs)])
    return xs[starts], bucket_means(ys, starts)


class BoundedCurve:
    """A curve in bounded memory: if it has more than `max_points`, neighbours are averaged, 2, 4, 8 ... into one.

    A point is a row of numbers, such as its steps, tokens, seconds and loss.
    """

    def __init__(self, columns: int, max_points: int = MAX_POINTS) -> None:
        self._max_points = max_points
        self.stride = 1  # points in each mean
        self._means = np.empty((0, columns))
        self._rest = np.empty((0, columns))  # too few yet for a mean

    def extend(self, points: np.ndarray) -> None:
        """Add points at the end."""
        points = np.concatenate((self._rest, points))
        whole = len(points) // self.stride * self.stride
        self._means = np.concatenate((self._means, _stride_means(points[:whole], self.stride)))
        self._rest = points[whole:]
        while len(self._means) > self._max_points:
            even = len(self._means) // 2 * 2
            # A mean left over represents `stride` points and counts as such again.
            left_over = np.repeat(self._means[even:], self.stride, axis=0)
            self._means, self.stride = _stride_means(self._means[:even], 2), self.stride * 2
            self._rest = np.concatenate((left_over, self._rest))

    @property
    def points(self) -> np.ndarray:
        """The means, and the mean of the incomplete last bucket: the curve ends where the run does."""
        return np.concatenate((self._means, _stride_means(self._rest, len(self._rest))))


def _stride_means(points: np.ndarray, stride: int) -> np.ndarray:
    return points if stride <= 1 else bucket_means(points, np.arange(0, len(points), stride))


def nearest(xs: np.ndarray, x: float) -> int:
    """The index of the value nearest to `x` in `xs` (not empty, increasing)."""
    right = int(np.searchsorted(xs, x))
    if right == 0:
        return 0
    if right == len(xs) or x - xs[right - 1] <= xs[right] - x:
        return right - 1
    return right


class Smoother:
    """An exponential moving average that continues over several parts.

    Each value weighs `weight` times as much as the next one. The bias towards zero at the start is corrected as in
    Adam (arXiv:1412.6980). A NaN stays NaN and does not count.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight
        self._average = 0.0
        self._count = 0

    def extend(self, values: np.ndarray) -> np.ndarray:
        """The average at each of the next values."""
        if not self.weight:
            return np.array(values, np.float64)
        finite = np.isfinite(values)
        gapless = bool(finite.all())
        kept = np.asarray(values if gapless else values[finite], np.float64)
        if not len(kept):
            return np.full(len(values), np.nan)
        averages = _moving_average(kept, self.weight, self._average)
        self._average = float(averages[-1])
        # After this many values the correction is below float precision.
        early = min(len(kept), max(0, int(-40 / np.log(self.weight)) - self._count))
        averages[:early] /= -np.expm1(np.arange(self._count + 1, self._count + early + 1) * np.log(self.weight))
        self._count += len(kept)
        if gapless:
            return averages
        smooth = np.full(len(values), np.nan)
        smooth[finite] = averages
        return smooth


def smoothed(values: np.ndarray, weight: float) -> np.ndarray:
    """The bias-corrected exponential moving average of `values`; see Smoother."""
    return Smoother(weight).extend(values)


def _moving_average(values: np.ndarray, weight: float, before: float) -> np.ndarray:
    """a[i] = weight a[i-1] + (1 - weight) values[i], where a[-1] is `before`.

    Computed in blocks: within one, a[i] = weight^(i+1) (a[-1] + (1 - weight) sum of values[j] / weight^(j+1)).
    """
    # So short that weight^-length is far within the range of floats.
    length = int(max(1, min(_BLOCK, 500 / -np.log(weight))))
    padded = np.zeros(-(-len(values) // length) * length)
    padded[: len(values)] = values
    powers = weight ** np.arange(1, length + 1)
    sums = np.cumsum(padded.reshape(-1, length) * ((1 - weight) / powers), axis=1)
    ends = accumulate(sums[:, -1] * powers[-1], lambda average, own: average * powers[-1] + own, initial=before)
    starts = np.fromiter(ends, np.float64, len(sums) + 1)[:-1]
    return ((sums + starts[:, None]) * powers).ravel()[: len(values)]
