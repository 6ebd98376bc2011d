#!/usr/bin/env bats
# simclr-encode: the features, the weights it takes and leaves, the training, and its manners.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/training

# Somebody who waits for gradients that nobody sends says so after ten seconds: the last test looks.
setup_file() {
    (
        training_setup
        cd "$BATS_FILE_TMPDIR" || return 1
        mkfifo nobody
        views epochs=1 >in.stream
        simclr-encode --model resnet20 --train --grad nobody in.stream 3>&- 2>waits | sleep 60 3>&- &
        echo $! >sleeper
    )
}

teardown_file() {
    kill "$(cat "$BATS_FILE_TMPDIR/sleeper")" 2>/dev/null || true
}

setup() {
    training_setup
}

encode() {
    simclr-encode --model resnet20 "$@"
}

# Two steps of training on files: train SAVE OPTION...; input v, gradients g, output on stdout.
train() {
    encode --train --grad g --warmup-epochs 0 --save "$@" v
}

# A file of weights that have moved, with their metadata.
weights() {
    views steps=2 epochs=2 >v
    gradients steps=2 epochs=2 >g
    train w --pixel-mean 0.5,0.4,0.3 --pixel-std 0.2,0.25,0.5 >/dev/null
}

@test "help is 0 on standard output, and --version names the kernels" {
    run -0 --separate-stderr simclr-encode --help
    [ -z "$stderr" ]
    [[ $output == *--any-size* ]]
    run -0 --separate-stderr simclr-encode --version
    [[ -z $stderr && $output == *"convolutions in f32: "* ]]
}

@test "misuse is 2, one line, nothing on standard output" {
    views epochs=1 >v
    gradients epochs=1 >g
    for arguments in "v" "--model resnet21 v" "--model resnet20 v v" "--model resnet20 -i v v" \
        "--model resnet20 nothing" "--model resnet20 --bogus v" "--model resnet20 --width 0 v" \
        "--model resnet20 --stem big v" "--model resnet20 --pixel-mean 1,2 v" \
        "--model resnet20 --pixel-std 1,0,1 v" "--model resnet20 --weights nothing v" \
        "--model resnet20 --train v" "--model resnet20 --grad g v" "--model resnet20 --save w v" \
        "--model resnet20 --nesterov v" "--model resnet20 --batch-norm part v" \
        "--model resnet20 --train --grad nothing v" "--model resnet20 --train --grad g --save no/w v" \
        "--model resnet20 --train --grad g --checkpoint-every 1 v" \
        "--model resnet20 --train --grad g --start-step 1 v" \
        "--model resnet20 --train --grad g --state no/s v" \
        "--model resnet20 --scratch s v" "--model resnet20 --train --grad g --scratch s v" \
        "--model resnet20 --train --grad g --batch-norm frozen --scratch s v" \
        "--model resnet20 --train --grad g --batch-norm step --scratch no/s v" \
        "--model resnet20 --train --grad g --batch-norm step --scratch v v" \
        "--model resnet20 --train --grad g --batch-norm step --memory 100K v" \
        "--model resnet20 --train --grad g --optimizer adam --nesterov v" \
        "--model resnet20 --train --grad g --grad-out x v" "--model resnet20 -o no/h v"; do
        run --separate-stderr simclr-encode $arguments
        echo "$arguments: $status, $stderr"
        [ "$status" = 2 ]
        [ -z "$output" ]
        [ "$(grep -vc hint: <<<"$stderr")" = 1 ]
        [[ $stderr == "simclr-encode: "* ]]
    done
    [ ! -e w ]
    no_part
}

@test "a terminal is refused on both sides" {
    views >v
    run script -qec "simclr-encode --model resnet20 >out" /dev/null
    [ "$status" = 2 ]
    [[ $output == *terminal* ]]
    run script -qec "simclr-encode --model resnet20 v" /dev/null
    [ "$status" = 2 ]
    [[ $output == *terminal* ]]
}

@test "FILE, --input and standard input are the same, and so are --output and a second run" {
    views steps=3 >v
    encode v >a
    encode -i v | cmp - a
    encode <v | cmp - a
    cat v | encode -o b
    cmp a b
    no_part
    simclr-inspect --check a
    # Only --level may change the bytes, and never the numbers.
    encode -z 5 v >c
    run ! cmp -s a c
    [ "$(simclr-inspect --digest <a)" = "$(simclr-inspect --digest <c)" ]
}

@test "threads never change a byte of the features" {
    views pictures=50 >v
    encode -t 1 v >one
    encode -t 2 v | cmp - one
    encode -t 3 v | cmp - one
}

@test "threads never change a bit of the training" {
    views pictures=50 steps=2 epochs=2 parts=2 >v
    gradients pictures=50 steps=2 epochs=2 parts=2 >g
    for threads in 1 2 3; do
        train w$threads --threads $threads >h$threads
        cmp w$threads w1
        cmp h$threads h1
    done
}

