#!/usr/bin/env bats
# Pictures into features, in one line.

bats_require_minimum_version 1.5.0
load ../support/runs

setup() {
    common_setup
    if [ ! -e "$BATS_FILE_TMPDIR/encoder.safetensors" ]; then # once for all tests
        "$SUPPORT/make_cifar" 30 1 >"$BATS_FILE_TMPDIR/set.bin"
        mkfifo "$BATS_FILE_TMPDIR/gh" "$BATS_FILE_TMPDIR/gz"
        simclr-images -q --batch 30 --epochs 1 "$BATS_FILE_TMPDIR/set.bin" |
            simclr-augment -q --size 16 --views 2 |
            simclr-encode -q -m resnet20 --train --grad "$BATS_FILE_TMPDIR/gh" \
                --save "$BATS_FILE_TMPDIR/encoder.safetensors" |
            simclr-project -q --train --grad "$BATS_FILE_TMPDIR/gz" --grad-out "$BATS_FILE_TMPDIR/gh" --dim 8 |
            simclr-ntxent -q --grad-out "$BATS_FILE_TMPDIR/gz" >/dev/null
    fi
    mkdir run
    cp "$BATS_FILE_TMPDIR/encoder.safetensors" run
    cp "$BATS_FILE_TMPDIR/set.bin" .
}

@test "misuse is 2, with nothing on stdout" {
    for options in "" "run" "none set.bin" "run none" "run set.bin --to parquet" "run set.bin --bogus 1" \
        "run set.bin --to npz --ids" "run set.bin -o none/x.csv" "run set.bin --limit"; do
        echo "$options"
        run --separate-stderr bash -c "simclr-embed $options | cat; exit \${PIPESTATUS[0]}"
        [ "$status" = 2 ] && [ -z "$output" ] && [[ $stderr == simclr-embed:* ]]
    done
}

@test "the line is the pipeline of the tools, in every format" {
    simclr-images set.bin | simclr-augment --recipe eval --size 16 |
        simclr-encode --weights run/encoder.safetensors >wanted
    simclr-embed run set.bin | cmp - wanted
    simclr-embed run set.bin -o a.stream
    cmp a.stream wanted
    for format in npz csv jsonl; do
        simclr-embed run/encoder.safetensors set.bin -o a.$format -t 2
        simclr-convert wanted --to $format | cmp - a.$format
    done
    simclr-embed run set.bin --to=csv | cmp - a.csv
    simclr-images set.bin | simclr-embed run - --to csv | cmp - a.csv
    [ "$(wc -l <a.csv)" = 31 ]
    simclr-embed run set.bin -o b.npy
    [ "$(echo b.*)" = "b.ids.npy b.labels.npy b.npy" ]
}

@test "--limit, --no-labels, --size and --ids go where they belong" {
    simclr-embed run set.bin --to csv --limit 3 --ids --no-labels >a.csv
    [ "$(wc -l <a.csv)" = 4 ]
    [ "$(tail -n 1 a.csv | sed 's/.*\(,[^,]*,[^,]*\)$/\1/')" = $',-1,2\r' ]
    simclr-embed run set.bin --to csv --limit 3 --ids --no-labels --size 20 >b.csv
    [ "$(wc -l <b.csv)" = 4 ] && ! cmp -s a.csv b.csv
}

@test "names go with pictures, and what cannot be read is left out" {
    mkdir -p photos/cat photos/dog
    cp "$BATS_TEST_DIRNAME/../golden/jpeg_colour.jpg" photos/cat/1.jpg
    cp "$BATS_TEST_DIRNAME/../golden/jpeg_grey.jpg" photos/dog/2.jpg
    head -c 100 photos/cat/1.jpg >photos/cat/3.jpg
    simclr-embed -q run photos --to csv >a.csv
    [ "$(cut -d, -f1 a.csv | tr '\n' ' ')" = "filenames cat/1.jpg dog/2.jpg " ]
    simclr-embed -q run photos -o a.npz
    grep -qa class_names a.npz
}

