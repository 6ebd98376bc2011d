#!/usr/bin/env bats
# simclr-finetune: what comes of it, what is refused, and that no interruption changes a bit of it.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/runs

setup() {
    common_setup
    over=result.tsv # what the last step of the command leaves
    "$SUPPORT/make_cifar" 48 1 >train.bin
    "$SUPPORT/make_cifar" 30 2 >test.bin
    [ -e "$BATS_FILE_TMPDIR/run1/encoder.safetensors" ] || (
        cd "$BATS_FILE_TMPDIR" || exit 1
        simclr-pretrain "$OLDPWD/train.bin" --epochs 1 --batch 16 --hidden 20 --out run1 --quiet
    )
    ln -s "$BATS_FILE_TMPDIR/run1" run1
}

# 3 epochs of 3 steps, a checkpoint every 2.
finetune() { # OUT OPTION...
    simclr-finetune run1 --train train.bin --test test.bin --epochs 3 --batch 16 --checkpoint-every 2 \
        --out "$@"
}

# The same in the background; its pid is in $first.
start() { # OUT OPTION...
    simclr-finetune run1 --train train.bin --test test.bin --epochs 3 --batch 16 --checkpoint-every 2 \
        --out "$@" >>table 2>>said 3>&- &
    first=$!
}

# All that comes of a run, as one text that two runs of the same bits share.
all() { # OUT
    (cd "$1" && sha256sum -- *.safetensors *.tsv)
}

cell() { # OUT NAME
    awk -F '\t' -v name="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
        NR == 2 { print $c }' "$1/result.tsv"
}

@test "misuse is 2, one line, nothing on standard output and no folder made" {
    for options in "run1" "run1 --train train.bin --out o" "run1 --train train.bin --test test.bin" \
        "--train train.bin --test test.bin --out o" "run1 --train none --test test.bin --out o" \
        "run1 --train train.bin --test none --out o" "none --train train.bin --test test.bin --out o" \
        "run1 --train train.bin --test train.bin --out o" \
        "run1 --train test.bin --train train.bin --test ./train.bin --out o" \
        "run1 run1 --train train.bin --test test.bin --out o" \
        "run1 --train train.bin --test test.bin --out o --bogus 1" \
        "run1 --train train.bin --test test.bin --out o --epochs 0" \
        "run1 --train train.bin --test test.bin --out o --epochs" \
        "run1 --train train.bin --test test.bin --out o --batch 1" \
        "run1 --train train.bin --test test.bin --out o --model resnet20" \
        "run1 --train train.bin --test test.bin --out o --optimizer lars" \
        "run1 --train train.bin --test test.bin --out o --size 32" \
        "run1 --train train.bin --test test.bin --out o --width 2" \
        "run1 --train train.bin --test test.bin --out o --head h" \
        "run1 --train train.bin --test test.bin --out o --head-layer 1 --from-scratch" \
        "run1/encoder.safetensors --train train.bin --test test.bin --out o --head-layer 1" \
        "run1 --train train.bin --test test.bin --out o --fraction 2" \
        "run1 --train train.bin --test test.bin --out o --fraction 0.1 --per-class 1" \
        "--from-scratch --train train.bin --test test.bin --out o" \
        "run1 --train train.bin --test test.bin --out run1"; do
        run --separate-stderr simclr-finetune $options
        echo "$options: $status, $stderr"
        [ "$status" = 2 ]
        [ -z "$output" ]
        [ "$(grep -c . <<<"$stderr")" = 1 ]
        [ ! -e o ]
    done
}

