#!/usr/bin/env bats
# The pictures of a folder that look most like a given one: what is found, and what becomes of the index.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/runs

setup() {
    common_setup
    GOLDEN=$BATS_TEST_DIRNAME/../golden
    if [ ! -e "$BATS_FILE_TMPDIR/encoder.safetensors" ]; then # once for all tests
        "$SUPPORT/make_cifar" 30 1 >"$BATS_FILE_TMPDIR/set.bin"
        mkfifo "$BATS_FILE_TMPDIR/gh" "$BATS_FILE_TMPDIR/gz"
        train 0 "$BATS_FILE_TMPDIR/encoder.safetensors"
    fi
    mkdir run temporary
    cp "$BATS_FILE_TMPDIR/encoder.safetensors" run
    export TMPDIR=$PWD/temporary
}

train() { # SEED FILE
    simclr-images -q --batch 30 --epochs 1 --seed "$1" "$BATS_FILE_TMPDIR/set.bin" |
        simclr-augment -q --size 16 --views 2 |
        simclr-encode -q -m resnet20 --train --grad "$BATS_FILE_TMPDIR/gh" --save "$2" |
        simclr-project -q --train --grad "$BATS_FILE_TMPDIR/gz" --grad-out "$BATS_FILE_TMPDIR/gh" --dim 8 |
        simclr-ntxent -q --grad-out "$BATS_FILE_TMPDIR/gz" >/dev/null
}

teardown() {
    [ -z "$(ls temporary)" ]
    [ -z "$(find . -name '*.part')" ]
}

picture() { # NUMBER FILE: a small picture of noise, its own
    { printf 'P6\n8 8\n255\n' && head -c $(($1 * 192)) "$BATS_FILE_TMPDIR/set.bin" | tail -c 192; } >"$2"
}

# Folder p: eight pictures in two sub-folders.
pictures() {
    local i
    mkdir -p p/ant p/bee
    for i in 1 2 3 4; do picture $i p/ant/$i.ppm; picture $((i + 4)) p/bee/$i.ppm; done
    picture 9 new.ppm
}

# How many pictures a search encodes: the number that -v says.
encoded() { # OPTION...
    simclr-search -v "$@" 2>&1 >/dev/null | sed -nE "s/.*': ([0-9]+) of .* files encoded.*/\1/p"
}

# The table of a search as it would be without an index.
wanted() { # FOLDER QUERY K
    simclr-embed -q run "$1" | simclr-select --columns h,name -o all
    simclr-images -q "$2" | simclr-augment -q --recipe eval --size 16 |
        simclr-encode -q --weights run/encoder.safetensors | simclr-select --columns h -o one
    echo $'query\tneighbour\tcosine'
    simclr-knn --neighbors "$3" --query one all | tail -n +2 |
        awk -F '\t' -v q="$2" -v p="$1" 'BEGIN { OFS = FS } { print q, p "/" $2, $3 }'
}

@test "misuse is 2, with nothing on stdout and nothing left behind" {
    pictures
    mkdir -p empty full half/state
    touch full/x
    for options in "" "run" "none p new.ppm" "p p new.ppm" "run none new.ppm" "run p none" "run p p" \
        "run p new.ppm --neighbors 0" "run p new.ppm --neighbors 1x" "run p new.ppm --piece 0" \
        "run p new.ppm --sheet a.gif" "run p new.ppm --sheet none/a.png" "run p new.ppm -o none/a" \
        "run p new.ppm --bogus 1" "run p new.ppm --index" "run p new.ppm --index full" \
        "run p new.ppm --index new.ppm" "run p new.ppm --index p/ant/index" "run empty new.ppm" "half p new.ppm" \
        "run p new.ppm --bogus"; do
        echo "$options"
        run --separate-stderr bash -c "simclr-search $options | cat; exit \${PIPESTATUS[0]}"
        [ "$status" = 2 ] && [ -z "$output" ] && [[ $stderr == simclr-*:* ]]
        [ "$(grep -vc hint: <<<"$stderr")" = 1 ]
    done
    [ "$(ls full)" = x ] && [ ! -e p/ant/index ]
}

