#!/usr/bin/env bats
# simclr-linprobe --grad-out: the last stage of supervised training, alone and behind an encoder.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/training

setup() {
    training_setup
    labelled steps=4 epochs=2 >h
}

# Features of 4 classes, 24 rows a step; further arguments as make_stream has them.
labelled() {
    make_stream kind=features column=h:F32:16 views=0 pictures=24 labels=4 classes=4 class=1 "$@"
}

loop() {
    simclr-linprobe --optimizer sgd --learning-rate 0.5 --warmup-epochs 0 "$@"
}

# Field NAME of line N (1: the first step) of a log.
field() { # FILE N NAME
    awk -F '\t' -v n="$2" -v name="$3" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
        NR == n + 1 { print $(column[name]) }' "$1"
}

@test "misuse is 2, one line, nothing on standard output, and no file" {
    simclr-linprobe --train h --save w
    for arguments in "--grad-out g --train h" "--grad-out g --test h" "--grad-out g --solver sgd h" \
        "--grad-out g --fraction 0.5 h" "--grad-out g --l2 1 h" "--grad-out g --confusion c h" \
        "--grad-out g -o log h" "--grad-out g --checkpoint-every 2 h" "--grad-out g --start-step 2 h" \
        "--grad-out h h" "--grad-out g --save g h" "--grad-out g --save none/w h" "--grad-out none/g h" \
        "--grad-out g --state none/s h" "--grad-out g --classes 1 h" "--grad-out g --classes 5 h" \
        "--grad-out g --optimizer lion h" "--grad-out g --optimizer adam --nesterov h" \
        "--grad-out g --weights none h" "--grad-out g -s 1 --state s --start-step 2 h" "--grad-out g h h" \
        "--train h --save w --optimizer sgd" "--weights w --momentum 0 h" "--weights w --classes 4 h" \
        "--train h --test h --zero-init" "--weights w --state s h" "--weights w --forecast f h"; do
        run --separate-stderr simclr-linprobe $arguments
        echo "$arguments: $status, $stderr"
        [ "$status" = 2 ]
        [ -z "$output" ]
        [ "$(grep -vc hint: <<<"$stderr")" = 1 ]
        [ ! -e g ]
        no_part
    done
}

@test "the log has its header and one line a step, and the loss falls from ln of the classes" {
    labelled steps=30 epochs=10 >h
    loop --grad-out g h >log
    [ "$(head -n 1 log | tr '\t' ' ')" = "step epoch loss accuracy labelled" ]
    [ "$(wc -l <log)" = 31 ]
    [ "$(field log 30 step) $(field log 30 epoch) $(field log 30 labelled)" = "29 9 24" ]
    awk -v a="$(field log 1 loss)" -v b="$(field log 30 loss)" -v right="$(field log 30 accuracy)" \
        'BEGIN { exit !(a > 1.3 && a < 1.5 && b < 0.8 * a && right > 0.6) }'
    loop --grad-out g2 h >>log
    [ "$(grep -c step log)" = 1 ]
}

@test "gradients have the steps, parts and plan of the input, and the shape of its rows" {
    labelled steps=4 epochs=2 parts=3 >parts
    loop --grad-out g parts >log
    simclr-inspect --check g
    simclr-inspect g >facts
    grep -qP '^kind\tgradients' facts
    grep -qP '^column\tgrad\tF32\t\[16\]' facts
    [ "$(grep ^plan facts)" = "$(simclr-inspect parts | grep ^plan)" ]
    grep -qP '^end\trecords 12\trows 96\tsteps 0 to 3' facts
    no_part
}

@test "parts and threads change no bit of the log, the weights and the gradients" {
    loop --grad-out g --save w h >log
    labelled steps=4 epochs=2 parts=5 >parts
    for threads in 1 2 3; do
        loop --grad-out g$threads --save w$threads --threads $threads parts >log$threads
        cmp log log$threads
        cmp w w$threads
        cmp <(column grad <g) <(column grad <g$threads)
    done
    loop --grad-out gi --save wi <h | cmp - log
    loop --grad-out gi --save wi -i h | cmp - log
    cmp w wi
    cmp g gi
}

