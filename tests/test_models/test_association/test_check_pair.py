import pytest
import torch

from mmvis_plugin.models.association import check_pair, warped_dice

IDS = torch.tensor([[0, 1, 2], [0, 0, 3]])
FLOW = torch.zeros(2, 2, 3)


def test_a_good_pair_passes():
    check_pair(IDS, IDS, FLOW, 3, 3, 'video 1, frame 7')
    empty = torch.zeros(0, 3, dtype=torch.long)
    check_pair(empty, empty, FLOW[:, :0], 0, 0)


@pytest.mark.parametrize('changes, message', [
    (dict(id_cur=IDS[:, :2]), r'\(2, 3\) and \(2, 2\).*one size'),
    (dict(flow=FLOW[:, :1]), r'flow is \(2, 1, 3\), expected \(2, 2, 3\)'),
    (dict(m=2), 'earlier frame holds ids 0 to 3, its list has 2 segments'),
    (dict(n=1), 'later frame holds ids 0 to 3, its list has 1 segments'),
    (dict(id_prev=IDS - 1), 'earlier frame holds ids -1 to 2'),
    (dict(flow=FLOW.log() * 0), 'NaN or infinite at 6 of 6 pixels'),
])
def test_errors_name_frame_and_cause(changes, message):
    pair = dict(id_prev=IDS, id_cur=IDS, flow=FLOW, m=3, n=3) | changes
    with pytest.raises(ValueError, match='^video 1, frame 7: .*' + message):
        check_pair(**pair, frame='video 1, frame 7')
    if 'NaN' not in message:
        with pytest.raises(ValueError, match=message):
            warped_dice(**pair)


def test_messages_are_one_line():
    with pytest.raises(ValueError) as info:
        check_pair(IDS, IDS, FLOW / 0, 3, 3, 'frame 2')
    assert '\n' not in str(info.value)
