#!/usr/bin/env bats
# simclr-images -- lists, arrays, streams and archives as its sources, alone and mixed.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$PWD/build/bin}
    case $BIN in /*) ;; *) BIN=$PWD/$BIN ;; esac
    PATH="$BIN:$PATH"
    ROOT=$PWD
    cd "$BATS_TEST_TMPDIR"
    mkdir -p p/ant p/bee
    cp "$ROOT"/tests/golden/jpeg_colour.jpg p/ant/2.jpg
    cp "$ROOT"/tests/golden/jpeg_grey.jpg p/ant/1.jpg
    cp "$ROOT"/tests/golden/jpeg_progressive.jpg p/bee/3.jpg
}

# What a stream has, without its provenance: classes, and a digest of all tensors.
content() {
    simclr-inspect "$1" | grep -E '^(dataset|end)'
    simclr-inspect --digest <"$1"
}

# Classes and names of the rows of a stream.
names() {
    zstd -dc "$1" | grep -aoE '(ant|bee)/[0-9]\.jpg'
}

@test "a list of paths is the folder it was made of" {
    simclr-images p >folder
    (cd p && find . -name '*.jpg' | sort | sed 's|^\./||; s|\(.*\)/.*|&\t\1|' >list.txt)
    simclr-images p/list.txt >out
    cmp <(content out) <(content folder)
    (cd p && simclr-images - <list.txt) | cmp - out
    (cd p && simclr-images - --epochs 1 --batch 3 --keep-last <list.txt) >run
    [ "$(simclr-inspect run | grep -c '"class_names":\["ant","bee"\]')" -eq 1 ]
}

@test "a file of a list that is gone is left out and named" {
    printf '%s\n' p/ant/1.jpg p/ant/gone.jpg p/bee/3.jpg >list
    run -0 --separate-stderr bash -c "simclr-images list --bad bad >out"
    [ "$(cat bad)" = $'p/ant/gone.jpg\tcannot open \'p/ant/gone.jpg\': No such file or directory' ]
    [ "$(simclr-inspect out | grep -c 'rows 2')" -eq 1 ]
    run -2 simclr-images bad
    [[ ${lines[0]} == "simclr-images: 'bad' is not a data set of a known kind" ]]
    [ "${lines[1]}" = "simclr-images: hint: if it is a list of paths: there is no 'p/ant/gone.jpg'" ]
}

@test "a stream of images is a source: what was sent comes out again" {
    simclr-images p >a
    simclr-images a >b
    cmp <(simclr-inspect --digest <a) <(simclr-inspect --digest <b)
    simclr-inspect b | grep '"class_names":\["ant","bee"\]'
    [ "$(cat a b | simclr-images - --epochs 1 --batch 6 | simclr-inspect | grep -c '"class_names":\["ant","bee"\]')" -eq 1 ]
    simclr-augment --size 8 a >views
    run -2 simclr-images views
    [[ $output == *"'views' is a stream of views, not of images"* ]]
    simclr-images p --epochs 2 --batch 3 >run
    run -2 simclr-images run
    [[ $output == *"a training run of 2 epochs"* ]]
}

@test "a NumPy array has pixels, and labels beside it" {
    {
        printf '\223NUMPY\1\0\100\0%-63s\n' "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 2, 3)}"
        printf 'abcdefghijkl'
    } >x.npy
    {
        printf '\223NUMPY\1\0\100\0%-63s\n' "{'descr': '<i2', 'fortran_order': False, 'shape': (2,)}"
        printf '\3\0\1\0'
    } >x.labels.npy
    simclr-images x.npy >out
    simclr-inspect out | grep -P '^column\tpixels\tU8\t\[1,2,3\]'
    simclr-inspect out | grep '"classes":4'
    zstd -dc out | grep -aq abcdefghijkl
}

@test "everything on one command line is one data set" {
    tar -C p -czf bee.tgz bee/3.jpg
    tar -C p -cf ant.tar ant/1.jpg ant/2.jpg bee/3.jpg
    printf 'p/ant/1.jpg\tbee\n' >list
    simclr-images p >stream
    simclr-images p ant.tar list stream <(cat bee.tgz) p/ant/1.jpg --epochs 1 --batch 12 >out
    simclr-inspect out | grep '"images":12,.*"class_names":\["ant","bee"\]'
    [ "$(simclr-images p ant.tar list stream <(cat bee.tgz) p/ant/1.jpg | simclr-inspect | grep -c 'rows 12')" -eq 1 ]
}

@test "what passes by is copied to TMPDIR, where nothing is left" {
    tar -cf p.tar p
    mkdir tmp
    cat p.tar | TMPDIR=$PWD/tmp simclr-images - --epochs 1 --batch 3 >out
    [ -z "$(ls -A tmp)" ]
    cmp <(names out) <(simclr-images p.tar --epochs 1 --batch 3 >plain; names plain)
    run -1 bash -c "cat p.tar | TMPDIR=/none simclr-images - --epochs 1 --batch 3 2>&1 >/dev/null"
    [ "$output" = "simclr-images: cannot make a temporary file in '/none' (TMPDIR): No such file or directory" ]
    run -1 bash -c "ulimit -f 1; trap '' XFSZ; cat p.tar | simclr-images - --epochs 1 --batch 3 2>&1 >/dev/null"
    [[ $output == *"cannot write a temporary file in '"* ]]
    [[ $output == *"hint: "*TMPDIR* ]]
}

@test "folders of an archive that was sent while it arrived are no classes, and that is said" {
    tar -cf p.tar p
    gzip -k p.tar
    run -0 bash -c "simclr-images p.tar.gz 2>&1 >out"
    [ "$output" = "simclr-images: 'p.tar.gz' was sent while it arrived: its folders are no classes (with --fraction 1 they are)" ]
    [ "$(simclr-inspect out | grep ^dataset)" = $'dataset\t{"shard":[0,1]}' ]
    run -0 bash -c "cat p.tar | simclr-images - 2>&1 >out"
    [[ $output == *"'standard input' was sent"* ]]
    run -0 bash -c "simclr-images p.tar.gz --fraction 1 2>&1 >out"
    [ -z "$output" ]
    simclr-inspect out | grep -F '"class_names":["ant","bee"]'
    echo 7 >p/ant/1.cls
    tar -C p/ant -czf flat.tgz . # not in the folder itself, which would change as tar reads it
    tar -C p/ant -czf labelled.tgz ../ant 2>/dev/null
    for quiet in 'p.tar.gz --no-labels' 'p.tar.gz --quiet' p.tar flat.tgz labelled.tgz; do
        run -0 bash -c "simclr-images $quiet 2>&1 >out"
        [ -z "$output" ]
    done
}

@test "a link that goes in circles is not followed for ever" {
    ln -s .. p/ant/up
    ln -s loop p/bee/loop.jpg
    ln -s loop.jpg p/bee/loop
    run -0 bash -c "timeout 10 simclr-images p -v 2>&1 >out"
    [[ $output == *"3 pictures, 2 classes; 2 other files left out"* ]]
}

@test "standard input is no terminal, is not empty and is read once" {
    run -2 bash -c "simclr-images - </dev/null 2>&1 >out"
    [ "$output" = "simclr-images: 'standard input' is empty" ]
    [ ! -s out ]
    tar -cf p.tar p
    run -2 bash -c "simclr-images - - <p.tar 2>&1 >out"
    [ "$output" = "simclr-images: standard input cannot be read twice" ]
    tar -cf none.tar -C p -T /dev/null
    run -3 bash -c "simclr-images - <none.tar 2>&1 >out"
    [ "$output" = "simclr-images: there are no pictures in 'standard input' (0 other files)" ]
    run -2 script -qec "simclr-images - >out" /dev/null
    [[ $output == *"cannot read pictures from a terminal"* ]]
}

@test "--list writes the names that a list is made of, and no more than was asked for" {
    [ "$(simclr-images p --list | tr '\0' '|')" = "ant/1.jpg|ant/2.jpg|bee/3.jpg|" ]
    simclr-images p --list >list
    wanted=$(simclr-images --no-labels p | simclr-inspect --digest)
    [ "$(cd p && simclr-images --no-labels - <../list | simclr-inspect --digest)" = "$wanted" ]
    (cd p && simclr-images --list . -o ../out)
    cmp out list
    [ "$(simclr-images p --list --limit 2 --shard 1/2 | tr '\0' '|')" = "ant/2.jpg|" ]
    tar -C p -cf a.tar ant/1.jpg ant/2.jpg bee/3.jpg
    simclr-images a.tar --list | cmp - list
    gzip -c a.tar | simclr-images - --list | cmp - list
    run -2 simclr-images p --list --epochs 1
    head -c 3073 /dev/zero >a.bin
    run -2 --separate-stderr simclr-images a.bin --list
    [ -z "$output" ] && [[ $stderr == *"no name"* ]]
    run -1 simclr-images p --list -o /dev/full
    [ -z "$(find . -name '*.part')" ]
}

@test "paths with zero bytes behind them are a list, whatever is in them" {
    cp p/ant/1.jpg $'p/a\tb\n\xff\x1b.jpg'
    find p -type f -print0 | sort -z >list
    simclr-images list >a
    [ "$(simclr-inspect a | grep -c 'rows 4')" = 1 ]
    simclr-images - <list | cmp - a
    cat list | simclr-images - --epochs 1 --batch 4 | simclr-inspect | grep -q 'rows 4'
    printf 'p/ant/1.jpg\tcat\0' >tab # no label: a tab is part of the path
    run -2 simclr-images tab
    printf 'p/ant/1.jpg\n\0p/ant/2.jpg\0' >one
    run --separate-stderr simclr-images one --bad bad -o b
    [ "$status" = 2 ] || [ "$(wc -l <bad)" = 1 ]
    head -c 3 list | simclr-images - >c && false
    [ -z "$(find . -name '*.part')" ]
}
