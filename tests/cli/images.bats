#!/usr/bin/env bats
# simclr-images -- every kind of source, training runs, and what is refused.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$PWD/build/bin}
    case $BIN in /*) ;; *) BIN=$PWD/$BIN ;; esac
    PATH="$BIN:$PATH"
    ROOT=$PWD
    cd "$BATS_TEST_TMPDIR"
}

# NAME COUNT: a CIFAR-10 file of COUNT pictures; picture i has label i mod 10 and one grey.
cifar() {
    perl -e 'print chr($_ % 10), chr($_ % 200 + 20) x 3072 for 0 .. $ARGV[0] - 1' "$2" >"$1"
}

# NAME: an IDX file of three pictures of 2x2, and its labels.
idx() {
    printf '\0\0\010\003\0\0\0\003\0\0\0\002\0\0\0\002abcdefghijkl' >"$1-images-idx3-ubyte"
    printf '\0\0\010\001\0\0\0\003\002\0\001' >"$1-labels-idx1-ubyte"
}

# Folder p: classes ant and bee, and files that are no pictures.
photos() {
    mkdir -p p/ant p/bee
    cp "$ROOT"/tests/golden/jpeg_colour.jpg p/ant/2.jpg
    cp "$ROOT"/tests/golden/jpeg_grey.jpg p/ant/1.jpg
    cp "$ROOT"/tests/golden/jpeg_progressive.jpg p/bee/3.jpg
    echo >p/bee/notes.txt words
}

# Walk through the safetensors documents of the stream on standard input.
# "documents": their JSON headers, one a line. "column NAME": the numbers of that I64 column.
walk() {
    zstd -dc | perl -0777 -ne '
        BEGIN { $name = shift @ARGV; binmode STDIN; @ARGV = ("-") }
        for ($at = 0; $at < length; $at += 8 + $n + $size) {
            $n = unpack "Q<", substr $_, $at, 8;
            $text = substr $_, $at + 8, $n;
            $size = 0;
            while ($text =~ /"data_offsets":\[\d+,(\d+)\]/g) { $size = $1 if $1 > $size }
            if ($name eq "") { print $text =~ s/ +$//r, "\n" }
            elsif ($text =~ /"\Q$name\E":\{"dtype":"I64","shape":\[\d+\],"data_offsets":\[(\d+),(\d+)\]/) {
                print map { "$_\n" } unpack "q<*", substr $_, $at + 8 + $n + $1, $2 - $1;
            }
        }' -- "${1-}"
}

documents() {
    walk ""
}

column() {
    walk "$1"
}

# The bytes of column pixels on standard input, of all records together.
pixels() {
    zstd -dc | perl -0777 -ne '
        for ($at = 0; $at < length; $at += 8 + $n + $size) {
            $n = unpack "Q<", substr $_, $at, 8;
            $text = substr $_, $at + 8, $n;
            $size = 0;
            while ($text =~ /"data_offsets":\[\d+,(\d+)\]/g) { $size = $1 if $1 > $size }
            print substr $_, $at + 8 + $n + $1, $2 - $1
                if $text =~ /"pixels":\{"dtype":"U8","shape":[^}]*"data_offsets":\[(\d+),(\d+)\]/;
        }'
}

@test "help goes to standard output, and the man page has the same options" {
    run -0 --separate-stderr simclr-images --help
    [ -z "$stderr" ]
    grep -oE '^  (-.,|   ) --[a-z-]+' <<<"$output" | sed 's/.*--//' | sort >table
    [ "$(wc -l <table)" -ge 14 ]
    sed -n 's/^\.It Fl \(. , Fl \)\{0,1\}-\([a-z-]*\).*/\2/p' "$ROOT/tools/simclr-images.1" | sort >page
    diff table page
}

