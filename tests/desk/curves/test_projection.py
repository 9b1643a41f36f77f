"""Which part of the axes a plot shows."""

from __future__ import annotations

import numpy as np
import pytest

from i3desk.curves.projection import whole_range


@pytest.mark.parametrize(("x", "log"), [(0.0, False), (0.2, False), (40.0, False), (-3.0, False), (10.0, True)])
def test_range_of_a_single_point_has_room_but_no_steps_below_zero(x, log):
    low, high = whole_range([np.array([x])], None, log)
    shown = np.log10(x) if log else x
    assert low <= shown < high
    assert low >= 0 or x < 0
    assert (low < 0) == (x < 0)
