_base_ = '../pcan_r50_fpn_4xb2-12e_bdd100k.py'
# Tracks average their prototypes, as the paper describes: test with the
# checkpoint of the main recipe.
model = dict(tracker=dict(proto_momentum=0.5))