@test "misuse has status 2 and nothing on standard output" {
    cifar a.bin 5
    for arguments in "" "--nonsense a.bin" "--batch 0 a.bin" "--batch x a.bin" "none.bin" "--epochs 1" \
        "--shuffle a.bin" "--keep-last a.bin" "--start-step 1 a.bin" "/dev/null" "a.bin none" \
        "--epochs 2 --batch 2 --start-step 5 a.bin" "--limit 0 a.bin" "--part 0 a.bin" \
        "--shard 2/2 a.bin" "--shard 1 a.bin" "--shard -1/2 a.bin" "--shard 1/ a.bin" "--shard 0/0 a.bin" \
        "--shard 0/2/3 a.bin" "--fraction 0 a.bin" "--fraction 1.1 a.bin" "--per-class 0 a.bin" \
        "--fraction 0.1 --per-class 2 a.bin" "--max-pixels 0 a.bin"; do
        run -2 bash -c "simclr-images $arguments 2>err"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
}

@test "fewer pictures than a batch are refused with both numbers" {
    cifar a.bin 5
    run -2 simclr-images a.bin --epochs 1 --batch 6
    [ "${lines[0]}" = "simclr-images: 5 pictures are fewer than a batch of 6" ]
    [[ ${lines[1]} == "simclr-images: hint: "*--batch* ]]
    run -2 simclr-images a.bin --epochs 1 --batch 6 --keep-last
    run -2 simclr-images a.bin --epochs 1 --batch 5 --limit 4
    simclr-images a.bin --epochs 1 --batch 5 >out
}

@test "a CIFAR file becomes pixels, ids and labels" {
    cifar a.bin 25
    simclr-images a.bin --batch 10 >out
    zstd -qt out
    [ "$(column id <out | tr '\n' ' ')" = "$(seq -s ' ' 0 24) " ]
    [ "$(column label <out | head -11 | tr '\n' ' ')" = "0 1 2 3 4 5 6 7 8 9 0 " ]
    documents <out | head -1 | grep -F '\"pixels\":{\"dtype\":\"U8\",\"shape\":[32,32,3]}'
    documents <out | head -1 | grep -F '\"images\":25,'
    documents <out | head -1 | grep -F '\"classes\":10'
    [ "$(documents <out | grep -c '"parts":"1","step":"[012]"')" -eq 3 ]
    zstd -dc out | grep -a '"end":"1"' | grep -a '"records":"3","rows":"25"'
}

@test "a folder of CIFAR or IDX means its training files" {
    mkdir c i
    cifar c/data_batch_1.bin 2
    cifar c/data_batch_3.bin 3
    cifar c/test_batch.bin 4
    [ "$(simclr-images c | column id | wc -l)" -eq 5 ]
    [ "$(simclr-images c/test_batch.bin | column id | wc -l)" -eq 4 ]
    idx i/train
    idx i/t10k
    simclr-images i >plain
    [ "$(column label <plain | tr '\n' ' ')" = "2 0 1 " ]
    gzip i/*
    simclr-images i | cmp - plain
    simclr-images i/t10k-images-idx3-ubyte.gz | cmp - plain
}

@test "a folder of pictures has classes and names, in bytewise order" {
    photos
    simclr-images p >out
    [ "$(column label <out | tr '\n' ' ')" = "0 0 1 " ]
    zstd -dc out | grep -aq 'ant/1.jpgant/2.jpgbee/3.jpg'
    documents <out | head -1 | grep -F '\"class_names\":[\"ant\",\"bee\"]'
    simclr-images p/ant >flat
    [ "$(column label <flat | tr '\n' ' ')" = "-1 -1 " ]
    run -0 bash -c "simclr-images -v p 2>&1 >/dev/null"
    [[ $output == *"3 pictures, 2 classes; 1 other files left out"* ]]
}

@test "mixed sources are encoded and their ids run through" {
    photos
    cifar a.bin 2
    idx t
    simclr-images a.bin p t-images-idx3-ubyte >out
    [ "$(column id <out | tr '\n' ' ')" = "0 1 2 3 4 5 6 7 " ]
    documents <out | head -1 | grep -F '\"bytes\":{\"dtype\":\"U8\",\"shape\":[null]}'
    zstd -dc out | LC_ALL=C grep -aq 'P5$'
    [ "$(zstd -dc out | LC_ALL=C grep -ac '^32 32$')" -eq 2 ]
    [ "$(zstd -dc out | LC_ALL=C grep -ao JFIF | wc -l)" -eq 3 ]
}

@test "--no-labels leaves labels and classes out" {
    photos
    simclr-images p --no-labels >out
    [ -z "$(column label <out)" ]
    [ "$(column id <out | wc -l)" -eq 3 ]
    [[ $(documents <out | head -1) != *classes* ]]
}

@test "a training run has a plan, full batches and an order a seed and epoch" {
    cifar a.bin 25
    simclr-images a.bin --batch 10 --epochs 3 --shuffle --seed 4 >out
    plan=$(documents <out | head -1 | sed 's/\\//g; s/.*"plan":"//; s/}.*//')
    for member in '"batch":10' '"epochs":3' '"steps":6' '"steps_per_epoch":2' '"seed":4'; do
        [[ $plan == *"$member"* ]]
    done
    [ "$(column id <out | wc -l)" -eq 60 ]
    column id <out | head -20 | sort -n | uniq -d >twice
    [ ! -s twice ]
    [ "$(column id <out | head -20)" != "$(column id <out | tail -20)" ]
    [ "$(simclr-images a.bin --batch 10 --epochs 3 --shuffle --seed 5 | column id)" != \
        "$(column id <out)" ]
    simclr-images a.bin --batch 10 --epochs 2 --keep-last --shuffle | column id | sort -n | uniq -c |
        awk '$1 != 2 { exit 1 }'
    # Labels go with their pictures.
    paste <(column id <out) <(column label <out) | awk '$1 % 10 != $2 { exit 1 }'
}

