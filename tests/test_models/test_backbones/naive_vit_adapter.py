"""ViT-Adapter without injectors, written down from its weights.

One token, head and point at a time, in double precision; only convolutions
are those of torch. Keys are those of the released weights.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F


class NaiveViTAdapter:
    """The network of a state dict, in evaluation.

    Args:
        weights (dict): State dict of the adapter.
        num_heads (int): Of the transformer.
        deform_heads (int): Of the deformable attention.
        num_points (int): Of the deformable attention.
    """

    def __init__(self, weights, num_heads, deform_heads, num_points=4):
        self.weights = {k: v.double() for k, v in weights.items()}
        self.num_heads = num_heads
        self.deform_heads = deform_heads
        self.num_points = num_points

    def __call__(self, image):
        """Return the four maps of one image (3, H, W)."""
        groups = self.vit(image)
        stem, *pyramid = self.spatial_prior(image[None])
        level_embed = self.weights['level_embed']
        maps = [x[0] + e[:, None, None] for x, e in zip(pyramid, level_embed)]
        for index, patches in enumerate(groups):
            name = f'interactions.{index}'
            maps = self.extract(f'{name}.extractor', maps, patches)
            for extra in range(2 if index == 3 else 0):
                maps = self.extract(f'{name}.extra_extractors.{extra}', maps,
                                    patches)
        up = F.conv_transpose2d(maps[0][None], *self.pair('up'), stride=2)
        maps = [up[0] + stem[0], *maps]
        return [
            self.batch_norm(f'norm{i + 1}', (x + zoom(patches, x))[None])[0]
            for i, (x, patches) in enumerate(zip(maps, groups))
        ]

    def pair(self, name):
        return self.weights[f'{name}.weight'], self.weights.get(f'{name}.bias')

    def linear(self, name, token):
        weight, bias = self.pair(name)
        return weight @ token + bias

    def layer_norm(self, name, token):
        centred = token - token.mean()
        scaled = centred / (centred.square().mean() + 1e-6).sqrt()
        weight, bias = self.pair(name)
        return scaled * weight + bias

    def batch_norm(self, name, maps):
        mean, var = (
            self.weights[f'{name}.running_{k}'] for k in ('mean', 'var'))
        weight, bias = self.pair(name)
        factor = weight / (var + 1e-5).sqrt()
        shift = bias - mean * factor
        return maps * factor[:, None, None] + shift[:, None, None]

    def vit(self, image):
        """Return the patches after each quarter of the blocks."""
        prefix = 'vit_module'
        weight, bias = self.pair(f'{prefix}.patch_embed.proj')
        size = weight.shape[-1]
        height, width = (n // size for n in image.shape[1:])
        embed = self.weights[f'{prefix}.pos_embed'][0]
        side = math.isqrt(len(embed) - 1)
        grid = resize_bicubic(embed[1:].t().unflatten(1, (side, side)), height,
                              width)
        tokens = [self.weights[f'{prefix}.cls_token'][0, 0] + embed[0]]
        for y in range(height):
            for x in range(width):
                patch = image[:, y * size:(y + 1) * size,
                              x * size:(x + 1) * size]
                token = (weight * patch).sum(dim=(1, 2, 3)) + bias
                tokens.append(token + grid[:, y, x])
        depth = len({k.split('.')[2] for k in self.weights if '.blocks.' in k})
        maps = []
        for index in range(depth):
            tokens = self.block(f'{prefix}.blocks.{index}', tokens)
            if (index + 1) % (depth // 4) == 0:
                patches = torch.stack(tokens[1:], dim=1)
                maps.append(patches.unflatten(1, (height, width)))
        return maps

    def block(self, name, tokens):
        normed = [self.layer_norm(f'{name}.norm1', x) for x in tokens]
        read = self.attend(f'{name}.attn', normed)
        gamma = [self.weights[f'{name}.ls{i}.gamma'] for i in (1, 2)]
        tokens = [x + gamma[0] * r for x, r in zip(tokens, read)]
        outputs = []
        for token in tokens:
            hidden = self.linear(f'{name}.mlp.fc1',
                                 self.layer_norm(f'{name}.norm2', token))
            hidden = gelu(hidden)
            outputs.append(token +
                           gamma[1] * self.linear(f'{name}.mlp.fc2', hidden))
        return outputs

    def attend(self, name, tokens):
        query, key, value = zip(*(self.linear(f'{name}.qkv', x).chunk(3)
                                  for x in tokens))
        size = len(query[0]) // self.num_heads
        outputs = []
        for q in query:
            heads = []
            for h in range(self.num_heads):
                part = slice(h * size, (h + 1) * size)
                scores = torch.stack([q[part] @ k[part] for k in key])
                scores = (scores / math.sqrt(size)).exp()
                values = torch.stack([v[part] for v in value])
                heads.append(scores / scores.sum() @ values)
            outputs.append(self.linear(f'{name}.proj', torch.cat(heads)))
        return outputs

    def spatial_prior(self, images):
        x = images
        for index, stride in ((0, 2), (3, 1), (6, 1)):
            x = self.conv_block('spm.stem', x, stride, index)
        maps = [F.max_pool2d(x, 3, 2, 1)]
        for level in (2, 3, 4):
            maps.append(self.conv_block(f'spm.conv{level}', maps[-1], 2, 0))
        return [
            F.conv2d(x, *self.pair(f'spm.fc{level}'))
            for level, x in enumerate(maps, 1)
        ]

    def conv_block(self, name, x, stride, index):
        x = F.conv2d(
            x, self.weights[f'{name}.{index}.weight'], None, stride, padding=1)
        return self.batch_norm(f'{name}.{index + 1}', x).clamp(min=0)

    def extract(self, name, maps, patches):
        """Return the three maps (C, h, w) after one extractor."""
        feats = each_token(lambda x: self.layer_norm(f'{name}.feat_norm', x),
                           patches)
        values = each_token(
            lambda x: self.linear(f'{name}.attn.value_proj', x), feats)
        maps = [self.deform(f'{name}.attn', name, x, values) for x in maps]
        return [self.ffn(name, x) for x in maps]

    def deform(self, attn, name, tokens, values):
        height, width = values.shape[1:]
        output = tokens.clone()
        for y in range(tokens.shape[1]):
            for x in range(tokens.shape[2]):
                query = self.layer_norm(f'{name}.query_norm', tokens[:, y, x])
                shape = (self.deform_heads, self.num_points)
                offsets = self.linear(f'{attn}.sampling_offsets',
                                      query).view(*shape, 2)
                weights = self.linear(f'{attn}.attention_weights',
                                      query).view(shape).exp()
                # in pixels of the patches, the first at zero
                centre = torch.tensor([
                    (x + 0.5) / tokens.shape[2] * width - 0.5,
                    (y + 0.5) / tokens.shape[1] * height - 0.5
                ])
                heads = []
                for h, part in enumerate(values.chunk(self.deform_heads)):
                    total = weights[h].sum()
                    heads.append(
                        sum(w / total * bilinear(part, *(centre + o))
                            for w, o in zip(weights[h], offsets[h])))
                output[:, y, x] += self.linear(f'{attn}.output_proj',
                                               torch.cat(heads))
        return output

    def ffn(self, name, tokens):
        hidden = each_token(
            lambda x: self.linear(f'{name}.ffn.fc1',
                                  self.layer_norm(f'{name}.ffn_norm', x)),
            tokens)
        hidden = F.conv2d(
            hidden[None],
            *self.pair(f'{name}.ffn.dwconv.dwconv'),
            padding=1,
            groups=len(hidden))[0]
        return tokens + each_token(lambda x: self.linear(f'{name}.ffn.fc2', x),
                                   gelu(hidden))


def each_token(function, maps):
    """Apply a function to every pixel of (C, h, w)."""
    rows = [function(token) for token in maps.flatten(1).unbind(1)]
    return torch.stack(rows, dim=1).unflatten(1, maps.shape[1:])


def gelu(x):
    return x / 2 * (1 + torch.erf(x / math.sqrt(2)))


def bilinear(maps, x, y):
    """Return the values of (C, h, w) at a point; zero outside."""
    total = maps.new_zeros(len(maps))
    left, top = math.floor(x), math.floor(y)
    for row in (top, top + 1):
        for col in (left, left + 1):
            if 0 <= row < maps.shape[1] and 0 <= col < maps.shape[2]:
                weight = (1 - abs(float(x) - col)) * (1 - abs(float(y) - row))
                total += weight * maps[:, row, col]
    return total


def cubic(x):
    """Return the cubic convolution kernel with a = -0.75."""
    x, a = abs(x), -0.75
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.


def resize_bicubic(grid, height, width):
    """Resize a square position embedding (C, n, n) as DINOv2 does."""
    side = grid.shape[-1]
    if height == width == side:
        return grid

    def matrix(count):
        rows = np.zeros((count, side))
        for i in range(count):
            source = (i + 0.5) * side / (count + 0.1) - 0.5
            for j in range(math.floor(source) - 1, math.floor(source) + 3):
                rows[i, min(max(j, 0), side - 1)] += cubic(source - j)
        return torch.from_numpy(rows)

    return matrix(height) @ grid @ matrix(width).t()


def zoom(maps, like):
    """Resize (C, h, w) bilinearly; pixels have areas."""
    (height, width), (rows, cols) = maps.shape[1:], like.shape[1:]
    output = like.new_zeros(len(maps), rows, cols)
    for row in range(rows):
        for col in range(cols):
            y, x = ((i + 0.5) * n / m - 0.5
                    for i, n, m in ((row, height, rows), (col, width, cols)))
            y, x = min(max(y, 0), height - 1), min(max(x, 0), width - 1)
            output[:, row, col] = bilinear(maps, x, y)
    return output