@test "every other column goes through" {
    views steps=2 names=1 labels=3 parts=2 epochs=2 >v
    encode v >h
    for name in id view label name name.offsets; do
        cmp <(column $name <v) <(column $name <h)
    done
    [ "$(column id <h | wc -l)" = 48 ]
    [ "$(column h <h | wc -l)" = 48 ]
    [ -z "$(column pixels <h)" ]
    gradients steps=2 epochs=2 parts=2 >g
    encode --train --grad g v >h
    for name in id view label name name.offsets; do
        cmp <(column $name <v) <(column $name <h)
    done
    # steps, parts and the plan as well
    zstd -dc h | grep -aq '\\"steps_per_epoch\\":1'
    [ "$(zstd -dc h | grep -ao '"parts":"2"' | wc -l)" = 4 ]
}

@test "features do not depend on the batch that the picture came in" {
    weights
    views pictures=300 views=0 >whole
    views pictures=300 views=0 parts=60 >fives
    views pictures=1 views=0 first=123 ids=repeat >alone
    simclr-encode --weights w whole | column h >a
    simclr-encode --weights w fives | column h >b
    cmp a b
    [ "$(simclr-encode --weights w alone | column h)" = "$(sed -n 124p a)" ]
}

@test "a concatenation is answered with a concatenation" {
    views steps=2 >v
    views steps=1 seed=2 >u
    encode v >a
    encode u >b
    cat v u v | encode | cmp - <(cat a b a)
}

@test "a stream without records has features without records" {
    views steps=0 | encode >h
    simclr-inspect --check h
    [ -z "$(column h <h)" ]
}

@test "every cut of the input is 3, and leaves no file" {
    views steps=2 >v
    encode v >whole
    size=$(stat -c %s v)
    for cut in 0 1 100 $((size / 3)) $((size / 2)) $((size - 40)) $((size - 1)); do
        head -c "$cut" v >cut
        refused 3 "simclr-encode: *" encode -o h cut
        [ ! -e h ]
    done
}

@test "a cut of the input or of the gradients ends training with 3, without weights" {
    views steps=3 epochs=3 >whole
    gradients steps=3 epochs=3 >answer
    for name in whole answer; do
        size=$(stat -c %s $name)
        for cut in 0 300 $((size / 2)) $((size - 1)); do
            cp whole v && cp answer g
            if [ $name = whole ]; then head -c "$cut" whole >v; else head -c "$cut" answer >g; fi
            refused 3 "simclr-encode: *" train never
        done
    done
}

@test "a reader that leaves early is 141, in training too" {
    views pictures=100 steps=20 epochs=20 >v
    gradients pictures=100 steps=20 epochs=20 >g
    encode v | head -c 100 >/dev/null || true
    [ "${PIPESTATUS[0]}" = 141 ]
    train w 2>said | head -c 100 >/dev/null || true
    [ "${PIPESTATUS[0]}" = 141 ]
    [ ! -s said ]
    [ ! -e w ]
    no_part
}

@test "a full disk is 1" {
    views epochs=1 >v
    gradients epochs=1 >g
    status=0
    encode v >/dev/full 2>said || status=$?
    [ "$status" = 1 ]
    grep -q "standard output" said
    status=0
    train w >/dev/full 2>said || status=$?
    [ "$status" = 1 ]
    [ ! -e w ]
    no_part
    status=0
    encode -o /dev/full v 2>said || status=$?
    [ "$status" = 1 ]
}

# ---- pictures ------------------------------------------------------------------------------------

@test "grey, encoded or other input is refused with the remedy" {
    views column=pixels:U8:16,16,1 >grey
    views column=pixels:F32:16,16,3 >floats
    features >h
    for file in grey floats h; do
        refused 3 "simclr-encode: *pixels*hint: simclr-augment*" encode $file
        [ ! -s refused.out ]
    done
    printf 'no stream' >text
    refused 3 "simclr-encode: *" encode text
    mkdir photos
    cp "$ROOT"/tests/golden/jpeg_colour.jpg photos
    simclr-images photos >jpegs
    refused 3 "simclr-encode: *'pixels'*hint: simclr-augment makes views*" encode jpegs
}

@test "pictures that are too small for the encoder are misuse" {
    make_stream kind=views column=pixels:U8:2,2,3 >v
    refused 2 "*2x2*resnet20*" encode v
}

