#!/usr/bin/env bats
# simclr-project: the projections, the heads, the gradients it sends back, and its manners. What it
# shares with simclr-encode (states, parts, metadata) is tested there.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/training

setup() {
    training_setup
    features steps=2 epochs=2 >h
    width=16 gradients steps=2 epochs=2 >g
}

# Two steps of training on files: train SAVE OPTION...; input h, gradients g, output on stdout.
train() {
    simclr-project --dim 16 --train --grad g --warmup-epochs 0 --save "$@" h
}

@test "help is 0 on standard output, and --version names the kernels" {
    run -0 --separate-stderr simclr-project --help
    [ -z "$stderr" ]
    [[ $output == *--grad-out* ]]
    run -0 --separate-stderr simclr-project --version
    [[ -z $stderr && $output == *"dense: OpenBLAS"* ]]
}

@test "misuse is 2, one line, nothing on standard output" {
    for arguments in "h h" "-i h h" "nothing" "--bogus h" "--head round h" "--layers 1 h" "--layers 9 h" \
        "--dim 0 h" "--hidden 65537 h" "--weights nothing h" "--train h" "--grad g h" "--save w h" \
        "--grad-out back h" "--memory 1 h" "--train --grad nothing h" "--train --grad g --save no/w h" \
        "--train --grad g --grad-out g h" "--dim 16 --train --grad g --grad-out no/back h" \
        "--train --grad g --state no/s h" "--train --grad g --start-step 1 h" \
        "--train --grad g --optimizer lion h" "--train --grad g --optimizer adamw --nesterov h"; do
        run --separate-stderr simclr-project $arguments
        echo "$arguments: $status, $stderr"
        [ "$status" = 2 ]
        [ -z "$output" ]
        [ "$(grep -vc hint: <<<"$stderr")" = 1 ]
        [[ $stderr == "simclr-project: "* ]]
    done
    [ ! -e w ]
    no_part
}

@test "a terminal is refused on both sides, and for gradients" {
    run script -qec "simclr-project >out" /dev/null
    [ "$status" = 2 ]
    [[ $output == *terminal* ]]
    run script -qec "simclr-project h" /dev/null
    [ "$status" = 2 ]
    [[ $output == *terminal* ]]
    run script -qec "simclr-project --dim 16 --train --grad g --grad-out /dev/tty h >out" /dev/null
    [ "$status" = 2 ]
    [[ $output == *terminal* ]]
}

@test "FILE, --input and standard input are the same, and so are --output and a second run" {
    simclr-project h >a
    simclr-project -i h | cmp - a
    simclr-project <h | cmp - a
    cat h | simclr-project -o b
    cmp a b
    no_part
    simclr-inspect --check a
    [ "$(simclr-inspect a | awk '$2 == "z" { print $4 }')" = "[128]" ]
}

@test "threads never change a bit of projections, weights and gradients" {
    features pictures=300 steps=2 epochs=2 parts=2 >h
    width=16 gradients pictures=300 steps=2 epochs=2 parts=2 >g
    for threads in 1 2 3; do
        simclr-project --threads $threads h >z$threads
        cmp z$threads z1
        train w$threads --grad-out back$threads --threads $threads >t$threads
        cmp w$threads w1
        cmp t$threads t1
        cmp back$threads back1
    done
}

@test "every other column goes through" {
    features steps=2 epochs=2 names=1 labels=3 parts=2 >h
    width=16 gradients steps=2 epochs=2 parts=2 >g
    simclr-project h >z
    train w >t
    for name in id view label name name.offsets; do
        cmp <(column $name <h) <(column $name <z)
        cmp <(column $name <h) <(column $name <t)
    done
    [ -z "$(column h <z)" ]
    [ "$(column z <z | wc -l)" = 48 ]
}

@test "projections do not depend on the batch that the features came in" {
    train w >/dev/null
    features views=0 pictures=300 >whole
    features views=0 pictures=300 parts=60 >fives
    features views=0 pictures=1 first=123 >alone
    simclr-project --weights w whole | column z >a
    near 1e-6 <(simclr-project --weights w fives | column z) a
    near 1e-6 <(simclr-project --weights w alone | column z) <(sed -n 124p a)
    run near 1e-6 <(simclr-project --weights w alone | column z) <(sed -n 125p a)
    [ "$status" = 1 ]
}

