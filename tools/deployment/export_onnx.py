"""Write the network that a frame passes as ONNX.

InsPro: image and state in, all slots and the next state out; the state of the
first frame is written beside it (.npz). InsPro-lite gives a second file for
the frames that are no key frames. CAVIS: the segmenter of any stage, which
has no state; its association stays Python.

An image is what the data preprocessor of the model makes of a frame:
normalised, and padded to a multiple of pad_size_divisor. All shapes are fixed;
another size is another file.

With --check the file is run by onnxruntime on frames of noise, its state
handed on, and compared with torch.
"""
import argparse
import inspect
import os.path as osp
import warnings
from importlib.util import find_spec
from typing import Dict, List, Tuple

import numpy as np
import torch
from mmengine.config import DictAction
from onnx_networks import NEXT, FrameNetwork, frame_networks

from mmvis_plugin.apis.inference import init_video_model
from mmvis_plugin.utils.cli import (UsageError, one_line_errors, print_state,
                                    read_config, require_positive)
from mmvis_plugin.utils.whole_file import whole_file

OPSET = 16  # the first with GridSample and with the half pixel of RoiAlign


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='config of InsPro or CAVIS')
    parser.add_argument(
        'checkpoint', nargs='?', help='weights; random without')
    parser.add_argument(
        '--out', required=True, metavar='FILE.onnx', help='file to write')
    parser.add_argument(
        '--shape',
        type=int,
        nargs=2,
        default=(360, 640),
        metavar=('H', 'W'),
        help='size of a frame as the network gets it, before it is padded '
        '(360 640)')
    parser.add_argument(
        '--opset-version', type=int, default=OPSET, help=f'({OPSET})')
    parser.add_argument(
        '--check',
        action='store_true',
        help='compare with onnxruntime; exit with code 1 if they differ')
    parser.add_argument(
        '--frames', type=int, default=3, help='frames of --check (3)')
    parser.add_argument(
        '--tolerance',
        type=float,
        default=1e-3,
        help='difference that --check allows, as a part of the largest value '
        'of an output (0.001)')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value')
    args = parser.parse_args()
    require_positive(args, 'frames')
    if not args.out.endswith('.onnx'):
        raise UsageError(f'--out {args.out}: must end in .onnx')
    if args.opset_version < OPSET:
        raise UsageError(f'--opset-version {args.opset_version}: GridSample '
                         f'and RoiAlign need {OPSET} or more')
    return args


def require_packages(check: bool) -> None:
    """Raise one line if a package is missing.

    Args:
        check (bool): The exported file is to be run.

    Raises:
        UsageError: Names what is missing.
    """
    needed = ['onnx'] + ['onnxruntime'] * check
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        raise UsageError(f'{", ".join(missing)} is needed: pip install '
                         f'{" ".join(missing)}')