@test "parts cut steps and change no order" {
    cifar a.bin 25
    simclr-images a.bin --batch 10 --epochs 2 --shuffle >whole
    simclr-images a.bin --batch 10 --epochs 2 --shuffle --part 4 >cut
    [ "$(column id <whole)" = "$(column id <cut)" ]
    [ "$(documents <cut | grep -c '"part":"2","parts":"3"')" -eq 4 ]
    [ "$(simclr-images a.bin --part 4 | column id)" = "$(simclr-images a.bin | column id)" ]
}

@test "--start-step sends what the whole run would have sent from there" {
    cifar a.bin 25
    simclr-images a.bin --batch 4 --epochs 2 --shuffle --part 3 >whole
    for step in 0 5 7 11; do
        simclr-images a.bin --batch 4 --epochs 2 --shuffle --part 3 --start-step $step >rest
        [ "$(column id <rest)" = "$(column id <whole | tail -n $((4 * (12 - step))))" ]
        [ "$(documents <rest | head -1)" = "$(documents <whole | head -1)" ]
        documents <rest | sed -n 2p | grep -F "\"step\":\"$step\""
    done
    simclr-images a.bin --batch 4 --epochs 2 --shuffle --part 3 --start-step 12 >rest
    [ -z "$(column id <rest)" ]
    zstd -dc rest | grep -a '"end":"1"' | grep -a '"records":"0","rows":"0"'
}

@test "--limit applies before shuffling" {
    cifar a.bin 25
    [ "$(simclr-images a.bin --limit 7 --batch 7 --epochs 1 --shuffle | column id | sort -n |
        tr '\n' ' ')" = "0 1 2 3 4 5 6 " ]
}

@test "the same command gives the same bytes, wherever the files lie" {
    photos
    simclr-images p --epochs 2 --batch 2 --shuffle >a
    simclr-images p --epochs 2 --batch 2 --shuffle >b
    cmp a b
    cp -r p q
    simclr-images q --epochs 2 --batch 2 --shuffle -o c
    cmp a c
    [ ! -e c.part ]
}

