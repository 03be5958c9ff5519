# npm_env NAME FOLDER: installs the packages that FOLDER/package-lock.json names into .cache/npm/NAME, once, and prints its
# node_modules. Sourced by the other scripts, after debian.sh.
npm_env() {
  local dir=$PWD/.cache/npm/$1 want
  want=$(sha256sum <"$2/package-lock.json" | cut -c1-16)
  if [ "$(cat "$dir/installed" 2>/dev/null)" != "$want" ]; then
    need "npm --version" nodejs npm || return 1
    rm -rf "$dir"
    mkdir -p "$dir"
    cp "$2/package.json" "$2/package-lock.json" "$dir"
    echo "installing the packages of $2 into .cache/npm/$1 …" >&2
    npm ci --prefix "$dir" --no-audit --no-fund --ignore-scripts --loglevel error >&2
    echo "$want" >"$dir/installed"
  fi
  echo "$dir/node_modules"
}
