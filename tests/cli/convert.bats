#!/usr/bin/env bats
# simclr-convert -- every format there and back, what is kept, and what is refused.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    load ../support/sets
    sets_setup
    features names=1 >in
}

digest() { # [FILE]: of what would be the records of `in`
    simclr-convert --batch 40 "$@" | simclr-inspect --digest | cut -d' ' -f1
}

@test "misuse has status 2, one line, and nothing on standard output" {
    simclr-convert in -o a.csv
    for arguments in "in" "in --to stream" "in -o x.stream" "in --to parquet" "in --to npz --ids" \
        "a.csv --to npy --batch 5" "a.csv --to npy --level 3" "none --to csv" "in in --to csv" \
        "-i in in --to csv" "in --to csv -o none/x" "a.csv --batch 0" "--nonsense"; do
        echo "$arguments"
        run -2 bash -c "simclr-convert $arguments 2>err </dev/null"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
    [ -z "$(ls | grep '^x')" ]
    [ -z "$(find . -name '*.part')" ]
}

@test "binary neither comes from a terminal nor goes to one, text may go" {
    command -v script >/dev/null || skip "script is not installed"
    run script -qec "simclr-convert --to csv" /dev/null
    [ "$status" -eq 2 ]
    run script -qec "simclr-convert in --to npz >out" /dev/null
    [ "$status" -eq 2 ] || [ -s out ]
    run script -qec "simclr-convert in --to csv" /dev/null
    [ "$status" -eq 0 ]
    [[ $output == *embedding_5,labels* ]]
}

@test "every format gives back the same tensors" {
    wanted=$(simclr-inspect --digest in | cut -d' ' -f1)
    for format in npz npy csv jsonl; do
        echo $format
        simclr-convert in -o a.$format
        [ "$(digest a.$format)" = "$wanted" ]
        simclr-convert in -o b.$format
        cmp a.$format b.$format
        simclr-convert --to $format <in | cmp - a.$format
        simclr-convert --to $format <(cat in) | cmp - a.$format
        [ $format = npy ] || [ "$(digest <a.$format)" = "$wanted" ]
        simclr-convert a.$format >a.stream
        simclr-knn -q --train a.stream --test a.stream --neighbors 1 >table
        [ "$(cell top1 <table)" = 100.00 ]
    done
    [ -z "$(find . -name '*.part')" ]
}

@test "one format becomes another without a stream between" {
    simclr-convert in -o a.npz
    simclr-convert in -o a.csv
    simclr-convert in -o a.jsonl
    simclr-convert a.npz --to csv | cmp - a.csv
    simclr-convert a.csv --to jsonl | cmp - a.jsonl
    simclr-convert a.jsonl --to csv | cmp - a.csv
    simclr-convert a.npz --to npz | cmp - a.npz
}

@test "CSV is as lightly writes it" {
    make_stream kind=features column=h:F32:3 views=0 labels=4 names=1 pictures=2 | simclr-convert --to csv >a.csv
    [ "$(head -n 1 a.csv)" = $'filenames,embedding_0,embedding_1,embedding_2,labels\r' ]
    [ "$(wc -l <a.csv)" = 3 ]
    [[ "$(sed -n 3p a.csv)" == picture-1,*,1$'\r' ]]
    make_stream kind=features column=h:F32:3 views=0 pictures=2 first=7 | simclr-convert --to csv --ids >b.csv
    [ "$(head -n 1 b.csv)" = $'filenames,embedding_0,embedding_1,embedding_2,labels,id\r' ]
    [[ "$(sed -n 2p b.csv)" == 7,*,-1,7$'\r' ]]
}

@test "beside NAME.npy are labels, ids and names, and no older ones" {
    simclr-convert in -o a.npy
    [ "$(echo a.*)" = "a.ids.npy a.labels.npy a.names.npy a.npy" ]
    make_stream kind=features column=h:F32:6 views=0 pictures=120 >bare
    run -2 --separate-stderr simclr-convert bare -o a.npy
    [[ $stderr == *"'a.labels.npy' is there, but the input has no column 'label'"* ]]
    rm a.labels.npy a.names.npy
    simclr-convert bare -o a.npy
    [ "$(simclr-convert a.npy | simclr-inspect | grep -c ^column)" = 2 ]
    run -0 --separate-stderr bash -c "simclr-convert in --to npy >b"
    [[ $stderr == *"3 columns have no place"* ]]
}

@test "pixels stay bytes in arrays, and --column chooses" {
    make_stream kind=images column=pixels:U8:2,3 views=0 pictures=5 >p
    simclr-convert p -o p.npy
    head -c 128 p.npy | grep -q "'|u1', 'fortran_order': False, 'shape': (5, 2, 3)"
    [ "$(simclr-convert p.npy --column pixels | simclr-inspect --digest)" = "$(simclr-inspect --digest <p)" ]
    run -3 --separate-stderr simclr-convert p --to csv --column z
    [[ $stderr == *"has no column 'z'"* ]]
}

@test "streams behind one another become one file, and no rows none" {
    cat in in | simclr-convert --to csv >a.csv
    [ "$(wc -l <a.csv)" = 241 ]
    head -n 1 a.csv | simclr-convert >none
    simclr-inspect none | grep -q $'^end\trecords 0\trows 0'
    simclr-convert none --to npz | simclr-convert --to csv | cmp - <(head -n 1 a.csv)
}

@test "a feature that is not finite has status 1, both ways" {
    make_stream kind=features column=h:F32:4 views=0 pictures=4 poison=2:inf >bad
    for format in npz npy csv jsonl; do
        run -1 --separate-stderr simclr-convert bad -o x.$format
        [[ $stderr == *"infinite (step 0, row 2)"* ]]
        [ -z "$(ls | grep '^x')" ]
    done
    printf 'h_0,h_1\n1,2\n1,nan\n' >bad.csv
    run -1 --separate-stderr bash -c "simclr-convert bad.csv >x"
    [[ $stderr == *"not a number (step 0, row 1)"* ]]
}

@test "cut and damaged input has status 3, and leaves nothing" {
    for format in npz npy csv jsonl; do
        simclr-convert in -o a.$format
        size=$(stat -c %s a.$format)
        for cut in 1 7 100 $((size / 2)) $((size - 1)); do
            echo "$format $cut"
            head -c $cut a.$format >cut.$format
            run -3 --separate-stderr simclr-convert -q cut.$format -o x.stream
            [ "${#stderr_lines[@]}" -le 2 ]
            [ -z "$(ls | grep '^x')" ]
        done
    done
    head -c 2000 in >cut
    run -3 simclr-convert cut -o x.npz
    run -3 simclr-convert cut -o x.csv
    run -3 simclr-convert /dev/null
    [ -z "$(ls | grep '^x')" ]
}

@test "a full disk has status 1, an early reader 141" {
    simclr-convert in -o a.csv
    run -1 simclr-convert --to npz in -o /dev/full
    run -1 bash -c "simclr-convert --to csv in >/dev/full"
    run -1 bash -c "simclr-convert a.csv >/dev/full"
    features pictures=4000 >large
    for format in csv jsonl npz; do
        bash -c "simclr-convert --to $format large; echo \$? >status" | head -c 1 >/dev/null
        [ "$(cat status)" = 141 ]
    done
}
