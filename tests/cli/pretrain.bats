#!/usr/bin/env bats
# Whole runs: what comes of them, and that no interruption changes a bit of it.

bats_require_minimum_version 1.5.0
load ../support/run

setup() {
    common_setup
    "$SUPPORT/make_cifar" 48 1 >pictures.bin
}

# 3 epochs of 3 steps, a checkpoint every 2.
pretrain() { # RUN OPTION...
    simclr-pretrain pictures.bin --model resnet20 --epochs 3 --batch 16 --checkpoint-every 2 \
        --out "$@"
}

# The same in the background; its pid is in $first.
start() { # RUN OPTION...
    simclr-pretrain pictures.bin --model resnet20 --epochs 3 --batch 16 --checkpoint-every 2 \
        --out "$@" 2>>said 3>&- &
    first=$!
}

@test "--help is 0 on stdout and names every option" {
    run --separate-stderr simclr-pretrain --help
    [ "$status" = 0 ]
    [ -z "$stderr" ]
    [[ $output == *--preset* && $output == *--out* ]]
}

@test "misuse is 2, with nothing on stdout and no folder made" {
    for options in "--out r" "pictures.bin" "--out r nothing.bin" "--out r pictures.bin --bogus 1" \
        "--out r pictures.bin --epochs 0" "--out r pictures.bin --batch 1" \
        "--out r pictures.bin --preset huge" "--out r pictures.bin --epochs"; do
        run --separate-stderr simclr-pretrain $options
        [ "$status" = 2 ]
        [ -z "$output" ]
        [[ $stderr == simclr-pretrain:* ]]
        [ ! -e r ]
    done
}

@test "a stage's misuse is the run's, and its message is repeated" {
    run --separate-stderr simclr-pretrain pictures.bin --out r --epochs 2 --batch 100
    [ "$status" = 2 ]
    [[ ${stderr_lines[-1]} == "simclr-pretrain: simclr-images failed with status 2: "* ]]
    [ ! -e r/encoder.safetensors ]
}

@test "a run keeps time and memory of its stages, one line a start, and where its pictures are" {
    pretrain r -q
    [ "$(head -n 1 r/account.tsv | tr '\t' ' ')" = "stage steps rows seconds input gradients reader cpu peak_kib" ]
    [ "$(cut -f 1 r/account.tsv | sed 1d | sort | tr '\n' ' ')" = \
        "simclr-augment simclr-encode simclr-images simclr-ntxent simclr-project " ]
    [ "$(awk -F '\t' '$1 == "simclr-encode" { print $2, $3 }' r/account.tsv)" = "9 288" ]
    [ "$(tr '\0' '\n' <r/sources)" = "$PWD/pictures.bin" ]
    rm r/encoder.safetensors # the last checkpoint, step 8, is still there
    pretrain r -q
    [ "$(awk -F '\t' '$1 == "simclr-encode" { printf "%d ", $2 }' r/account.tsv)" = "9 0 " ] ||
        [ "$(awk -F '\t' '$1 == "simclr-encode" { printf "%d ", $2 }' r/account.tsv)" = "9 1 " ]
    rm -r r/state r/encoder.safetensors
    pretrain r -q # anew
    [ "$(wc -l <r/account.tsv)" = 6 ]
}

@test "a run leaves an encoder, a head and a line a step" {
    run pretrain r
    [ "$status" = 0 ]
    [ "$(wc -l <r/log.tsv)" = 10 ]
    [ "$(head -n 1 r/log.tsv | tr '\t' ' ')" = \
        "step epoch loss baseline floor accuracy entropy alignment uniformity std" ]
    simclr-inspect --check r/encoder.safetensors
    simclr-inspect r/encoder.safetensors | grep -q layer3.2.bn2.running_var
    [ ! -e r/gh ]
    [ ! -e r/gz ]
    [ ! -e r/status ]
    [ -z "$(find r -name '*.part')" ]
    [ "$(ls r/state | wc -l)" = 4 ]
}

