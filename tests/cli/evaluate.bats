#!/usr/bin/env bats
# What an encoder is worth, in one table.

bats_require_minimum_version 1.5.0
load ../support/runs

setup() {
    common_setup
    if [ ! -e "$BATS_FILE_TMPDIR/run/encoder.safetensors" ]; then # once for all tests
        "$SUPPORT/make_cifar" 80 1 >"$BATS_FILE_TMPDIR/train.bin"
        "$SUPPORT/make_cifar" 40 2 >"$BATS_FILE_TMPDIR/test.bin"
        simclr-pretrain "$BATS_FILE_TMPDIR/train.bin" --out "$BATS_FILE_TMPDIR/run" --epochs 2 \
            --batch 40 --size 16 -q
    fi
    cp -r "$BATS_FILE_TMPDIR"/{run,train.bin,test.bin} .
}

@test "--help is 0 on stdout" {
    run --separate-stderr simclr-evaluate --help
    [ "$status" = 0 ] && [ -z "$stderr" ] && [[ $output == *--fraction* ]]
}

@test "misuse is 2, with nothing on stdout" {
    mkdir bare
    cp run/encoder.safetensors bare
    for options in "" "bare" "run/encoder.safetensors" "run --test nothing" "run --train train.bin --test train.bin" "nowhere --train train.bin --test test.bin" \
        "run --train nothing --test test.bin" "run --train train.bin --test test.bin --fraction 0" \
        "run --train train.bin --test test.bin --bogus 1" "run run --train train.bin --test test.bin"; do
        run --separate-stderr simclr-evaluate $options
        [ "$status" = 2 ] && [ -z "$output" ] && [[ $stderr == simclr-evaluate:* ]]
    done
}