@test "rows without a label give no loss and no gradient; a step with none is 0, a run with none refused" {
    labelled steps=2 epochs=1 unlabelled=2 >half
    run -0 --separate-stderr loop --grad-out g half
    [ "$stderr" = "simclr-linprobe: 24 of 48 rows had no label: no loss, no gradient" ]
    [ "$(cut -f 5 <<<"${lines[1]}")" = 12 ]
    [ "$(column grad <g | grep -c '^0*$')" = 24 ]
    [ "$(cut -f 5 <<<"${lines[2]}")" = 12 ]
    labelled steps=1 unlabelled=1 epochs=1 >none
    run -3 --separate-stderr loop --grad-out n --save never none
    [[ $stderr == *"none of the 24 rows has a label" ]]
    [ ! -e never ] && [ ! -e n ]
    no_part
}

@test "a stream that does not fit is 3, one line, and leaves no file" {
    refused 3 "*'label'*" loop --grad-out g --save never <(make_stream kind=features column=h:F32:16 epochs=1)
    refused 3 "*'h'*" loop --grad-out g --save never <(make_stream labels=2 classes=2 column=x:F32:16 epochs=1)
    refused 3 "*no plan*" loop --grad-out g --save never <(labelled)
    refused 3 "*does not say how many classes*hint: --classes N*" \
        loop --grad-out g --save never <(labelled classes=0 epochs=1)
    refused 3 "*single class*" loop --grad-out g --save never <(labelled labels=1 classes=1 epochs=1)
    refused 3 "*step 0: label 3 of row 3 is not within 0 .. 2, nor -1" \
        loop --grad-out g --save never <(labelled classes=3 epochs=1)
    refused 3 "*100000 classes of 1000 features: more than*" \
        loop --grad-out g --save never <(labelled column=h:F32:1000 classes=100000 epochs=1)
    refused 3 "*step 2 comes where step 0 is due*" \
        loop --grad-out g --save never <(labelled start=2 steps=2 epochs=2)
    refused 3 "*second stream follows the first*" loop --grad-out g --save never <(cat h h)
    rm -f g
    refused 1 "*step 0: row 3: a logit is not finite" \
        loop --grad-out g --save never <(labelled steps=2 epochs=1 poison=3:nan)
    [ ! -e g ]
}

@test "--classes serves where the header says nothing" {
    labelled classes=0 steps=4 epochs=2 >bare
    loop --grad-out g --classes 4 --save a bare >log
    loop --grad-out g --save b h | cmp - log
    cmp <(simclr-inspect --digest a | cut -c 1-64) <(simclr-inspect --digest b | cut -c 1-64)
}

@test "every cut of the input is 3, and leaves no file" {
    size=$(stat -c %s h)
    for cut in 0 1 100 $((size / 2)) $((size - 1)); do
        head -c "$cut" h >cut
        run loop --grad-out g --save never cut
        [ "$status" = 3 ]
        [ ! -e g ] && [ ! -e never ]
        no_part
    done
}

@test "readers that leave are 141, a full disk is 1, a terminal takes no gradients" {
    labelled steps=2000 epochs=1 >long
    loop --grad-out g long | head -c 100 >/dev/null
    [ "${PIPESTATUS[0]}" = 141 ]
    [ ! -e g ]
    mkfifo fifo
    head -c 100 fifo >/dev/null &
    run loop --grad-out fifo long
    [ "$status" = 141 ]
    run -1 bash -c "simclr-linprobe --grad-out g h >/dev/full"
    run -1 loop --grad-out /dev/full h
    run -2 script -qec "simclr-linprobe --grad-out /dev/tty h" /dev/null
    [[ $output == *terminal* ]]
    run -2 script -qec "simclr-linprobe --grad-out g" /dev/null
    [[ $output == *terminal* ]]
    run timeout 5 simclr-linprobe --grad-out fifo < <(cat h)
    [ "$status" = 141 ]
    no_part
}