@test "the same command in another folder gives the same bytes" {
    pretrain a && pretrain b
    [ "$(bits a)" = "$(bits b)" ]
}

@test "threads do not change a bit" {
    pretrain a --threads 1 && pretrain b --threads 2 && pretrain c --threads 3
    [ "$(bits a)" = "$(bits b)" ]
    [ "$(bits a)" = "$(bits c)" ]
}

@test "memory that forces parts to be computed twice does not change a bit" {
    pretrain a --part 8 && pretrain b --part 8 --memory 1 -v 2>b.said
    [ "$(bits a)" = "$(bits b)" ]
    grep -q "simclr-encode: .* 36 parts computed twice" b.said
}

@test "parts under --batch-norm step train as one part does, and --memory and --scratch change no bit" {
    set -- --batch-norm step --learning-rate 1 --epochs 1
    pretrain one "$@" && pretrain a "$@" --part 8 && pretrain b "$@" --part 8 --memory 100K --scratch s -v 2>b.said
    [ "$(bits a)" = "$(bits b)" ]
    [ "$(grep -cE "[0-9]+ MiB of them in the scratch file" b.said)" = 2 ]
    [ ! -e s ]
    paste one/log.tsv a/log.tsv | awk 'NR > 1 { d = $3 - $13; if (d < 0) d = -d; n += d < 1e-3 * $3 } END { exit n != 3 }'
    pretrain c --part 8 --learning-rate 1 --epochs 1
    paste one/log.tsv c/log.tsv | awk 'NR > 1 { d = $3 - $13; if (d < 0) d = -d; n += d < 1e-3 * $3 } END { exit n == 3 }'
    run -2 pretrain d "$@" --part 8 --memory 100K
    [[ $output == *"simclr-pretrain: simclr-encode failed with status 2: activations of a whole step"* ]]
}

@test "a run under --batch-norm step that was killed goes on with the same bits, with a scratch file too" {
    set -- --batch-norm step --part 8 --epochs 8
    pretrain whole "$@"
    start r "$@"
    until [ "$(cat r/log.tsv 2>/dev/null | wc -l)" -gt 4 ]; do sleep 0.02; done
    kill -9 $first $(holders r)
    wait $first || true
    pretrain r "$@" --memory 1M --scratch r/s 2>said
    grep -q "goes on after step" said
    [ "$(bits r)" = "$(bits whole)" ]
    [ ! -e r/s ]
}

@test "a recipe and views of two sizes are passed on, and are part of the command" {
    set -- --views 2+1 --small-size 16 --recipe torchvision --asymmetric blur,grey --blur 0.5 --epochs 1
    pretrain a "$@" && pretrain b "$@" --threads 1
    [ "$(bits a)" = "$(bits b)" ]
    [ "$(simclr-inspect a/encoder.safetensors | awk '$1 == "size" { print $2 }')" = 32 ]
    run -2 --separate-stderr pretrain a "$@" --views 2+2
    [[ $stderr == *"another command"*"2+1"*"2+2"* ]]
}

@test "a finished run says so and changes nothing" {
    pretrain r
    before=$(bits r)
    run pretrain r
    [ "$status" = 0 ]
    [[ $output == *"is finished"* ]]
    [ "$(bits r)" = "$before" ]
}

@test "another command for the same folder is refused, naming the difference" {
    pretrain r
    run pretrain r --seed 1
    [ "$status" = 2 ]
    [[ $output == *"seed 1"* ]]
}

@test "a second start names the lock while the first is under way" {
    start r --epochs 200
    until [ -s r/log.tsv ]; do sleep 0.05; done
    run pretrain r --epochs 200
    [ "$status" = 1 ]
    [[ $output == *"r/lock' is held by process"* ]]
    kill -TERM $first
    status=0
    wait $first || status=$?
    [ $status = 75 ]
}

