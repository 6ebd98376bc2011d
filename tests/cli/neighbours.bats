#!/usr/bin/env bats
# simclr-knn -- lists: neighbours, copies, outliers, leaks.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    load ../support/sets
    sets_setup
}

# Rows without labels: 120 of 6, or as make_stream has it.
rows() {
    make_stream kind=features column=h:F32:6 views=0 pictures=40 steps=3 "$@"
}

@test "each row has its nearest others, nearest first, itself not among them" {
    rows names=1 >a
    run -0 --separate-stderr simclr-knn --neighbors 3 a
    [ -z "$stderr" ]
    [ "${lines[0]}" = $'query\tneighbour\tcosine' ]
    [ "${#lines[@]}" -eq 361 ]
    tail -n +2 <<<"$output" | awk -F'\t' '
        $1 == $2 || NF != 3 || (NR % 3 != 1 && ($1 != last || $3 > cosine)) { exit 1 }
        { last = $1; cosine = $3 }'
    [ "$(tail -n +2 <<<"$output" | cut -f1 | uniq)" = "$(seq 0 119 | sed s/^/picture-/)" ]
}

@test "without names a row is called by its id, without ids by its number" {
    rows first=500 >a
    run -0 simclr-knn --neighbors 1 a
    [ "$(tail -n +2 <<<"$output" | cut -f1)" = "$(seq 500 619)" ]
}

@test "queries find themselves in a collection that holds them, and others after that" {
    rows >a
    rows pictures=7 steps=1 first=50 names=1 >q
    run -0 --separate-stderr simclr-knn --neighbors 2 --query q a
    [ "$(awk 'NR % 2 == 0' <<<"$output")" = "$(for i in $(seq 50 56); do
        printf 'picture-%d\t%d\t1.000000\n' "$i" "$i"; done)" ]
    # the second is the nearest other of the list without queries
    simclr-knn --neighbors 1 a | awk -F'\t' '$1 >= 50 && $1 <= 56 { print $2 "\t" $3 }' >others
    diff others <(awk -F'\t' 'NR > 1 && NR % 2 { print $2 "\t" $3 }' <<<"$output")
}

@test "a file, standard input, --input and a FIFO are the same; so are 1, 2 and 3 threads, and records" {
    rows >a
    rows pictures=120 steps=1 >whole
    rows pictures=30 steps=1 seed=2 >q
    for list in "--neighbors 4" "--duplicates 0.9" "--outliers 9" "--neighbors 4 --query q"; do
        simclr-knn $list a >want
        [ "$(wc -l <want)" -gt 9 ]
        simclr-knn $list <a | cmp - want
        simclr-knn $list -i a -o out
        cmp out want
        simclr-knn $list <(cat a) | cmp - want
        simclr-knn $list whole | cmp - want
        for n in 1 2 3; do simclr-knn $list -t $n a | cmp - want; done
    done
    simclr-knn --neighbors 4 --query - a <q | cmp - want
    [ ! -e out.part ]
}

@test "a collection larger than what is looked at together gives the same by queries and by itself" {
    rows pictures=1500 >a
    rows pictures=1100 steps=1 >q
    simclr-knn --neighbors 3 a | awk -F'\t' 'NR > 1 && $1 < 1100' >alone
    simclr-knn --neighbors 4 --query q a | awk -F'\t' 'NR > 1 && $1 != $2' >asked
    cmp alone asked
}

@test "copies are one group from 1 on, in the order of ids; views of one picture are refused" {
    rows signal=1 noise=0 views=4 view-column=0 pictures=5 steps=1 >views
    run -3 --separate-stderr simclr-knn --duplicates 0.9 views
    [[ "$stderr" == *"id 0 occurs more than once in 'views'"*hint:* ]]
    [ -z "$output" ]
    # rows of the same class, without noise, are copies
    rows labels=50 class=1 noise=0 names=1 >a
    run -0 --separate-stderr simclr-knn -v --duplicates 1 a
    [ "${lines[0]}" = $'group\tpicture\tcosine' ]
    [ "${lines[1]}" = $'1\tpicture-0\t1.000000' ]
    [ "${lines[2]}" = $'1\tpicture-50\t1.000000' ]
    [ "${lines[3]}" = $'1\tpicture-100\t1.000000' ]
    [ "${lines[4]}" = $'2\tpicture-1\t1.000000' ]
    [ "${#lines[@]}" -eq 121 ]
    [ "$(tail -n +2 <<<"$output" | cut -f1 | uniq | tr '\n' ' ')" = "$(seq 50 | tr '\n' ' ')" ]
    [[ "$stderr" == *"50 groups of 120 rows in all, of the 120 of 'a'"* ]]
}

