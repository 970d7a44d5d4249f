from mmvis_plugin.structures import counted_things


def test_crowds_ignored_things_and_stuff_do_not_count():
    segments = [
        dict(id=1, is_thing=True, iscrowd=0),
        dict(id=2, is_thing=True, iscrowd=1),
        dict(id=3, is_thing=False, iscrowd=0),
        dict(id=4, is_thing=True, ignore_flag=1),
        dict(id=5, is_thing=True),
    ]
    assert [item['id'] for item in counted_things(segments)] == [1, 5]
    assert counted_things([]) == []
