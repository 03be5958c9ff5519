# need COMMAND PACKAGE…: sees to it that COMMAND works. As root on Debian and its kin the packages are installed; elsewhere
# it says which are needed and fails. COMMAND may have arguments: "python3 -m ensurepip --version". Sourced by the other scripts.
need() {
  $1 >/dev/null 2>&1 && return
  local what=$1
  shift
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $* …" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >&2 || true
    $what >/dev/null 2>&1 && return
  fi
  echo "\"$what\" does not work: install it, with apt-get install $*" >&2
  return 1
}
