#!/usr/bin/env bash
# Build the wheel, install it and run the tests where the package is not.
#
#   bash tools/misc/test_wheel.sh VENV [PROCESSES]
#
# VENV is an environment made by `make install`; its editable package gives way
# to the wheel. Left out are the tests of the repository itself: its layout,
# its documentation and the content of the wheel.
set -euo pipefail
cd "$(dirname "$0")/../.."
py=$(cd "$1" && pwd)/bin/python
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

mkdir "$place/tree"
git ls-files -z | xargs -0 cp --parents -t "$place/tree"
cd "$place/tree"
"$py" -m pip wheel --quiet --no-build-isolation --no-deps -w "$place" .
"$py" -m pip install --quiet --force-reinstall --no-deps "$place"/*.whl
rm -rf mmvis_plugin build
"$py" -c 'import mmvis_plugin; print("[test-wheel]", mmvis_plugin.__file__)'
OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 "$py" -m pytest -n "${2:-2}" tests \
    --ignore tests/test_layout.py --ignore tests/test_docs.py \
    --ignore tests/test_docs_names.py --ignore tests/test_tools/test_wheel.py
