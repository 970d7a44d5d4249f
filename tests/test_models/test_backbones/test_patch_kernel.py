import torch

from mmvis_plugin.models.backbones import resize_patch_kernel


def test_a_kernel_is_read_corner_on_corner():
    torch.manual_seed(0)
    kernel = torch.randn(2, 3, 14, 14, dtype=torch.float64)
    found = resize_patch_kernel(kernel, (16, 16))
    for i in range(16):
        for j in range(16):
            y, x = i * 13 / 15, j * 13 / 15
            top, left = min(int(y), 12), min(int(x), 12)
            wanted = sum(
                (1 - abs(y - row)) * (1 - abs(x - col)) * kernel[..., row, col]
                for row in (top, top + 1) for col in (left, left + 1))
            torch.testing.assert_close(found[..., i, j], wanted)


def test_a_kernel_of_the_size_is_left_alone():
    kernel = torch.randn(2, 3, 16, 16)
    assert resize_patch_kernel(kernel, (16, 16)) is kernel


def test_type_is_kept():
    kernel = torch.randn(2, 3, 14, 14)
    found = resize_patch_kernel(kernel.half(), (16, 16))
    assert found.dtype == torch.float16
    torch.testing.assert_close(
        found.float(),
        resize_patch_kernel(kernel, (16, 16)),
        rtol=2e-3,
        atol=2e-3)
