import numpy as np
import pytest
import torch

from mmvis_plugin.models.association import match_scores


def reference(current, memory, metric):
    out = np.zeros((len(current), len(memory)))
    dots = np.array([[float(a @ b) for b in memory] for a in current])
    for i, a in enumerate(current):
        for j, b in enumerate(memory):
            if metric == 'cosine':
                out[i, j] = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
                continue
            out[i, j] = np.exp(dots[i, j]) / np.exp(dots[i]).sum()
            if metric == 'bisoftmax':
                out[i, j] += np.exp(dots[i, j]) / np.exp(dots[:, j]).sum()
                out[i, j] /= 2
    return out


@pytest.mark.parametrize('metric', ['bisoftmax', 'softmax', 'cosine'])
@pytest.mark.parametrize('num_memory', [1, 5])
def test_equals_loops(metric, num_memory):
    rng = np.random.default_rng(0)
    current, memory = rng.normal(size=(4, 8)), rng.normal(size=(num_memory, 8))
    scores = match_scores(
        torch.from_numpy(current), torch.from_numpy(memory), metric)
    np.testing.assert_allclose(scores, reference(current, memory, metric))


def test_unknown_metric():
    with pytest.raises(ValueError, match="match_metric='euclid'.*bisoftmax"):
        match_scores(torch.ones(1, 2), torch.ones(1, 2), 'euclid')
