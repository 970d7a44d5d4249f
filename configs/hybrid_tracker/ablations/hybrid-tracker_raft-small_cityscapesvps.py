# Table III: the small RAFT. The table's other rows are other
# weights for the main recipe.
_base_ = '../hybrid-tracker_r50_fpn_cityscapesvps.py'
model = dict(flow=dict(small=True))