@test "a concatenation is answered with a concatenation, but refused in training" {
    features seed=2 >other
    simclr-project --seed 5 h >a
    simclr-project --seed 5 other >b
    cat h other h | simclr-project --seed 5 | cmp - <(cat a b a)
    cat h h >twice
    refused 3 "*second stream follows the first*" \
        simclr-project --dim 16 --train --grad g --save never twice
}

@test "every cut of the input is 3, and leaves no file" {
    size=$(stat -c %s h)
    for cut in 0 1 100 $((size / 2)) $((size - 1)); do
        head -c "$cut" h >cut
        refused 3 "simclr-project: *" simclr-project -o z cut
        [ ! -e z ]
        refused 3 "simclr-project: *" simclr-project --dim 16 --train --grad g --grad-out back \
            --save never cut
        [ ! -e back ]
    done
}

@test "a reader that leaves early is 141, in training too" {
    features pictures=100 steps=50 epochs=50 >h
    width=16 gradients pictures=100 steps=50 epochs=50 >g
    simclr-project h | head -c 100 >/dev/null || true
    [ "${PIPESTATUS[0]}" = 141 ]
    train w --grad-out back 2>said | head -c 100 >/dev/null || true
    [ "${PIPESTATUS[0]}" = 141 ]
    mkfifo back
    head -c 100 back >/dev/null 3>&- &
    status=0
    train w --grad-out back 2>said >/dev/null || status=$?
    [ "$status" = 141 ]
    [ ! -s said ]
    [ ! -e w ]
    no_part
}

@test "a full disk is 1, for projections and for gradients" {
    status=0
    simclr-project h >/dev/full 2>said || status=$?
    [ "$status" = 1 ]
    grep -q "standard output" said
    refused 1 "*'/dev/full'*" simclr-project -o /dev/full h
    refused 1 "*'/dev/full'*" train never --grad-out /dev/full
}

@test "a stream of something else is refused" {
    views >v
    features column=h:F32:8,8 >map
    features column=h:U8:64 >bytes
    for file in v map bytes; do
        refused 3 "simclr-project: *'h'*" simclr-project $file
        [ ! -s refused.out ]
    done
    features column=h:F32:64 >h
    refused 3 "*no plan*hint: simclr-images --epochs*" train never
}

# ---- heads ---------------------------------------------------------------------------------------

@test "every head and every optimiser trains, the same way each time" {
    for head in "nonlinear" "nonlinear --layers 2 --hidden 24" "linear"; do
        for optimizer in lars sgd adam "adamw --weight-decay 0.1"; do
            train w --head $head --optimizer $optimizer --grad-out back >z
            train again --head $head --optimizer $optimizer >/dev/null
            cmp w again
            train still --head $head --optimizer $optimizer --learning-rate 0 >/dev/null
            run compare w still 0 0.weight
            [ "$status" = 1 ]
            simclr-inspect --check back
            [ "$(metadata w head)" = "${head%% *}" ]
            [ "$(metadata w dim)" = 16 ]
            simclr-project --weights w h | simclr-inspect --check
        done
    done
}

@test "what --save wrote, --weights makes the same head of, and contradictions are misuse" {
    train w --layers 2 --hidden 24 >/dev/null
    [ "$(metadata w layers) $(metadata w hidden)" = "2 24" ]
    simclr-inspect w | grep -q '1.weight.*\[16,24\]'
    simclr-project --weights w h >a
    simclr-project --weights w --head nonlinear --layers 2 --hidden 24 --dim 16 h | cmp - a
    refused 2 "*--layers is 3, the weights 'w' have 2*" simclr-project --weights w --layers 3 h
    refused 2 "*--hidden is 64, the weights 'w' have 24*" simclr-project --weights w --hidden 64 h
    refused 2 "*--dim is 128, the weights 'w' have 16*" simclr-project --weights w --dim 128 h
    refused 2 "*--head is linear, the weights 'w' are nonlinear*" \
        simclr-project --weights w --head linear h
    alter w bare 'unset=*'
    simclr-project --weights bare --layers 2 --hidden 24 --dim 16 h | column z | cmp - <(column z <a)
    refused 3 "*'bare': tensor '0.weight' has shape \[24,64\], the model wants \[64,64\]*" \
        simclr-project --weights bare h
    for change in drop=1.weight set=layers:1 set=hidden:0 set=dim:many set=head:round; do
        alter w bad $change
        refused 3 "simclr-project: 'bad': *" simclr-project --weights bad h
    done
}

