#!/usr/bin/env bats
# simclr-select -- rows by name and by number, columns, and what is refused.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    load ../support/sets
    sets_setup
    features names=1 >in # 120 rows, picture-0 to picture-119, in 3 steps
}

names() { # [FILE]: of the rows of a stream, one a line
    simclr-convert --to csv "$@" | tail -n +2 | cut -d, -f1
}

digest() { # [FILE]
    simclr-inspect --digest "$@" | cut -d' ' -f1
}

@test "misuse has status 2, one line, and nothing on standard output" {
    for arguments in "in in" "-i in in" "--invert in" "--names none in" "--limit 0 in" "--skip -1 in" "none" \
        "in -o none/x" "--names - " "--names - -" "--names - -i -" "--nonsense"; do
        echo "$arguments"
        run -2 bash -c "simclr-select $arguments 2>err </dev/null"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
}

@test "nothing asked for is a copy, and asking for what is there too" {
    simclr-select in >a
    [ "$(digest a)" = "$(digest in)" ]
    simclr-select -o b - <in
    cmp a b
    simclr-select --columns name,h,id,label <(cat in) | digest | grep -qx "$(digest in)"
    [ "$(simclr-inspect a | grep -c '^run.*simclr-select')" = 1 ]
}

@test "rows are chosen by name, line by line or with zero bytes" {
    printf '%s\n' picture-7 picture-110 gone picture-41 picture-7 >lines
    [ "$(simclr-select --names lines in | names | tr '\n' ' ')" = "picture-7 picture-41 picture-110 " ]
    tr '\n' '\0' <lines >zeros
    simclr-select --names zeros in >a
    simclr-select --names - in <lines | cmp - a
    simclr-select --names lines --invert in >b
    [ "$(names b | wc -l)" = 117 ]
    [ "$(cat <(names a) <(names b) | sort)" = "$(names in | sort)" ]
    : >empty
    [ "$(simclr-select --names empty --invert in | digest)" = "$(digest in)" ]
    printf 'picture-1\n\0' >odd # the name is "picture-1" and a newline
    [ "$(simclr-select --names odd in | simclr-inspect | grep -c 'rows 0')" = 1 ]
}

@test "a name may have any bytes" {
    mkdir p
    name=$'a\n\xff\t.jpg'
    cp "$ROOT/tests/golden/jpeg_grey.jpg" "p/$name"
    cp "$ROOT/tests/golden/jpeg_colour.jpg" p/b.jpg
    simclr-images p >pictures
    printf '%s\0' "$name" | simclr-select --names - pictures >a
    cp "p/$name" c.jpg
    [ "$(simclr-select --columns bytes a | digest)" = "$(simclr-images c.jpg | simclr-select --columns bytes | digest)" ]
    simclr-images p --list | simclr-select --names - pictures | simclr-select | cmp - <(simclr-select --names <(simclr-images p --list) pictures | simclr-select)
}

@test "--skip and --limit count what the names leave, through streams behind one another" {
    names in >all
    [ "$(simclr-select --skip 38 --limit 4 in | names)" = "$(sed -n 39,42p all)" ]
    [ "$(cat in in | simclr-select --skip 118 --limit 4 | names)" = "$(cat all all | sed -n 119,122p)" ]
    simclr-select --names all --skip 119 in | names | cmp - <(tail -n 1 all)
    [ "$(simclr-select --names <(tail -n 10 all) --skip 2 --limit 3 in | names)" = "$(sed -n 113,115p all)" ]
}

@test "no row is a stream too, and none of it is refused later" {
    simclr-select --skip 120 in >a
    simclr-inspect a | grep -q 'rows 0'
    simclr-select a | cmp -s - /dev/null && false
    [ "$(cat a in a | simclr-select --skip 0 | digest)" = "$(cat a in a | digest)" ]
    run -3 simclr-knn --neighbors 1 a
    [[ $output == *"has no rows"* ]]
    [ "$(cat a in | simclr-knn --neighbors 1 | wc -l)" = 121 ]
}

@test "columns are those that are asked for, and a missing one is refused" {
    simclr-select --columns h,label in >a
    [ "$(simclr-inspect a | grep -c '^column')" = 2 ]
    for column in nonsense "h," "" ",h" "h,names"; do
        run -3 --separate-stderr bash -c "simclr-select --columns '$column' in >x"
        [[ $stderr == *"has no column"* ]]
    done
    simclr-select --columns h in >b
    run -3 simclr-select --names /dev/null b
    [[ $output == *"'name'"* ]]
}

@test "chosen rows are steps of their own, and no plan or count of pictures is left" {
    make_stream kind=features column=h:F32:6 pictures=8 parts=4 steps=4 epochs=2 classes=5 labels=5 >run
    simclr-inspect run | grep -q '^plan'
    simclr-select --skip 3 run >a
    simclr-inspect --check a
    [ "$(simclr-inspect a | grep -c '^plan')" = 0 ]
    simclr-inspect a | grep -q '"classes":5'
    simclr-select --columns h run | simclr-inspect | grep -q '^plan'
    mkdir p
    cp "$ROOT"/tests/golden/jpeg_*.jpg p
    simclr-images p | simclr-select --limit 1 | simclr-inspect >said
    ! grep -q '"images"' said
}

@test "a cut or damaged stream has status 3, whatever was chosen" {
    size=$(stat -c %s in)
    for n in 0 1 100 $((size / 2)) $((size - 1)); do
        run -3 --separate-stderr bash -c "head -c $n in | simclr-select --limit 1 -o x"
        [ ! -e x ] && [ ! -e x.part ]
    done
}

@test "an early reader ends it, a full disk is status 1, and a terminal gets nothing" {
    run bash -c 'for i in $(seq 300); do cat in; done | simclr-select 2>err | head -c 100 >/dev/null; echo "${PIPESTATUS[1]}"'
    [ "$output" = 141 ]
    run -1 simclr-select in -o /dev/full
    command -v script >/dev/null || skip "script is not installed"
    run script -qec "simclr-select in" /dev/null
    [ "$status" -eq 2 ]
}

@test "the man page has the options of the tool" {
    "$BIN/simclr-select" --help | grep -oE '^  (-.,|   ) --[a-z0-9-]+' | sed 's/.*--//' | sort >table
    sed -nE 's/^\.It Fl (. , Fl )?-([a-z0-9-]*).*/\2/p' "$ROOT/tools/simclr-select.1" | sort >page
    diff table page
}
