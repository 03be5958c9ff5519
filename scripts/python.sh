# python_env NAME REQUIREMENTS: makes a virtual environment in .cache/venv/NAME with the requirements, once, and prints its
# interpreter. Sourced by the other scripts, after debian.sh.
python_env() {
  local dir=$PWD/.cache/venv/$1 want
  want=$(cat "$2" | sha256sum | cut -c1-16)
  if [ "$(cat "$dir/installed" 2>/dev/null)" != "$want" ]; then
    need "python3 -m ensurepip --version" python3 python3-venv || return 1
    rm -rf "$dir"
    python3 -m venv "$dir" >&2 || return 1
    echo "installing $(paste -sd' ' "$2") into .cache/venv/$1 …" >&2
    "$dir/bin/pip" install --quiet --disable-pip-version-check -r "$2" >&2
    echo "$want" >"$dir/installed"
  fi
  echo "$dir/bin/python"
}