@test "what --save wrote is torchvision's last layer, and measures, predicts and begins another run" {
    labelled steps=30 epochs=10 >train
    labelled first=100000 >test
    loop --grad-out g --save w train >/dev/null
    simclr-inspect w >facts
    grep -qP '^tensor\tfc.weight\tF32\t\[4,16\]' facts
    grep -qP '^tensor\tfc.bias\tF32\t\[4\]' facts
    [ "$(metadata w classes)" = "[0,1,2,3]" ]
    metadata w run | grep -q '"optimizer":"sgd"'
    run ! grep -q '"solver"' facts
    run -0 simclr-linprobe --weights w --test test
    simclr-linprobe --weights w test | simclr-inspect --check
    # no rate: it leaves as it came
    loop --learning-rate 0 --grad-out g --weights w --save same train >/dev/null
    cmp <(simclr-inspect --digest w | cut -c 1-64) <(simclr-inspect --digest same | cut -c 1-64)
    # one that was fitted at once begins a run too, and has the better first loss
    simclr-linprobe --train test --save fitted
    loop --grad-out g train >fresh
    loop --grad-out g --weights fitted train >begun
    awk -v a="$(field fresh 1 loss)" -v b="$(field begun 1 loss)" 'BEGIN { exit !(b < a) }'
    refused 3 "*has 16 features a row, 'input' has 8" \
        loop --grad-out g2 --weights w --save never <(labelled column=h:F32:8 epochs=1)
    refused 3 "*knows class 3, 'input' has 3 classes" \
        loop --grad-out g2 --weights w --save never <(labelled labels=3 classes=3 epochs=1)
}

@test "every optimiser trains, the same way each time; --zero-init sends no gradient in the first step" {
    for rule in lars sgd adam adamw; do
        loop --optimizer $rule --grad-out g --save $rule h >$rule.log
        loop --optimizer $rule --grad-out g --save again h | cmp - $rule.log
        cmp $rule again
    done
    run ! cmp -s lars sgd
    loop --zero-init --grad-out g h >log
    [ "$(column grad <g | head -n 24 | grep -vc '^0*$')" = 0 ]
    [ "$(column grad <g | tail -n 24 | grep -vc '^0*$')" = 24 ]
    [ "$(field log 1 loss)" = 1.38629436 ]
}

@test "a whole run and one taken up from a state are the same bits, gradients too" {
    loop --grad-out g --save w --state s --checkpoint-every 2 h >log
    [ "$(echo s-*)" = "s-0000000002.safetensors s-0000000004.safetensors" ]
    rm s-0000000004.safetensors
    head -n 3 log >again
    labelled steps=2 start=2 first=48 epochs=2 >rest
    loop --grad-out back --save again.w --state s --checkpoint-every 2 --start-step 2 rest >>again
    cmp log again
    cmp w again.w
    cmp <(column grad <g | tail -n 48) <(column grad <back)
    refused 2 "*learning-rate*" simclr-linprobe --optimizer sgd --learning-rate 0.4 --warmup-epochs 0 \
        --grad-out x --state s --start-step 2 --save never rest
    refused 3 "*step 0 comes where step 2 is due*hint: --start-step*" \
        loop --grad-out x --state s --start-step 2 --save never h
}

@test "a run whose last steps have no labels ends as well when it is taken up there" {
    loop --grad-out g --save w --state s --checkpoint-every 2 h >log
    labelled steps=2 start=2 first=48 epochs=2 unlabelled=1 >rest
    loop --grad-out back --save again.w --state s --start-step 2 rest >again 2>err
    [ -s again.w ]
    grep -F "48 of 48 rows had no label" err
    labelled steps=4 epochs=2 unlabelled=1 >none
    refused 3 "*none of the 96 rows has a label*" loop --grad-out x --save never none
}

# A stage in the middle of a run: its input stays open on descriptor 7 after half of its steps.
middle_of_a_run() {
    mkfifo z g
    labelled steps=4 epochs=2 end=0 >half
    cat g >got &
    reader=$!
    simclr-linprobe "$@" --save never --grad-out g <z >log 2>said 3>&- &
    stage=$!
    exec 7>z
    cat half >&7
    until [ "$(wc -l <log)" -eq 5 ]; do sleep 0.01; done
}