@test "options that are said to be passed on, the stages take" {
    count=0
    while read -r tools options; do
        for tool in ${tools//,/ }; do
            for option in $options; do
                echo "$tool $option"
                count=$((count + 1))
                "$tool" --help | grep -qE -- "^  (-.,|   ) $option( |$)"
            done
        done
    done < <(simclr-finetune --help | sed -n '/^Passed/,/^$/p' | tail -n +2 |
        sed 's/^    without RUN/  simclr-encode/; s/^  simclr-encode and -project/  simclr-encode,simclr-project/
            s/^  all that train/  simclr-encode,simclr-project,simclr-linprobe/' |
        awk '/^  simclr/ { if (line) print line; line = $0; next } { line = line " " $0 } END { print line }')
    [ "$count" -gt 60 ]
}

@test "it leaves an encoder, a classifier, a line a step, and a table of what the test set says" {
    run -0 --separate-stderr finetune o
    [ "${lines[0]}" = "resnet20 fine-tuned, 48 labelled pictures, 3 epochs" ]
    [ "$(wc -l <o/log.tsv)" = 10 ]
    [ "$(head -n 1 o/log.tsv | tr '\t' ' ')" = "step epoch loss accuracy labelled" ]
    [ "$(head -n 1 o/result.tsv | tr '\t' ' ')" = "begin fraction labels epochs layer test classes features \
top1 top5 top1_low top1_high top5_low top5_high ece" ]
    [ "$(cell o begin) $(cell o fraction) $(cell o labels) $(cell o epochs) $(cell o layer) $(cell o test)" = \
        "pretrained 1 48 3 0 30" ]
    [ "$(wc -l <o/result.tsv) $(wc -l <o/predictions.tsv)" = "2 31" ]
    right=$(awk 'NR > 1 && $2 == $3' o/predictions.tsv | wc -l)
    [ "$(cell o top1)" = "$(awk -v n="$right" 'BEGIN { printf "%.2f", 100 * n / 30 }')" ]
    # the parts are what the tools take, and give the same
    simclr-images test.bin | simclr-augment --recipe eval --size 32 |
        simclr-encode --weights o/encoder.safetensors | simclr-linprobe --weights o/classifier.safetensors --test - |
        awk -F '\t' -v top1="$(cell o top1)" 'NR == 2 { exit $6 != top1 }'
    [ ! -e o/g ]
    [ -z "$(find o -name '*.part')" ]
    [ "$(ls o/state | wc -l)" = 4 ]
    # it has learnt, and the encoder with it
    awk 'NR == 2 { a = $3 } END { exit !($3 < a) }' o/log.tsv
    run ! cmp -s <(simclr-inspect --digest run1/encoder.safetensors | cut -c 1-64) \
        <(simclr-inspect --digest o/encoder.safetensors | cut -c 1-64)
}

@test "the same command in another folder, or with other threads, gives the same bytes" {
    finetune a && finetune b --threads 1 && finetune c --threads 3
    [ "$(all a)" = "$(all b)" ]
    [ "$(all a)" = "$(all c)" ]
    finetune d --seed 1
    [ "$(all a)" != "$(all d)" ]
}

@test "the test set decides nothing: encoder, classifier and log are the same whatever it holds" {
    "$SUPPORT/make_cifar" 20 3 >other.bin
    finetune a
    simclr-finetune run1 --train train.bin --test other.bin --epochs 3 --batch 16 --checkpoint-every 2 --out b
    for name in encoder.safetensors classifier.safetensors log.tsv; do
        cmp a/$name b/$name
    done
    [ "$(cell b test)" = 20 ]
}

@test "a fraction takes some of each class, cut evenly into steps, and few labels mean more epochs" {
    run -0 --separate-stderr simclr-finetune run1 --train train.bin --test test.bin --batch 16 --fraction 0.5 --epochs 1 --out half
    labels=$(cell half labels)
    [ "$labels" -ge 20 ] && [ "$labels" -le 30 ] # rounded, class by class
    [ "$(tail -n +2 half/log.tsv | cut -f 5 | sort -u)" = $((labels / 2)) ]
    run -0 --separate-stderr simclr-finetune run1 --train train.bin --test test.bin --fraction 0.01 --out few
    [ "$(cell few labels)" = "$(simclr-images train.bin --fraction 0.01 | simclr-inspect | sed -n 's/^end.*rows \([0-9]*\).*/\1/p')" ]
    [ "$(cell few epochs)" = 60 ]
    [ "$(wc -l <few/log.tsv)" = 61 ]
}

@test "from scratch it is the same model, with fresh weights, whatever those of RUN are" {
    finetune a --from-scratch
    [ "$(cell a begin)" = scratch ]
    simclr-pretrain train.bin --epochs 2 --batch 16 --seed 5 --out run2 --quiet
    simclr-finetune run2 --from-scratch --train train.bin --test test.bin --epochs 3 --batch 16 \
        --checkpoint-every 2 --out b
    simclr-finetune --model resnet20 --size 32 --from-scratch --train train.bin --test test.bin --epochs 3 \
        --batch 16 --checkpoint-every 2 --out c
    [ "$(all a)" = "$(all b)" ]
    [ "$(all a)" = "$(all c)" ]
    grep -q '"weight-decay":0.0001' <(simclr-inspect a/encoder.safetensors)
}

@test "from scratch it takes width, stem and normalisation from RUN" {
    simclr-encode --model resnet20 --width 2 --pixel-mean 0.5,0.5,0.4 --pixel-std 0.2,0.2,0.3 --train \
        --grad <("$SUPPORT/make_stream" kind=gradients column=grad:F32:128 pictures=8 epochs=1) --save wide \
        <("$SUPPORT/make_stream" kind=views column=pixels:U8:32,32,3 pictures=8 epochs=1) >h
    simclr-finetune wide --from-scratch --train train.bin --test test.bin --epochs 1 --out o
    for key in model width stem size pixel_mean pixel_std; do
        [ -n "$(simclr-inspect wide | grep "^$key")" ]
        [ "$(simclr-inspect wide | grep "^$key")" = "$(simclr-inspect o/encoder.safetensors | grep "^$key")" ]
    done
    [ "$(cell o features)" = 128 ]
}

@test "from a layer of the head: features are as wide as that, and the head is kept up to there" {
    run -0 --separate-stderr finetune o --head-layer 1
    [ "${lines[0]}" = "resnet20 fine-tuned, from layer 1 of the head, 48 labelled pictures, 3 epochs" ]
    [ "$(cell o features) $(cell o layer)" = "20 1" ]
    [ "$(ls o/state | wc -l)" = 6 ]
    simclr-inspect o/head.safetensors | grep -qP '^stop_after\t1$'
    simclr-finetune run1/encoder.safetensors --head run1/head.safetensors --head-layer 1 --train train.bin \
        --test test.bin --epochs 3 --batch 16 --checkpoint-every 2 --out p
    [ "$(all o)" = "$(all p)" ]
    simclr-images test.bin | simclr-augment --recipe eval --size 32 | simclr-encode --weights o/encoder.safetensors |
        simclr-project --weights o/head.safetensors |
        simclr-linprobe --weights o/classifier.safetensors --test - |
        awk -F '\t' -v top1="$(cell o top1)" 'NR == 2 { exit $6 != top1 }'
    run -2 --separate-stderr finetune q --head-layer 4
    [[ $stderr == *"simclr-project failed with status 2: --stop-after is 4, the head has 3 layers" ]]
}

@test "a finished run says so, prints its table again and changes nothing; another command is refused" {
    finetune o >first
    before=$(all o)
    run -0 --separate-stderr finetune o
    [[ $stderr == *"is finished"* ]]
    [ "$output" = "$(cat first)" ]
    [ "$(all o)" = "$before" ]
    run -2 --separate-stderr finetune o --learning-rate 1
    [[ $stderr == *"another command"*"--learning-rate 0.05"*"--learning-rate 1"* ]]
    # another encoder under the same name is another command
    cp -r "$(readlink -f run1)" other && rm run1 && mv other run1
    simclr-pretrain train.bin --epochs 1 --batch 16 --seed 9 --out run3 --quiet
    cp run3/encoder.safetensors run1/encoder.safetensors
    run -2 --separate-stderr finetune o
    [[ $stderr == *"another command"*weights* ]]
}

@test "a measurement that was cut off is made again, and the training is not" {
    finetune o >first
    before=$(all o)
    rm o/result.tsv o/predictions.tsv
    run -0 --separate-stderr finetune o
    [ "$output" = "$(cat first)" ]
    [ "$(all o)" = "$before" ]
}

# A folder of classes, two pictures each.
classes() { # FOLDER CLASS...
    local name
    for name in "${@:2}"; do
        mkdir -p "$1/$name"
        cp "$OLDPWD"/tests/golden/jpeg_colour.jpg "$1/$name/a.jpg"
        cp "$OLDPWD"/tests/golden/jpeg_grey.jpg "$1/$name/b.jpg"
    done
}

@test "labels that are missing or do not fit are refused before anything is trained" {
    classes two x y && classes other x z && classes one x && classes all . && rmdir all/* 2>/dev/null || true
    tune() { run --separate-stderr simclr-finetune run1 --train "$1" --test "$2" --epochs 1 --out o; }
    tune one two
    [ "$status" = 3 ] && [[ $stderr == *"training pictures have a single class"* ]]
    tune all two
    [ "$status" = 3 ] && [[ $stderr == *"training pictures have no labels" ]]
    tune two all
    [ "$status" = 3 ] && [[ $stderr == *"test pictures have no labels" ]]
    tune two other
    [ "$status" = 3 ] && [[ $stderr == *'"x","y"'*'"x","z"'* ]]
    [ ! -e o ]
    tune two two/
    [ "$status" = 2 ]
    cp -r two again
    tune two again
    [ "$status" = 0 ]
    [ "$(cut -f 1 o/predictions.tsv | sed 1d | head -n 1)" = x/a.jpg ]
}

@test "kill -9 of any stage, of simclr-finetune or of all changes no bit of the result" {
    finetune whole --head-layer 1
    for victim in simclr-images simclr-augment simclr-encode simclr-project simclr-linprobe finetune all; do
        for moment in ${MOMENTS:-$((RANDOM % 11)).$((RANDOM % 10))}; do
            rm -rf r
            start r --head-layer 1
            strike r 9 $moment $victim $first
            wait $first || true
            for _ in 1 2 3; do
                finetune r --head-layer 1 2>>said && break
            done
            echo "victim $victim at $moment"
            [ "$(all r)" = "$(all whole)" ]
            [ -z "$(find r -name '*.part')" ]
        done
    done
}

@test "SIGTERM leaves 75 with the state saved, and changes no bit of the result" {
    finetune whole
    for moment in ${MOMENTS:-0.5 $((RANDOM % 4 + 1)).$((RANDOM % 10)) $((RANDOM % 4 + 5)).$((RANDOM % 10))}; do
        rm -rf r
        start r
        strike r TERM $moment finetune $first
        status=0
        wait $first || status=$?
        echo "at $moment: status $status"
        [ $status = 75 ] || { [ $status = 0 ] && [ -e r/result.tsv ]; }
        finetune r 2>>said
        [ "$(all r)" = "$(all whole)" ]
    done
}
