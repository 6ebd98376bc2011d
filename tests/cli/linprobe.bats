#!/usr/bin/env bats
# simclr-linprobe -- fitting, saving, predicting, and what is refused.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    load ../support/sets
    sets_setup
    features >train
    features first=1000 >test
}

@test "help goes to standard output, and the man page has the same options" {
    run -0 --separate-stderr simclr-linprobe --help
    [ -z "$stderr" ]
    same_options simclr-linprobe
}

@test "misuse has status 2, one line, and nothing on standard output" {
    simclr-linprobe --train train --save w
    for arguments in "" "--train train" "--test test" "--train train --weights w --test test" \
        "--train train --test none" "--train none --test test" "--weights none" "--nonsense" \
        "--weights w --save v" "--weights w --l2 1" "--weights w --fraction 1" "--weights w --seed 1" \
        "--train train --test test test" "--train train --test test --level 3" "--weights w a b" \
        "--train train --save w --confusion c" "--weights w --per-class c test" \
        "--train train --test test --predictions -" "--train train --test test --predictions none/p" \
        "--train train --test test --confusion c --calibration c" \
        "--train train --test test -o p --predictions p" "--weights w --predictions p -o q test" \
        "--weights w --predictions p --level 3 test" "--weights w --solver sgd test" \
        "--train train --test test --solver adam" "--train train --test test --learning-rate 1" \
        "--train train --test test --solver sgd --fraction 0.5" \
        "--train train --test test --solver sgd --seed 1" \
        "--train train --test test --hold-out 0.2" "--train train --hold-out 1.5" "--hold-out 0.2" \
        "--train train --hold-out 0.2 --solver sgd" "--weights w --test test --hold-out 0.2" \
        "--weights w --hold-out 0.2 test" "--train train --test test --l2 -1" "--train train --test test --fraction 1.1" \
        "--train - --test -" "--weights w --input test test"; do
        run -2 bash -c "simclr-linprobe $arguments 2>err </dev/null"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
}

@test "the table has a header and one line, and separable classes are told apart" {
    run -0 --separate-stderr simclr-linprobe --train train --test test
    [ "${#lines[@]}" -eq 2 ]
    [ "${lines[0]}" = "$(printf '%s\t' train test classes features l2 top1 top5 top1_low top1_high \
        top5_low top5_high)ece" ]
    [[ "${lines[1]}" == $'120\t120\t4\t6\t'* ]]
    [ "$(cell top5 <<<"$output")" = 100.00 ]
    top1=$(cell top1 <<<"$output")
    awk "BEGIN { exit !($top1 > 70 && $top1 <= 100) }"
    [ -z "$stderr" ]
}

@test "labels without meaning are guessed no better than chance" {
    features class=0 >a
    features class=0 first=1000 pictures=400 >b
    top1=$(simclr-linprobe --train a --test b | cell top1)
    awk "BEGIN { exit !($top1 > 19 && $top1 < 31) }"
}

@test "the test set decides nothing: the classifier is the same whatever it holds" {
    features first=2000 labels=3 >other
    simclr-linprobe --train train --test test --save a
    simclr-linprobe --train train --test other --save b
    simclr-linprobe --train train --save c
    cmp a b
    cmp a c
}

@test "files, FIFOs and standard input are the same, and so are 1, 2 and 3 threads" {
    simclr-linprobe --train train --test test --save w -o a
    simclr-linprobe --train - --test test <train >b
    simclr-linprobe --train <(cat train) --test <(cat test) >c
    cmp a b
    cmp a c
    for n in 1 2 3; do
        simclr-linprobe --train train --test test --save w$n -t $n >t$n
        cmp a t$n
        cmp w w$n
    done
    [ ! -e a.part ]
    [ ! -e w.part ]
}

@test "--l2 is used as it is; -v shows how it is chosen without, on standard error" {
    run -0 --separate-stderr simclr-linprobe -v --train train --test test --l2 0.125
    [ "$(cell l2 <<<"$output")" = 0.125 ]
    [[ "$stderr" != *held-out* ]]
    run -0 --separate-stderr simclr-linprobe -v --train train --test test
    [ "${#lines[@]}" -eq 2 ]
    [ "$(grep -c 'of 120 held-out rows right' <<<"$stderr")" -ge 4 ]
    chosen=$(grep '(chosen)' <<<"$stderr")
    [[ "$chosen" == *"l2 $(cell l2 <<<"$output" | cut -c 1-5)"* ]]
    [ "$(grep -cP '^[0-3]\t-\t30\t' <<<"$stderr")" -eq 4 ]
}