@test "the status of a tool that fails is passed on, and nothing is left behind" {
    mkdir temporary
    head -c 5000 set.bin >cut.bin
    export TMPDIR=$PWD/temporary
    for format in stream npz csv; do
        run --separate-stderr simclr-embed run cut.bin -o x.$format
        [ "$status" = 3 ] && [ -z "$output" ]
        run simclr-embed run set.bin --to $format -o /dev/full
        [ "$status" = 1 ]
    done
    [ -z "$(ls temporary)" ] && [ -z "$(ls | grep '^x')" ]
}

@test "a signal ends all stages" {
    mkdir temporary
    mkfifo hold
    sleep 60 >hold 3>&- &
    sleeper=$!
    TMPDIR=$PWD/temporary simclr-embed "$PWD/run" - --to csv <hold >out 2>err 3>&- &
    for ((i = 0; i < 100; i++)); do
        pgrep -f "$PWD/run/encoder" >pid && break
        sleep 0.1
    done
    [ -s pid ]
    kill -TERM $!
    status=0
    wait $! || status=$?
    kill $sleeper
    [ "$status" = 143 ]
    for ((i = 0; i < 50; i++)); do
        pgrep -f "$PWD/run/encoder" >pid || break
        sleep 0.1
    done
    [ ! -s pid ] && [ -z "$(ls temporary)" ]
}

@test "a mistake is said once, with a way out" {
    mkdir -p half/state photos texts empty
    cp "$BATS_TEST_DIRNAME/../golden/jpeg_colour.jpg" photos
    echo text >texts/a
    says() { # STATUS PATTERN LINES ARGUMENT...
        local wanted=$1 pattern=$2 count=$3
        shift 3
        run --separate-stderr simclr-embed "$@"
        echo "$* -- $status: $stderr"
        [ "$status" = "$wanted" ] && [ -z "$output" ] && [[ $stderr == $pattern ]]
        [ "$(wc -l <<<"$stderr")" = "$count" ]
    }
    says 2 "*'photos' is no run*hint: simclr-embed RUN SOURCE*" 2 photos run
    says 2 "*'photos' is no run*" 2 photos -o x.csv
    says 2 "*'half' is not finished*hint: simclr-pretrain*" 2 half photos
    says 2 "*cannot open 'none': No such file*" 1 none photos
    says 3 "*'photos/jpeg_colour.jpg' is no file of weights*hint*" 2 photos/jpeg_colour.jpg photos
    for ending in parquet XLSX json txt pt; do says 2 "*'x.$ending'*hint: *.csv*" 2 run photos -o x.$ending; done
    says 2 "*unknown option '--bogus'" 1 run photos --bogus
    says 2 "*--size takes a number*" 1 run photos --size 0 -o x.csv
    says 2 "*--limit takes a whole number*" 1 run photos --limit all -o x.csv
    says 2 "*--precision takes*" 1 run photos --precision f16 -o x.csv
    says 2 "*'empty' is an empty folder" 1 run empty -o x.csv
    says 3 "*none of 1 pictures can be read" 2 run texts -o x.npz
    says 2 "*--model is resnet18*" 1 run photos --model resnet18 -o x.csv
    [ -z "$(ls | grep '^x')" ]
    simclr-embed run photos -o photos.features
    simclr-inspect --check photos.features
}

@test "what is left out is said, whichever stage sees it" {
    mkdir photos
    cp "$BATS_TEST_DIRNAME/../golden/jpeg_colour.jpg" photos/a.jpg
    head -c 400 photos/a.jpg >photos/cut.jpg
    echo text >photos/text
    for to in csv stream; do
        simclr-embed run photos --to $to 2>said >out
        [ "$(grep -c 'leaves out picture' said)" = 2 ] && [ "$(grep -c "'cut.jpg'" said)" = 1 ]
        simclr-embed -q run photos --to $to 2>said >out
        [ ! -s said ]
    done
    simclr-embed -v run photos -o x.csv 2>said
    [ "$(grep -c '^simclr-encode: ' said)" -ge 1 ] && grep -q '^simclr-images .*| simclr-convert' said
}
