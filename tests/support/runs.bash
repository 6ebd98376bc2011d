# runs.bash -- what the tests of whole training runs share.
# SPDX-License-Identifier: MIT

common_setup() {
    BIN=${BIN:-$PWD/build/bin}
    export SUPPORT=${SUPPORT:-$PWD/build/release/support}
    # A tool that fails leaves its threads to the end of the process.
    export TSAN_OPTIONS=${TSAN_OPTIONS:-report_thread_leaks=0}
    PATH=$BIN:$PATH
    cd "$BATS_TEST_TMPDIR" || return 1
}

# Weights and log of a run, as one text that two runs of the same bits share.
bits() { # RUN
    sha256sum <"$1/encoder.safetensors"
    sha256sum <"$1/head.safetensors"
    sha256sum <"$1/log.tsv"
}

# Pids of the stages of a run: whoever holds its lock, by command name.
holders() { # RUN [NAME]
    local lock pid link
    [ -e "$1/lock" ] || return 0 # or everyone without a descriptor 9 would hold it
    lock=$(readlink -f "$1/lock")
    for pid in /proc/[0-9]*; do
        for link in "$pid"/fd/9; do
            if [ "$(readlink "$link" 2>/dev/null)" = "$lock" ]; then
                if [ $# = 1 ] || grep -qz -- "$2" <(head -z -n 2 "$pid/cmdline" 2>/dev/null); then
                    echo "${pid#/proc/}"
                fi
            fi
        done
    done
}

# Wait until the log of run $1 has $2 lines or more, or the run is over: then there is a file $over.
over=encoder.safetensors
wait_for_lines() {
    for _ in $(seq 200); do
        [ -e "$1/$over" ] && return
        [ -e "$1/lock" ] && [ "$(cat "$1/log.tsv" 2>/dev/null | wc -l)" -ge "$2" ] && return
        sleep 0.02
    done
}

# Kill victim of run $1 with signal $2 after a moment $3 (lines of the log and 1/100 s): a stage $4, all,
# or the command, whose process is $5.
strike() {
    local pids
    wait_for_lines "$1" "${3%.*}"
    sleep "0.0${3#*.}"
    case $4 in
        pretrain|finetune) pids=$5 ;;
        all) pids="$5 $(holders "$1")" ;;
        *) pids=$(holders "$1" "$4") ;;
    esac
    [ -z "$pids" ] || kill "-$2" $pids 2>/dev/null || true
}
