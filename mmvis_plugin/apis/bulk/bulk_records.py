"""What is known of each video, on disk and shared by all processes."""
import json
import os
import os.path as osp
import shutil
import time
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence
from uuid import uuid4

from mmvis_plugin.apis.outputs.output_kinds import PRED_FOLDER, VIS_FOLDER
from mmvis_plugin.utils.tasks import write_json
from mmvis_plugin.utils.whole_file import write_whole
from .video_list import ListedVideo

STATE_FOLDER, SUMMARY, FAILURES = '.bulk', 'summary.json', 'failures.txt'
DONE, FAILED = 'done', 'failed'
_PATIENCE = 5.  # seconds until another process has written its line


class BulkRecords:
    """One file per finished video, written after its outputs.

    Args:
        out_dir (str): Folder of all outputs; records lie in ``.bulk`` below
            it.
        options (Mapping): What the outputs depend on; what JSON can hold.

    Raises:
        ValueError: If the folder was made with other options.
    """

    def __init__(self, out_dir: str, options: Mapping[str, Any]) -> None:
        self.out_dir = out_dir
        self.options = json.loads(json.dumps(dict(options)))
        self.state = osp.join(out_dir, STATE_FOLDER)
        self._folder = osp.join(self.state, 'records')
        os.makedirs(self._folder, exist_ok=True)
        self._check_options(osp.join(self.state, 'options.json'))

    def _check_options(self, path: str) -> None:
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            found = self._wait_for(path)
        else:
            with os.fdopen(handle, 'w') as file:
                json.dump(self.options, file)
            return
        for key in {**found, **self.options}:
            if found.get(key) != self.options.get(key):
                raise ValueError(
                    f'{self.out_dir}: its videos were made with {key} '
                    f'{found.get(key)!r}, now it is '
                    f'{self.options.get(key)!r}; give another --out-dir, or '
                    'remove this one to start again')

    @staticmethod
    def _wait_for(path: str) -> dict:
        end = time.monotonic() + _PATIENCE
        while True:
            found = _read(path)
            if isinstance(found, dict):
                return found
            if time.monotonic() > end:
                raise ValueError(f'{path}: cannot be read, expected the '
                                 'options of the run; remove the file')
            time.sleep(0.1)

    def read(self, video: ListedVideo) -> Optional[dict]:
        """Return the record of a video, None if there is none.

        Args:
            video (ListedVideo): The video.
        """
        return _read(self._path(video))

    def write(self, video: ListedVideo, state: str, stamp: Optional[List[int]],
              **facts) -> None:
        """Settle a video.

        Args:
            video (ListedVideo): The video.
            state (str): 'done' or 'failed'.
            stamp (list[int], optional): Of the video as it was read.
            **facts: What JSON can hold.
        """
        write_json(
            self._path(video),
            dict(
                video=video.name,
                source=video.source,
                stamp=stamp,
                state=state,
                attempt=uuid4().hex,
                **facts))

    def is_settled(self, video: ListedVideo, record: dict) -> bool:
        """Tell whether a record holds for a video as it is now.

        Args:
            video (ListedVideo): The video.
            record (dict): From :meth:`read`.

        Returns:
            bool: False if the video has changed or an output is missing.

        Raises:
            ValueError: If the outputs are those of another video.
        """
        stamp = video.stamp()
        # what was done may have been removed since
        if stamp not in (None, record['stamp']):
            if record['state'] == DONE and record['source'] != video.source:
                raise ValueError(
                    f'{self.out_dir}: {video.name} was made of '
                    f'{record["source"]}, now it is {video.source}, which '
                    'differs; give another --out-dir')
            return False
        return all(
            osp.exists(osp.join(self.out_dir, path))
            for path in record.get('files', ()))

    def staging(self, name: str) -> str:
        """Return an empty folder for outputs that are not complete.

        Args:
            name (str): Name of the claim on the video. What earlier claims
                on it have left is removed.
        """
        folder = osp.join(self.state, 'staging')
        os.makedirs(folder, exist_ok=True)
        stem = name.rpartition('.')[0]
        for left in os.listdir(folder):
            if left.rpartition('.')[0] == stem:
                shutil.rmtree(osp.join(folder, left), ignore_errors=True)
        return osp.join(folder, name)

    def publish(self, staging: str) -> List[str]:
        """Give complete outputs their names.

        Args:
            staging (str): From :meth:`staging`.

        Returns:
            list[str]: Paths relative to the folder of outputs.
        """
        paths = []
        for kind in (VIS_FOLDER, PRED_FOLDER):
            source = osp.join(staging, kind)
            if not osp.isdir(source):
                continue
            os.makedirs(osp.join(self.out_dir, kind), exist_ok=True)
            for entry in sorted(os.listdir(source)):
                path = osp.join(kind, entry)
                target = osp.join(self.out_dir, path)
                if osp.isdir(target):  # of an earlier, unfinished attempt
                    shutil.rmtree(target)
                os.replace(osp.join(source, entry), target)
                paths.append(path)
        return paths

    def summarise(self, videos: Sequence[ListedVideo]) -> dict:
        """Write the summary and the list of failures over all processes.

        Args:
            videos (Sequence[ListedVideo]): All of them.

        Returns:
            dict: The summary.
        """
        while True:
            before = self._versions()
            summary = self._summary(videos)
            write_json(osp.join(self.out_dir, SUMMARY), summary)
            lines = [f"{f['source']}\t{f['error']}" for f in
                     summary['failures']]  # yapf: disable
            write_whole(
                osp.join(self.out_dir, FAILURES),
                ''.join(f'{line}\n' for line in lines).encode())
            # the process that writes last has seen all records
            if self._versions() == before:
                return summary

    def _summary(self, videos: Iterable[ListedVideo]) -> Dict[str, Any]:
        records = [(video, self.read(video)) for video in videos]
        known = [record for _, record in records if record]
        done = [record for record in known if record['state'] == DONE]
        failures = [
            dict(video=r['video'], source=r['source'], error=r['error'])
            for r in known if r['state'] == FAILED
        ]
        return dict(
            complete=len(done) == len(records),
            videos=len(records),
            done=len(done),
            failed=len(failures),
            open=len(records) - len(known),
            frames=sum(record['frames'] for record in done),
            seconds=round(sum(record['seconds'] for record in done), 2),
            failures=failures,
            cut=[r['video'] for r in done if r['is_cut']],
            options=self.options)

    def _versions(self) -> Dict[str, int]:
        with os.scandir(self._folder) as entries:
            return {
                entry.name: entry.stat().st_mtime_ns
                for entry in entries if entry.name.endswith('.json')
            }

    def _path(self, video: ListedVideo) -> str:
        return osp.join(self._folder, f'{video.name}.json')


def _read(path: str) -> Any:
    try:
        with open(path, encoding='utf-8') as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return None