@test "features of another width than the weights' are refused with both shapes" {
    train w >/dev/null
    features column=h:F32:32 >narrow
    refused 3 "*'0.weight' has shape \[64,64\], the model wants \[64,32\]*" \
        simclr-project --weights w narrow
}

@test "head none passes features on and sends gradients through, bit for bit" {
    gradients steps=2 epochs=2 parts=2 >g
    features steps=2 epochs=2 parts=2 >h
    simclr-project --head none h | column z | cmp - <(column h <h)
    simclr-project --head none --train --grad g --grad-out back --save w h >z
    cmp <(column z <z) <(column h <h)
    cmp <(column grad <back) <(column grad <g)
    simclr-inspect --check back
    [ "$(simclr-inspect w | grep -c '^tensor')" = 0 ]
    simclr-project --weights w h | column z | cmp - <(column h <h)
    # one row has no statistics to want
    features views=0 pictures=1 epochs=1 >h
    gradients views=0 pictures=1 epochs=1 >g
    simclr-project --head none --train --grad g h >/dev/null
}

# ---- training ------------------------------------------------------------------------------------

@test "--grad-out has the steps, parts and plan of the input, and appears when it is whole" {
    features steps=2 epochs=2 parts=4 >h
    width=16 gradients steps=2 epochs=2 parts=4 >g
    train w --grad-out back >/dev/null
    simclr-inspect back >said
    grep -q 'gradients' said
    grep -q 'grad.*F32.*\[64\]' said
    zstd -dc back | grep -aq '"records":"8","rows":"48"'
    zstd -dc back | grep -aq '\\"steps_per_epoch\\":1'
    [ "$(zstd -dc back | grep -ao '"parts":"4"' | wc -l)" = 8 ]
    # a stage before it would take them
    train again --grad-out copy >/dev/null
    cmp back copy
    rm back
    head -c 3000 g >cut
    refused 3 "simclr-project: *" simclr-project --dim 16 --train --grad cut --grad-out back \
        --save never h
    [ ! -e back ]
}

@test "--batch-norm frozen leaves the running statistics alone while the weights move" {
    train w >/dev/null
    simclr-project --weights w --train --grad g --warmup-epochs 0 --batch-norm frozen --save f h >z
    compare f w 0 running_
    for word in 0.weight 2.weight 0.bn.bias 2.bn.weight; do
        run compare f w 0 $word
        [ "$status" = 1 ]
    done
    # The first step's projections are those of the weights as they came.
    cmp <(simclr-project --weights w h | column z | head -n 24) <(column z <z | head -n 24)
}

@test "parts under frozen batch norm give the step of the whole batch" {
    train w >/dev/null
    for parts in 1 2 3 12; do
        features views=0 epochs=1 parts=$parts >h
        width=16 gradients views=0 epochs=1 parts=$parts >g
        simclr-project --weights w --train --grad g --grad-out back$parts --warmup-epochs 0 \
            --batch-norm frozen --optimizer sgd --learning-rate 1 --save w$parts h | column z >z$parts
        compare w$parts w1 1e-5
        near 1e-5 z$parts z1
        near 1e-5 <(column grad <back$parts) <(column grad <back1)
    done
    run compare w1 w 1e-4 weight
    [ "$status" = 1 ] # and the step was one
}