@test "each row of a group is as near as asked to its nearest; nobody else is" {
    rows >a
    simclr-knn --neighbors 1 a | awk -F'\t' 'NR > 1 && $3 >= 0.93 { print $1 "\t" $3 }' | sort >want
    [ "$(wc -l <want)" -gt 5 ]
    simclr-knn --duplicates 0.93 a | tail -n +2 | cut -f2,3 | sort | diff - want
    run -0 simclr-knn --duplicates 1 a
    [ "$output" = $'group\tpicture\tcosine' ]
}

@test "outliers are the rows whose neighbours are farthest, on average" {
    make_stream kind=features column=h:F32:6 views=0 pictures=60 labels=1 class=3 noise=0.3 >a
    run -0 simclr-knn --outliers 5 a
    [ "${lines[0]}" = $'picture\tcosine' ]
    [ "${#lines[@]}" -eq 6 ]
    # the figure is the mean over the list of neighbours, and no row has a lower one
    simclr-knn --neighbors 10 a | awk -F'\t' 'NR > 1 { s[$1] += $3 / 10 }
        END { for (i in s) printf "%.4f\t%s\n", s[i], i }' | sort -n >mean
    diff <(head -5 mean) <(awk -F'\t' 'NR > 1 { printf "%.4f\t%s\n", $2, $1 }' <<<"$output")
    run -0 simclr-knn --outliers 500 --neighbors 3 a
    [ "${#lines[@]}" -eq 61 ]
}

@test "leaks are test rows that have a copy among the training rows" {
    rows >train
    rows seed=2 first=1000 pictures=20 steps=1 names=1 >clean
    rows pictures=5 steps=1 first=60 names=1 >dirty
    run -0 --separate-stderr simclr-knn -v --leaks --duplicates 1 --train train --test clean
    [ "$output" = $'test\ttrain\tcosine' ]
    [[ "$stderr" == *"0 of 20 rows of 'clean' have a copy in 'train'"* ]]
    run -0 --separate-stderr simclr-knn --leaks --train train --test dirty
    [ "${#lines[@]}" -eq 6 ]
    [ "${lines[1]}" = $'picture-60\t60\t1.000000' ]
    [ "${lines[5]}" = $'picture-64\t64\t1.000000' ]
    [ -z "$stderr" ]
    run -0 simclr-knn --leaks --duplicates 0.5 --neighbors 200 --train train --test dirty
    [ "${#lines[@]}" -gt 20 ]
    tail -n +2 <<<"$output" | awk -F'\t' '$3 < 0.499999 { exit 1 }'
    [ "$(simclr-knn --leaks --train - --test dirty <train | wc -l)" -eq 6 ]
}

@test "more neighbours than there are: all, with a note that -q silences" {
    rows pictures=4 steps=1 >a
    run -0 --separate-stderr simclr-knn --neighbors 9 a
    [ "${#lines[@]}" -eq 13 ]
    [ "$stderr" = "simclr-knn: 'a' has 3 rows to be neighbours, not 9: all of them are" ]
    run -0 --separate-stderr simclr-knn -q --neighbors 9 --query a a
    [ "${#lines[@]}" -eq 17 ]
    [ -z "$stderr" ]
    rows pictures=1 steps=1 >one
    run -0 simclr-knn -q --neighbors 9 one
    [ "$output" = $'query\tneighbour\tcosine' ]
    run -0 simclr-knn -q --duplicates 0.5 one
    [ "${#lines[@]}" -eq 1 ]
    run -0 simclr-knn -q --outliers 3 one
    [ "${lines[1]}" = $'0\t0.000000' ]
}

@test "names come from the pictures, and what a terminal must not see does not" {
    mkdir p
    for i in 1 2 3; do
        printf 'P6 2 2 255 %s' "ab${i}cdefghij${i}" >"p/$i.pnm"
    done
    mv p/2.pnm $'p/2\t\e[31m.pnm'
    simclr-images p | simclr-augment --recipe eval --size 8 >a
    run -0 simclr-knn -q --neighbors 5 a
    [ "${#lines[@]}" -eq 7 ]
    [[ "$output" == *"2??[31m.pnm"* ]]
    [[ "$output" != *$'\e'* ]]
    awk -F'\t' 'NF != 3 { exit 1 }' <<<"$output"
}

@test "pixels are features too; a row of zeros is near nobody" {
    rows column=pixels:U8:2,3 >p
    run -0 simclr-knn --neighbors 1 --column pixels p
    [ "${#lines[@]}" -eq 121 ]
    run -3 simclr-knn --neighbors 1 --column h p
    [[ "$output" == *"has no column 'h'"* ]]
    make_stream kind=features column=h:F32:1 views=0 pictures=9 poison=4:0 >zero
    run -0 simclr-knn --outliers 1 --neighbors 1 zero
    [ "${lines[1]}" = $'4\t0.000000' ]
    [ "$(simclr-knn --duplicates 0.01 zero | cut -f2 | grep -cx 4)" -eq 0 ]
}