@test "damaged files have status 3 and one line" {
    cifar a.bin 3
    truncate -s -1 a.bin
    run -3 simclr-images a.bin
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"a.bin"* ]]
    idx t
    truncate -s -1 t-images-idx3-ubyte
    run -3 simclr-images t-images-idx3-ubyte
    idx t
    gzip t-*
    truncate -s -1 t-images-idx3-ubyte.gz
    run -3 simclr-images t-images-idx3-ubyte.gz
    [[ $output == *"cut short"* ]]
    idx u
    truncate -s -1 u-labels-idx1-ubyte
    run -3 simclr-images u-images-idx3-ubyte
    printf '\001' | dd of=b.bin bs=1 seek=3072 2>/dev/null
    cifar b.bin 2
    printf '\377' | dd of=b.bin bs=1 seek=3073 conv=notrunc 2>/dev/null
    run -3 simclr-images b.bin
    [[ $output == *"picture 1 has label 255"* ]]
}

@test "an empty folder, a missing file and a file of no kind are misuse" {
    mkdir empty
    run -2 simclr-images empty
    [ "$output" = "simclr-images: 'empty' is an empty folder" ]
    run -2 simclr-images none
    [ "$output" = "simclr-images: cannot open 'none': No such file or directory" ]
    echo hello >text
    run -2 simclr-images text
    [[ ${lines[0]} == "simclr-images: 'text' is not a data set of a known kind" ]]
}

@test "a file that vanishes while running is named, left out, status 0; with --strict 3" {
    photos
    mkfifo pipe
    for strict in "" --strict; do
        cp "$ROOT"/tests/golden/jpeg_progressive.jpg p/bee/3.jpg
        # shellcheck disable=SC2086
        simclr-images p --epochs 1000 --batch 3 $strict >pipe 2>err &
        exec 7<pipe
        head -c 1000 <&7 >rest
        rm p/bee/3.jpg
        cat <&7 >>rest
        status=0
        wait $! || status=$?
        exec 7<&-
        if [ -z "$strict" ]; then
            [ $status -eq 0 ]
            [ "$(wc -l <err)" -eq 2 ]
            grep "^simclr-images: leaves out picture 'bee/3.jpg': .*No such file or directory$" err
            grep "^simclr-images: left out [0-9]* of 3000 pictures, 1 different ones$" err
            [ "$(column id <rest | sort -n | uniq -c | awk '{ print $1 }' | head -2 | tr '\n' ' ')" = "1000 1000 " ]
        else
            [ $status -eq 3 ]
            [ "$(wc -l <err)" -eq 1 ]
            grep "^simclr-images: cannot read picture 'bee/3.jpg': .*No such file or directory$" err
        fi
    done
}

@test "what is no picture is left out and named in --bad, and the run goes on" {
    photos
    echo words >p/ant/words.jpg
    head -c 30 p/ant/2.jpg >p/bee/cut.jpg
    printf 'GIF89a and more' >p/bee/film.gif
    printf 'P5 20000 20000 255\n' >$'p/bee/la\trge\n.pgm'
    ln -s loop p/bee/loop
    ln -s ../../p p/bee/up
    chmod 0 p/ant/1.jpg
    unreadable=0
    [ -r p/ant/1.jpg ] || unreadable=1
    simclr-images p --bad bad >out 2>err
    [ ! -e bad.part ]
    [ "$(wc -l <bad)" -eq $((4 + unreadable)) ]
    grep -qx $'ant/words.jpg\tnot a picture of a known kind' bad
    grep -qx $'bee/film.gif\tGIF is not supported' bad
    grep -q $'^bee/cut.jpg\tJPEG' bad
    grep -qx 'bee/la\\trge\\n.pgm'$'\tpicture of 20000 x 20000 has more than 100000000 pixels' bad
    [ "$(column id <out | wc -l)" -eq $((3 - unreadable)) ]
    [ "$(cat err)" = "simclr-images: left out $((4 + unreadable)) of 7 pictures" ]
    simclr-images p --max-pixels 1000000000 -q | column id >larger
    [ "$(wc -l <larger)" -eq $((4 - unreadable)) ]
    run -3 bash -c "simclr-images p --strict --bad none -o none.ts"
    [ "${#lines[@]}" -eq 1 ]
    [ ! -e none ] && [ ! -e none.part ] && [ ! -e none.ts ] && [ ! -e none.ts.part ]
    # What is left has the ids it would have had, epoch for epoch, and each is named once.
    run -0 bash -c "simclr-images p --epochs 5 --batch 7 --shuffle --bad bad2 2>&1 >run"
    [ "$output" = "simclr-images: left out $((20 + 5 * unreadable)) of 35 pictures, $((4 + unreadable)) different ones" ]
    cmp <(sort bad) <(sort bad2)
    [ "$(column id <run | sort -u)" = "$(column id <out | sort)" ]
}

