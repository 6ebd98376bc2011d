#!/usr/bin/env bats
# The account that the stages of a training run give of themselves under --verbose.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/training

setup() {
    training_setup
    "$SUPPORT/make_cifar" 40 1 >pictures.bin
    simclr-images pictures.bin --batch 20 --epochs 2 >images
    views steps=2 epochs=1 >views
    features steps=2 epochs=1 >features
    make_stream steps=2 >projections
    gradients steps=2 epochs=1 >gradients
    width=128 gradients steps=2 epochs=1 >gz
}

# One run of STAGE, in the middle of what it stands between: its input is a file, or what a command
# before the pipe sends.
stage() { # STAGE OPTION...
    local stage=$1
    shift
    case $stage in
        images) simclr-images pictures.bin "$@" ;;
        augment) simclr-augment "$@" ;;
        encode) simclr-encode --model resnet20 "$@" ;;
        train) simclr-encode --model resnet20 --train --grad gradients "$@" ;;
        head) simclr-project "$@" ;;
        project) simclr-project --train --grad gz "$@" ;;
        ntxent) simclr-ntxent --grad-out sent "$@" ;;
    esac
}

input() { # STAGE
    case $1 in
        images) echo /dev/null ;;
        augment) echo images ;;
        encode | train) echo views ;;
        project | head) echo features ;;
        ntxent) echo projections ;;
    esac
}

# The number before or behind some words of the account in file `said`.
before() { sed -nE "s/.* ([0-9.]+) $1.*/\1/p" said; }
behind() { sed -nE "s/.* $1 ([0-9.]+) .*/\1/p" said; }
waited() { before "s for $1"; }

holds() { # AWK-EXPRESSION
    echo "$1"
    awk "BEGIN { exit !($1) }"
}

@test "under -v each stage gives the same two lines; without it says nothing, and sends the same" {
    for stage in images augment encode train project ntxent; do
        echo "$stage"
        stage $stage <"$(input $stage)" >plain 2>said
        [ ! -s said ]
        stage $stage -v <"$(input $stage)" >out 2>said
        cat said
        cmp plain out
        steps='' what=rows gradients=''
        case $stage in
            images | augment) what=pictures ;;
            train | project) steps='2 steps, ' gradients=' [0-9]+\.[0-9] s for gradients,' ;;
            ntxent) steps='2 steps, ' ;;
        esac
        first="$steps[0-9]+ $what, [0-9]+\.[0-9] s, [0-9]+\.[0-9] $what/s, peak memory [0-9]+ MiB"
        second="waited [0-9]+\.[0-9] s for input,$gradients [0-9]+\.[0-9] s for its reader; computed [0-9]+\.[0-9] s, [0-9]+\.[0-9] s of CPU"
        [ "$(grep -cE "^simclr-[a-z]+: $first\$" said)" = 1 ]
        [ "$(grep -cE "^simclr-[a-z]+: $second\$" said)" = 1 ]
        [ "$(grep -c 'peak memory\|waited' said)" = 2 ]
    done
}

@test "--account appends a line with the same numbers, says nothing, and sends the same" {
    printf 'head\n' >table
    lines=1
    for stage in images augment encode train project ntxent; do
        stage $stage <"$(input $stage)" >plain
        stage $stage --account table -v <"$(input $stage)" >out 2>said
        cmp plain out
        lines=$((lines + 1))
        [ "$(wc -l <table)" = $lines ]
        tail -n 1 table | tr '\t' ' ' >line
        cat line
        steps=-
        case $stage in train | project | ntxent) steps=2 ;; esac
        number='[0-9]+\.[0-9]{3}'
        gradients=-
        case $stage in train | project) gradients=$number ;; esac
        tool=$(sed -n '1s/:.*//p' said)
        grep -qE "^$tool $steps [0-9]+ $number $number $gradients $number $number [0-9]+\$" line
        [ "$(cut -d ' ' -f 3 line)" = "$(sed -nE 's/.* ([0-9]+) (rows|pictures), .*/\1/p' said | head -n 1)" ]
        [ "$(awk '{ printf "%.0f", $9 / 1024 }' line)" = "$(behind 'peak memory')" ]
    done
    stage images --account table >/dev/null 2>said
    [ ! -s said ]
    stage images --account no/such/table >out 2>said # no reason to fail
    cmp out images || simclr-inspect --check out
    grep -q "cannot write 'no/such/table': No such file" said
}

