#!/usr/bin/env bash
# Fill a virtual environment; called by the Makefile with VENV, TORCH_VERSION,
# TORCH_PIP_ARGS and MM_REQUIREMENTS. Skips what can already be imported.
set -euo pipefail
cd "$(dirname "$0")/../.."

py=$VENV/bin/python
# ninja, which compiles with all cores, is installed there
PATH=$(realpath "$VENV")/bin:$PATH
pip() { "$py" -m pip --disable-pip-version-check "$@"; }
step() { echo "[install $1/6] $2"; }
imports() { "$py" -c "import $1" >/dev/null 2>&1; }

if imports torch; then
    found=$("$py" -c 'import torch; print(torch.__version__)')
    step 2 "torch $found is there"
    case $found in
    "$TORCH_VERSION"*) ;;
    *) echo "    (TORCH_VERSION=$TORCH_VERSION was asked for; remove" \
        "$VENV to change it)" ;;
    esac
else
    step 2 "torch $TORCH_VERSION (a download of up to a few GB)"
    # shellcheck disable=SC2086
    pip install --quiet "torch==$TORCH_VERSION" $TORCH_PIP_ARGS
fi

# torch before 2.3 was compiled for NumPy 1 and cannot talk to NumPy 2
if "$py" -W ignore -c 'import sys, torch
sys.exit(tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 3))'; then
    export PIP_CONSTRAINT=$(realpath "$VENV")/constraints.txt
    echo 'numpy<2' >"$PIP_CONSTRAINT"
fi

step 3 'build tools and runtime libraries'
pip install --quiet -r requirements/build.txt -r requirements/runtime.txt

mmcv=$(grep -E '^(onedl-)?mmcv' "$MM_REQUIREMENTS")
compile_mmcv() { # further pip options as arguments
    pip install --no-build-isolation "$@" "$mmcv" | grep -v '^Requirement' ||
        true
    mend_cv2
}
# opencv-python needs libGL, which a bare machine lacks; the headless build
# provides the same module without it.
mend_cv2() {
    if ! imports cv2; then
        pip uninstall --quiet --yes opencv-python
        pip install --quiet --force-reinstall --no-deps opencv-python-headless
    fi
}
found=$("$py" -c 'import importlib.util as u; print(u.find_spec("cv2"))')
[ "$found" = None ] || mend_cv2
if imports mmcv._ext; then
    step 4 'mmcv with compiled ops is there'
else
    command -v c++ >/dev/null || {
        echo 'error: mmcv is compiled from source, but there is no C++' \
            'compiler; install one (Debian: apt-get install g++)' >&2
        exit 1
    }
    step 4 "compile $mmcv: about 9 minutes on 2 cores, cached by pip afterwards"
    compile_mmcv
    # A cached build may belong to another torch.
    imports mmcv._ext ||
        compile_mmcv --no-cache-dir --force-reinstall --no-deps
    "$py" -c 'import mmcv._ext'
fi

step 5 'mmengine, mmdet and the tools of test and lint'
pip install --quiet -r "$MM_REQUIREMENTS" -r requirements/tests.txt
mend_cv2

step 6 'this package, editable, and its operators (half a minute)'
pip install --quiet --no-build-isolation --no-deps -e .
"$py" -c 'import mmvis_plugin' >/dev/null
devices=$("$py" -c 'from mmvis_plugin.ops.ext_loader import ext_devices
print(", ".join(ext_devices()))')
if [ -n "$devices" ]; then
    echo "    operators are compiled for: $devices"
elif [ "${MMVIS_WITH_OPS:-auto}" = 0 ]; then
    echo '    operators are not compiled (MMVIS_WITH_OPS=0)'
else
    echo '    WARNING: the operators did not compile. Everything works, but' \
        'PCAN is slower.' >&2
    echo "    MMVIS_WITH_OPS=1 $py -m pip install -v" \
        '--no-build-isolation --no-deps -e .   shows why.' >&2
fi
echo '[install] done'