@test "the list of bad pictures is a file, and none when the run fails" {
    photos
    echo words >p/words.jpg
    run -2 bash -c "simclr-images p --bad - 2>/dev/null"
    [ -z "$output" ]
    run -2 bash -c "simclr-images p --bad none/none 2>/dev/null"
    run -2 simclr-images p --bad ./none -o none
    [[ "$output" == *"--bad and --output are the same file './none'"* ]]
    [ ! -e none ]
    [ ! -e none.part ]
    run -1 bash -c "simclr-images p --bad none 2>/dev/null >/dev/full"
    run -0 bash -c 'simclr-images p --bad none --epochs 10000 --batch 4 | head -c 100 >/dev/null; echo ${PIPESTATUS[0]}'
    [ "$output" = 141 ]
    [ ! -e none ]
    [ ! -e none.part ]
}

@test "a step without pictures is left out, an epoch without pictures is an error" {
    photos
    echo words >p/ant/0.jpg
    simclr-images p --epochs 2 --batch 1 -q >out
    [ "$(documents <out | grep -o '"step":"[0-9]*"' | tr -dc '0-9\n' | tr '\n' ' ')" = "1 2 3 5 6 7 " ]
    [ "$(column id <out | tr '\n' ' ')" = "1 2 3 1 2 3 " ]
    zstd -dc out | grep -a '"end":"1"' | grep -a '"records":"6","rows":"6"'
    simclr-images p --epochs 2 --batch 1 --start-step 4 -q | column id >rest
    [ "$(tr '\n' ' ' <rest)" = "1 2 3 " ]
    rm p/*/[123].jpg
    run -3 simclr-images p --epochs 2 --batch 1 -q -o none
    [ "$output" = "simclr-images: no picture of epoch 0 can be read" ]
    run -3 simclr-images p -q -o none
    [ "$output" = "simclr-images: none of 1 pictures can be read" ]
    [ ! -e none ]
}

@test "a part that loses its pictures shares those of the part beside it" {
    mkdir q
    for i in 0 1 2 3 4 5 6 7; do cp "$ROOT/tests/golden/jpeg_grey.jpg" q/$i.jpg; done
    parts() { # BAD...: how many pictures each record has, and the ids
        rm -rf r
        cp -r q r
        for i in "$@"; do echo words >r/$i.jpg; done
        simclr-images r --epochs 1 --batch 8 --part 2 -q >out || return
        documents <out | grep -c '"parts":"4"' | grep -qx 4
        documents <out | grep -o '"id":{"dtype":"I64","shape":\[[0-9]*' | sed 's/.*\[//' | tr -d '\n'
        column id <out | tr '\n' ' ' | sed 's/^/: /'
    }
    [ "$(parts)" = "2222: 0 1 2 3 4 5 6 7 " ]
    [ "$(parts 2 3)" = "1122: 0 1 4 5 6 7 " ]
    [ "$(parts 6 7)" = "2211: 0 1 2 3 4 5 " ]
    [ "$(parts 0 1)" = "1122: 2 3 4 5 6 7 " ]
    [ "$(parts 1 4 5)" = "1112: 0 2 3 6 7 " ]
    [ "$(parts 0 2 3)" = "1112: 1 4 5 6 7 " ]
    [ "$(parts 0 3 6 7)" = "1111: 1 2 4 5 " ]
    # The bytes of each are its own, whatever record they went into.
    cp "$ROOT/tests/golden/jpeg_colour.jpg" q/1.jpg
    cp "$ROOT/tests/golden/jpeg_progressive.jpg" q/4.jpg
    for bad in "0" "2 3" "0 2 3" "6 7"; do
        # shellcheck disable=SC2086
        parts $bad >/dev/null
        zstd -dc out | LC_ALL=C grep -aq '1.jpg'
        simclr-augment --recipe eval --size 8 --part 8 out >views
        rm -rf r2
        cp -r q r2
        for i in $bad; do echo words >"r2/$i.jpg"; done
        simclr-images r2 -q | simclr-augment --recipe eval --size 8 >whole
        cmp <(column id <views) <(column id <whole)
        cmp <(pixels <views) <(pixels <whole)
    done
    status=0
    parts 2 3 4 6 7 2>err || status=$?
    [ $status -eq 3 ]
    grep "step 0 has too few pictures that can be read for its 4 parts" err
}

@test "shards are all pictures once, with the ids of the whole" {
    cifar a.bin 25
    photos
    for batch in 4 100; do
        for source in a.bin p; do
            simclr-images $source --batch $batch >whole
            simclr-images $source --batch $batch --shard 0/2 >s0
            simclr-images $source --batch $batch --shard 1/2 >s1
            cat s0 s1 >both
            simclr-inspect both >/dev/null
            [ "$(column id <both | sort -n)" = "$(column id <whole)" ]
            column id <s1 | awk '$1 % 2 != 1 { exit 1 }'
            [ "$(paste <(column id <both) <(column label <both) | sort -n)" = \
                "$(paste <(column id <whole) <(column label <whole))" ]
        done
    done
    simclr-images a.bin --shard 1/2 >s1
    documents <s1 | head -1 | grep -F '\"shard\":[1,2]'
    documents <s1 | head -1 | grep -F '\"images\":12'
    simclr-images a.bin --shard 2/3 --epochs 3 --batch 4 --shuffle | column id | sort -n | uniq -c |
        awk '$1 != 3 || $2 % 3 != 2 { exit 1 }'
    simclr-images a.bin --shard 3/40 --limit 3 >none
    zstd -dc none | grep -a '"end":"1"' | grep -a '"records":"0","rows":"0"'
}

@test "fractions are nested and of each class, and so are numbers a class" {
    cifar a.bin 500
    simclr-images a.bin --fraction 0.01 --seed 3 >one
    simclr-images a.bin --fraction 0.1 --seed 3 >ten
    simclr-images a.bin --per-class 5 --seed 3 >five
    [ "$(column label <one | sort -n | tr '\n' ' ')" = "0 1 2 3 4 5 6 7 8 9 " ]
    [ "$(column label <ten | sort -n | uniq -c | awk '{ print $1 }' | sort -u)" = 5 ]
    [ -z "$(comm -23 <(column id <one | sort) <(column id <ten | sort))" ]
    cmp <(column id <ten) <(column id <five)
    cmp <(column id <ten) <(column id <ten | sort -n)
    documents <ten | head -1 | grep -F '\"images\":50'
    [ "$(simclr-images a.bin --fraction 0.1 --seed 4 | column id)" != "$(column id <ten)" ]
    # Shards and epochs of a choice.
    [ "$(for i in 0 1 2; do simclr-images a.bin --fraction 0.1 --seed 3 --shard $i/3; done | column id | sort -n)" = \
        "$(column id <ten)" ]
    [ "$(simclr-images a.bin --fraction 0.1 --seed 3 --epochs 2 --batch 50 --shuffle | column id | sort -n | uniq -d)" = \
        "$(column id <ten)" ]
    # --limit comes first; labels that are not sent still count.
    [ "$(simclr-images a.bin --limit 10 --fraction 0.01 --no-labels | column id)" = "$(seq 0 9)" ]
    paste <(column id <one) <(column label <one) | awk '$1 % 10 != $2 { exit 1 }'
}

@test "--per-class of a set without labels means all of it" {
    photos
    simclr-images p/ant --per-class 1 >one
    [ "$(column id <one | wc -l)" -eq 1 ]
    [ "$(simclr-images p --per-class 5 | column id | wc -l)" -eq 3 ]
}

@test "names with spaces, tabs and newlines arrive as they are" {
    photos
    mv p/ant/1.jpg $'p/ant/a b\tc\nd.jpg'
    simclr-images p >out
    zstd -dc out | tr '\n\t' '|~' | grep -aqF 'ant/2.jpgant/a b~c|d.jpgbee/3.jpg'
}

@test "an archive in a pipe is what it is in a file" {
    photos
    (cd p && tar cf ../p.tar ant/1.jpg ant/2.jpg bee/3.jpg bee/notes.txt)
    simclr-images p >folder
    for input in "cat p.tar" "gzip -c p.tar" "zstd -qc p.tar"; do
        $input | simclr-images - >out
        zstd -qt out
        cmp <(column id <out) <(column id <folder)
        simclr-augment --recipe eval --size 8 out | pixels >views
        simclr-augment --recipe eval --size 8 folder | pixels | cmp - views
        zstd -dc out | grep -aq 'ant/1.jpgant/2.jpgbee/3.jpg'
        # Epochs need it again and again: it is copied.
        [ "$($input | simclr-images - --epochs 2 --batch 3 --shuffle | column id)" = \
            "$(simclr-images p --epochs 2 --batch 3 --shuffle | column id)" ]
        [ "$($input | simclr-images - --per-class 1 | column id)" = "$(simclr-images p --per-class 1 | column id)" ]
        [ "$($input | simclr-images - --limit 2 --batch 1 | column id | tr '\n' ' ')" = "0 1 " ]
        [ "$(for i in 0 1; do $input | simclr-images - --shard $i/2; done | column id | tr '\n' ' ')" = "0 2 1 " ]
    done
    run -0 bash -c "cat p.tar | simclr-images - -v 2>&1 >out"
    [[ $output == *"3 pictures, 0 classes; 1 other files left out"* ]]
    # Sub-folders are classes once all names are known; labels of their own come along at once.
    cat p.tar | simclr-images - --fraction 1 | column label | cmp - <(column label <folder)
    echo 4 >p/ant/1.cls
    echo 7 >p/ant/2.cls
    (cd p/ant && tar cf ../../w.tar 1.cls 1.jpg 2.jpg 2.cls)
    [ "$(cat w.tar | simclr-images - | column label | tr '\n' ' ')" = "4 7 " ]
}

@test "records are sent while the archive is still coming" {
    photos
    (cd p && tar cf ../p.tar ant/1.jpg ant/2.jpg bee/3.jpg)
    half=$(($(stat -c %s p/ant/1.jpg p/ant/2.jpg | paste -sd+) + 3000))
    mkfifo pipe
    simclr-images pipe --batch 1 >out &
    exec 7>pipe
    head -c $half p.tar >&7
    for ((i = 0; i < 100 && $(stat -c %s out) < 1000; i++)); do sleep 0.05; done
    kill -0 $!
    [ "$(column id <out 2>/dev/null | head -1)" = 0 ]
    tail -c +$((half + 1)) p.tar >&7
    exec 7>&-
    wait $!
    [ "$(column id <out | tr '\n' ' ')" = "0 1 2 " ]
    zstd -qt out
}

@test "an archive that is cut short has status 3, wherever it comes from, and no end record" {
    photos
    (cd p && tar cf ../p.tar ant/1.jpg ant/2.jpg bee/3.jpg)
    for size in 600 3000 $(($(stat -c %s p/*/*.jpg | paste -sd+) + 600)); do
        head -c $size p.tar >cut.tar
        run -3 bash -c "simclr-images cut.tar 2>&1 >out"
        run -3 bash -c "cat cut.tar | simclr-images - 2>&1 >out"
        [ "${#lines[@]}" -eq 1 ]
        run ! grep -aq '"end":"1"' <(zstd -dc out 2>/dev/null)
    done
}

