#!/usr/bin/env bash
# Runs the batch pipeline of examples/batch-pipeline on a fresh Tarn in a temporary folder: `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian.sh
source scripts/python.sh

cache=$PWD/.cache/demo
work=$(mktemp -d)
mkdir -p "$cache/functions" "$cache/jobs"
python=$(python_env demo examples/batch-pipeline/requirements.txt)

# What Tarn installs at first need is kept between demos; everything else is new each time.
mkdir -p "$work/data/functions" "$work/data/jobs"
ln -s "$cache/functions" "$work/data/functions/sdk"
ln -s "$cache/jobs" "$work/data/jobs/venv"

./tarn serve --data "$work/data" --listen 127.0.0.1:0 --region us-west-2 --log-level warn >"$work/out" 2>"$work/log" &
server=$!
cleanup() {
  kill "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
}
trap cleanup EXIT
for _ in $(seq 300); do
  grep -q '^tarn ready' "$work/out" && break
  kill -0 "$server" 2>/dev/null || { cat "$work/log"; exit 1; }
  sleep 0.1
done
cat "$work/out"
eval "$(./tarn env --data "$work/data")"
export TARN_DATA=$work/data
echo "The first run installs boto3 for functions and the job engine once (about 650 MB on disk in .cache); the next ones do not."
if ! "$python" examples/batch-pipeline/pipeline.py --tarn ./tarn "$@"; then
  echo "--- the server's log"
  tail -20 "$work/log"
  echo "--- the job's log"
  ./tarn logs /aws-glue/jobs/error | tail -20
  exit 1
fi
cleanup
trap - EXIT
cat <<TEXT

The lake is in $work/data. To look further:

  ./tarn serve --data $work/data &                     # on 127.0.0.1:4566
  eval "\$(./tarn env --data $work/data)"
  aws s3 ls --recursive s3://customer-lake/data/
  aws stepfunctions list-state-machines
  ./tarn logs --data $work/data generic-file-transfer --since 24h

The pipeline itself, to read and change: examples/batch-pipeline/
TEXT