@test "the table is that of the tools, the first time and from the index" {
    pictures
    wanted p new.ppm 3 >table
    [ "$(wc -l <table)" = 4 ]
    simclr-search run p new.ppm --neighbors 3 | cmp - table
    simclr-search run p new.ppm --neighbors 3 -t 2 | cmp - table
    simclr-search run/encoder.safetensors p new.ppm --neighbors=3 -o out
    cmp out table
    simclr-search run p - --neighbors 3 <new.ppm | sed 's/^-/new.ppm/' | cmp - table
    simclr-search run p <(cat new.ppm) --neighbors 3 | sed 's|^/dev/fd/[0-9]*|new.ppm|' | cmp - table
    [ "$(simclr-search run p/ new.ppm p/ant/1.ppm --neighbors 2 | wc -l)" = 5 ]
    [ "$(ls run/search | wc -l)" = 1 ] && [ "$(ls run/encoder.safetensors.search | wc -l)" = 1 ]
    [ "$(find p -newer run/encoder.safetensors -name '*.*' | grep -vc ppm)" = 0 ]
}

@test "a query of the folder is not its own neighbour, by whatever path; copies of it are" {
    pictures
    cp p/ant/2.ppm p/bee/copy.ppm
    ln -s p/ant/2.ppm link.ppm
    for query in p/ant/2.ppm "$PWD/p/bee/../ant/2.ppm" link.ppm; do
        simclr-search run p "$query" >table
        [ "$(wc -l <table)" = 9 ]
        [ "$(sed -n 2p table | cut -f 2,3)" = $'p/bee/copy.ppm\t1.000000' ]
        ! cut -f 2 table | grep -qx p/ant/2.ppm || false
    done
    for i in 1 2 3 4; do ln -s ../ant/2.ppm p/bee/l$i.ppm; done
    simclr-search run p p/ant/2.ppm --neighbors 8 >table
    [ "$(wc -l <table)" = 9 ]
    [ "$(grep -c 'l[1-4].ppm' table)" = 0 ]
}

@test "only what is new or has changed is encoded again, and what is gone is gone" {
    pictures
    [ "$(encoded run p new.ppm)" = 8 ]
    [ "$(encoded run p new.ppm)" = 0 ]
    cp new.ppm p/bee/5.ppm
    [ "$(encoded run p)" = 1 ]
    simclr-search run p new.ppm --neighbors 1 | grep -q $'p/bee/5.ppm\t1.000000$'
    rm p/bee/5.ppm p/ant/1.ppm
    [ "$(encoded run p new.ppm)" = 0 ]
    simclr-search run p new.ppm | cmp - <(wanted p new.ppm 7)
    cp new.ppm p/ant/3.ppm # other content, same size
    [ "$(encoded run p)" = 1 ]
    simclr-search run p new.ppm | grep -q $'p/ant/3.ppm\t1.000000$'
    touch -d 2001-01-01 p/bee/1.ppm
    [ "$(encoded run p)" = 1 ]
    mv p/bee p/cow
    [ "$(encoded run p)" = 4 ]
    simclr-search run p new.ppm | sort | cmp - <(wanted p new.ppm 7 | sort)
    [ "$(encoded run p --rebuild)" = 7 ]
}

@test "other weights and other options make other features" {
    pictures
    [ "$(encoded run p new.ppm)" = 8 ]
    [ "$(encoded run p new.ppm --size 20)" = 8 ]
    [ "$(encoded run p new.ppm --size 20)" = 0 ]
    [ "$(encoded run p new.ppm)" = 8 ]
    train 1 run/encoder.safetensors
    [ "$(encoded run p new.ppm)" = 8 ]
    [ "$(encoded run p new.ppm)" = 0 ]
}

@test "an index made on a CPU where auto is another precision is made anew" {
    pictures
    [ "$(encoded run p new.ppm)" = 8 ]
    mkdir cpu # where auto is bf16, or f32 if it is bf16 here
    auto=$(simclr-encode --version | sed -n 's/^convolutions in \(.*\):.* (auto)$/\1/p')
    [ "$auto" = f32 ] && other=bf16 || other=f32
    cat >cpu/simclr-encode <<EOF
#!/bin/bash
case " \$* " in
    " --version ") "$BIN/simclr-encode" --version | sed "s/ (auto)//; /^convolutions in $other:/s/\$/ (auto)/" ;;
    *) exec "$BIN/simclr-encode" --precision $other "\$@" ;;
esac
EOF
    chmod +x cpu/simclr-encode
    PATH=$PWD/cpu:$PATH
    [ "$(encoded run p new.ppm)" = 8 ]
    [ "$(encoded run p new.ppm)" = 0 ]
}