@test "bad pictures of an archive in a pipe are left out and named" {
    photos
    echo words >p/ant/0.jpg
    (cd p && tar cf ../p.tar ant/0.jpg ant/1.jpg ant/2.jpg bee/3.jpg)
    cat p.tar | simclr-images - --batch 1 --bad bad -q >out
    [ "$(cat bad)" = $'ant/0.jpg\tnot a picture of a known kind' ]
    [ "$(column id <out | tr '\n' ' ')" = "1 2 3 " ]
    simclr-images p --batch 1 -q | column id | cmp - <(column id <out)
    run -3 bash -c "cat p.tar | simclr-images - --strict 2>&1 >/dev/null"
    [[ $output == *"cannot read picture 'ant/0.jpg': not a picture"* ]]
    (cd p && tar cf ../none.tar ant/0.jpg)
    run -3 bash -c "cat none.tar | simclr-images - -q 2>&1 >/dev/null"
    [ "$output" = "simclr-images: none of 1 pictures can be read" ]
}

@test "two pictures are enough" {
    photos
    simclr-images p/ant --epochs 3 --batch 2 --shuffle >out
    [ "$(column id <out | sort | uniq -c | tr -s ' \n' ' ')" = " 3 0 3 1 " ]
    simclr-images p/ant/1.jpg p/bee/3.jpg | column id | wc -l | grep -x 2
}

