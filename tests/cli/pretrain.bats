#!/usr/bin/env bats
# Whole runs: what comes of them, and that no interruption changes a bit of it.

bats_require_minimum_version 1.5.0
load ../support/runs

setup() {
    root=$PWD
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

@test "a wrong value for a stage is misuse in the words of its tool, and no folder is made" {
    for options in "limit 0" "crop-area-min 7" "precision f16" "layers 0" "loss supcon" "optimizer foo"; do
        run --separate-stderr simclr-pretrain pictures.bin --out r --$options
        [ "$status" = 2 ]
        [ -z "$output" ]
        [[ $stderr == simclr-*": --${options% *} takes "*"not '${options#* }'" ]]
        [ ! -e r ]
    done
}

@test "a stage's misuse is the run's, and its message is repeated" {
    run --separate-stderr simclr-pretrain pictures.bin --out r --epochs 2 --batch 100
    [ "$status" = 2 ]
    [[ ${stderr_lines[-1]} == "simclr-pretrain: simclr-images failed with status 2: "* ]]
    [ ! -e r/encoder.safetensors ]
    # nothing is lost: the command as it should have been takes the folder
    simclr-pretrain pictures.bin --out r --epochs 2 --batch 10 --quiet
    [ -e r/encoder.safetensors ]
    run -2 simclr-pretrain pictures.bin --out r --epochs 2 --batch 9
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

# Folders CLASS/N.jpg: 3 classes of 6 pictures each.
classes() {
    for class in dress shirt shoe; do
        mkdir -p "classes/$class"
        for i in 1 2 3 4 5 6; do
            cp "$root"/tests/golden/jpeg_colour.jpg "classes/$class/$i.jpg"
        done
    done
}

@test "labels of folders make a run supervised; killed, it goes on with the same bits" {
    classes
    supervised() { # RUN OPTION...
        simclr-pretrain classes --size 16 --epochs 40 --batch 9 --checkpoint-every 2 --out "$@"
    }
    set -- --positives label --temperature 0.1
    supervised whole "$@" 2>said
    run grep 'no label is known' said whole/messages
    [ "$status" = 1 ]
    [ "$(grep ^loss whole/command)" = "loss --positives label" ]
    # of 18 rows one is the anchor; positives are those of its class, of which there are 2 to 6 pictures
    awk -F '\t' 'NR > 1 { n++; if ($4 < 2.83 || $4 > 2.84) exit 1 } END { exit n != 80 }' whole/log.tsv
    supervised r "$@" 2>/dev/null 3>&- &
    first=$!
    until [ "$(cat r/log.tsv 2>/dev/null | wc -l)" -gt 4 ]; do sleep 0.02; done
    kill -9 $first $(holders r)
    wait $first || true
    supervised r "$@" 2>said
    grep -q "goes on after step" said
    [ "$(bits r)" = "$(bits whole)" ]
    supervised plain --temperature 0.1
    [ "$(bits plain)" != "$(bits whole)" ]
    run -2 --separate-stderr supervised r --temperature 0.1
    [[ $stderr == *"another command"*"loss --positives label"* ]]
}

@test "other losses are passed on; the one without a temperature gets none" {
    for options in "--loss margin-triplet --semi-hard --margin 0.8" "--loss dcl" "--loss nt-logistic"; do
        rm -rf r
        run --separate-stderr pretrain r -v $options --epochs 1
        [ "$status" = 0 ]
        case $options in
            *triplet*) grep -q -- "simclr-ntxent $options --grad-out" <<<"$stderr" ;;
            *) grep -q -- "simclr-ntxent --temperature 0.5 $options --grad-out" <<<"$stderr" ;;
        esac
        [ "$(grep ^loss r/command)" = "loss $options" ]
    done
    run -2 --separate-stderr pretrain s --loss margin-triplet --temperature 0.5
    [[ ${stderr_lines[-1]} == *"--temperature has no use with --loss margin-triplet"* ]]
    run -2 --separate-stderr pretrain t --semi-hard
    [[ ${stderr_lines[-1]} == *"--semi-hard has no use with --loss ntxent"* ]]
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

@test "pictures that have come or gone since the start are noticed" {
    start r --epochs 200
    until [ -n "$(ls r/state 2>/dev/null)" ]; do sleep 0.05; done
    kill -TERM $first
    status=0
    wait $first || status=$?
    [ $status = 75 ]
    "$SUPPORT/make_cifar" 50 1 >pictures.bin # as many steps
    run pretrain r --epochs 200
    [ "$status" != 0 ]
    [[ $output == *"'pictures' of its arguments was 48, now 50"* ]]
}

@test "sources may have names of more than 128 KiB together" {
    name=$(printf '%0250d' 0)
    deep=$name/$name/$name/$name/$name/$name/$name/$name/$name/$name/$name/$name
    mkdir -p "$deep"
    for i in {1..48}; do
        "$SUPPORT/make_cifar" 1 $i >"$deep/$i.bin"
    done
    simclr-pretrain "$deep"/*.bin --out r --model resnet20 --epochs 1 --batch 16
    [ "$(tail -n 1 r/log.tsv | cut -f 1)" = 2 ]
    [ -s r/encoder.safetensors ]
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

# ---- evaluation while the run is under way ---------------------------------------------------------

# Runs as pretrain() makes them, and labelled pictures: 100 of ten classes.
examined() { # RUN OPTION...
    [ -e labelled.bin ] || "$SUPPORT/make_cifar" 100 7 >labelled.bin
    pretrain "$1" --evaluate-every 1 --eval-data labelled.bin "${@:2}"
}
start_examined() { # RUN OPTION...
    [ -e labelled.bin ] || "$SUPPORT/make_cifar" 100 7 >labelled.bin
    start "$1" --evaluate-every 1 --eval-data labelled.bin "${@:2}"
}

# What progress.tsv should say of a file of weights, by the tools themselves.
by_hand() { # EPOCH STEP OPTION-OF-ENCODE...
    simclr-images labelled.bin | simclr-augment --recipe eval --size 32 | simclr-encode "${@:3}" >h
    for tool in "knn --neighbors 1" "knn --neighbors 8" "linprobe --l2 0.001"; do
        simclr-$tool --train h --hold-out 0.2 --quiet |
            awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "top1") c = i } NR == 2 { print $c }'
    done | paste -s | sed "s/^/$1\t$2\t/"
}

nothing_left() { # RUN
    [ -z "$(find "$1" -name '*.part')" ]
    [ -z "$(find "$1" -name 'encoder-*' -not -path '*/state/*')" ]
    [ ! -e "$1/alive" ]
}

@test "--evaluate-every leaves a line for each epoch's end, and no bit of the run is another" {
    pretrain plain 2>/dev/null
    run -0 --separate-stderr examined r --checkpoint-every 3
    echo "$stderr"
    [ "$(bits r)" = "$(bits plain)" ]
    [ "$(cut -f 1,2 r/progress.tsv | tr '\t\n' ' ;')" = "epoch step;0 0;1 3;2 6;3 9;" ]
    [ "$(head -n 1 r/progress.tsv)" = $'epoch\tstep\tknn_1\tknn_200\tprobe' ]
    [ "$(sed 1d r/progress.tsv | grep -cE '^[0-9]+\s[0-9]+(\s[0-9]+\.[0-9][0-9]){3}$')" = 4 ]
    [[ $stderr == *"before training: k-NN"*"after epoch 1: k-NN"*"(k = 8)"*"after epoch 3: "*" linear probe $(tail -n 1 r/progress.tsv | cut -f 5) %"* ]]
    grep -q "after epoch 3: " r/messages
    nothing_left r
    # the numbers are those of fresh weights, of the checkpoint and of the encoder
    by_hand 0 0 --model resnet20 | diff <(sed -n 2p r/progress.tsv) -
    by_hand 2 6 --model resnet20 --weights r/state/encode-0000000006.safetensors | diff <(sed -n 4p r/progress.tsv) -
    by_hand 3 9 --weights r/encoder.safetensors | diff <(sed -n 5p r/progress.tsv) -
    before=$(cat r/progress.tsv)
    run -0 --separate-stderr examined r --checkpoint-every 3
    [[ $stderr == *"is finished"* ]]
    [ "$(cat r/progress.tsv)" = "$before" ]
}

@test "evaluation is the same on other threads, and of fewer epochs and pictures where one says so" {
    examined a --threads 1 -q 2>said
    [ ! -s said ]
    examined b --threads 3
    cmp a/progress.tsv b/progress.tsv
    examined c --evaluate-every 2
    grep -v "^1" a/progress.tsv | cmp - c/progress.tsv
    examined d --evaluate-every 99 --eval-limit 50
    [ "$(cut -f 1 d/progress.tsv | tr '\n' ' ')" = "epoch 0 3 " ]
    run ! cmp <(grep ^3 a/progress.tsv) <(grep ^3 d/progress.tsv)
    nothing_left d
}

@test "evaluation that makes no sense is 2, before there is a folder" {
    mkdir plain
    cp "$BATS_TEST_DIRNAME/../golden/jpeg_colour.jpg" plain/1.jpg
    for options in "--evaluate-every 1" "--eval-data pictures.bin" "--evaluate-every 0 --eval-data pictures.bin" \
        "--evaluate-every 1 --eval-data nothing" "--evaluate-every 1 --eval-data plain" \
        "--evaluate-every 1 --eval-data pictures.bin --eval-limit 1"; do
        run -2 --separate-stderr pretrain r $options
        [[ $stderr == simclr-pretrain:* ]]
        [ -z "$output" ]
        [ ! -e r ]
    done
    examined r
    run -2 --separate-stderr examined r --evaluate-every 2
    [[ $stderr == *"another command"*"evaluate every 1"*"evaluate every 2"* ]]
}

@test "kill -9 of a run that is evaluated loses no line and doubles none, and changes no value" {
    examined whole
    cp whole/progress.tsv wanted
    for victim in simclr-encode simclr-knn pretrain all; do
        for moment in ${MOMENTS:-0.$((RANDOM % 10)) $((RANDOM % 9 + 1)).$((RANDOM % 10))}; do
            rm -rf r
            start_examined r
            strike r 9 $moment $victim $first
            wait $first || true
            for _ in 1 2 3; do
                examined r 2>>said && break
            done
            echo "victim $victim at $moment"
            diff wanted r/progress.tsv
            [ "$(bits r)" = "$(bits whole)" ]
            nothing_left r
        done
    done
}

@test "SIGTERM ends an evaluation too, and the same command goes on with it" {
    examined whole
    for moment in 1.0 $((RANDOM % 9 + 1)).$((RANDOM % 10)) 10.9; do
        rm -rf r
        start_examined r
        strike r TERM $moment pretrain $first
        status=0
        wait $first || status=$?
        echo "at $moment: status $status"
        [ $status = 75 ] || { [ $status = 0 ] && [ -e r/encoder.safetensors ]; }
        [ -z "$(find r -name '*.part')" ]
        examined r 2>>said
        cmp whole/progress.tsv r/progress.tsv
        [ "$(bits r)" = "$(bits whole)" ]
        nothing_left r
    done
}

@test "an evaluation that fails leaves the training alone, and is made good when it can be" {
    examined whole
    mkdir broken
    printf '#!/bin/sh\necho "simclr-knn: out of luck" >&2\nexit 3\n' >broken/simclr-knn
    chmod +x broken/simclr-knn
    PATH=$PWD/broken:$PATH run -3 --separate-stderr examined r
    echo "$stderr"
    [[ $stderr == *"simclr-pretrain: cannot evaluate 'encoder-0000000000.safetensors': simclr-knn: out of luck"* ]]
    [ "$(bits r)" = "$(bits whole)" ]
    [ "$(ls r/encoder-* | wc -l)" = 4 ]
    run -0 examined r
    [[ $output == *"is finished"*"before training: k-NN"*"after epoch 3: "* ]]
    cmp whole/progress.tsv r/progress.tsv
    nothing_left r
    head -c 9000 labelled.bin >short.bin # what can be seen at once is, and nothing begins
    run -3 --separate-stderr pretrain s --evaluate-every 1 --eval-data short.bin
    [ ! -e s ]
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
