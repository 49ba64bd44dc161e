#!/usr/bin/env bash
# Installs what is missing to build (`build`), to test (`test`) or to check the code (`lint`).
# Says what it installs; quick and silent when all is there. Tools for cargo go to target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=target/tools
export PATH="$PWD/$tools/bin:$PATH"

main() {
    (($# > 0)) || set -- build test lint
    command -v cargo >/dev/null ||
        fail "cargo is missing: install Rust with rustup; rust-toolchain.toml names the version."
    for purpose in "$@"; do
        case $purpose in
        build) build ;;
        test) build && servers && nextest && testbed/install.sh ;;
        lint) build && deny ;;
        *) fail "usage: scripts/install.sh [build] [test] [lint]" ;;
        esac
    done
}

build() {
    local missing=()
    command -v cc >/dev/null || missing+=(build-essential)
    [[ -e /usr/include/openssl/ssl.h ]] || missing+=(libssl-dev)
    command -v pkg-config >/dev/null || missing+=(pkg-config)
    ((${#missing[@]} == 0)) || packages "${missing[@]}"
}

servers() {
    local missing=()
    has_postgres || missing+=(postgresql)
    has_mariadb || missing+=(mariadb-server mariadb-client)
    command -v setpriv >/dev/null || missing+=(util-linux)
    ((${#missing[@]} == 0)) || packages "${missing[@]}"
}

has_postgres() {
    local program
    for program in /usr/lib/postgresql/*/bin/initdb; do
        [[ -x $program ]] && return
    done
    command -v initdb >/dev/null
}

has_mariadb() {
    command -v mariadb-install-db >/dev/null && command -v mariadb >/dev/null &&
        [[ -n $(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v mariadbd) ]]
}

nextest() {
    tool nextest 0.9.148 76d7faec7ba7e1f15f888268761bb1449309b1eb801ec5cbe9c04a5685f42968
}

deny() {
    tool deny 0.20.2 ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee
}

# Installs a cargo subcommand: ready built from PyPI where that fits the machine, which takes
# seconds, else from source, which takes minutes.
tool() {
    local name=$1 version=$2 hash=$3
    ! cargo "$name" --version >/dev/null 2>&1 || return 0
    echo "install: cargo-$name $version into $tools"
    if [[ $(uname -sm) == "Linux x86_64" ]] && wheel "$name" "$version" "$hash"; then
        return
    fi
    echo "install: no ready build of cargo-$name fits; building it takes some minutes"
    cargo install --quiet --locked --root "$tools" --version "$version" "cargo-$name"
}

wheel() {
    local name=$1 version=$2 hash=$3 work
    python3 -m pip --version >/dev/null 2>&1 || packages python3-pip || return
    work=$(mktemp -d "$scratch/XXXXXX")
    echo "astral-dev-toolchain-cargo-$name==$version --hash=sha256:$hash" >"$work/requirements"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
        --only-binary :all: --dest "$work" --requirement "$work/requirements" || return
    python3 -m zipfile -e "$work"/*.whl "$work" || return
    mkdir -p "$tools/bin"
    install -m 0755 "$work"/*.data/scripts/"cargo-$name" "$tools/bin/"
    cargo "$name" --version >/dev/null
}

packages() {
    command -v apt-get >/dev/null || fail "please install (under Debian's names): $*"
    echo "install: $* (Debian packages)"
    if [[ ! -e $scratch/updated ]]; then
        as_root apt-get -qq update
        touch "$scratch/updated"
    fi
    # Only programs are wanted: a package that brings a server must not start it.
    if [[ ! -e $policy ]]; then
        as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 0755 $policy"
        touch "$scratch/policy"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes \
        --no-install-recommends "$@" >/dev/null
}

as_root() {
    if ((EUID == 0)); then
        "$@"
    else
        sudo "$@"
    fi
}

fail() {
    echo "install: $*" >&2
    exit 1
}

clean_up() {
    [[ ! -e $scratch/policy ]] || as_root rm -f "$policy"
    rm -rf "$scratch"
}

policy=/usr/sbin/policy-rc.d
scratch=$(mktemp -d)
trap clean_up EXIT
main "$@"
