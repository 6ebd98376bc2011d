#!/usr/bin/env bats
# simclr-knn -- verdicts, notes, and what is refused.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    load ../support/sets
    sets_setup
    features >train
    features first=1000 >test
}

@test "help goes to standard output, and the man page has the same options" {
    run -0 --separate-stderr simclr-knn --help
    [ -z "$stderr" ]
    same_options simclr-knn
}

@test "misuse has status 2, one line, and nothing on standard output" {
    for arguments in "" "--train train" "--test test" "--train train --test none" "--nonsense" \
        "--train train --test test test" "--train train --test test --neighbors 0" \
        "--train train --test test --temperature 0" "--train train --test test --fraction 2" \
        "--train train --test test --hold-out 0.2" "--train train --hold-out 1" "--hold-out 0.2" \
        "--train train --hold-out 0" "--train train --hold-out 0.2 --leaks" "--neighbors 3 --hold-out 0.2 train" \
        "--train train --test test --seed x" "--train - --test -"; do
        run -2 bash -c "simclr-knn $arguments 2>err </dev/null"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
}

@test "the table has a header and one line, and separable classes are told apart" {
    run -0 --separate-stderr simclr-knn --train train --test test --neighbors 20
    [ "${#lines[@]}" -eq 2 ]
    [ "${lines[0]}" = $'train\ttest\tclasses\tfeatures\tneighbors\ttemperature\ttop1\ttop5\ttop1_low\ttop1_high\ttop5_low\ttop5_high' ]
    [[ "${lines[1]}" == $'120\t120\t4\t6\t20\t0.1\t'* ]]
    top1=$(cell top1 <<<"$output")
    awk "BEGIN { exit !($top1 > 60 && $top1 <= 100) }"
    # Wilson's interval, by the formula
    awk -v p="$top1" -v low="$(cell top1_low <<<"$output")" -v high="$(cell top1_high <<<"$output")" 'BEGIN {
        n = 120; z = 1.959964; p /= 100; c = (p + z * z / (2 * n)) / (1 + z * z / n)
        d = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        a = 100 * (c - d) - low; b = 100 * (c + d) - high
        exit !(a < 0.006 && a > -0.006 && b < 0.006 && b > -0.006) }'
    [ -z "$stderr" ]
}

@test "the training rows themselves are their own nearest neighbours" {
    run -0 simclr-knn --train train --test train --neighbors 1
    [ "$(cell top1 <<<"$output")" = 100.00 ]
    [ "$(cell top5 <<<"$output")" = 100.00 ]
}

@test "standard input, FIFOs and files are the same, and so are 1, 2 and 3 threads" {
    simclr-knn --train train --test test --neighbors 9 -o a
    simclr-knn --train - --test test --neighbors 9 <train >b
    simclr-knn --train <(cat train) --test <(cat test) --neighbors 9 >c
    for n in 1 2 3; do
        simclr-knn --train train --test test --neighbors 9 -t $n >t$n
        cmp a t$n
    done
    cmp a b
    cmp a c
    [ ! -e a.part ]
}

@test "records of other sizes change nothing" {
    features first=1000 pictures=120 steps=1 >whole
    cmp <(simclr-knn --train train --test test --neighbors 9) \
        <(simclr-knn --train train --test whole --neighbors 9)
}

@test "pixels are features too, and --column chooses" {
    features column=pixels:U8:2,3 kind=images >p
    features column=pixels:U8:2,3 kind=images first=1000 >q
    run -0 simclr-knn --train p --test q --neighbors 5
    [ "$(cell features <<<"$output")" = 6 ]
    [ "$(simclr-knn --train p --test q --neighbors 5 --column pixels)" = "$output" ]
    run -3 simclr-knn --train p --test q --column h
    [[ "$output" == *"has no column 'h'"* ]]
}

@test "a fraction takes a share of each class, at least one" {
    run -0 simclr-knn -q --train train --test test --fraction 0.1
    [ "$(cell train <<<"$output")" = 12 ]
    run -0 simclr-knn -q --train train --test test --fraction 0
    [ "$(cell train <<<"$output")" = 4 ]
    run -0 simclr-knn -q --train train --test test --fraction 1
    [ "$(cell train <<<"$output")" = 120 ]
}

@test "rows held out are those that simclr-linprobe holds out, and measured as a set of their own" {
    hold_out_by_hand
    simclr-knn --train train --hold-out 0.2 --neighbors 9 >line
    simclr-knn --train rest --test held --neighbors 9 | diff line -
    for n in 1 3; do
        simclr-knn --train train --hold-out 0.2 --neighbors 9 --threads $n | diff line -
    done
    # the share of the labels is one of the rest
    [ "$(simclr-knn -q --train train --hold-out 0.2 --fraction 0.5 | cell train)" = 48 ]
    simclr-knn -q --train rest --test held --fraction 0.5 | diff <(simclr-knn -q --train train --hold-out 0.2 --fraction 0.5) -
    run -3 --separate-stderr simclr-knn --train train --hold-out 0.001
    [[ $stderr == *"'train' has too few"* ]]
}

