"""Evaluate results that ``tools/test.py --out`` or a metric has written."""
import argparse
import os.path as osp
from typing import Any, Dict, Iterable, Iterator

import numpy as np
import torch
from mmengine.config import DictAction
from mmengine.evaluator import Evaluator
from mmengine.fileio import load
from mmengine.registry import DATASETS, init_default_scope

import mmvis_plugin  # noqa: F401  (names what is missing from the stack)
from mmvis_plugin.datasets import BDD100KMOTS
from mmvis_plugin.evaluation.metrics.mots_submission_reader import \
    read_mots_submission
from mmvis_plugin.evaluation.metrics.panoptic_submission_reader import \
    read_panoptic_submission
from mmvis_plugin.evaluation.metrics.vis_submission_reader import \
    read_vis_submission
from mmvis_plugin.structures.panoptic_map import decode_panoptic_map
from mmvis_plugin.utils.cli import UsageError, one_line_errors, read_config
from mmvis_plugin.utils.errors import AnnotationError

_FRAME_KEYS = ('frame_id', 'img_path', 'ori_shape', 'pred_panoptic_seg')


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the test')
    parser.add_argument(
        'pkl_results',
        help='pickle file of tools/test.py --out; or a submission: the zip '
        'or results.json of YouTube-VIS and OVIS, the zip or folder of '
        'BDD100K MOTS, Cityscapes-VPS, VIPER or VIPSeg')
    parser.add_argument(
        '--allow-missing',
        action='store_true',
        help='score videos that the file lacks as ones without predictions')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value, key="[a,b]" or key=a,b; for '
        'example test_evaluator.classwise=True')
    return parser.parse_args()


def read_results(path: str, dataset: Any) -> Iterable[dict]:
    """Read results in the form that :func:`with_annotations` takes.

    Args:
        path (str): A pickle file, or a submission.
        dataset (BaseDataset): The test data, which tells its form.
    """
    if not (osp.isdir(path) or path.endswith(('.zip', '.json'))):
        return load(path)
    if 'thing_classes' in dataset.metainfo:
        return read_panoptic_submission(path, dataset)
    if isinstance(dataset, BDD100KMOTS):
        return read_mots_submission(path, dataset)
    return read_vis_submission(path, dataset)


def with_annotations(records: Iterable[dict],
                     dataset: Any,
                     path: str,
                     allow_missing: bool = False) -> Iterator[dict]:
    """Join predictions with the annotations of their frames.

    Args:
        records (Iterable[dict]): One per video or part of it: ``video_id``
            and ``frames``, each as :class:`DumpTrackResults` writes it, or
            with ``pred_panoptic_seg``. Samples that
            mmengine's ``DumpResults`` wrote have all and pass as they are.
        dataset (BaseDataset): The test data.
        path (str): File of the records, for messages.
        allow_missing (bool): Add videos without a record, as ones without
            predictions. Defaults to False.

    Yields:
        dict: A sample for the evaluator, one record at a time.
    """
    index = {}
    for position in range(len(dataset)):
        index[dataset.get_data_info(position)['video_id']] = position
    seen = set()
    for number, record in enumerate(records):
        if 'video_data_samples' in record:
            seen.add(record['video_data_samples'][0].get('video_id'))
            yield record
        elif 'frames' not in record or 'video_id' not in record:
            raise AnnotationError(
                f'{path}: record {number} has keys {sorted(record)}, expected '
                "'video_id' and 'frames'; write it with tools/test.py --out")
        elif record['video_id'] not in index:
            raise AnnotationError(
                f'{path}: video {record["video_id"]} is not among the '
                f'{len(index)} videos of the test data of this config')
        else:
            seen.add(record['video_id'])
            info = dataset.get_data_info(index[record['video_id']])
            yield dict(video_data_samples=[
                annotated_frame(frame, info, path)
                for frame in record['frames']
            ])
    missing = sorted(set(index) - seen) if allow_missing else []
    for video_id in missing:
        yield without_predictions(
            dataset.get_data_info(index[video_id]),
            len(dataset.metainfo['classes']))


def annotated_frame(frame: Dict[str, Any], info: dict, path: str) -> dict:
    """Return a frame as ``DetDataSample.to_dict`` would give it.

    Args:
        frame (dict): Predictions of a frame.
        info (dict): The video in the data set.
        path (str): File of the predictions, for messages.
    """
    frame_id, images = frame['frame_id'], info['images']
    if not 0 <= frame_id < len(images):
        raise AnnotationError(
            f'{path}: frame {frame_id} of video {info["video_id"]}, which has '
            f'{len(images)} frames in the test data of this config')
    own = {key: frame[key] for key in _FRAME_KEYS if key in frame}
    pred = {key: value for key, value in frame.items() if key not in own}
    picture = pred.pop('panoptic_png', None)
    if picture is not None:
        name = f'{path}: frame {frame_id} of video {info["video_id"]}'
        codes = decode_panoptic_map(picture, name).astype(np.int64)
        own['pred_panoptic_seg'] = dict(sem_seg=torch.from_numpy(codes[None]))
    return {
        **images[frame_id], 'video_id': info['video_id'],
        'video_name': info.get('video_name'),
        'ori_video_length': len(images),
        **own, 'pred_track_instances': pred
    }


def without_predictions(info: dict, num_classes: int) -> dict:
    """Return a video of which nothing was found, as a sample.

    Args:
        info (dict): The video in the data set.
        num_classes (int): Number of classes, the label of void.
    """
    frames = []
    for frame_id, image in enumerate(info['images']):
        size = image['height'], image['width']
        nothing = dict(
            frame_id=frame_id,
            ori_shape=size,
            instances_id=torch.zeros(0, dtype=torch.long),
            labels=torch.zeros(0, dtype=torch.long),
            scores=torch.zeros(0),
            bboxes=torch.zeros(0, 4),
            masks=[])
        frame = annotated_frame(nothing, info, '')
        if image.get('seg_map_path') is not None:
            void = torch.full((1, *size), num_classes)
            frame['pred_panoptic_seg'] = dict(sem_seg=void)
        frames.append(frame)
    return dict(video_data_samples=frames)


@one_line_errors
def main() -> None:
    """Build data set and metrics from the config and score the file."""
    args = parse_args()
    cfg = read_config(args.config, args.cfg_options)
    if not osp.exists(args.pkl_results):
        raise FileNotFoundError(f'{args.pkl_results}: no such file; write it '
                                'with tools/test.py --out')
    if cfg.get('test_dataloader') is None or cfg.get('test_evaluator') is None:
        raise UsageError(f'{args.config}: test_dataloader and test_evaluator '
                         'are needed, one of them is missing')
    init_default_scope(cfg.get('default_scope', 'mmdet'))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    evaluator = Evaluator(cfg.test_evaluator)
    evaluator.dataset_meta = dataset.metainfo
    records = read_results(args.pkl_results, dataset)
    results = evaluator.offline_evaluate(
        with_annotations(records, dataset, args.pkl_results,
                         args.allow_missing))
    for key, value in results.items():
        print(f'{key}: {value}')


if __name__ == '__main__':
    main()