@test "a first signal waits for the neighbour to close; then the state is saved and the status 75" {
    middle_of_a_run --state s
    kill -TERM $stage
    sleep 0.2
    kill -0 $stage
    exec 7>&-
    wait $stage || status=$?
    [ "$status" -eq 75 ]
    [ ! -s said ]
    [ -e s-0000000004.safetensors ] && [ ! -e never ]
    wait $reader
    run -3 simclr-inspect --check got
}

@test "a second signal ends at once, and without --state the first does" {
    middle_of_a_run --state s
    kill -TERM $stage
    sleep 0.1
    kill -0 $stage
    kill -TERM $stage
    wait $stage || status=$?
    [ "$status" -eq 143 ]
    exec 7>&-
    wait $reader
    rm z g
    middle_of_a_run
    kill -TERM $stage
    wait $stage || status=$?
    [ "$status" -eq 143 ]
    exec 7>&-
}

@test "an encoder, a head that stops after a layer, and the classifier train together" {
    views labels=3 classes=3 steps=6 epochs=3 >v
    mkfifo g gz
    simclr-encode --model resnet20 --train --grad g --save e v |
        simclr-project --train --stop-after 1 --grad gz --grad-out g --save p |
        simclr-linprobe --grad-out gz --save c >log
    [ "${PIPESTATUS[*]}" = "0 0 0" ]
    [ "$(wc -l <log)" = 7 ]
    [ "$(metadata p stop_after)" = 1 ]
    [ "$(metadata c column)" = z ]
    simclr-encode --weights e v | simclr-project --weights p | simclr-linprobe --weights c --test - |
        awk -F '\t' 'NR == 2 { exit !($4 == 64 && $7 == 100) }'
}

@test "--forecast tells once how long the run takes" {
    labelled steps=40 epochs=4 >long
    perl -0777 -ne 'BEGIN { $| = 1 }
        for (split /(?=\x28\xb5\x2f\xfd)/) { print; select undef, undef, undef, 0.05 }' long |
        loop --grad-out g --forecast told >log
    [ "$(wc -l <told)" = 1 ]
    grep -q '^about .* a step, 10 steps an epoch' told
}

# A stage that leaves its pid behind.
stage() { local name=$1; shift; exec bash -c 'echo $$ >pid.'"$name"'; exec "$@" 2>said.'"$name" - "$@"; }

@test "a stage that is killed, or cannot begin, ends the whole pipeline" {
    make_cifar 32 1 >pictures.bin
    mkfifo g
    for victim in images augment encode linprobe; do
        rm -f pid.* log
        {
            set +e
            stage images simclr-images pictures.bin --batch 8 --epochs 500 --shuffle |
                stage augment simclr-augment --views 1 |
                stage encode simclr-encode --model resnet20 --train --grad g --save e |
                stage linprobe simclr-linprobe --grad-out g --save c >log
            echo "${PIPESTATUS[*]}" >statuses
        } 3>&- &
        for _ in $(seq 500); do
            [ "$(cat log 2>/dev/null | wc -l)" -lt 4 ] || break
            sleep 0.02
        done
        kill -9 "$(cat pid.$victim)"
        wait $!
        echo "$victim: $(cat statuses)"
        [ "$(grep -o 137 statuses | wc -l)" = 1 ]
        for status in $(cat statuses); do
            [ "$status" = 137 ] || [ "$status" = 3 ] || [ "$status" = 141 ]
        done
        [ ! -e e ] && [ ! -e c ]
        no_part
    done
    # misuse at one end of the gradients
    run timeout 20 bash -c 'simclr-images pictures.bin --batch 8 --epochs 500 | simclr-augment --views 1 |
        simclr-encode --model resnet20 --train --grad g --save e | simclr-linprobe --grad-out g --classes 3'
    [ "$status" = 2 ]
    run timeout 20 bash -c 'set -o pipefail; simclr-images pictures.bin --batch 8 --epochs 500 | simclr-augment --views 1 |
        simclr-encode --model resnet9 --train --grad g --save e | simclr-linprobe --grad-out g'
    [ "$status" = 3 ]
    no_part
}
