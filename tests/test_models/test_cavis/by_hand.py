"""Tracker and refiner of one video by hand: one slot, head and frame at a
time, from nothing but the weights, in double precision."""
import math

import torch
from scipy.optimize import linear_sum_assignment


class ByHand:
    """Layers that are read from a state dict.

    Args:
        weights (dict): A state dict.
        num_heads (int): Heads of the attention.
    """

    def __init__(self, weights, num_heads):
        self.weights = {k: v.double() for k, v in weights.items()}
        self.num_heads = num_heads

    def linear(self, name, x):
        weight, bias = (
            self.weights[f'{name}.{k}'] for k in ('weight', 'bias'))
        return weight @ x + bias

    def norm(self, name, x):
        centred = x - x.mean()
        scaled = centred / (centred.square().mean() + 1e-5).sqrt()
        return scaled * self.weights[f'{name}.weight'] + self.weights[
            f'{name}.bias']

    def attend(self, name, query, keys, values):
        """Attention of one query, head by head."""
        weight = self.weights[f'{name}.in_proj_weight'].chunk(3)
        bias = self.weights[f'{name}.in_proj_bias'].chunk(3)
        query = weight[0] @ query + bias[0]
        keys = [weight[1] @ k + bias[1] for k in keys]
        values = [weight[2] @ v + bias[2] for v in values]
        heads, size = [], len(query) // self.num_heads
        for h in range(self.num_heads):
            part = slice(h * size, (h + 1) * size)
            scores = [
                math.exp(float(query[part] @ k[part]) / math.sqrt(size))
                for k in keys
            ]
            heads.append(
                sum(s * v[part] for s, v in zip(scores, values)) / sum(scores))
        return self.linear(f'{name}.out_proj', torch.cat(heads))

    def self_attention(self, name, rows):
        return [
            self.norm(f'{name}.norm',
                      x + self.attend(f'{name}.self_attn', x, rows, rows))
            for x in rows
        ]

    def cross_attention(self, name, identity, queries, keys, values):
        return [
            self.norm(
                f'{name}.norm',
                x + self.attend(f'{name}.multihead_attn', q, keys, values))
            for x, q in zip(identity, queries)
        ]

    def ffn(self, name, rows):
        return [
            self.norm(
                f'{name}.norm', x +
                self.linear(f'{name}.linear2',
                            self.linear(f'{name}.linear1', x).clamp(min=0)))
            for x in rows
        ]

    def conv(self, name, rows):
        """Convolution along a list of rows whose ends are repeated."""
        weight = self.weights[f'{name}.weight']
        half = weight.size(2) // 2
        result = []
        for t in range(len(rows)):
            total = self.weights[f'{name}.bias']
            for offset in range(-half, half + 1):
                row = rows[min(max(t + offset, 0), len(rows) - 1)]
                total = total + weight[..., offset + half] @ row
            result.append(total)
        return result


def order_like(ref, cur):
    """Rows of ``cur`` in the order of ``ref``, and that order."""
    costs = [[1 - float(torch.cosine_similarity(r, c, dim=0)) for c in cur]
             for r in ref]
    order = linear_sum_assignment(costs)[1].tolist()
    return [cur[i] for i in order], order


def track(layers, num_layers, queries, contexts, values):
    """Return the slots of one video after the last layer and the norm."""

    def project(x, e):
        return layers.linear('ctx_query_embed', torch.cat([x, e]))

    previous = state = None
    result = []
    for q, e, v in zip(queries, contexts, values):
        joint = [torch.cat(pair) for pair in zip(q, e)]
        keys = [project(*pair) for pair in zip(q, e)]
        slots = list(q)
        if state is not None:
            previous, order = order_like(previous, joint)
            slots = [q[i] for i in order]
            reference = [project(*pair) for pair in zip(*state)]
        else:
            previous = joint
        for i in range(num_layers):
            if state is None:
                reference = [project(*pair) for pair in zip(slots, e)]
            slots = layers.cross_attention(
                f'transformer_cross_attention_layers.{i}', slots, reference,
                keys, v)
            slots = layers.self_attention(
                f'transformer_self_attention_layers.{i}', slots)
            slots = layers.ffn(f'transformer_ffn_layers.{i}', slots)
        _, order = order_like(slots, v)
        state = slots, [e[i] for i in order]
        result.append(
            torch.stack([layers.norm('decoder_norm', x) for x in slots]))
    return torch.stack(result)


def refine(layers, num_layers, slots, frames):
    """Return the refined slots ``(T, Q, C)`` of one video."""
    for i in range(num_layers):
        columns = []
        for column in slots.unbind(1):
            rows = layers.self_attention(
                f'transformer_time_self_attention_layers.{i}', column)
            inner = layers.conv(f'conv_short_aggregate_layers.{i}.0', rows)
            outer = layers.conv(f'conv_short_aggregate_layers.{i}.2',
                                [x.clamp(min=0) for x in inner])
            columns.append(
                torch.stack([
                    layers.norm(f'conv_norms.{i}', x + y)
                    for x, y in zip(rows, outer)
                ]))
        result = []
        for rows, frame in zip(torch.stack(columns, 1), frames):
            rows = layers.self_attention(
                f'transformer_obj_self_attention_layers.{i}', rows)
            rows = layers.cross_attention(
                f'transformer_cross_attention_layers.{i}', rows, rows, frame,
                frame)
            result.append(
                torch.stack(layers.ffn(f'transformer_ffn_layers.{i}', rows)))
        slots = torch.stack(result)
    return torch.stack([
        torch.stack([layers.norm('decoder_norm', x) for x in rows])
        for rows in slots
    ])
