#!/usr/bin/env bats
# Every proper prefix of a good stream is refused by every tool that reads one, and every damaged byte
# is refused or changes nothing. Tools that take their time to start see every sixth prefix, and all of
# the last bytes.

bats_require_minimum_version 1.5.0
load ../support/sets

setup() {
    sets_setup
}

# In a folder of its own, with what is in this one, so that two may run at once.
refused() ( # FILE STRIDE WORD...
    set -e
    own=$(mktemp -d -p "$BATS_TEST_TMPDIR/..")
    cp ./* "$own"
    cd "$own"
    mangle prefix "$@"
    [ -z "$(find . -name "*.part")" ]
)

damaged() { # FILE STRIDE WORD...
    mangle damage "$@"
}

images() { make_stream kind=images column=pixels:U8:2,2,3 views=0 pictures=2 labels=2 names=1; }
views() { make_stream kind=views column=pixels:U8:3,3,3 pictures=1; }
hidden() { make_stream kind=features column=h:F32:2 pictures=2 epochs=1; }
labelled() { make_stream kind=features column=h:F32:2 views=0 labels=2 class=1 pictures=4 "$@"; }

@test "a prefix is refused by simclr-inspect" {
    views >good.stream
    refused good.stream 1 simclr-inspect --check cut
}

@test "a prefix is refused by simclr-augment" {
    images >good.stream
    refused good.stream 2 simclr-augment cut
}

@test "a prefix is refused by simclr-select" {
    images >good.stream
    refused good.stream 2 simclr-select cut
    refused good.stream 6 simclr-select --skip 1 --limit 1 --columns id,name -o out cut
}

@test "a prefix is refused by simclr-encode" {
    views >good.stream
    refused good.stream 6 simclr-encode --model resnet20 cut
}

@test "a prefix is refused by simclr-project" {
    hidden >good.stream
    refused good.stream 6 simclr-project --dim 2 cut
}

@test "a prefix is refused by simclr-ntxent" {
    make_stream pictures=2 column=z:F32:2 epochs=1 >good.stream
    refused good.stream 6 simclr-ntxent cut
}

@test "a prefix is refused by simclr-linprobe, to train, to test and to predict" {
    labelled >good.stream
    simclr-linprobe --train good.stream --save classifier
    refused good.stream 6 simclr-linprobe --train cut --save saved 3>&- &
    refused good.stream 6 simclr-linprobe --weights classifier --test cut
    refused good.stream 6 simclr-linprobe --weights classifier cut
    wait $!
}

@test "a prefix is refused by simclr-knn, to train and to test" {
    labelled >good.stream
    refused good.stream 6 simclr-knn --neighbors 1 --train cut --test good.stream 3>&- &
    refused good.stream 6 simclr-knn --neighbors 1 --train good.stream --test cut
    wait $!
}

@test "a prefix is refused by simclr-knn, to list: kept and passing by" {
    labelled >good.stream
    refused good.stream 6 simclr-knn --duplicates 0.9 cut 3>&- &
    refused good.stream 6 simclr-knn --neighbors 1 --query good.stream cut
    wait $!
}

@test "a prefix of the gradients, and of the input, is refused in training, and nothing is saved" {
    hidden >good.stream
    simclr-project --dim 2 good.stream | simclr-ntxent --grad-out gradients >log
    train=(simclr-project --dim 2 --train --save saved)
    "${train[@]}" --grad gradients good.stream >whole
    simclr-inspect --check saved
    rm saved
    for file in gradients good.stream; do
        head -c -1 $file >cut
        status=0
        "${train[@]}" --grad "$([ $file = gradients ] && echo cut || echo gradients)" \
            "$([ $file = gradients ] && echo good.stream || echo cut)" >made || status=$?
        [ $status = 3 ] && [ ! -e saved ]
    done
    refused gradients 6 "${train[@]}" --grad cut good.stream 3>&- &
    refused good.stream 6 "${train[@]}" --grad gradients cut
    wait $!
}

@test "a prefix is refused by simclr-linprobe in the loop, and nothing is saved" {
    labelled epochs=1 classes=2 >good.stream
    refused good.stream 6 simclr-linprobe --grad-out gradients --save saved cut
    head -c -1 good.stream >cut
    run -3 simclr-linprobe --grad-out gradients --save saved cut
    [ ! -e gradients ] && [ ! -e saved ]
}

@test "a damaged byte is refused, or changes nothing" {
    images >good.stream
    damaged good.stream 1 simclr-inspect --digest cut
    damaged good.stream 6 simclr-augment cut
    damaged good.stream 6 simclr-select --columns pixels,label cut
    make_stream pictures=2 column=z:F32:2 epochs=1 >good.stream
    damaged good.stream 8 simclr-ntxent cut
}