@test "another seed holds out other rows, the same seed the same" {
    simclr-linprobe -v --seed 1 --train train --save a 2>one
    simclr-linprobe -v --seed 1 --train train --save b 2>same
    simclr-linprobe -v --seed 2 --train train --save c 2>two
    cmp a b
    run ! diff <(grep held-out one) <(grep held-out two)
    diff <(grep held-out one) <(grep held-out same)
}

@test "a fraction takes a share of each class, at least one" {
    run -0 simclr-linprobe --train train --test test --fraction 0.1
    [ "$(cell train <<<"$output")" = 12 ]
    run -0 simclr-linprobe --train train --test test --fraction 0
    [ "$(cell train <<<"$output")" = 4 ]
    [ "$(cell l2 <<<"$output")" = 0.01 ]
}

@test "pixels are features too" {
    features column=pixels:U8:2,3 kind=images >p
    features column=pixels:U8:2,3 kind=images first=1000 >q
    run -0 simclr-linprobe --train p --test q --save w
    [ "$(cell features <<<"$output")" = 6 ]
    run -0 simclr-linprobe --weights w --test q
    [ "$(cell test <<<"$output")" = 120 ]
}

@test "a saved classifier measures the same, and is a plain linear layer" {
    simclr-linprobe --train train --test test --save w >a
    simclr-linprobe --weights w --test test >b
    [ "$(cell top1 <a)" = "$(cell top1 <b)" ]
    [ "$(cell top5 <a)" = "$(cell top5 <b)" ]
    [ "$(cell l2 <b)" = - ]
    grep -aqF '"linear.weight":{"dtype":"F32","shape":[4,6]' w
    grep -aqF '"linear.bias":{"dtype":"F32","shape":[4]' w
    grep -aqF '"classes":"[0,1,2,3]"' w
    grep -aqF 'simclr-linprobe' w
}