@test "an early reader ends it with 141" {
    cifar a.bin 5
    run -0 bash -c 'simclr-images a.bin --batch 1 --epochs 10000 -z 1 | head -c 100 >/dev/null; echo ${PIPESTATUS[0]}'
    [ "$output" = 141 ]
}

@test "a full disk is status 1" {
    cifar a.bin 5
    run -1 bash -c 'simclr-images a.bin >/dev/full'
    [[ $output == *"No space left"* ]]
}

@test "a terminal is refused" {
    cifar a.bin 5
    run -2 script -qec "simclr-images a.bin" /dev/null
    [[ $output == *terminal* ]]
}

@test "a first signal leaves a training run alone, a second ends it" {
    cifar a.bin 5
    mkfifo pipe
    simclr-images a.bin --batch 5 --epochs 1000000 >pipe &
    exec 7<pipe
    head -c 1000 <&7 >/dev/null
    kill -TERM $!
    sleep 0.2
    kill -0 $!
    head -c 500000 <&7 >/dev/null
    kill -TERM $!
    status=0
    wait $! || status=$?
    [ $status -eq 143 ]
}

@test "a signal ends a plain pass" {
    cifar a.bin 5
    mkfifo pipe
    simclr-images a.bin --batch 1 $(for i in $(seq 2000); do echo a.bin; done) >pipe &
    exec 7<pipe
    head -c 1000 <&7 >/dev/null
    kill -TERM $!
    status=0
    wait $! || status=$?
    [ $status -eq 143 ]
}