@test "the table has raw pixels, the untrained and the trained encoder; the copy is for machines" {
    run --separate-stderr simclr-evaluate run --train train.bin --test test.bin --fraction 0.2
    [ "$status" = 0 ]
    [ ${#lines[@]} = 5 ]
    [[ ${lines[1]} == *"20 % labels"* ]]
    [[ ${lines[2]} == "raw pixels "* && ${lines[3]} == "resnet20, untrained "* ]]
    [[ ${lines[4]} == "resnet20, trained "* ]]
    [ "$(head -n 1 run/evaluation.tsv | tr '\t' ' ')" = "features probe knn probe_few knn_few probe_low\
 probe_high knn_low knn_high probe_few_low probe_few_high knn_few_low knn_few_high train train_few tested on" ]
    few=$(simclr-knn -q --train <(simclr-images train.bin) --test <(simclr-images test.bin) --fraction 0.2 | sed 1d | cut -f 1)
    [ "$(sed 1d run/evaluation.tsv | cut -f 14- | uniq)" = $'80\t'"$few"$'\t40\ttest' ]
    awk -F '\t' 'NR > 1 { for (i = 2; i <= 5; i++) n += $(2 * i + 2) < $i && $i < $(2 * i + 3) } END { exit n != 12 }' \
        run/evaluation.tsv
    [ "$(cut -f1 run/evaluation.tsv | tr '\n' ' ')" = "features pixels untrained trained " ]
    # every number of the copy stands in the table, and is what the tools say
    simclr-images train.bin | simclr-augment --recipe eval --size 16 >p.train
    simclr-images test.bin | simclr-augment --recipe eval --size 16 >p.test
    wanted=$(simclr-knn --train p.train --test p.test | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++)
        if ($i == "top1") c = i } NR == 2 { print $c }')
    [ "$(awk -F '\t' '$1 == "pixels" { print $3 }' run/evaluation.tsv)" = "$wanted" ]
    for set in train test; do
        simclr-encode --weights run/encoder.safetensors p.$set >h.$set
    done
    simclr-linprobe --train h.train --test h.test --predictions p --confusion c >probe
    [ "$(awk -F '\t' '$1 == "trained" { print $2, $6, $7 }' run/evaluation.tsv)" = \
        "$(sed 1d probe | cut -f 6,8,9 | tr '\t' ' ')" ]
    cmp p run/predictions.tsv
    diff <(sed '1s/label/class/' c) run/confusion.tsv # these classes have no names
    [ -z "$(find run -name '*.part')" ]
}

@test "the confusion matrix has the names of the classes" {
    for class in 0 1 2; do
        mkdir -p {train,test}/"kind $class"
        for n in 0 1 2 3 4 5; do
            for set in train test; do
                head -c 768 <(yes "$class$n$set" | tr -d '\n') | cat <(printf 'P6\n16 16\n255\n') - >"$set/kind $class/$n.ppm"
            done
        done
    done
    simclr-evaluate run --train train --test test --fraction 0.5 -q
    [ "$(head -n 1 run/confusion.tsv)" = $'class\tkind 0\tkind 1\tkind 2' ]
    [ "$(cut -f 1 run/confusion.tsv | paste -s -d ,)" = "class,kind 0,kind 1,kind 2" ]
    [ "$(awk -F '\t' 'NR > 1 { print $2 + $3 + $4 }' run/confusion.tsv | paste -s -d ,)" = "6,6,6" ]
    [ "$(sed 1d run/predictions.tsv | wc -l)" = 18 ]
}

@test "without --test a fifth of the training pictures is held out, and without --train those of the run" {
    run --separate-stderr simclr-evaluate run --train train.bin --fraction 0.2
    [ "$status" = 0 ]
    [ ${#lines[@]} = 5 ]
    [[ ${lines[0]} == "top-1, a fifth held out, %"* ]]
    [ "$(sed 1d run/evaluation.tsv | cut -f 17 | uniq)" = held-out ]
    [ "$(sed 1d run/evaluation.tsv | awk -F '\t' '$14 + $16 == 80 && $16 > 12 && $16 < 20' | wc -l)" = 3 ]
    simclr-images train.bin | simclr-augment --recipe eval --size 16 |
        simclr-encode --weights run/encoder.safetensors >h
    [ "$(awk -F '\t' '$1 == "trained" { print $2 }' run/evaluation.tsv)" = \
        "$(simclr-linprobe --train h --hold-out 0.2 | sed 1d | cut -f 6)" ]
    cp run/evaluation.tsv wanted
    simclr-evaluate run --fraction 0.2
    cmp wanted run/evaluation.tsv
    # from another folder; a path of any bytes; without one it is asked for
    mkdir elsewhere
    (cd elsewhere && simclr-evaluate ../run --fraction 0.2)
    cmp wanted run/evaluation.tsv
    mv train.bin $'a b\n\xff.bin'
    printf '%s\0' "$PWD"/$'a b\n\xff.bin' >run/sources
    simclr-evaluate run --fraction 0.2
    cmp wanted run/evaluation.tsv
    rm run/sources
    run -2 --separate-stderr simclr-evaluate run
    [[ $stderr == *"needs --train"* ]]
}

@test "the probes are fitted before the test pictures are read, and weights that change are noticed" {
    simclr-evaluate run --train train.bin --test test.bin -v 2>said
    fits=$(grep -n '^simclr-linprobe --train' said | tail -n 1 | cut -d: -f1)
    reads=$(grep -n '^simclr-images test.bin' said | cut -d: -f1)
    [ "$(grep -c '^simclr-images test.bin' said)" = 1 ]
    [ "$fits" -lt "$reads" ]
    [ "$(grep -c '^simclr-linprobe --train' said)" = 6 ]
    # a tool that changes the weights in between
    mkdir broken
    printf '#!/bin/sh\nexport PATH=%s\nsimclr-encode --model resnet20 --seed 9 --train --grad g --save run/encoder.safetensors v >/dev/null\nexec simclr-images "$@"\n' \
        "$PATH" >broken/simclr-images
    chmod +x broken/simclr-images
    "$SUPPORT/make_stream" kind=views column=pixels:U8:16,16,3 pictures=4 steps=1 epochs=1 >v
    "$SUPPORT/make_stream" kind=gradients column=grad:F32:64 pictures=4 steps=1 epochs=1 >g
    rm run/evaluation.tsv
    PATH=$PWD/broken:$PATH run -1 --separate-stderr simclr-evaluate run --train train.bin --test test.bin
    [[ $stderr == *"'run/encoder.safetensors' changed while it was measured"* ]]
    [ -z "$output" ]
    [ ! -e run/evaluation.tsv ]
}

@test "a file of weights will do; the same table again, on three threads; the encoder is not changed" {
    before=$(sha256sum <run/encoder.safetensors)
    simclr-evaluate run --train train.bin --test test.bin --threads 1 >one
    simclr-evaluate run/encoder.safetensors --train train.bin --test test.bin --threads 3 >three
    [ "$(wc -l <one)" = 5 ] && cmp one three
    [ "$(sha256sum <run/encoder.safetensors)" = "$before" ]
}

@test "the untrained encoder sees pixels as the trained one does" {
    simclr-pretrain train.bin --out normed --epochs 1 --batch 40 --size 16 --pixel-mean 0.5,0.25,0.75 \
        --pixel-std 0.25,0.5,0.125 -q
    run -0 --separate-stderr simclr-evaluate normed -v --train train.bin --test test.bin
    [[ $stderr == *"simclr-encode --model resnet20 "*"--pixel-mean 0.5,0.25,0.75 --pixel-std 0.25,0.5,0.125 views."* ]]
}

@test "the status of a tool that fails is passed on, and nothing is left behind" {
    mkdir temporary
    head -c 5000 test.bin >cut.bin
    TMPDIR=$PWD/temporary run --separate-stderr simclr-evaluate run --train train.bin --test cut.bin
    [ "$status" = 3 ] && [ -z "$output" ]
    [ ! -e run/evaluation.tsv ] && [ -z "$(ls temporary)" ]
}

@test "pictures without labels are refused with a clear line" {
    mkdir plain
    cp "$BATS_TEST_DIRNAME/../golden/jpeg_colour.jpg" plain/1.jpg
    cp "$BATS_TEST_DIRNAME/../golden/jpeg_grey.jpg" plain/2.jpg
    run --separate-stderr simclr-evaluate run --train plain --test test.bin
    [ "$status" = 3 ] && [ -z "$output" ] && [[ $stderr == *label* ]]
}