@test "as a filter it adds two columns and passes on the rest" {
    features names=1 first=1000 >named
    simclr-linprobe --train train --test named --save w >table
    simclr-linprobe --weights w named >out
    simclr-linprobe --weights w <named >out2
    simclr-linprobe --weights w -i named -o out3
    cmp out out2
    cmp out out3
    [ ! -e out3.part ]
    zstd -t -q out
    zstd -dc out | grep -aoF '\"predicted\":{\"dtype\":\"I64\",\"shape\":[]}'
    zstd -dc out | grep -aoF '\"probability\":{\"dtype\":\"F32\",\"shape\":[]}'
    zstd -dc out | grep -aqF 'picture-1000'
    zstd -dc out | grep -aqF '"kind":"features"'
    # where predictions are right: top-1 of the table again, with perl reading the columns
    right=$(zstd -dc out | perl -0777 -ne '
        for ($at = 0; $at < length; $at += 8 + $n + $size) {
            $n = unpack "Q<", substr $_, $at, 8;
            $text = substr $_, $at + 8, $n;
            $size = 0;
            while ($text =~ /"data_offsets":\[\d+,(\d+)\]/g) { $size = $1 if $1 > $size }
            for $name ("label", "predicted") {
                $text =~ /"$name":\{"dtype":"I64","shape":\[\d+\],"data_offsets":\[(\d+),(\d+)\]/ or next;
                push @$name, unpack "q<*", substr $_, $at + 8 + $n + $1, $2 - $1;
            }
        }
        for (0 .. $#label) { $right += $label[$_] == $predicted[$_] }
        printf "%.2f\n", 100 * $right / @label')
    [ "$right" = "$(cell top1 <table)" ]
}

@test "a concatenation goes through the filter as a concatenation" {
    simclr-linprobe --train train --save w
    simclr-linprobe --weights w <(cat train test) >both
    cmp both <(simclr-linprobe --weights w train; simclr-linprobe --weights w test)
}

@test "rows without a label are left out, with a note; none labelled is refused" {
    features unlabelled=3 >part
    run -0 --separate-stderr simclr-linprobe --train part --test test
    [ "$(cell train <<<"$output")" = 78 ]
    [ "$stderr" = "simclr-linprobe: leaves out 42 rows of 'part' without a label" ]
    features unlabelled=1 >bare
    run -3 --separate-stderr simclr-linprobe --train bare --test test
    [[ "$stderr" == *"none of the 120 rows of 'bare' has a label" ]]
    simclr-linprobe --train train --save w
    simclr-linprobe --weights w bare >predicted
}

@test "a single class is refused; classes that only the test set has count as wrong" {
    features labels=1 >one
    run -3 --separate-stderr simclr-linprobe --train one --test test
    [[ "$stderr" == *"'one' are of class 0: nothing to tell apart" ]]
    features labels=8 >more
    run -0 --separate-stderr simclr-linprobe --train train --test more
    [[ "$stderr" == *"60 test rows are of classes without a training row"* ]]
}

@test "training rows that repeat an id are refused" {
    cat train train >twice
    run -3 --separate-stderr simclr-linprobe --train twice --test test --save w
    [ -z "$output" ]
    [[ "$stderr" == *"occurs more than once in training set 'twice'"* ]]
    [ ! -e w ]
}

@test "sets of different width are refused in a line that names both" {
    features column=h:F32:7 >wide
    run -3 --separate-stderr simclr-linprobe --train train --test wide
    [ "$stderr" = "simclr-linprobe: 'train' has 6 features a row, 'wide' has 7" ]
    simclr-linprobe --train train --save w
    run -3 --separate-stderr simclr-linprobe --weights w --test wide
    [ "$stderr" = "simclr-linprobe: 'w' has 6 features a row, 'wide' has 7" ]
    run -3 --separate-stderr simclr-linprobe --weights w wide -o out
    [ ! -e out ]
    [ ! -e out.part ]
}

@test "a feature that is not finite has status 1 and is named" {
    features poison=3:nan >bad
    run -1 --separate-stderr simclr-linprobe --train bad --test test
    [ "$stderr" = "simclr-linprobe: 'bad' has a feature that is not a number (step 0, row 3)" ]
    simclr-linprobe --train train --save w
    run -1 --separate-stderr simclr-linprobe --weights w bad -o out
    [[ "$stderr" == *"not a number (step 0, row 3)" ]]
    [ ! -e out ]
}

@test "weights that are none are refused" {
    for bytes in 0 5 100; do
        head -c $bytes train >w
        run -3 simclr-linprobe --weights w test -o out
    done
    run -3 simclr-linprobe --weights train test -o out
    [ ! -e out ]
}

@test "cut input has status 3, an early reader 141, a full disk 1" {
    simclr-linprobe --train train --save w
    for size in 0 10 300 $(($(wc -c <train) - 1)); do
        head -c $size train >cut
        run -3 --separate-stderr simclr-linprobe --train cut --test test
        [ -z "$output" ]
        run -3 simclr-linprobe --train train --test cut
        run -3 bash -c "simclr-linprobe --weights w cut >/dev/null"
    done
    run -1 --separate-stderr bash -c "simclr-linprobe --train train --test test >/dev/full"
    [[ "$stderr" == *"No space left on device" ]]
    run -1 bash -c "simclr-linprobe --weights w test >/dev/full"
    features pictures=4000 first=1000 names=1 >long
    run -141 bash -c "set -o pipefail; simclr-linprobe --weights w long | head -c 100 >/dev/null"
    run -2 --separate-stderr simclr-linprobe --train train --save none/w
    [[ "$stderr" == *none/w* ]]
}

@test "a terminal is no input, and takes no stream" {
    simclr-linprobe --train train --save w
    run -2 script -qec "simclr-linprobe --weights w" /dev/null
    [[ "$output" == *terminal* ]]
    run -2 script -qec "simclr-linprobe --weights w test" /dev/null
    [[ "$output" == *terminal* ]]
    run -0 script -qec "simclr-linprobe --train train --test test" /dev/null
    [[ "$output" == *top1* ]]
}

# ---- tables --------------------------------------------------------------------------------------

@test "the tables of a test set agree with each other and with the line of results" {
    features first=1000 names=1 >named
    simclr-linprobe --train train --test named --save w --predictions p --confusion c --per-class k \
        --calibration b >line
    [ "$(ls *.part 2>/dev/null)" = "" ]
    [ "$(head -n 1 p)" = $'name\tlabel\tpredicted\tprobability' ]
    [ "$(wc -l <p)" -eq 121 ]
    [ "$(sed -n 2p p | cut -f 1,2)" = $'picture-1000\t0' ]
    top1=$(awk 'NR > 1 { right += $2 == $3 } END { printf "%.2f", 100 * right / (NR - 1) }' p)
    [ "$top1" = "$(cell top1 <line)" ]
    awk 'NR > 1 && ($4 <= 0.25 || $4 > 1) { exit 1 }' p
    # the matrix, counted again from the rows
    awk 'NR > 1 { n[$2, $3]++ } END { printf "label\t0\t1\t2\t3\n"
        for (i = 0; i < 4; i++) { printf "%d", i
            for (j = 0; j < 4; j++) printf "\t%d", n[i, j]; print "" } }' p | diff - c
    awk -F'\t' 'NR > 1 { printf "%d\t%.2f\n", $1, 100 * $(NR) / ($2 + $3 + $4 + $5) }' c >recall
    sed 1d k | cut -f 1,4 | diff recall -
    # calibration, from the rows
    ece=$(awk 'NR > 1 { i = int($4 * 15 - 1e-9); n++; gap[i] += ($2 == $3) - $4 }
        END { for (i in gap) sum += gap[i] < 0 ? -gap[i] : gap[i]; printf "%.2f", 100 * sum / n }' p)
    awk "BEGIN { d = $ece - $(cell ece <line); exit !(d < 0.011 && d > -0.011) }"
    [ "$(wc -l <b)" -eq 16 ]
    [ "$(awk 'NR > 1 { n += $3 } END { print n }' b)" = 120 ]
    awk "BEGIN { exit !($(cell top1_low <line) < $top1 && $top1 < $(cell top1_high <line)) }"
}

@test "--hold-out measures on a fifth of each class and learns from the rest, which alone decides" {
    hold_out_by_hand
    [ "$(awk 'NR > 1 { n[$2]++ } END { print n[0], n[1], n[2], n[3] }' held.names)" = "6 6 6 6" ]
    simclr-linprobe --train train --hold-out 0.2 --save w --confusion c --predictions p >line
    simclr-linprobe --train rest --test held --save v --confusion d --predictions q | diff line -
    cmp c d
    cmp p q
    cmp <(tail -c 112 w) <(tail -c 112 v) # 4 x 6 weights and 4 biases
    simclr-linprobe --train train --hold-out 0.2 --seed 1 --predictions other >/dev/null
    run ! cmp -s <(cut -f 1 p) <(cut -f 1 other)
    run -3 --separate-stderr simclr-linprobe --train train --hold-out 0.001
    [[ $stderr == *"'train' has too few"* ]]
}

@test "a saved classifier and any number of threads give the same tables" {
    simclr-linprobe --train train --test test --save w --predictions p --confusion c --per-class k \
        --calibration b
    for n in 1 3; do
        simclr-linprobe --weights w --test test -t $n --predictions p$n --confusion c$n \
            --per-class k$n --calibration b$n
        for table in p c k b; do
            cmp $table $table$n
        done
    done
    [ "$(sed -n 2p p | cut -f 1)" = 1000 ] # without names: ids
}

@test "as a filter --predictions is a table of all rows, labelled or not" {
    simclr-linprobe --train train --test test --save w --predictions p
    simclr-linprobe --weights w --predictions q test
    simclr-linprobe --weights w --predictions - <test >r
    cmp p q
    cmp p r
    [ "$(ls *.part 2>/dev/null)" = "" ]
    features first=1000 unlabelled=3 >bare
    simclr-linprobe --weights w --predictions - bare >u
    diff <(cut -f 1,3,4 p) <(cut -f 1,3,4 u)
    [ "$(awk '$2 == -1' u | wc -l)" -eq 42 ]
    simclr-linprobe --weights w --predictions - <(cat test bare) >both
    cmp both <(cat p; sed 1d u)
    head -c 300 test >cut
    run -3 simclr-linprobe --weights w --predictions v cut
    [ ! -e v ]
    [ ! -e v.part ]
    run -1 simclr-linprobe --weights w --predictions /dev/full test
    run -1 simclr-linprobe --train train --test test --confusion /dev/full
    features pictures=4000 first=1000 names=1 >long
    run -141 bash -c "set -o pipefail; simclr-linprobe --weights w --predictions - long | head -n 1"
}

@test "classes that only one side has are in the tables" {
    features labels=8 >more
    simclr-linprobe -q --train train --test more --confusion c --per-class k
    [ "$(head -n 1 c | wc -w)" = 9 ]
    [ "$(sed 1d k | cut -f 1 | tr '\n' ' ')" = "0 1 2 3 4 5 6 7 " ]
    [ "$(awk -F'\t' '$1 == 6 { print $4, $8, $9, $10 }' k)" = "0.00 0 0.00 0.00" ]
}

# ---- descent -------------------------------------------------------------------------------------

# Views of the same 120 pictures in each of ten epochs.
course() {
    features pictures=120 steps=10 epochs=10 ids=repeat classes=4 "$@"
}

@test "--solver sgd learns from a course of views, and from any cut into parts nearly the same" {
    course >views
    simclr-linprobe --solver sgd -v --learning-rate 2 --train views --test test --save w >line 2>log
    [ "$(cell train <line)" = 120 ]
    [ "$(cell l2 <line)" = 0 ]
    awk "BEGIN { exit !($(cell top1 <line) > 70) }"
    [ "$(grep -c '^simclr-linprobe: epoch [0-9]*: loss' log)" -eq 10 ]
    for n in 1 3; do
        simclr-linprobe --solver sgd --learning-rate 2 -t $n --train - --test test --save w$n <views >line$n
        cmp line line$n
        cmp w w$n
    done
    course parts=4 >cut
    simclr-linprobe --solver sgd --learning-rate 2 --train cut --save v
    [ "$(simclr-linprobe --weights v --test test | cell top1)" = "$(cell top1 <line)" ]
    simclr-linprobe --solver sgd --learning-rate 2 --l2 0.1 --train views --save decayed
    run ! cmp -s w decayed
    grep -aqF 'learning-rate\":2.0' w
}

@test "a course that is none, or does not end, is refused" {
    run -3 --separate-stderr simclr-linprobe --solver sgd --train train --test test
    [[ "$stderr" == *"'train' has no plan"*hint:* ]]
    course classes=0 >views
    run -3 --separate-stderr simclr-linprobe --solver sgd --train views --test test
    [[ "$stderr" == *"does not say how many classes"* ]]
    course classes=3 >views
    run -3 --separate-stderr simclr-linprobe --solver sgd --train views --test test
    [[ "$stderr" == *"label 3 in 'views' (step 0, row 3) is not within 0 .. 2, nor -1" ]]
    make_stream kind=features column=h:F32:1000 views=0 labels=4 epochs=1 classes=100000 >views
    run -3 --separate-stderr simclr-linprobe --solver sgd --train views --test views
    [[ "$stderr" == *"100000 classes of 1000 features: more than 67108864 weights" ]]
    course poison=3:nan >views
    run -1 --separate-stderr simclr-linprobe --solver sgd --train views --test test
    [[ "$stderr" == *"(step 0, row 3)" ]]
    course >views
    run -3 simclr-linprobe --solver sgd --train <(cat views views) --test test
    for size in 10 300 $(($(wc -c <views) - 1)); do
        run -3 simclr-linprobe --solver sgd --train <(head -c $size views) --test test --save w
        [ ! -e w ]
    done
    course unlabelled=3 >views
    run -0 --separate-stderr simclr-linprobe --solver sgd --train views --test test
    [ "$(cell train <<<"$output")" = 80 ]
    [ "$stderr" = "simclr-linprobe: leaves out 400 rows of 'views' without a label" ]
}

@test "the reference's linear evaluation is one pipeline" {
    make_cifar 40 1 >train.bin
    make_cifar 20 2 >test.bin
    simclr-images test.bin | simclr-augment --recipe eval --size 16 |
        simclr-encode --model resnet20 >features.test
    simclr-images train.bin --batch 20 --epochs 3 --shuffle |
        simclr-augment --recipe none --views 1 --crop 1 --flip 0.5 --size 16 |
        simclr-encode --model resnet20 |
        simclr-linprobe --solver sgd -v --train - --test features.test >line 2>log
    [ "$(cell train <line)" = 40 ]
    [ "$(cell classes <line)" = 10 ]
    [ "$(grep -c 'epoch [123]: loss' log)" -eq 3 ]
}
