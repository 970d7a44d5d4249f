from mmvis_plugin.datasets.frame_collate import collate_frames


def test_frames_become_lists_and_video_keys_are_repeated():
    video = dict(
        video_id=3,
        video_name='v',
        video_length=3,
        images=[
            dict(frame_id=0, seg_map_path='a'),
            dict(frame_id=1),
            dict(frame_id=2)
        ])
    assert collate_frames(video, [2, 0, 0]) == dict(
        frame_id=[2, 0, 0],
        seg_map_path=[None, 'a', 'a'],
        video_id=[3] * 3,
        video_name=['v'] * 3,
        video_length=[3] * 3,
        ori_video_length=[3] * 3)
    assert collate_frames(video, [1])['ori_video_length'] == [3]
