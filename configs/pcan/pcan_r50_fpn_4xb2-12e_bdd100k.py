# Stage 3 of PCAN on BDD100K MOTS: the refine head, everything else frozen.
_base_ = [
    '../_base_/models/pcan_r50_fpn.py',
    '../_base_/datasets/bdd100k_mots_pairs.py',
    '../_base_/schedules/schedule_12e.py'
]
model = dict(
    # mask AP is measured on all detections
    with_detections=True,
    freeze=['detector', 'track_head'])
load_from = ('work_dirs/pcan-stage2-mask_r50_fpn_4xb2-12e_bdd100k/'
             'epoch_12.pth')
