#!/bin/sh
# Set up rramchar in .venv: Python packages, and ngspice's shared library where it is missing.
# Run through `make setup`. Safe to run again: it only does what is not done yet.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "setup: $*"; }
fail() { printf '%s\n' "setup: $*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null 2>&1; then
        sudo "$@"
    else
        fail "this needs root and there is no sudo; run as root: $*"
    fi
}

apt_install() {
    say "installing with apt-get: $*"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" \
        >/dev/null
}

find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
}

make_environment() {
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.11 or newer is needed; install it and run make setup again"
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        # Debian and Ubuntu split the standard library's venv into a package of its own.
        command -v apt-get >/dev/null 2>&1 ||
            fail "$python has no venv module; install it and run make setup again"
        apt_install "$("$python" -c 'import sys; print(f"python3.{sys.version_info[1]}-venv")')"
    fi
    say "creating .venv with $("$python" --version)"
    "$python" -m venv .venv
}

install_packages() {
    wanted=$(cksum <pyproject.toml)
    stamp=.venv/.rramchar-installed
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    say "installing Python packages into .venv (a minute or two the first time)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -e '.[notebooks,dev]'
    printf '%s\n' "$wanted" >"$stamp"
}

have_library() {
    .venv/bin/python -c 'from rramchar.spice.library import find_library; find_library()' \
        2>/dev/null
}

install_ngspice() {
    if command -v apt-get >/dev/null 2>&1; then
        apt_install libngspice0 ngspice
    elif command -v brew >/dev/null 2>&1; then
        say "installing with Homebrew: libngspice ngspice"
        brew install libngspice ngspice
    elif [ -n "${CONDA_PREFIX:-}" ] && command -v conda >/dev/null 2>&1; then
        say "installing with conda from conda-forge: ngspice-lib ngspice"
        conda install -y -q -c conda-forge ngspice-lib ngspice
    fi
    have_library || fail "the shared library of ngspice is missing and could not be installed here.
  Debian, Ubuntu:  apt-get install libngspice0 ngspice
  Fedora:          dnf install libngspice ngspice
  Homebrew:        brew install libngspice ngspice
  conda-forge:     conda install -c conda-forge ngspice-lib ngspice
  elsewhere:       build ngspice with --with-ngshared, and set NGSPICE_LIBRARY_PATH to the library"
}

[ -x .venv/bin/python ] || make_environment
install_packages
have_library || install_ngspice
say "done; try .venv/bin/rramchar technology check"