@test "the stem is cifar up to 32 pixels and imagenet above, and can be chosen" {
    for side in 32 40; do
        make_stream kind=views column=pixels:U8:$side,$side,3 pictures=2 epochs=1 >v$side
    done
    width=512 gradients pictures=2 epochs=1 >g
    save() { simclr-encode --model resnet18 --train --grad g --save w "$@" >/dev/null; }
    save v32
    [ "$(metadata w stem)" = cifar ]
    save v40
    [ "$(metadata w stem)" = imagenet ]
    save --stem cifar v40
    [ "$(metadata w stem)" = cifar ]
    simclr-inspect w | grep -q 'conv1.weight.*\[64,3,3,3\]'
    refused 2 "*--stem is imagenet*have cifar*" simclr-encode --weights w --stem imagenet v40
    refused 2 "*" simclr-encode --model resnet20 --stem imagenet v40
}

# ---- views of several sizes ----------------------------------------------------------------------

# Four views, two of 20x20 and two of 12x12, in parts of one view.
mixed() {
    make_stream kind=views column=pixels:U8:20,20,3 views=4 small=12 parts=4 pictures=12 "$@"
}

# Gradients that fit them.
answers() {
    gradients views=4 parts=4 "$@"
}

@test "open extents that are the same in every record change nothing" {
    for open in 0 1; do
        views open=$open steps=2 epochs=2 parts=2 >v
        gradients steps=2 epochs=2 parts=2 >g
        encode v >h$open
        train w$open >t$open
    done
    [ "$(simclr-inspect --digest <h0)" = "$(simclr-inspect --digest <h1)" ]
    [ "$(simclr-inspect --digest <t0)" = "$(simclr-inspect --digest <t1)" ]
    compare w0 w1 0
    [ "$(metadata w1 size)" = 16 ]
}

@test "each size has the features that it has alone" {
    mixed steps=2 >v
    make_stream kind=views column=pixels:U8:20,20,3 views=4 parts=4 pictures=12 steps=2 >large
    make_stream kind=views column=pixels:U8:12,12,3 views=4 parts=4 pictures=12 steps=2 >small
    encode v | column h >h
    encode large | column h >l
    encode small | column h >s
    # 24 rows of the first two views, 24 of the others, in each of two steps
    cmp h <(sed -n 1,24p l; sed -n 25,48p s; sed -n 49,72p l; sed -n 73,96p s)
    run ! cmp -s h l
    for threads in 1 3; do encode -t $threads v | column h | cmp - h; done
}

@test "training on views of two sizes gives the same bits whatever the memory and the threads" {
    mixed steps=2 epochs=2 >v
    answers steps=2 epochs=2 >g
    train w --memory 1G -v 2>said >h
    grep -q " 0 parts computed twice" said
    train again --memory 1 -v 2>said | cmp - h
    cmp w again
    grep -q " 8 parts computed twice" said
    for memory in 4M 9M 14M; do
        train again --memory $memory | cmp - h
        cmp w again
    done
    for threads in 1 3; do
        train again --threads $threads | cmp - h
        cmp w again
    done
    # The weights are of the first size, and every size has moved them.
    [ "$(metadata w size)" = 20 ]
    make_stream kind=views column=pixels:U8:20,20,3 views=4 parts=4 pictures=12 steps=2 epochs=2 >v
    train one >/dev/null
    run compare w one 0 layer1.0.conv1.weight
    [ "$status" = 1 ]
}

@test "a run on views of two sizes is taken up from a state with the same bits, at its end too" {
    mixed steps=3 epochs=3 >v
    answers steps=3 epochs=3 >g
    train w --state s --checkpoint-every 1 >h
    mixed steps=1 start=2 epochs=3 first=24 >v
    answers steps=1 start=2 epochs=3 first=24 >g
    train again --state s --start-step 2 >tail
    cmp w again
    cmp <(column h <h | tail -n 48) <(column h <tail)
    mixed steps=0 start=3 epochs=3 >v
    answers steps=0 start=3 epochs=3 >g
    train again --state s --start-step 3 >tail
    cmp w again
}

@test "views of sizes that the header does not say, or that do not fit, are refused" {
    mixed open=2 >v
    refused 3 "*'pixels' of varying size, and 'sizes' of its header says none*" encode v
    mixed small=2 >v
    refused 2 "*2x2*resnet20*" encode v
    weights
    mixed >v
    refused 3 "*20x20*'w' are for 16x16*hint: simclr-augment --size 16, or --any-size*" \
        simclr-encode --weights w v
    simclr-encode --weights w --any-size v >h
    simclr-inspect --check h
    refused 3 "*'pixels' of varying size, which this tool cannot take*" \
        simclr-linprobe --train v --test v --column pixels
}

# ---- batch norm over the step --------------------------------------------------------------------

@test "--batch-norm step is part where a step is one part, but for what the provenance says" {
    views steps=2 epochs=2 >v
    gradients steps=2 epochs=2 >g
    train w >h
    train s --batch-norm step >hs
    compare s w 0
    cmp <(column h <h) <(column h <hs)
    [[ $(metadata s run) == *'"batch-norm":"step"'* ]]
    [ "$(simclr-inspect --digest <h)" = "$(simclr-inspect --digest <hs)" ]
}

