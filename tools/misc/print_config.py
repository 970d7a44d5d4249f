"""Print a config with its bases and options merged."""
import argparse

from mmengine.config import Config, DictAction

from mmvis_plugin.utils.cli import one_line_errors, read_config


def parse_args() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config')
    parser.add_argument(
        '--save-path', help='also write it to this .py, .yml or .json file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='override config values: key=value, key="[a,b]" or key=a,b')
    return parser.parse_args()


@one_line_errors
def main() -> None:
    """Merge, print and save."""
    args = parse_args()
    cfg: Config = read_config(args.config, args.cfg_options)
    print(f'Config:\n{cfg.pretty_text}')
    if args.save_path is not None:
        cfg.dump(args.save_path)


if __name__ == '__main__':
    main()