@test "a folder that is no picture at all fails with one clear line and status 2" {
    mkdir empty
    run --separate-stderr simclr-pretrain empty --out r
    [ "$status" = 2 ]
    [[ $stderr == *"empty"* ]]
}

# Wait until the log of run $1 has $2 lines or more, or the run is over.
wait_for_lines() {
    for _ in $(seq 200); do
        [ -e "$1/encoder.safetensors" ] && return
        [ "$(cat "$1/log.tsv" 2>/dev/null | wc -l)" -ge "$2" ] && return
        sleep 0.02
    done
}

# Kill victim of run $1 with signal $2 after a moment $3 (lines of the log and 1/100 s); victim $4.
strike() {
    local pids
    wait_for_lines "$1" "${3%.*}"
    sleep "0.0${3#*.}"
    case $4 in
        pretrain) pids=$5 ;;
        all) pids="$5 $(holders "$1")" ;;
        *) pids=$(holders "$1" "$4") ;;
    esac
    [ -z "$pids" ] || kill "-$2" $pids 2>/dev/null || true
}

@test "kill -9 of any stage, of simclr-pretrain or of all changes no bit of the result" {
    pretrain whole
    for victim in simclr-images simclr-augment simclr-encode simclr-project simclr-ntxent pretrain all; do
        for moment in ${MOMENTS:-0.$((RANDOM % 10)) $((RANDOM % 9 + 1)).$((RANDOM % 10))}; do
            rm -rf r
            start r
            strike r 9 $moment $victim $first
            wait $first || true
            for _ in 1 2 3; do
                pretrain r 2>>said && break
            done
            echo "victim $victim at $moment"
            [ "$(bits r)" = "$(bits whole)" ]
            [ -z "$(find r -name '*.part')" ]
        done
    done
}

@test "kill -9 in bf16, with parts that are computed twice, changes no bit of the result" {
    options="--precision bf16 --part 8 --memory 1"
    pretrain whole --precision bf16 --part 8
    for victim in simclr-encode simclr-project all; do
        rm -rf r
        start r $options
        strike r 9 $((RANDOM % 9)).$((RANDOM % 10)) $victim $first
        wait $first || true
        for _ in 1 2 3; do
            pretrain r $options -v 2>>said && break
        done
        [ "$(bits r)" = "$(bits whole)" ]
    done
    rm -rf r
    pretrain r $options -v 2>said
    grep -qE 'simclr-encode: .* [1-9][0-9]* parts computed twice' said
    [ "$(bits r)" = "$(bits whole)" ]
    rm -rf r
    pretrain r --part 8 --precision f32
    [ "$(bits r)" != "$(bits whole)" ]
}

# The forecast in file `said`, and the seconds of one of its durations.
forecast='^simclr-pretrain: about [0-9.]+ m?s a step, [0-9]+ steps an epoch: [0-9.]+ m?s an epoch, [0-9.]+ m?s in all'
in_all() { sed -nE 's/.* ([0-9.]+) s in all.*/\1/p; s/.* ([0-9.]+) ms in all.*/0.\1/p' said; }

@test "a run says once, after some steps, how long it will take and what memory its stages have" {
    "$SUPPORT/make_cifar" 160 1 >pictures.bin # 10 steps an epoch
    begun=$EPOCHREALTIME
    pretrain r 2>said
    took=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
    echo "took $took s"
    cat said
    peaks='images [0-9]+ MiB, augment [0-9]+ MiB, encode [0-9]+ MiB, project [0-9]+ MiB, ntxent [0-9]+ MiB, together [0-9]+ MiB'
    if grep -q NSpgid /proc/self/status && grep -q VmHWM /proc/self/status; then
        forecast+="; memory: $peaks"
        sed 's/,/\n/g' said | awk '/ encode / { e = $2 } / together / { t = $2 } END { exit !(e > 20 && t > e + 4 && t < 9999) }' ||
            [[ $BIN != */build/bin ]]
    fi
    [ "$(wc -l <said)" = 1 ]
    grep -qE "$forecast\$" said
    awk -v told="$(in_all)" -v took="$took" 'BEGIN { exit !(told > took / 5 && told < took * 2) }'

    pretrain quiet -q 2>said
    [ ! -s said ]
    [ "$(bits quiet)" = "$(bits r)" ]

    start s --quiet
    until [ "$(cat s/log.tsv 2>/dev/null | wc -l)" -gt 4 ]; do sleep 0.02; done
    kill -9 $first $(holders s)
    wait $first || true
    pretrain s 2>said
    cat said
    grep -qE "^simclr-pretrain: goes on after step [0-9]+$" said
    grep -qE "${forecast/ in all/ in all, [0-9.]+ m?s to go}\$" said
    [ "$(bits quiet)" = "$(bits s)" ]
}