@test "a killed run leaves no part of a file" {
    cifar a.bin 5
    simclr-images a.bin --batch 5 --epochs 1000000 -o out &
    while [ ! -s out.part ]; do sleep 0.05; done
    kill -TERM $!
    sleep 0.1
    [ -e out.part ]
    kill -TERM $!
    status=0
    wait $! || status=$?
    [ $status -eq 143 ]
    [ ! -e out.part ]
    [ ! -e out ]
}

@test "real data sets: CIFAR-10 and photos of clothes" {
    data=${SIMCLR_DATA:-}
    [ -n "$data" ] || skip "no SIMCLR_DATA"
    [[ $data == /* ]] || data=$ROOT/$data
    simclr-images "$data/cifar-10-batches-bin" --limit 300 >out
    documents <out | head -1 | grep -F '[\"airplane\",\"automobile\"'
    documents <out | head -1 | grep -F '\"images\":300'
    run -0 bash -c "simclr-images '$data/clothing/test' -v 2>&1 >photos"
    [[ $output == *"372 pictures, 10 classes"* ]]
    zstd -qt photos
}

@test "real data sets: Fashion-MNIST" {
    data=/usr/share/datasets/fashion-mnist
    [ -d $data ] || skip "no dataset-fashion-mnist"
    run -0 bash -c "simclr-images $data -v 2>&1 >out"
    [[ $output == *"60000 pictures, 10 classes"* ]]
    run -0 bash -c "simclr-images $data/t10k-images-idx3-ubyte.gz -v 2>&1 >out"
    [[ $output == *"10000 pictures, 10 classes"* ]]
}