@test "a step in parts under --batch-norm step is the step of the whole batch, statistics too" {
    weights
    for parts in 1 2 3 12; do
        views views=0 epochs=1 parts=$parts >v
        gradients views=0 epochs=1 parts=$parts >g
        simclr-encode --weights w --train --grad g --warmup-epochs 0 --batch-norm step \
            --optimizer sgd --learning-rate 0.1 --save w$parts v | column h >h$parts
        compare w$parts w1 1e-5
        near 1e-5 h$parts h1
        [ "$(metadata w$parts model)" = resnet20 ]
    done
    for word in conv1.weight running_mean running_var; do
        run compare w1 w 1e-3 $word
        [ "$status" = 1 ] # and the step was one
    done
    # Over parts it is another one.
    views views=0 epochs=1 parts=2 >v
    gradients views=0 epochs=1 parts=2 >g
    simclr-encode --weights w --train --grad g --warmup-epochs 0 \
        --optimizer sgd --learning-rate 0.1 --save other v >/dev/null
    run compare other w1 1e-3 running_var
    [ "$status" = 1 ]
}

@test "--memory, --scratch and threads never change a byte under --batch-norm step, of two sizes too" {
    local step="--batch-norm step --precision f32" # whose activations are beyond 4 MiB
    for kind in even mixed; do
        if [ $kind = mixed ]; then
            mixed steps=2 epochs=2 >v
            answers steps=2 epochs=2 >g
        else
            views views=0 pictures=14 steps=2 epochs=2 parts=4 >v
            gradients views=0 pictures=14 steps=2 epochs=2 parts=4 >g
        fi
        train w $step -v >h 2>said
        grep -q " 0 parts computed twice" said
        [ "$(grep -c scratch said)" = 0 ]
        for memory in 1 1M 4M; do
            train m $step --memory $memory --scratch s -v 2>said | cmp - h
            cmp w m
            grep -qE " [1-9][0-9]* MiB of them in the scratch file" said
            [ ! -e s ]
        done
        train m $step --memory 1G --scratch s -v 2>said | cmp - h
        cmp w m
        grep -q " 0 MiB of them in the scratch file" said
        for threads in 1 3; do
            train m $step --threads $threads --memory 2M --scratch s | cmp - h
            cmp w m
        done
    done
    step="--batch-norm step --precision bf16"
    train w $step >h
    train m $step --memory 1 --scratch s | cmp - h
    cmp w m
    no_part
}

@test "a step that --memory does not hold says how much it takes, and what would help" {
    views views=2 steps=1 epochs=1 parts=4 >v
    gradients views=2 steps=1 epochs=1 parts=4 >g
    refused 2 "*activations of a whole step take 1[0-9] MiB, --memory is 1 MiB*hint: *--memory*--scratch FILE*" \
        train never --batch-norm step --precision f32 --memory 1M
    [ ! -s refused.out ]
    # Of several sizes the header tells the least only.
    mixed steps=1 epochs=1 >v
    answers steps=1 epochs=1 >g
    refused 2 "*--memory is 1 MiB*" train never --batch-norm step --precision f32 --memory 1M
    refused 1 "*--memory is 17 MiB*" train never --batch-norm step --precision f32 --memory 17M
    train w --batch-norm step --precision f32 --memory 17M --scratch s >/dev/null
}

@test "a scratch file that is there is refused, unless it is empty; a full disk is 1" {
    views steps=1 epochs=1 parts=2 >v
    gradients steps=1 epochs=1 parts=2 >g
    echo mine >s
    refused 2 "*--scratch: cannot make 's': File exists" \
        train never --batch-norm step --memory 1M --scratch s
    [ "$(cat s)" = mine ]
    : >s
    train w --batch-norm step --memory 1M --scratch s >/dev/null
    [ ! -e s ]
    limited() { (trap '' XFSZ; ulimit -f 4000; train never --batch-norm step --memory 1M --scratch s); }
    refused 1 "*of a scratch file: File too large" limited
}

@test "a run under --batch-norm step is taken up from a state with the same bits" {
    mixed steps=3 epochs=3 >v
    answers steps=3 epochs=3 >g
    train w --batch-norm step --state s --checkpoint-every 1 >h
    mixed steps=1 start=2 epochs=3 first=24 >v
    answers steps=1 start=2 epochs=3 first=24 >g
    train again --batch-norm step --state s --start-step 2 --memory 1 --scratch s >tail
    cmp w again
    cmp <(column h <h | tail -n 48) <(column h <tail)
    refused 2 "*'batch-norm' of its arguments was \"step\", now \"part\"*" \
        train never --state s --start-step 2
}

