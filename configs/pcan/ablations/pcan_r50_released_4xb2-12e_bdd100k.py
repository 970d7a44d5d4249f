_base_ = '../pcan_r50_fpn_4xb2-12e_bdd100k.py'
# Strict parity with the released code: the bases of the refine head go on
# changing in tests, so that results depend on the order of the videos. Test
# with the checkpoint of the main recipe, on one GPU.
model = dict(refine_head=dict(update_bases_in_test=True))