@test "parts under --batch-norm step give the step of the whole batch, and its gradients" {
    train w >/dev/null
    for parts in 1 2 3 12; do
        features views=0 epochs=1 parts=$parts >h
        width=16 gradients views=0 epochs=1 parts=$parts >g
        simclr-project --weights w --train --grad g --grad-out back$parts --warmup-epochs 0 \
            --batch-norm step --optimizer sgd --learning-rate 1 --save w$parts h | column z >z$parts
        compare w$parts w1 1e-5
        near 1e-5 z$parts z1
        near 1e-5 <(column grad <back$parts) <(column grad <back1)
    done
    run compare w1 w 1e-4
    [ "$status" = 1 ] # and the step was one
    features views=0 epochs=1 >h
    width=16 gradients views=0 epochs=1 >g
    simclr-project --weights w --train --grad g --grad-out back --warmup-epochs 0 \
        --optimizer sgd --learning-rate 1 --save part h >z
    compare part w1 0
    cmp <(column grad <back) <(column grad <back1)
}

@test "--memory, --scratch and threads never change a bit under --batch-norm step" {
    features views=0 pictures=14 steps=3 epochs=3 parts=4 >h
    width=16 gradients views=0 pictures=14 steps=3 epochs=3 parts=4 >g
    train w --batch-norm step --grad-out back >z
    for memory in 1 8K 20K; do
        train m --batch-norm step --memory $memory --scratch s -t 3 --grad-out mback >mz
        cmp w m
        cmp z mz
        cmp back mback
        [ ! -e s ]
        refused 2 "*activations of a whole step take*--scratch FILE*" \
            train never --batch-norm step --memory $memory --grad-out none
        [ ! -e none ]
    done
    # A head without batch norm has no use for it.
    gradients views=0 pictures=14 steps=3 epochs=3 parts=4 >g
    simclr-project --head none --train --grad g --batch-norm step --memory 1 h >z
    cmp <(column z <z) <(column h <h)
}

@test "--memory never changes a bit" {
    features views=0 pictures=14 steps=3 epochs=3 parts=4 >h
    width=16 gradients views=0 pictures=14 steps=3 epochs=3 parts=4 >g
    train w --grad-out back >z
    for memory in 1 8K 12K 16K 24K 40K; do
        train m --memory $memory --grad-out mback >mz
        cmp w m
        cmp z mz
        cmp back mback
    done
    train m --memory 1 -v 2>&1 >/dev/null | grep -q "12 parts computed twice"
}

@test "gradients of another step, part, number of rows or width are refused" {
    features steps=2 epochs=1 >h
    try() { # PATTERN ARGUMENT... of the gradients
        gradients "${@:2}" >g
        refused 3 "$1" train never --grad-out back
        [ ! -e back ]
    }
    width=16 try "*step 1, part 0 of 1, 24 rows came for step 0*" start=1 steps=1 epochs=1
    width=16 try "*part 0 of 2, 12 rows came for step 0, part 0 of 1, 24 rows*" steps=2 epochs=1 parts=2
    width=16 try "*22 rows came for step 0, part 0 of 1, 24 rows*" steps=2 epochs=1 pictures=11
    width=64 try "*64 wide, the output is 16 wide*" steps=2 epochs=1
    width=16 try "*end before step 1*" steps=1 epochs=1
    width=16 try "*go on after the last step*" steps=3 epochs=1
}

@test "a number that is not finite is 1, naming the step, whatever the head" {
    width=64 gradients steps=2 epochs=2 poison=3:inf >g
    for head in nonlinear linear none; do
        refused 1 "*gradient of step 0, part 0 holds a number that is not finite*" \
            simclr-project --head $head --dim 64 --train --grad g --grad-out back --save never h
        [ ! -e back ]
    done
}

@test "a whole run and one taken up from a state are the same bits, gradients too" {
    train w --state s --checkpoint-every 1 --grad-out back >z
    features start=1 epochs=2 first=12 >h
    width=16 gradients start=1 epochs=2 first=12 >g
    train again --state s --start-step 1 --grad-out tail >/dev/null
    cmp w again
    cmp <(column grad <tail) <(column grad <back | tail -n 24)
    refused 2 "*belongs to another run: 'layers' of its arguments was 3, now 2*" \
        train never --state s --start-step 1 --layers 2
    cp s-0000000001.safetensors e-0000000001.safetensors
    alter s-0000000001.safetensors e-0000000001.safetensors set=tool:simclr-encode
    refused 2 "*belongs to another run: tool was 'simclr-encode'*" \
        train never --state e --start-step 1
}