@test "one row of a size has no statistics, under --batch-norm step in the whole step" {
    views views=0 pictures=4 parts=4 epochs=1 >v # a row a part is fine
    gradients views=0 pictures=4 parts=4 epochs=1 >g
    train w --batch-norm step >/dev/null
    make_stream kind=views column=pixels:U8:20,20,3 views=2 small=12 large=1 parts=2 pictures=1 epochs=1 >v
    gradients views=2 pictures=1 parts=2 epochs=1 >g
    refused 3 "*step 0 has 1 row of a size: batch norm needs 2*" train never --batch-norm step
}

# ---- weights -------------------------------------------------------------------------------------

@test "--save-every keeps the weights of every so many epochs, the first and the last, and changes none" {
    views steps=3 epochs=3 >v
    gradients steps=3 epochs=3 >g
    train plain.safetensors >h
    train w.safetensors --save-every 2 --state s --checkpoint-every 1 >each
    cmp plain.safetensors w.safetensors
    cmp h each
    [ "$(echo w-*)" = "w-0000000000.safetensors w-0000000002.safetensors w-0000000003.safetensors" ]
    for step in 0 2 3; do
        [ "$(metadata w-000000000$step.safetensors epoch)" = $step ]
        [ "$(metadata w-000000000$step.safetensors step)" = $step ]
    done
    simclr-inspect --check w-0000000000.safetensors
    compare w-0000000003.safetensors w.safetensors 0
    run ! cmp -s <(simclr-inspect --digest w-0000000002.safetensors | cut -c 1-64) \
        <(simclr-inspect --digest w.safetensors | cut -c 1-64)
    # the first are fresh weights, the second those of the checkpoint
    cmp <(encode v | column h) <(simclr-encode --weights w-0000000000.safetensors v | column h)
    compare w-0000000002.safetensors s-0000000002.safetensors 0 . # the state has more
    # a run that goes on writes what comes later, with the same bytes; a name without ending has none
    mkdir kept
    mv w-* kept
    views steps=1 start=2 epochs=3 first=24 >v
    gradients steps=1 start=2 epochs=3 first=24 >g
    train w.safetensors --save-every 2 --state s --start-step 2 >/dev/null
    [ "$(echo w-*)" = "w-0000000003.safetensors" ]
    cmp w-0000000003.safetensors kept/w-0000000003.safetensors
    [ -z "$(find . -name '*.part')" ]
}

@test "--save-every stands for nothing without --save, and a full disk is 1" {
    views steps=2 epochs=2 >v
    gradients steps=2 epochs=2 >g
    run -2 --separate-stderr encode --train --grad g --save-every 1 v
    [ -z "$output" ]
    [[ $stderr == *"--save-every needs --save"* ]]
    run -2 --separate-stderr train w --save-every 0
    mkdir w-0000000001
    run -1 --separate-stderr train w --save-every 1
    [[ $stderr == *"w-0000000001"* ]]
    [ ! -e w ]
    [ -z "$(find . -name '*.part')" ]
}

@test "what --save wrote, --weights makes the same encoder of" {
    weights
    [ "$(metadata w model)" = resnet20 ]
    [ "$(metadata w width)" = 1 ]
    [ "$(metadata w stem)" = cifar ]
    [ "$(metadata w size)" = 16 ]
    [ "$(metadata w pixel_mean)" = "[0.5,0.40000000000000002,0.29999999999999999]" ]
    [ "$(metadata w pixel_std)" = "[0.20000000000000001,0.25,0.5]" ]
    [[ $(metadata w run) == *'"tool":"simclr-encode"'*'"batch-norm":"part"'* ]]
    simclr-encode --weights w v >a
    encode --width 1 --stem cifar --pixel-mean 0.5,0.4,0.3 --pixel-std 0.2,0.25,0.5 --weights w v >b
    cmp <(column h <a) <(column h <b)
    # Training on with a rate of 0 and frozen statistics moves nothing, and saves the same file but
    # for its provenance.
    simclr-encode --weights w --train --grad g --learning-rate 0 --weight-decay 0 \
        --batch-norm frozen --save again v >h
    cmp <(column h <a) <(column h <h)
    compare again w 0
    for key in model width stem size pixel_mean pixel_std; do
        [ "$(metadata again $key)" = "$(metadata w $key)" ]
    done
    # An option goes before the file, and a wider encoder remembers its width.
    simclr-encode --weights w --pixel-mean 0,0,0 v | column h >c
    run ! cmp -s <(column h <a) c
    width=128 gradients steps=2 epochs=2 >g
    train wide --width 2 >/dev/null
    [ "$(metadata wide width)" = 2 ]
    simclr-encode --weights wide v >/dev/null
}

