#!/usr/bin/env bats
# The bare pipeline, typed by hand: it trains; and when one stage fails, whichever way, all of it is
# over within five seconds, each stage with a status that fits.

bats_require_minimum_version 1.5.0
load ../support/runs

setup() {
    common_setup
    "$SUPPORT/make_cifar" 32 1 >pictures.bin
    mkfifo gh gz
    # What each stage is; a test puts something else in place of one.
    images=(simclr-images pictures.bin --batch 8 --epochs 500 --shuffle)
    augment=(simclr-augment)
    encode=(simclr-encode --model resnet20 --train --grad gh --save encoder.safetensors)
    project=(simclr-project --train --grad gz --grad-out gh --save head.safetensors)
    ntxent=(simclr-ntxent --grad-out gz)
    out=/dev/null
}

# Runs it; leaves the statuses in $statuses, what was said in said, and the seconds in $seconds.
pipeline() {
    local begun=$EPOCHREALTIME
    set -o pipefail
    statuses="0 0 0 0 0"
    "${images[@]}" 2>said.images | "${augment[@]}" 2>said.augment | "${encode[@]}" 2>said.encode |
        "${project[@]}" 2>said.project | "${ntxent[@]}" >"$out" 2>said.ntxent ||
        statuses="${PIPESTATUS[*]}"
    seconds=$(awk -v a="$begun" -v b="$EPOCHREALTIME" 'BEGIN { print b - a }')
    echo "statuses $statuses after $seconds s"
    tail -n 2 said.*
}

check() { # WHICH ITS-STATUS: the stage to blame, and what it must have left with
    local i=0 status
    # five seconds of a machine that has nothing else to do
    awk -v s="$seconds" -v cpus="$(nproc)" '{ busy = $1 > cpus ? $1 / cpus : 1; exit !(s < 5 * busy) }' \
        /proc/loadavg
    for status in $statuses; do
        if [ $i = "$1" ]; then
            [ "$status" = "$2" ]
        else # lost a neighbour: cut input, a reader that left; or had ended well before
            [ "$status" = 3 ] || [ "$status" = 141 ] || [ "$status" = 0 ] || [ "$status" = 2 ]
        fi
        i=$((i + 1))
    done
    [ ! -e encoder.safetensors ]
    [ ! -e head.safetensors ]
    [ -z "$(find . -name '*.part')" ]
}

names=(images augment encode project ntxent)

@test "the pipeline of the manual trains, and every stage leaves with 0" {
    images=(simclr-images pictures.bin --batch 8 --epochs 2 --shuffle)
    out=log.tsv
    pipeline
    [ "$statuses" = "0 0 0 0 0" ]
    [ "$(wc -l <log.tsv)" = 9 ]
    simclr-inspect --check encoder.safetensors
    simclr-inspect --check head.safetensors
}

# Two views of 16x16 and four of 8x8, in parts of one view, of the same sixteen pictures every step.
@test "the pipeline trains on views of two sizes: six views a picture, and the loss falls" {
    images=("$SUPPORT/make_stream" kind=views column=pixels:U8:16,16,3 ids=repeat pictures=16
        views=6 small=8 parts=6 steps=24 epochs=4 noise=0.3 signal=1)
    augment=(cat)
    encode+=(--memory 1)
    out=log.tsv
    pipeline
    [ "$statuses" = "0 0 0 0 0" ]
    [ "$(wc -l <log.tsv)" = 25 ]
    # the baseline is that of 96 rows
    awk 'NR == 2 { exit !($4 > 4.55 && $4 < 4.56) }' log.tsv
    awk 'NR == 2 { first = $3 } { last = $3 } END { print first, last; exit !(last < 0.9 * first) }' log.tsv
    mv encoder.safetensors one
    encode=(simclr-encode --model resnet20 --train --grad gh --save encoder.safetensors --threads 3)
    out=again.tsv
    pipeline
    cmp log.tsv again.tsv
    cmp one encoder.safetensors
}


@test "the pipeline trains on multi-crop, and the weights are of the large views" {
    images=(simclr-images pictures.bin --batch 8 --epochs 1 --shuffle)
    augment=(simclr-augment --views 2+3 --part 4)
    out=log.tsv
    pipeline
    [ "$statuses" = "0 0 0 0 0" ]
    [ "$(wc -l <log.tsv)" = 5 ]
    # the baseline is that of 8 pictures in 5 views
    awk 'NR == 2 { exit !($4 > 3.66 && $4 < 3.67) }' log.tsv
    [ "$(simclr-inspect encoder.safetensors | grep "^size")" = "size	32" ]
    simclr-images pictures.bin | simclr-augment --recipe eval |
        simclr-encode --weights encoder.safetensors | simclr-inspect --check
}

# Start every case afresh.
again() {
    rm -rf -- *
    setup
}

@test "a stage that is misused ends the whole pipeline" {
    for stage in 0 1 2 3 4; do
        again
        declare -n words=${names[stage]}
        words+=(--bogus)
        pipeline
        check $stage 2
    done
}

@test "a stage that is killed at its start ends the whole pipeline" {
    for stage in 0 1 2 3 4; do
        again
        declare -n words=${names[stage]}
        words=(bash -c 'kill -9 $$')
        pipeline
        check $stage 137
    done
}

@test "a stage that is killed within a step ends the whole pipeline" {
    for stage in 0 1 2 3 4; do
        again
        declare -n words=${names[stage]}
        out=log.tsv
        words=(bash -c 'echo $$ >victim; exec "$@"' - "${words[@]}")
        (
            until [ "$(wc -l <log.tsv)" -gt 3 ]; do sleep 0.05; done 2>/dev/null
            sleep "0.$((RANDOM % 90 + 10))"
            date +%s.%N >struck
            kill -9 "$(cat victim)"
        ) 3>&- &
        pipeline
        seconds=$(awk -v a="$(cat struck)" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')
        check $stage 137
    done
}

@test "a stage whose input is damaged ends the whole pipeline" {
    for stage in 0 1 2 3 4; do
        again
        declare -n words=${names[stage]}
        if [ $stage = 0 ]; then
            head -c 50000 pictures.bin >cut.bin
            words=(simclr-images cut.bin --batch 8 --epochs 500)
        else
            words=(bash -c '"$SUPPORT/damage" 30000 | "$@"' - "${words[@]}")
        fi
        pipeline
        check $stage 3
    done
}

@test "a stage whose output meets a full disk ends the whole pipeline" {
    for stage in 0 1 2 3 4; do
        again
        declare -n words=${names[stage]}
        words=(bash -c 'exec "$@" >/dev/full' - "${words[@]}")
        pipeline
        check $stage 1
    done
}

@test "a gradient stream that is damaged or cut ends the whole pipeline" {
    for end in gh gz; do
        for how in '' cut; do
            again
            bytes=$((RANDOM % 30000))
            mkfifo damaged
            [ $end = gh ] && encode=(simclr-encode --model resnet20 --train --grad damaged
                --save encoder.safetensors)
            [ $end = gz ] && project=(simclr-project --train --grad damaged --grad-out gh
                --save head.safetensors)
            ("$SUPPORT/damage" $bytes $how <$end >damaged) 2>/dev/null 3>&- &
            pipeline
            check "$([ $end = gh ] && echo 2 || echo 3)" 3
        done
    done
}
