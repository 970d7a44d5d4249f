import numpy as np
import torch

from mmvis_plugin.models.raft import upsample_flow


def test_convex_combination_equals_loops():
    rng = torch.Generator().manual_seed(0)
    flow = torch.randn((1, 2, 3, 4), generator=rng)
    mask = torch.randn((1, 576, 3, 4), generator=rng)
    got = upsample_flow(flow, mask)
    weights = mask.view(9, 8, 8, 3, 4).softmax(0)
    for c, y, x in np.ndindex(2, 24, 32):
        row, column, expected = y // 8, x // 8, 0.
        for k in range(9):
            i, j = row + k // 3 - 1, column + k % 3 - 1
            if 0 <= i < 3 and 0 <= j < 4:
                weight = weights[k, y % 8, x % 8, row, column]
                expected += float(8 * weight * flow[0, c, i, j])
        assert abs(float(got[0, c, y, x]) - expected) < 1e-4


def test_without_a_mask_corners_are_aligned():
    flow = torch.tensor([[0., 1.], [2., 3.]]).expand(1, 2, 2, 2)
    up = upsample_flow(flow)
    assert up.shape == (1, 2, 16, 16)
    corners = up[0, 0][[0, 0, -1, -1], [0, -1, 0, -1]]
    torch.testing.assert_close(corners, torch.tensor([0., 8., 16., 24.]))