@test "more neighbours than rows: all vote, with a note that -q silences" {
    run -0 --separate-stderr simclr-knn --train train --test test
    [ "$(cell neighbors <<<"$output")" = 120 ]
    [[ "$stderr" == "simclr-knn: "*"120"*"200"* ]]
    run -0 --separate-stderr simclr-knn -q --train train --test test
    [ -z "$stderr" ]
}

@test "rows without a label are left out, with a note; none labelled is refused" {
    features unlabelled=4 >part
    run -0 --separate-stderr simclr-knn --train part --test part --neighbors 5
    [ "$(cell train <<<"$output")" = 90 ]
    [ "$(grep -c "leaves out 30 rows of 'part' without a label" <<<"$stderr")" -eq 2 ]
    features unlabelled=1 >bare
    run -3 --separate-stderr simclr-knn --train bare --test test
    [ "$stderr" = "simclr-knn: none of the 120 rows of 'bare' has a label" ]
    features labels=0 >bare
    run -3 --separate-stderr simclr-knn --train train --test bare
    [[ "$stderr" == *label* ]]
}

@test "classes that only the test set has count as wrong, with a note" {
    features labels=8 >more
    run -0 --separate-stderr simclr-knn --train train --test more --neighbors 1
    [[ "$stderr" == *"60 test rows are of classes without a training row"* ]]
    top1=$(cell top1 <<<"$output")
    awk "BEGIN { exit !($top1 <= 50) }"
}

@test "-v prints the classes on standard error" {
    run -0 --separate-stderr simclr-knn -v --train train --test test --neighbors 9
    [ "$(grep -cP '^[0-3]\t-\t30\t' <<<"$stderr")" -eq 4 ]
    [ "${#lines[@]}" -eq 2 ]
}

@test "training rows that repeat an id are refused, repeated test rows are not" {
    cat train train >twice
    run -3 --separate-stderr simclr-knn --train twice --test test
    [ -z "$output" ]
    [[ "$stderr" == *"occurs more than once in training set 'twice'"*hint:* ]]
    make_stream kind=features column=h:F32:6 views=2 labels=4 >views
    run -3 simclr-knn --train views --test test
    run -0 simclr-knn -q --train train --test twice
    [ "$(cell test <<<"$output")" = 240 ]
}

@test "sets of different width are refused in a line that names both" {
    features column=h:F32:7 >wide
    run -3 --separate-stderr simclr-knn --train train --test wide
    [ "$stderr" = "simclr-knn: 'train' has 6 features a row, 'wide' has 7" ]
    [ -z "$output" ]
}

@test "a feature that is not finite has status 1 and is named" {
    features poison=3:nan >bad
    run -1 --separate-stderr simclr-knn --train bad --test test
    [ "$stderr" = "simclr-knn: 'bad' has a feature that is not a number (step 0, row 3)" ]
    features poison=3:inf start=5 >bad
    run -1 --separate-stderr simclr-knn --train train --test bad
    [[ "$stderr" == *"infinite (step 5, row 3)"* ]]
}

@test "cut and damaged input has status 3, an early reader 141, a full disk 1" {
    for size in 0 10 300 $(($(wc -c <train) - 1)); do
        head -c $size train >cut
        run -3 --separate-stderr simclr-knn --train cut --test test
        [ -z "$output" ]
        run -3 simclr-knn --train train --test cut
    done
    run -1 --separate-stderr bash -c "simclr-knn -q --train train --test test >/dev/full"
    [[ "$stderr" == *"No space left on device" ]]
    run -141 bash -c "(sleep 0.5; simclr-knn -q --train train --test test; echo \$? >status) | true
        sleep 1; exit \$(cat status)"
}

@test "a terminal is no input" {
    run -2 script -qec "simclr-knn --train - --test test" /dev/null
    [[ "$output" == *terminal* ]]
}


@test "features of other programs are refused with the way to make a stream of them" {
    features names=1 >a
    for format in csv jsonl npz npy; do
        simclr-convert a -o a.$format
        for tool in simclr-knn simclr-linprobe; do
            run -3 --separate-stderr $tool --train a.$format --test a
            [ -z "$output" ]
            [[ $stderr == *"$tool: hint: simclr-convert makes a stream"* ]]
        done
        run -3 simclr-knn --neighbors 1 a.$format
        [[ $output == *simclr-convert* ]]
    done
    run -3 simclr-knn --neighbors 1 "$ROOT/tests/golden/jpeg_grey.jpg"
    [[ $output == *"hint: simclr-images"* ]]
    (cat a && echo text) >b
    run -3 simclr-knn --neighbors 1 b
    [[ $output != *hint* ]]
}