@test "the provenance names the weights by their digest, whatever their file is called" {
    weights
    cp w copy
    simclr-encode --weights w v >a
    simclr-encode --weights copy v | cmp - a
    zstd -dc a | grep -aq '\\"weights\\":\\"[0-9a-f]\{64\}\\"'
    [ "$(zstd -dc a | grep -ac '\\"weights\\":\\"w\\"')" = 0 ]
}

@test "options that contradict the weights are misuse" {
    weights
    refused 2 "*--model is resnet32, the weights 'w' are of resnet20*" \
        simclr-encode --model resnet32 --weights w v
    refused 2 "*--width is 2, the weights 'w' have 1*" simclr-encode --width 2 --weights w v
    [ ! -s refused.out ]
}

@test "pictures of another size than the weights' are refused, or taken with --any-size" {
    weights
    make_stream kind=views column=pixels:U8:24,24,3 >large
    refused 3 "*24x24*'w' are for 16x16*hint: simclr-augment --size 16, or --any-size*" \
        simclr-encode --weights w large
    simclr-encode --weights w --any-size large >h
    simclr-inspect --check h
}

@test "a tensor that is missing or of another shape is named, with both shapes" {
    weights
    alter w missing drop=layer2.0.conv1.weight
    refused 3 "*'missing': tensor 'layer2.0.conv1.weight' \[32,16,3,3\] is missing*" \
        simclr-encode --weights missing v
    alter w misshapen flat=layer1.0.conv1.weight
    refused 3 "*'layer1.0.conv1.weight' has shape \[2304\], the model wants \[16,16,3,3\]*" \
        simclr-encode --weights misshapen v
    [ ! -s refused.out ]
}

@test "weights that are not finite, or metadata that make no sense, are refused" {
    weights
    for change in poison=conv1.weight:nan poison=bn1.running_var:-1 set=model:resnet19 \
        set=stem:large set=width:0 set=width:many set=pixel_mean:0.5 'set=pixel_mean:[1,2]' \
        'set=pixel_std:[1,0,1]' 'set=pixel_std:["a","b","c"]'; do
        alter w bad "$change"
        refused 3 "simclr-encode: 'bad': *" simclr-encode --weights bad v
        [ ! -s refused.out ]
    done
    head -c 1000 w >bad
    refused 3 "simclr-encode: *'bad'*" simclr-encode --weights bad v
}

@test "weights without metadata need --model, and then do the same" {
    weights
    alter w bare 'unset=*'
    refused 2 "*'bare'*needs --model*" simclr-encode --weights bare v
    encode --weights bare --pixel-mean 0.5,0.4,0.3 --pixel-std 0.2,0.25,0.5 v | column h >a
    simclr-encode --weights w v | column h | cmp - a
}

@test "tensors without use are named under -v, and only there" {
    weights
    alter w more copy=conv1.weight:fc.weight
    [ -z "$(simclr-encode --weights more v 2>&1 >a)" ]
    simclr-encode --weights w v | cmp - a
    simclr-encode --weights more -v v 2>&1 >/dev/null | grep -q "no use for tensor 'fc.weight' of 'more'"
    simclr-encode --weights w -v v 2>said >/dev/null
    [ "$(grep -c "no use" said)" = 0 ]
}

# ---- training ------------------------------------------------------------------------------------

@test "training moves weights and statistics; the same again gives the same bytes" {
    weights
    train again --pixel-mean 0.5,0.4,0.3 --pixel-std 0.2,0.25,0.5 >h
    cmp w again
    train once --learning-rate 0 >/dev/null
    run compare w once 0 weight
    [ "$status" = 1 ]
    [[ $output == *layer3.2.conv2.weight* ]]
    run compare w once 0 running_var
    [ "$status" = 1 ]
    train seed --seed 7 >/dev/null
    run compare w seed 0 conv1.weight
    [ "$status" = 1 ]
}

@test "--batch-norm frozen leaves the running statistics alone while the weights move" {
    weights
    simclr-encode --weights w --train --grad g --warmup-epochs 0 --batch-norm frozen --save f v >h
    compare f w 0 running_mean
    compare f w 0 running_var
    for word in conv1.weight bn1.weight bn1.bias; do
        run compare f w 0 layer1.0.$word
        [ "$status" = 1 ]
    done
    # The first step's features are those of the weights as they came.
    simclr-encode --weights w v | column h | head -n 24 | cmp - <(column h <h | head -n 24)
}

@test "parts under frozen batch norm give the step of the whole batch, and of one row too" {
    weights
    for parts in 1 2 3 12; do
        views views=0 epochs=1 parts=$parts >v
        gradients views=0 epochs=1 parts=$parts >g
        simclr-encode --weights w --train --grad g --warmup-epochs 0 --batch-norm frozen \
            --optimizer sgd --learning-rate 0.1 --save w$parts v | column h >h$parts
        compare w$parts w1 1e-5
        cmp h$parts h1
    done
    run compare w1 w 1e-3
    [ "$status" = 1 ] # and the step was one
}