@test "what was not waited was computed: together they are all the time there was" {
    for stage in images augment encode train project ntxent; do
        stage $stage -v < <(sleep 0.2; cat "$(input $stage)") >/dev/null 2>said
        cat said
        gradients=$(waited gradients)
        holds "($(waited input) + ${gradients:-0} + $(waited 'its reader') + $(behind computed) - $(sed -nE 's/.* ([0-9.]+) s, [0-9.]+ [a-z]+\/s, .*/\1/p' said)) ^ 2 <= 0.25 ^ 2"
    done
}

@test "the wait for a slow feeder is in the account of its input" {
    for stage in augment encode train project ntxent; do
        { sleep 0.8; cat "$(input $stage)"; } | stage $stage -v 2>said >/dev/null
        cat said
        holds "$(waited input) >= 0.4 && $(waited input) < 5"
        stage $stage -v <"$(input $stage)" 2>said >/dev/null
        holds "$(waited input) < 0.4"
    done
    mkdir p && cp "$ROOT/tests/golden/jpeg_colour.jpg" p && tar -cf p.tar p
    { sleep 0.8; cat p.tar; } | simclr-images - -v 2>said >/dev/null
    holds "$(waited input) >= 0.4 && $(waited input) < 5"
}

@test "the wait for late gradients is in the account of the gradients" {
    mkfifo late
    for stage in train project; do
        case $stage in
            train) given=gradients ;;
            project) given=gz ;;
        esac
        { sleep 0.8; cat $given; } >late 3>&- &
        case $stage in
            train) simclr-encode --model resnet20 --train --grad late -v <views ;;
            head) simclr-project "$@" ;;
        project) simclr-project --train --grad late -v <features ;;
        esac 2>said >/dev/null
        wait $!
        cat said
        holds "$(waited gradients) >= 0.4 && $(waited gradients) < 5"
        holds "$(waited input) < 0.4"
    done
}

@test "the wait for a slow reader is in the account of the reader" {
    features steps=1 pictures=200 >features
    "$SUPPORT/make_cifar" 400 1 >pictures.bin
    simclr-images pictures.bin >images
    for stage in images augment head; do
        stage $stage -v <"$(input $stage)" 2>said | { sleep 0.8; wc -c >size; }
        cat said size
        [ "$(cat size)" -gt 80000 ] # or it had fit into the pipe
        holds "$(waited 'its reader') >= 0.4 && $(waited 'its reader') < 5"
        stage $stage -v <"$(input $stage)" 2>said >out
        holds "$(waited 'its reader') < 0.4"
    done
    mkfifo g
    make_stream pictures=400 column=z:F32:128 >projections
    { sleep 0.8; cat g >/dev/null; } 3>&- &
    simclr-ntxent --grad-out g -v <projections 2>said >out
    wait $!
    holds "$(waited 'its reader') >= 0.4 && $(waited 'its reader') < 5"
}

@test "peak memory is the tool's own, grows with what it holds, and not with who started it" {
    [[ $BIN == */build/bin ]] || skip "measured in the release build only"
    stage ntxent -v <projections 2>said >out
    small=$(behind 'peak memory')
    make_stream pictures=1024 column=z:F32:4096 >large # 32 MiB, and as much for the gradient
    stage ntxent -v <large 2>said >out
    large=$(behind 'peak memory')
    holds "$small >= 1 && $large >= $small + 64 && $large < $small + 300"
    perl -e '$x = "x" x 400e6; exec @ARGV' simclr-ntxent -v <projections 2>said >out
    holds "$(behind 'peak memory') < $small + 50"
    stage train -v <views 2>said >out
    holds "$(behind 'peak memory') > $(before 'MiB of activations')"
}