@test "misuse has status 2, one line, and nothing on standard output" {
    rows >a
    for arguments in "a" "--neighbors 0 a" "--duplicates 0 a" "--duplicates 1.5 a" "--outliers 0 a" \
        "--duplicates 0.9 --outliers 3 a" "--query a a" "--query a --duplicates 0.9 a" \
        "--query a --outliers 3 a" "--neighbors 3 --fraction 0.5 a" "--neighbors 3 --temperature 1 a" \
        "--neighbors 3 --seed 1 a" "--leaks a" "--leaks --train a" "--leaks --train a --test a a" \
        "--train a --test a --duplicates 0.9" "--train a --test a -i a" "--neighbors 3 none" \
        "--neighbors 3 --query none a" "--neighbors 3 a a" "--neighbors 3 -i a a" \
        "--neighbors 3 --query - -" "--neighbors 3 --query -" "--train a --test a --query a" \
        "--leaks --train a --test a --outliers 3" "--neighbors 3 -o none/out a"; do
        echo "$arguments"
        run -2 bash -c "simclr-knn $arguments 2>err </dev/null"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
    run -2 script -qec "simclr-knn --neighbors 3" /dev/null
    [[ "$output" == *terminal* ]]
}

@test "cut, damaged and unfit input has status 3, a number that is none 1, and no file is left" {
    rows >a
    for size in 0 10 300 $(($(wc -c <a) - 1)); do
        head -c "$size" a >cut
        for list in "--neighbors 2 cut" "--neighbors 2 --query cut a" "--neighbors 2 --query a cut" \
            "--duplicates 0.9 cut" "--outliers 2 cut" "--leaks --train cut --test a" \
            "--leaks --train a --test cut"; do
            run -3 --separate-stderr simclr-knn -o out $list
            [ "$(wc -l <<<"$stderr")" -eq 1 ]
            [ -z "$(ls out* 2>/dev/null)" ]
        done
    done
    rows column=h:F32:7 >wide
    run -3 --separate-stderr simclr-knn --neighbors 2 --query wide a
    [ "$stderr" = "simclr-knn: 'a' has 6 features a row, 'wide' has 7" ]
    cat a a >twice
    run -3 --separate-stderr simclr-knn --neighbors 2 --query a twice
    [[ "$stderr" == *"occurs more than once in 'twice'"* ]]
    run -0 simclr-knn -q --neighbors 1 --query twice a
    [ "${#lines[@]}" -eq 241 ]
    rows poison=3:nan >bad
    for list in "--neighbors 2 bad" "--neighbors 2 --query bad a" "--leaks --train bad --test a"; do
        run -1 --separate-stderr simclr-knn $list
        [ "$stderr" = "simclr-knn: 'bad' has a feature that is not a number (step 0, row 3)" ]
        [ -z "$output" ]
    done
}

@test "a full disk is 1, an early reader 141" {
    rows >a
    run -1 --separate-stderr bash -c "simclr-knn --neighbors 100 a >/dev/full"
    [[ "$stderr" == *"No space left on device" ]]
    run -141 bash -c "(sleep 0.5; simclr-knn --neighbors 100 a; echo \$? >status) | true
        sleep 1; exit \$(cat status)"
}

@test "--null keeps names as they are, a zero byte behind each field, and has no header" {
    rows names=1 >a
    for list in "--neighbors 2" "--duplicates 0.8" "--outliers 5" "--neighbors 2 --query a" "--leaks --duplicates 0.8 --train a --test a"; do
        simclr-knn $list a 2>/dev/null >want || simclr-knn $list >want
        simclr-knn $list --null a 2>/dev/null >zeros || simclr-knn $list -0 >zeros
        tail -n +2 want | tr '\t\n' '\0\0' | cmp - zeros
        [ -s zeros ]
    done
    mkdir p
    cp "$ROOT/tests/golden/jpeg_grey.jpg" p/$'a\n\t\xff.jpg'
    cp "$ROOT/tests/golden/jpeg_colour.jpg" p/b.jpg
    simclr-images p | simclr-augment --recipe eval --size 4 >odd
    [ "$(simclr-knn --neighbors 1 odd | cut -f1 | tr '\n' '|')" = 'query|a???.jpg|b.jpg|' ]
    simclr-knn --neighbors 1 --null odd | head -c 8 | cmp - <(printf 'a\n\t\xff.jpg')
    run -2 simclr-knn --null --train a --test a
}