def padded(size: Tuple[int, int], divisor: int) -> Tuple[int, int]:
    """Return the size that the preprocessor pads to.

    Args:
        size (tuple[int, int]): Height and width.
        divisor (int): Sides become multiples of it.
    """
    return tuple(-(-side // divisor) * divisor for side in size)


def export(network: FrameNetwork, size: Tuple[int, int], path: str,
           opset: int) -> None:
    """Write a network and, if it has one, its first state.

    Args:
        network (FrameNetwork): What to write.
        size (tuple[int, int]): Height and width of its image.
        path (str): The file, ends in .onnx.
        opset (int): Version of the operators.
    """
    image = torch.zeros(1, 3, *size)
    # the exporter that needs nothing but onnx; old versions know no other
    options = dict(dynamo=False) if 'dynamo' in inspect.signature(
        torch.onnx.export).parameters else {}
    with whole_file(path) as unfinished, warnings.catch_warnings():
        # values that tracing fixes depend on shapes, which are fixed
        warnings.simplefilter('ignore')
        torch.onnx.export(
            network, (image, *network.first_state.values()),
            unfinished,
            input_names=network.input_names,
            output_names=network.output_names,
            opset_version=opset,
            **options)
    print_state(path, written=True)
    if network.first_state:
        state = {k: v.numpy() for k, v in network.first_state.items()}
        state_path = f'{osp.splitext(path)[0]}-state.npz'
        with whole_file(state_path) as unfinished:
            with open(unfinished, 'wb') as file:
                np.savez(file, **state)
        print_state(state_path, written=True)


def differences(network: FrameNetwork, path: str, size: Tuple[int, int],
                num_frames: int) -> Dict[str, float]:
    """Run a file and its network on the same frames of noise.

    Each carries its own state from frame to frame.

    Args:
        network (FrameNetwork): In torch.
        path (str): The file.
        size (tuple[int, int]): Height and width of the image.
        num_frames (int): Frames of the video.

    Returns:
        dict[str, float]: For each output the largest difference over all
        frames, as a part of its largest value.
    """
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(
        path, options, providers=['CPUExecutionProvider'])
    generator = torch.Generator().manual_seed(0)
    ours = theirs = {k: v.numpy() for k, v in network.first_state.items()}
    worst = dict.fromkeys(network.output_names, 0.)
    for _ in range(num_frames):
        image = torch.randn(1, 3, *size, generator=generator)
        inputs = [torch.from_numpy(value) for value in ours.values()]
        expected = [out.numpy() for out in network(image, *inputs)]
        found = session.run(network.output_names,
                            dict(theirs, image=image.numpy()))
        for name, one, two in zip(network.output_names, expected, found):
            worst[name] = max(worst[name], relative_difference(one, two))
        ours, theirs = (next_state(network, out) for out in (expected, found))
    return worst


def relative_difference(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the largest difference as a part of the largest value.

    Args:
        expected (np.ndarray): Numbers or truth values.
        found (np.ndarray): The same of another program.

    Returns:
        float: inf if the shapes differ or a number is missing (nan).
    """
    if expected.shape != found.shape:
        return float('inf')
    one, two = (x.astype(np.float64) for x in (expected, found))
    difference = np.abs(one - two).max() / max(np.abs(one).max(), 1e-12)
    return float(difference) if np.isfinite(difference) else float('inf')


def next_state(network: FrameNetwork,
               outputs: List[np.ndarray]) -> Dict[str, np.ndarray]:
    """Return the state for the next frame.

    Args:
        network (FrameNetwork): Whose outputs they are.
        outputs (list[np.ndarray]): In the order of ``output_names``.
    """
    named = dict(zip(network.output_names, outputs))
    return {name: named[NEXT + name] for name in network.first_state}


@one_line_errors
@torch.no_grad()
def main() -> None:
    """Export, and check if that is wanted."""
    args = parse_args()
    require_packages(args.check)
    cfg = read_config(args.config, args.cfg_options)
    model = init_video_model(cfg, args.checkpoint, 'cpu')
    size = padded(args.shape, model.data_preprocessor.pad_size_divisor)
    stem, differ = osp.splitext(args.out)[0], False
    for suffix, network in frame_networks(model, tuple(args.shape)).items():
        path = f'{stem}{suffix}.onnx'
        export(network.eval(), size, path, args.opset_version)
        shapes = [(1, 3, *size)]
        shapes += [tuple(v.shape) for v in network.first_state.values()]
        print('inputs: ' +
              ', '.join(f'{name} {shape}'
                        for name, shape in zip(network.input_names, shapes)))
        print('outputs: ' + ', '.join(network.output_names))
        if args.check:
            found = differences(network, path, size, args.frames)
            for name, value in found.items():
                print(f'{name}: differs by {value:.1e} of its largest value')
            differ |= max(found.values()) > args.tolerance
    if differ:
        print(f'{args.out}: onnxruntime gives something else, allowed are '
              f'{args.tolerance:g}')
        raise SystemExit(1)


if __name__ == '__main__':
    main()
