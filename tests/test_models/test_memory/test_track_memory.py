import torch

from mmvis_plugin.models.memory import TrackMemory


def frame(ids, value):
    ids = torch.tensor(ids, dtype=torch.long)
    return ids, dict(
        embeds=torch.full((len(ids), 2), float(value)),
        labels=ids * 10 + value)


def test_tracks_are_added_overwritten_and_averaged():
    ids, fields = frame([3, 1], 1)
    first = TrackMemory().update(ids, 0, fields, dict(embeds=0.75))
    assert first.ids.tolist() == [1, 3]
    assert first.fields['embeds'][:, 0].tolist() == [1., 1.]
    ids, fields = frame([2, 3], 5)
    second = first.update(ids, 4, fields, dict(embeds=0.75))
    assert second.ids.tolist() == [1, 2, 3]
    assert second.last_frames.tolist() == [0, 4, 4]
    assert second.fields['labels'].tolist() == [11, 25, 35]
    # known: 0.75 * 5 + 0.25 * 1; new: as it is; unseen: as it was
    assert second.fields['embeds'][:, 0].tolist() == [1., 5., 4.]
    assert first.ids.tolist() == [1, 3], 'a memory is never changed'
    assert fields['embeds'][1, 0] == 5


def test_a_frame_without_tracks_changes_nothing():
    ids, fields = frame([1], 1)
    memory = TrackMemory().update(ids, 0, fields, {})
    none, nothing = frame([], 2)
    after = memory.update(none, 1, nothing, dict(embeds=0.5))
    assert after.ids.tolist() == [1] and after.last_frames.tolist() == [0]


def test_forget_by_age():
    memory = TrackMemory()
    for t in range(4):
        memory = memory.update(*frame([t], t)[:1], t, frame([t], t)[1], {})
    assert memory.forget(3, max_age=2, max_tracks=9).ids.tolist() == [2, 3]
    assert len(memory.forget(9, max_age=2, max_tracks=9)) == 0


def test_forget_those_unseen_for_longest():
    memory = TrackMemory()
    for t, ids in enumerate([[1, 2, 3], [3], [1]]):
        ids, fields = frame(ids, t)
        memory = memory.update(ids, t, fields, {})
    assert memory.forget(2, max_age=9, max_tracks=2).ids.tolist() == [1, 3]
    # tracks that are too old take no place
    assert memory.forget(2, max_age=2, max_tracks=2).ids.tolist() == [1, 3]