@test "--memory never changes a bit, of even parts and of others" {
    for parts in 3 5; do # 12 rows, of 2 and 3 a part
        views views=0 steps=3 epochs=3 parts=$parts >v
        gradients views=0 steps=3 epochs=3 parts=$parts >g
        train w >h
        for memory in 1 2500K 3M 5M; do
            train m --memory $memory -v >hm 2>said
            cmp w m
            cmp h hm
            echo "$parts parts, $memory: $(cat said)"
            if [ $memory = 1 ]; then grep -q " $((3 * parts)) parts computed twice" said; fi
        done
        # With room for all, only what was under way when a larger part came.
        train m --memory 1G -v 2>&1 >/dev/null | grep -q " $((parts - 3)) parts computed twice"
    done
}

@test "parts that grow within a step do not change a bit whatever the memory" {
    views views=0 pictures=10 steps=2 epochs=2 parts=3 >v # of 3, 3 and 4 rows
    gradients views=0 pictures=10 steps=2 epochs=2 parts=3 >g
    train w >h
    for memory in 1 $(seq 2000 400 7000 | sed 's/$/K/'); do
        train m --memory "$memory" >hm
        cmp w m
        cmp h hm
    done
}

@test "a part of one row has no statistics, and is refused by number" {
    views pictures=2 views=0 parts=2 epochs=1 >v
    gradients pictures=2 views=0 parts=2 epochs=1 >g
    refused 3 "*step 0, part 0 has 1 row: batch norm needs 2*" train never
    views pictures=1 epochs=1 >v # one picture in two views is fine
    gradients pictures=1 epochs=1 >g
    train w >/dev/null
    simclr-inspect --check w
}

@test "a stream without a plan is no training run" {
    views >v
    gradients >g
    refused 3 "*no plan*hint: simclr-images --epochs*" train never
    [ ! -s refused.out ]
}

@test "gradients of another step, part, number of rows or width are refused, naming both" {
    try() { # PATTERN ARGUMENT... of the gradients
        gradients "${@:2}" >g
        refused 3 "$1" train never
    }
    views steps=2 epochs=1 parts=2 >v
    try "*step 1, part 0 of 2, 12 rows came for step 0, part 0 of 2, 12 rows*" \
        start=1 steps=2 epochs=1 parts=2
    try "*part 0 of 4, 6 rows came for step 0, part 0 of 2*" steps=2 epochs=1 parts=4
    try "*part 0 of 2, 11 rows came for step 0, part 0 of 2, 12 rows*" \
        steps=2 epochs=1 parts=2 pictures=11
    width=65 try "*65 wide, the output is 64 wide*" steps=2 epochs=1 parts=2
    try "*gradients end before step 1*" steps=1 epochs=1 parts=2
    try "*gradients go on after the last step*" steps=3 epochs=1 parts=2
    make_stream kind=gradients column=grad:U8:64 steps=2 epochs=1 parts=2 pictures=12 >g
    refused 3 "*'grad'*" train never
    make_stream kind=gradients column=other:F32:64 steps=2 epochs=1 parts=2 pictures=12 >g
    refused 3 "*'grad'*" train never
}

@test "a number in the gradients that is not finite is 1, naming the step" {
    for value in nan inf -inf; do
        views steps=3 epochs=3 >v
        gradients steps=3 epochs=3 poison=2:$value >g
        refused 1 "*gradient of step 0, part 0 holds a number that is not finite*" train never
    done
    # Weights that run away are met as well, a step later.
    views steps=6 epochs=6 >v
    gradients steps=6 epochs=6 >g
    refused 1 "*step [1-5]*finite*" train never --optimizer sgd --learning-rate 1e6 --weight-decay 1000
}

@test "a second stream behind the first is refused" {
    views epochs=1 >one
    gradients epochs=1 >g
    cat one one >v
    refused 3 "*second stream follows the first*" train never
}

@test "a whole run and one taken up from a state are the same bits" {
    views steps=3 epochs=3 >v
    gradients steps=3 epochs=3 >g
    train w --state s --checkpoint-every 1 >h
    [ "$(echo s-*)" = "s-0000000002.safetensors s-0000000003.safetensors" ]
    views start=2 steps=1 epochs=3 first=24 >v
    gradients start=2 steps=1 epochs=3 first=24 >g
    train again --state s --start-step 2 >tail
    cmp w again
    cmp <(column h <tail) <(column h <h | tail -n +49)
}