@test "who sends gradients watches its own input, not a standard input that it does not read" {
    mkfifo back
    (sleep 1 3>&-; exec cat back >got) 3>&- & # comes late
    reader=$!
    true | train w --grad-out back >/dev/null
    wait $reader
    simclr-inspect --check got
}

@test "nobody who reads the gradients, and a writer that has left: 141 within seconds" {
    mkfifo back
    status=0
    cat h | timeout 5 simclr-project --dim 16 --train --grad g --grad-out back --save never \
        >/dev/null || status=$?
    [ "$status" = 141 ]
    [ ! -e never ]
}

# ---- a head that stops early ---------------------------------------------------------------------

@test "--stop-after K is the beginning of a whole head, for training and after it" {
    train w --layers 3 --hidden 20 >/dev/null
    for k in 1 2; do
        simclr-project --weights w --stop-after $k h >z$k
        [ "$(simclr-inspect z$k | awk '$2 == "z" { print $4 }')" = "[20]" ]
    done
    # ReLU: no sign bit anywhere, and some zeros
    [ "$(column z <z1 | sed 's/......../&\n/g' | grep -c '^......[89a-f]')" = 0 ]
    [ "$(column z <z1 | sed 's/......../&\n/g' | grep -c '^00000000')" -gt 10 ]
    simclr-project --weights w --stop-after 3 h | cmp <(column z) <(simclr-project --weights w h | column z)
    # trained so, it is a head without the rest, and says so
    width=20 gradients steps=2 epochs=2 >g20
    simclr-project --weights w --stop-after 1 --train --grad g20 --grad-out back --warmup-epochs 0 --save v h >t
    simclr-inspect v | awk '$1 == "tensor" { print $2 }' | tr '\n' ' ' >names
    [ "$(cat names)" = "0.weight 0.bn.weight 0.bn.bias 0.bn.running_mean 0.bn.running_var " ]
    [ "$(metadata v stop_after) $(metadata v layers)" = "1 3" ]
    simclr-project --weights v h >a
    simclr-project --weights v --stop-after 1 h >b
    cmp <(column z <a) <(column z <b)
    [ "$(simclr-inspect back | awk '$2 == "grad" { print $4 }')" = "[64]" ]
    run ! cmp -s <(column z <a) <(column z <z1)
}

@test "--stop-after that is no layer, or has no head to stop in, is misuse" {
    train w --layers 3 --hidden 20 >/dev/null
    train linear --head linear >/dev/null
    width=20 gradients steps=2 epochs=2 >g20
    simclr-project --weights w --stop-after 1 --train --grad g20 --save v h >/dev/null
    refused 2 "*--stop-after is 4, the head has 3 layers" simclr-project --weights w --stop-after 4 h
    refused 2 "*--stop-after is 3, the head has 2 layers" simclr-project --layers 2 --stop-after 3 h
    refused 2 "*goes with a nonlinear head, this one is linear" simclr-project --weights linear --stop-after 1 h
    refused 2 "*goes with a nonlinear head, this one is none" simclr-project --head none --stop-after 1 h
    refused 2 "*--stop-after is 2, the weights 'v' end after layer 1" simclr-project --weights v --stop-after 2 h
    refused 2 "*--stop-after*" simclr-project --stop-after 0 h
}

@test "parts, memory and threads change no bit of a head that stops early" {
    features steps=2 epochs=2 parts=4 >h
    width=20 gradients steps=2 epochs=2 parts=4 >g20
    set -- --hidden 20 --stop-after 1 --train --grad g20 --warmup-epochs 0
    simclr-project "$@" --grad-out back --save w h >z
    for more in "--memory 1" "--threads 1" "--threads 3" "--batch-norm step" "--batch-norm step --memory 1 --scratch s"; do
        simclr-project "$@" --grad-out back2 --save w2 $more h >z2
        [[ $more != *step* ]] || { [[ $more == *scratch* ]] || { cp back2 back; cp w2 w; cp z2 z; }; }
        cmp <(column grad <back) <(column grad <back2)
        cmp <(column z <z) <(column z <z2)
        cmp <(simclr-inspect --digest w | cut -c 1-64) <(simclr-inspect --digest w2 | cut -c 1-64)
    done
}
