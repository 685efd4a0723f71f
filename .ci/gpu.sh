#!/bin/sh
# What a card has to show, as JSON: sh .ci/gpu.sh FOLDER [--device cpu --small] [--parts kernels,step,…] [--minutes 9]
# It needs PyTorch 2.11 or newer and this package's requirements, and no network. PYTHON=… names another interpreter.
here=$(cd "$(dirname "$0")/.." && pwd) || exit 1
[ -n "$PYTHON" ] || { [ -x "$here/.venv/bin/python" ] && PYTHON="$here/.venv/bin/python" || PYTHON=python3; }
PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" exec "$PYTHON" -m sae_diploma.bench_gpu.run "$@"
