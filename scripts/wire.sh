#!/usr/bin/env bash
# Real clients that nobody here wrote, against the real binary. Arguments go to pytest: scripts/wire.sh -k s3
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian.sh
source scripts/python.sh
source scripts/npm.sh
need "javac -version" default-jdk-headless
python=$(python_env wire test/wire/requirements.txt)
modules=$(npm_env wire test/wire/npm)
export WIRE_NODE_MODULES=$modules TARN_BINARY=$PWD/tarn TARN_CACHE=$PWD/.cache
exec "$python" -m pytest -q -rs -p no:cacheprovider test/wire "$@"
