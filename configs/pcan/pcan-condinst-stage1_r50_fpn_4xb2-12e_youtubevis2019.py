# Stage 1 of one-stage PCAN on YouTube-VIS 2019: detector, embeddings and
# frame level, from CondInst trained on COCO. Also the baseline without the
# refine head.
_base_ = './pcan-condinst_r50_fpn_4xb2-12e_youtubevis2019.py'
model = dict(
    detector=dict(
        # fc layers of the classes, whose number differs, start anew
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://download.openmmlab.com/mmdetection/v3.0/'
            'condinst/condinst_r50_fpn_ms-poly-90k_coco_instance/'
            'condinst_r50_fpn_ms-poly-90k_coco_instance_20221129_125223-'
            '4c186406.pth')),
    refine_head=None,
    freeze=[])
load_from = None