@test "names may have any bytes" {
    mkdir -p p/-x run2
    i=0
    for name in $'new\nline.ppm' $'end\n' ' ' $'\xff\xfe.ppm' -dash.ppm $'tab\t.ppm' 'a & b\n.ppm' '-x/"$(q)'"'.ppm"; do
        i=$((i + 1))
        picture $i "p/$name"
    done
    simclr-search run p p/*.ppm p/$'end\n' --neighbors 20 --null >out
    [ "$(tr -cd '\0' <out | wc -c)" = $((6 * 7 * 3)) ]
    declare -A seen=()
    while IFS= read -r -d '' query && IFS= read -r -d '' name && IFS= read -r -d '' cosine; do
        [ -f "$query" ] && [ -f "$name" ] && [ "$query" != "$name" ]
        seen[x$name]=1
    done <out
    [ ${#seen[@]} = 8 ]
    simclr-search run p p/*.ppm p/$'end\n' --neighbors 20 >table
    [ "$(wc -l <table)" = 43 ]
    (cd p && simclr-search ../run . --neighbors 1 -- -dash.ppm) | grep -q '^-dash.ppm'
    rm p/$'end\n'
    [ "$(encoded run p --index "$PWD/a & b" -- p/-dash.ppm)" = 7 ]
    picture 8 p/$'end\n'
    [ "$(encoded run p --index 'a & b')" = 1 ]
    rm p/$'new\nline.ppm'
    [ "$(simclr-search run p p/-dash.ppm --index 'a & b' --null | grep -zc line)" = 0 ]
}

@test "what cannot be read is named once and tried again when it has changed" {
    pictures
    head -c 100 p/ant/1.ppm >p/ant/cut.ppm
    echo nothing >p/fake
    echo text >p/notes.txt
    run --separate-stderr simclr-search run p new.ppm
    [ "$status" = 0 ] && [ "${#lines[@]}" = 9 ]
    [ "$(grep -c "^simclr-search: left out '.*': " <<<"$stderr")" = 2 ]
    [[ $stderr == *"'ant/cut.ppm'"* && $stderr == *"'fake'"* ]]
    run --separate-stderr simclr-search run p new.ppm
    [ "$status" = 0 ] && [ -z "$stderr" ]
    cp new.ppm p/fake
    [ "$(encoded run p)" = 1 ]
    simclr-search run p new.ppm | grep -q $'p/fake\t1.000000$'
    for i in $(seq 20); do echo "$i" >p/fake$i; done
    simclr-search run p 2>said
    [ "$(wc -l <said)" = 11 ] && grep -q '20 pictures' said
    rm p/fake* p/ant/[0-9]* p/bee/*
    run -3 simclr-search run p new.ppm
    [ "$output" = "simclr-search: no picture of 'p' can be read" ]
    echo text >bad
    run -3 --separate-stderr simclr-search run p bad --index none
    [ -z "$output" ] && [[ $stderr == *"bad"* ]] && [ "$(wc -l <<<"$stderr")" = 1 ]
    [ ! -e none ]
}

@test "what could not be opened is tried again" {
    [ "$(id -u)" != 0 ] || skip "root may open everything"
    pictures
    chmod 0 p/ant/1.ppm
    simclr-search run p 2>said
    grep -q 'Permission denied' said
    chmod 644 p/ant/1.ppm
    [ "$(encoded run p)" = 1 ]
}

@test "an index that is being made when it is killed goes on from there" {
    pictures
    for i in $(seq 40); do picture 1 p/$i.ppm; done
    simclr-search run p --piece 1 --index ix 2>/dev/null 3>&- &
    for ((i = 0; i < 200; i++)); do
        [ "$(tr -cd '\0' 2>/dev/null <ix/files | wc -c)" -lt 5 ] || break
        sleep 0.1
    done
    kill -9 $!
    wait $! || true
    until rm -rf temporary/* 2>/dev/null; do sleep 0.1; done # its stages end a little later
    left=$(encoded run p --index ix)
    echo "$left left"
    [ "$left" -gt 0 ] && [ "$left" -lt 48 ]
    [ "$(ls ix/features.* | wc -l)" -le 8 ]
    simclr-search run p new.ppm --neighbors 48 --index ix | sort | cmp - <(wanted p new.ppm 48 | sort)
}

@test "a signal ends all stages, and the index is whole" {
    pictures
    for i in $(seq 40); do picture 1 p/$i.ppm; done
    simclr-search run p --piece 1 --index ix 3>&- &
    for ((i = 0; i < 200; i++)); do [ ! -e ix/files ] || break; sleep 0.1; done
    kill -TERM $!
    status=0
    wait $! || status=$?
    [ "$status" = 143 ]
    for ((i = 0; i < 50; i++)); do
        pgrep -f "$PWD/run/encoder" >pid || break
        sleep 0.1
    done
    [ ! -s pid ]
    [ "$(simclr-search run p new.ppm --neighbors 48 --index ix | wc -l)" = 49 ]
}

@test "two searches at once do not hurt each other" {
    pictures
    for i in $(seq 10); do picture 1 p/$i.ppm; done
    for i in 1 2 3 4; do
        simclr-search -q run p new.ppm --piece 3 >out.$i 2>err.$i 3>&- &
        pids[i]=$!
    done
    for i in 1 2 3 4; do wait "${pids[i]}" || { cat err.$i; false; }; [ ! -s err.$i ]; cmp out.1 out.$i; done
    [ "$(wc -l <out.1)" = 11 ]
    [ "$(encoded run p)" = 0 ]
}

@test "a damaged index is seen, or made anew" {
    pictures
    simclr-search run p new.ppm --index ix >table
    : >ix/files
    simclr-search run p new.ppm --index ix | cmp - table
    head -c 100 ix/files >x && mv x ix/files
    simclr-search run p new.ppm --index ix | cmp - table
    sed -i 's/ant/ANT/' ix/files
    simclr-search run p new.ppm --index ix | cmp - table
    rm ix/features.*
    simclr-search run p new.ppm --index ix | cmp - table
    head -z -n 1 ix/files >forged # a digest that is right, and a stream that is none
    printf 'a[$(touch$IFS"owned")]\0' >body
    { sha256sum <body | tr '\n' '\0' && cat body; } >>forged
    cp ix/features.* 'ix/features.a[$(touch$IFS"owned")]'
    cp forged ix/files
    simclr-search run p new.ppm --index ix | cmp - table
    [ ! -e owned ] && [ "$(ls ix/features.* | wc -l)" = 1 ]
    truncate -s -20 ix/features.*
    run -3 --separate-stderr simclr-search run p new.ppm --index ix
    [ -z "$output" ] && [[ $stderr == *"--rebuild"* ]]
    simclr-search run p new.ppm --index ix --rebuild | cmp - table
}

@test "an archive, an array and a list are searched as a whole" {
    pictures
    tar -C p -cf a.tar ant bee
    simclr-search run a.tar new.ppm --neighbors 3 >table
    simclr-search run p new.ppm --neighbors 3 | sed 's|\tp/|\t|' | cmp - table
    simclr-search -v run a.tar new.ppm 2>&1 >/dev/null | grep -c 'encoded all' | grep -qx 0
    tar -C p -cf a.tar ant
    [ "$(simclr-search run a.tar new.ppm | wc -l)" = 5 ]
    (cd p && ls */*) >p/list
    [ "$(simclr-search run p/list new.ppm --neighbors 3 | tail -n 1)" = "$(tail -n 1 table)" ]
    cp "$BATS_FILE_TMPDIR/set.bin" set.bin
    simclr-search run set.bin new.ppm --neighbors 3 >table
    [ "$(wc -l <table)" = 4 ] && ! grep -v $'^new.ppm\t[0-9]*\t\|^query' table
    run -2 simclr-search run set.bin new.ppm --sheet x.png
    mkdir cifar
    cp set.bin cifar/data_batch_1.bin
    simclr-search run cifar new.ppm --neighbors 3 | cmp - table
}

@test "the sheet has a row for each query, and the neighbours in their order" {
    pictures
    simclr-search run p new.ppm p/ant/1.ppm --neighbors 3 --sheet s.png >table
    mapfile -t paths < <(tail -n +2 table | cut -f 2)
    simclr-images new.ppm "${paths[@]:0:3}" p/ant/1.ppm "${paths[@]:3}" |
        simclr-sheet --columns 4 --rows 2 --names -o wanted.png
    [ "$(xxd -s 16 -l 8 -p s.png)" = "$(xxd -s 16 -l 8 -p wanted.png)" ]
    simclr-search run p p/ant/1.ppm --neighbors 30 --sheet s.jpg >table
    [ -s s.jpg ] && [ "$(wc -l <table)" = 8 ]
    ln -s /dev/full full.png
    run -1 simclr-search run p new.ppm --sheet full.png
}

@test "a full disk is 1, an early reader 141" {
    pictures
    run -1 simclr-search run p new.ppm -o /dev/full
    run bash -c 'simclr-search run p $(for i in $(seq 2000); do echo new.ppm; done) | head -n 1; echo "${PIPESTATUS[0]}"'
    [ "${lines[1]}" = 141 ]
}
