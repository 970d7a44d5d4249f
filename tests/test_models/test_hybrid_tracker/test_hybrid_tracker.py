"""Identities of HybridTracker, on maps and flow that are made by hand."""
import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from mmvis_plugin import testing
from mmvis_plugin.evaluation.functional import vpq

TRACKERS = ['instance', 'pixel', 'hybrid']
VARIANTS = TRACKERS + ['forward', 'none', 'best_row']
SIZE = (48, 96)
FLOOR = 3


def draw(*objects, size=SIZE):
    """Draw (label, number, row, column, height, width) on a floor."""
    pan = torch.full(size, FLOOR)
    for label, number, row, column, height, width in objects:
        pan[row:row + height, column:column + width] = label + 1000 * number
    return pan


def ids_at(maps, *places):
    """Return the identities at a (row, column) of each map, 0 for none."""
    return [int(pan[place]) // 1000 for pan, place in zip(maps, places)]


def compare_by_shape(model):
    """Let embeddings be the masks themselves, without their mean."""
    fc = torch.nn.Linear(98, 98)
    fc.weight.data.copy_(5 * (torch.eye(98) - 1 / 98))
    fc.bias.data.zero_()
    model.instance_head.fcs = torch.nn.ModuleList([fc])


@pytest.mark.parametrize('variant', TRACKERS)
@pytest.mark.parametrize('check', [
    testing.check_windows_agree, testing.check_videos_are_independent,
    testing.check_state_is_bounded, testing.check_nothing_is_dropped,
    testing.check_masks_are_rle
])
def test_online_guarantees(build, check, variant):
    check(build(variant))


@pytest.mark.parametrize('variant', VARIANTS)
def test_the_same_frame_twice(build, run, variant):
    # three shapes, two of one class, numbered in another order
    one = draw((0, 1, 0, 0, 20, 20), (0, 2, 24, 0, 4, 30), (1, 3, 0, 40, 9, 4))
    two = draw((0, 3, 0, 0, 20, 20), (0, 1, 24, 0, 4, 30), (1, 2, 0, 40, 9, 4))
    model = build(variant)
    if model.instance_head is not None:
        compare_by_shape(model)
    for pan in run(model, [one, two, one]):
        assert torch.equal(pan, one)


def test_similarities_of_the_same_frame(build, run):
    model = build('hybrid')
    run(model, [draw((0, 1, 0, 0, 20, 20), (1, 2, 24, 0, 4, 30))])
    meta = testing.fake_metainfo(0, 1, size=SIZE)
    _, state = model.step(
        torch.zeros(1, 3, *SIZE), dict(meta, ori_shape=SIZE),
        model.init_state(meta))
    record, = state.memory
    inst, pix = model._similarities(record, record, '')
    assert torch.equal(pix, torch.eye(2, dtype=torch.float64))
    torch.testing.assert_close(inst.sum(1), torch.ones(2))
    # the gate leaves nothing between the classes
    torch.testing.assert_close(
        model._similarity(record, record, ''),
        torch.diag(inst.diag() / 3 + 2 / 3))


def moving(skip=()):
    """Two things that move by (5, 3); one is missing on some frames."""
    maps, places = [], []
    for t in range(4):
        row, column = 2 + 3 * t, 4 + 5 * t
        things = [(0, 1, row, column, 12, 12), (0, 2, row, 50 + 5 * t, 9, 14)]
        # the segmenter counts anew on each frame
        maps.append(draw(*(things[:1] if t in skip else things[::-1])))
        places.append((row, 50 + 5 * t))
    return maps, places


@pytest.mark.parametrize('variant', ['pixel', 'hybrid', 'none'])
def test_moving_things_keep_their_ids(build, run, variant):
    maps, places = moving()
    model = build(variant)
    model.flow.shift = (5, 3)
    found = run(model, maps)
    assert ids_at(found, *places) == [2] * 4
    assert ids_at(found, *((r, c - 46) for r, c in places)) == [1] * 4
    assert model.flow.calls == [(0, 1), (1, 2), (2, 3)]


def test_flow_out_of_the_frame_links_nothing(build, run):
    maps, places = moving()
    model = build('pixel')
    model.flow.shift = (0, 200)
    assert len(set(ids_at(run(model, maps), *places))) == len(maps)


@pytest.mark.parametrize('temporal, wanted, calls', [
    ('none', [2, 0, 3, 3], [(0, 1), (1, 2), (2, 3)]),
    ('forward', [2, 0, 2, 2], [(0, 1), (1, 2), (0, 2), (2, 3)]),
    ('bidirectional', [2, 0, 2, 2], [(0, 1), (1, 2), (0, 2), (2, 0), (2, 3)]),
])
def test_a_thing_that_is_missed_once(build, run, temporal, wanted, calls):
    maps, places = moving(skip=(1, ))
    model = build(test_cfg=dict(temporal=temporal))
    model.flow.shift = (5, 3)
    assert ids_at(run(model, maps), *places) == wanted
    assert model.flow.calls == calls


@pytest.mark.parametrize('memory_frames, last', [(1, 3), (2, 3), (3, 2)])
def test_how_long_a_thing_may_be_away(build, run, memory_frames, last):
    maps, places = moving(skip=(1, 2))
    model = build(test_cfg=dict(memory_frames=memory_frames))
    model.flow.shift = (5, 3)
    assert ids_at(run(model, maps), *places) == [2, 0, 0, last]


@pytest.mark.parametrize('variant, wanted', [('pixel', [1, 1]),
                                             ('instance', [1, 2])])
def test_things_that_swap_their_looks(build, run, variant, wanted):
    tall, wide = (30, 8), (8, 30)
    one = draw((0, 1, 5, 10, *tall), (0, 2, 5, 60, *wide))
    two = draw((0, 1, 5, 10, *wide), (0, 2, 5, 60, *tall))
    model = build(variant)
    if variant == 'instance':
        compare_by_shape(model)
    found = run(model, [one, two])
    assert ids_at(found, (6, 11), (6, 11)) == wanted
    assert ids_at(found, (6, 61), (6, 61)) == [2, 3 - wanted[1]]


@pytest.mark.parametrize('variant', VARIANTS)
def test_ids_belong_to_things_and_are_unique(build, variant):
    model = build(variant)
    inputs, samples = testing.fake_clips([[[]] * 6] * 2)
    with torch.no_grad():
        results = model.predict(inputs, samples)
    for images, result in zip(inputs, results):
        labels = {}
        for image, frame in zip(images, result):
            pan = frame.pred_panoptic_seg.sem_seg[0]
            raw = model.segmentor.pan_map(image, None, frame.metainfo)
            assert pan.dtype == torch.int64
            assert torch.equal((pan // 1000 > 0), (raw // 1000 > 0))
            assert torch.equal(pan % 1000, raw % 1000)
            # as many identities as things
            assert len(pan.unique()) == len(raw.unique())
            for value in pan[pan >= 1000].unique().tolist():
                assert labels.setdefault(value // 1000,
                                         value % 1000) == value % 1000
        assert min(labels) == 1


def test_a_video_starts_without_memory(build, run):
    maps, places = moving()
    model = build()
    model.flow.shift = (5, 3)
    first, second = (run(model, maps, video_id=i) for i in (1, 2))
    assert ids_at(second, *places) == ids_at(first, *places) == [2] * 4


@pytest.mark.parametrize('variant', VARIANTS)
def test_frames_without_things(build, run, variant):
    thing = draw((0, 1, 5, 5, 20, 20))
    model = build(variant)
    found = run(model, [draw(), thing, draw(), draw(), thing])
    # away for two frames, one more than the memory reaches back
    assert ids_at(found, *[(6, 6)] * 5) == [0, 1, 0, 0, 2]
    if model.flow is not None:
        assert model.flow.calls == []


def test_small_things_are_no_things(build, run):
    pan = draw((0, 1, 0, 0, 3, 5), (1, 2, 10, 10, 4, 4))
    found, = run(build(), [pan])
    assert found[0, 0] == 4 and found[10, 10] == 1001  # 4 is void
    kept, = run(build(test_cfg=dict(min_area=1)), [pan])
    assert kept[0, 0] == 1000 and kept[10, 10] == 2001


@pytest.mark.parametrize('memory_frames', [1, 2, 4])
def test_memory_has_the_length_of_its_key(build, memory_frames):
    model = build(test_cfg=dict(memory_frames=memory_frames))
    inputs, (sample, ) = testing.fake_clips([[[]] * 6])
    state = model.init_state({})
    with torch.no_grad():
        for t, frame in enumerate(sample):
            before = state
            _, state = model.step(inputs[:, t], frame.metainfo, state)
            assert len(state.memory) == min(t + 1, memory_frames)
            assert len(before.memory) == min(t, memory_frames)
    assert model.segmentor.num_calls == len(sample)


def test_vpq_of_single_frames_is_that_of_the_segmenter(build, run):
    generator = torch.Generator().manual_seed(0)

    def boxes(t):
        draws = torch.randint(0, 20, (4, 2), generator=generator)
        return draw(*((k % 2, k + 1, 12 * (k // 2) + int(r) // 10,
                       40 * (k % 2) + int(c), 10, 12)
                      for k, (r, c) in enumerate(draws)))

    truth, maps = ([boxes(t) for t in range(8)] for _ in range(2))
    categories = [dict(id=i, isthing=int(i < 2)) for i in range(4)]

    def score(variant):
        found = run(build(variant), maps)
        video = dict(gt=stack(truth), pred=stack(found))
        for name in ('gt', 'pred'):
            video[f'{name}_segments'] = [[
                dict(id=v, category_id=(v - 1) % 1000, iscrowd=0, area=area)
                for v, area in zip(*np.unique(frame, return_counts=True))
            ] for frame in video[name]]
        return vpq([video], categories, windows=(1, 2))

    scores = [score(variant) for variant in VARIANTS]
    single = {s['VPQ_1'] for s in scores}
    assert len(single) == 1 and 0 < single.pop() < 100
    assert len({s['VPQ_2'] for s in scores}) > 1


def stack(maps):
    """Return segment ids of maps; 0 is left for void."""
    return (torch.stack(maps) + 1).numpy().astype('uint32')


class NumOps(TorchDispatchMode):
    """Counts the operations on tensors."""

    def __enter__(self):
        self.num = 0
        return super().__enter__()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.num += 1
        return func(*args, **(kwargs or {}))


def test_no_loop_over_things(build, run):
    counts = {}
    for num in (8, 16, 64):
        model = build()
        pan = torch.arange(SIZE[0] * SIZE[1]).view(SIZE) // 64 % num
        pan = 1000 * (pan + 1)
        run(model, [pan])
        meta = dict(testing.fake_metainfo(0, 1, size=SIZE), ori_shape=SIZE)
        image = torch.zeros(1, 3, *SIZE)
        with NumOps() as step, torch.no_grad():
            _, state = model.step(image, meta, model.init_state(meta))
        record, = state.memory
        assert len(record.labels) == num
        embeds = record.embeds.requires_grad_()
        with NumOps() as compare:
            model._similarities(record, record, '')
        with NumOps() as loss:
            model.loss_match(embeds, embeds, record.ids, record.ids)
        counts[num] = step.num, compare.num, loss.num
    assert counts[8] == counts[16]
    assert counts[16][1:] == counts[64][1:]
    # RoIs are cut out 16 at a time
    assert counts[16][0] < counts[64][0] < 4 * counts[16][0]
