#!/usr/bin/env bats
# What an encoder is worth, in one table.

bats_require_minimum_version 1.5.0
load ../support/run

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
    for options in "" "run" "run --train train.bin" "nowhere --train train.bin --test test.bin" \
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
    [ "$(head -n 1 run/evaluation.tsv | tr '\t' ' ')" = "features probe knn probe_few knn_few" ]
    [ "$(cut -f1 run/evaluation.tsv | tr '\n' ' ')" = "features pixels untrained trained " ]
    # every number of the copy stands in the table, and is what the tools say
    simclr-images train.bin | simclr-augment --recipe eval --size 16 >p.train
    simclr-images test.bin | simclr-augment --recipe eval --size 16 >p.test
    wanted=$(simclr-knn --train p.train --test p.test | awk -F '\t' 'NR == 1 { for (i = 1; i <= NF; i++)
        if ($i == "top1") c = i } NR == 2 { print $c }')
    [ "$(awk -F '\t' '$1 == "pixels" { print $3 }' run/evaluation.tsv)" = "$wanted" ]
}

@test "a file of weights will do; the same table again, on three threads; the encoder is not changed" {
    before=$(sha256sum <run/encoder.safetensors)
    simclr-evaluate run --train train.bin --test test.bin --threads 1 >one
    simclr-evaluate run/encoder.safetensors --train train.bin --test test.bin --threads 3 >three
    [ "$(wc -l <one)" = 5 ] && cmp one three
    [ "$(sha256sum <run/encoder.safetensors)" = "$before" ]
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