@test "bf16: close to f32, the same bits whatever the threads, the memory, and after a state" {
    views steps=3 epochs=3 parts=2 >v
    gradients steps=3 epochs=3 parts=2 >g
    train f --precision f32 >hf
    train w --precision bf16 --state s --checkpoint-every 1 >h
    ! cmp -s <(column h <h) <(column h <hf)
    near 0.05 <(column h <h) <(column h <hf)
    train t --precision bf16 -t 3 --memory 1 | cmp - h
    cmp w t
    simclr-inspect w | grep -q 'F32'
    views start=2 steps=1 epochs=3 first=24 parts=2 >v
    gradients start=2 steps=1 epochs=3 first=24 parts=2 >g
    train again --precision bf16 --state s --start-step 2 --memory 1 >tail
    cmp w again
    cmp <(column h <tail) <(column h <h | tail -n +49)
    refused 2 "*another run: *'precision'*bf16*f32*" \
        train never --precision f32 --state s --start-step 2
}

@test "features in bf16 are near those in f32, and the header says which they are" {
    weights
    views >v
    simclr-encode --weights w --precision bf16 v >h
    simclr-encode --weights w --precision f32 v >hf
    simclr-inspect h | grep -q bf16
    ! cmp -s <(column h <h) <(column h <hf)
    near 0.02 <(column h <h) <(column h <hf)
}

@test "a state that is missing, damaged or of another run is refused, naming the difference" {
    views steps=2 epochs=2 >v
    gradients steps=2 epochs=2 >g
    train w --state s --checkpoint-every 1 >/dev/null
    views start=1 epochs=2 first=12 >v
    gradients start=1 epochs=2 first=12 >g
    again() { train never --state "${prefix:-s}" --start-step "${step:-1}" "$@"; }
    step=7 refused 2 "*cannot open 's-0000000007.safetensors'*" again
    refused 2 "*belongs to another run: 'learning-rate' of its arguments was 0.3, now 0.1*" \
        again --learning-rate 0.1
    refused 2 "*'optimizer' of its arguments was \"lars\", now \"sgd\"*" again --optimizer sgd
    refused 2 "*'weights' of its arguments*" again --weights w
    views start=1 epochs=1 >v
    refused 2 "*another run: *epochs* plan*" again --warmup-epochs 0
    views start=1 epochs=2 first=12 >v
    head -c 3000 s-0000000001.safetensors >d-0000000001.safetensors
    prefix=d refused 3 "*d-0000000001*" again
    alter s-0000000001.safetensors f-0000000001.safetensors poison=conv1.weight:1
    prefix=f refused 3 "*'f-0000000001.safetensors' is damaged*" again
    train again --state s --start-step 1 >/dev/null
    cmp w again
}

@test "a source that starts at another step than the state is refused" {
    views steps=2 epochs=2 >v
    gradients steps=2 epochs=2 >g
    train w --state s --checkpoint-every 1 >/dev/null
    refused 3 "*step 0 comes where step 1 is due*hint:*--start-step*" \
        train never --state s --start-step 1
    views start=1 epochs=2 first=12 >v
    gradients start=1 epochs=2 first=12 >g
    refused 3 "*step 1 comes where step 0 is due*" train never
}

@test "a signal stops between two steps with 75 and a state that the run goes on from" {
    views steps=2 epochs=2 >v
    gradients steps=2 epochs=2 >g
    train whole >/dev/null
    views steps=2 epochs=2 end=0 >w.stream
    views steps=1 epochs=1 end=0 >short
    mkfifo in
    simclr-encode --model resnet20 --train --grad g --warmup-epochs 0 --save never --state s in >h 2>said 3>&- &
    pid=$!
    exec 7>in
    head -c "$(($(stat -c %s w.stream) - 100))" w.stream >&7 # one step, and most of another
    until [ "$(column h <h 2>/dev/null | wc -l)" = 24 ]; do sleep 0.02; done
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    exec 7>&-
    echo "status $status, said: $(cat said), states: $(echo s-*)"
    [ "$status" = 75 ]
    [ ! -s said ]
    [ ! -e never ]
    no_part
    [ "$(echo s-*)" = s-0000000001.safetensors ]
    views start=1 epochs=2 first=12 >v
    gradients start=1 epochs=2 first=12 >g
    train again --state s --start-step 1 >/dev/null
    cmp whole again
}

@test "a signal without --state just ends it" {
    mkfifo in
    views epochs=1 >v
    gradients epochs=1 >g
    simclr-encode --model resnet20 --train --grad g --save never in >h 2>said 3>&- &
    pid=$!
    exec 7>in
    head -c 1000 v >&7
    sleep 0.1
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    exec 7>&-
    [ "$status" = 143 ]
    [ ! -e never ]
    no_part
}

@test "who waits for gradients says for whom after ten seconds" {
    for _ in $(seq 120); do
        [ -s "$BATS_FILE_TMPDIR/waits" ] && break
        sleep 0.1
    done
    [ "$(cat "$BATS_FILE_TMPDIR/waits")" = "simclr-encode: waits for a writer of 'nobody'" ]
}