# A copy, whose log ends as after a power failure, goes on to the bits of run `whole`.
mend() { # STEP SENTENCE: the step it goes on after, and what is said of it
    run -0 --separate-stderr pretrain cut
    echo "$stderr"
    [ "${stderr_lines[0]}" = "simclr-pretrain: goes on after step $1$2" ]
    [ "$(bits cut)" = "$(bits whole)" ]
    [ -z "$(find cut -name '*.part')" ]
    rm -r cut
}

@test "a log that lost its end in a power failure is mended, and no bit of the result changes" {
    pretrain whole
    cp -r whole r
    rm r/encoder.safetensors r/head.safetensors # the last checkpoints are of steps 6 and 8

    cp -r r cut
    mend 8 ""
    cp -r r cut
    head -n 9 r/log.tsv >cut/log.tsv # a header and the steps before 8
    mend 8 ""
    short=": 'cut/log.tsv' ends before step 8"
    cp -r r cut
    head -n 8 r/log.tsv >cut/log.tsv
    mend 6 "$short"
    cp -r r cut
    head -c -4 <(head -n 9 r/log.tsv) >cut/log.tsv # the last number of step 7 is cut
    mend 6 "$short"
    cp -r r cut
    head -c -1 <(head -n 9 r/log.tsv) >cut/log.tsv # or just the end of its line
    mend 6 "$short"
    cp -r r cut
    { head -n 7 r/log.tsv && head -c 500 /dev/zero; } >cut/log.tsv
    mend 6 "$short"
}

@test "a log that ends before every checkpoint is refused, and no checkpoint is lost" {
    pretrain whole
    rm whole/encoder.safetensors whole/head.safetensors
    states=$(cd whole/state && sha256sum *)
    for head in 0 1 4 6; do
        head -n $head whole/log.tsv >log
        cp -r whole cut
        cp log cut/log.tsv
        [ $head != 0 ] || rm cut/log.tsv
        run -3 --separate-stderr pretrain cut
        echo "$stderr"
        [ "${stderr_lines[0]}" = "simclr-pretrain: 'cut/log.tsv' ends after $((head > 0 ? head - 1 : 0)) steps, before every checkpoint" ]
        [[ ${stderr_lines[1]} == "simclr-pretrain: hint: "*"'cut/state'"* ]]
        [ "$(cd cut/state && sha256sum *)" = "$states" ]
        cp whole/log.tsv cut/log.tsv
        pretrain cut
        rm -r cut
    done
}

@test "SIGTERM leaves 75 with the state saved, and changes no bit of the result" {
    pretrain whole
    for moment in ${MOMENTS:-0.5 $((RANDOM % 4 + 1)).$((RANDOM % 10)) $((RANDOM % 4 + 5)).$((RANDOM % 10))}; do
        rm -rf r
        start r
        strike r TERM $moment pretrain $first
        status=0
        wait $first || status=$?
        echo "at $moment: status $status"
        [ $status = 75 ] || { [ $status = 0 ] && [ -e r/encoder.safetensors ]; }
        pretrain r 2>>said
        [ "$(bits r)" = "$(bits whole)" ]
    done
}
