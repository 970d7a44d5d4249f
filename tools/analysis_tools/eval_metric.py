"""Evaluate results that ``tools/test.py --out`` or a metric has written."""
import argparse
import os.path as osp
from typing import Any, Dict, Iterable, Iterator

from mmengine.config import DictAction
from mmengine.evaluator import Evaluator
from mmengine.fileio import load
from mmengine.registry import DATASETS, init_default_scope

import mmvis_plugin  # noqa: F401  (names what is missing from the stack)
from mmvis_plugin.evaluation.metrics.mots_submission_reader import \
    read_mots_submission
from mmvis_plugin.utils.cli import UsageError, one_line_errors, read_config
from mmvis_plugin.utils.errors import AnnotationError

_FRAME_KEYS = ('frame_id', 'img_path', 'ori_shape')


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config of the test')
    parser.add_argument(
        'pkl_results',
        help='pickle file of tools/test.py --out, or the zip or folder of a '
        'BDD100K MOTS submission')
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
        path (str): A pickle file, or a zip or folder of BDD100K MOTS.
        dataset (BaseDataset): The test data.
    """
    if osp.isdir(path) or path.endswith('.zip'):
        return read_mots_submission(path, dataset)
    return load(path)


def with_annotations(records: Iterable[dict], dataset: Any,
                     path: str) -> Iterator[dict]:
    """Join predicted tracks with the annotations of their frames.

    Args:
        records (Iterable[dict]): One per video: ``video_id`` and ``frames``,
            each with ``frame_id``, ``ori_shape`` and the fields of
            ``pred_track_instances``. Samples that mmengine's ``DumpResults``
            wrote have all and pass as they are.
        dataset (BaseDataset): The test data.
        path (str): File of the records, for messages.

    Yields:
        dict: A sample for the evaluator, one video at a time.
    """
    index = {}
    for position in range(len(dataset)):
        index[dataset.get_data_info(position)['video_id']] = position
    for number, record in enumerate(records):
        if 'video_data_samples' in record:
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
            info = dataset.get_data_info(index[record['video_id']])
            yield dict(video_data_samples=[
                annotated_frame(frame, info, path)
                for frame in record['frames']
            ])


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
    return {
        **images[frame_id], 'video_id': info['video_id'],
        'video_name': info.get('video_name'),
        'ori_video_length': len(images),
        **own, 'pred_track_instances': pred
    }


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
        with_annotations(records, dataset, args.pkl_results))
    for key, value in results.items():
        print(f'{key}: {value}')


if __name__ == '__main__':
    main()
