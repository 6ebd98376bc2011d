#!/usr/bin/env bats
# Files named on the command line: what could not be written in the end is found at the start, before
# any work; and no file serves two purposes.

bats_require_minimum_version 1.5.0
load ../support/sets

setup() {
    sets_setup
    make_stream kind=features column=h:F32:4 pictures=2 epochs=1 >h.stream
    make_stream kind=views column=pixels:U8:4,4,3 pictures=2 epochs=1 >views.stream
    mkfifo fifo
    mkdir folder
}

refused() { # MESSAGE WORD...
    local message=$1
    shift
    run -2 --separate-stderr timeout 10 "$@"
    [ -z "$output" ] && [ "${#stderr_lines[@]}" = 1 ]
    echo "$stderr"
    [[ $stderr == simclr-*": $message" ]]
    [ -z "$(find . -name '*.part')" ]
}

# Nobody writes to the FIFO: whoever began to work would wait.
@test "--save and --state that cannot be written are found before training begins" {
    encode=(simclr-encode --model resnet20 --train --grad fifo views.stream)
    project=(simclr-project --train --grad fifo h.stream)
    for tool in encode project; do
        declare -n words=$tool
        refused "--save: cannot open 'none/x': No such file or directory" "${words[@]}" --save none/x
        refused "--save: cannot open 'folder': Is a directory" "${words[@]}" --save folder
        refused "--save: cannot open '': No such file or directory" "${words[@]}" --save=
        refused "--save takes a file, not standard output" "${words[@]}" --save -
        refused "--state: cannot open 'none/x-0000000000.safetensors': No such file or directory" \
            "${words[@]}" --state none/x
    done
}

@test "--save and --output of an evaluation are tried before it begins" {
    features >f.stream
    refused "--save: cannot open 'none/x': No such file or directory" \
        simclr-linprobe --train fifo --save none/x
    for tool in simclr-linprobe simclr-knn; do
        refused "--output: cannot open 'none/x': No such file or directory" \
            $tool --train fifo --test f.stream -o none/x
    done
    [ "$(simclr-knn --quiet --train f.stream --test f.stream -o - | wc -l)" = 2 ]
}

@test "a file or FIFO that would serve two purposes is refused, by whatever name" {
    train=(simclr-project --train --grad fifo)
    refused "--grad and --input are both 'fifo'" "${train[@]}" fifo
    refused "--grad and --grad-out are both './fifo'" "${train[@]}" --grad-out ./fifo h.stream
    refused "--grad and --input are both '/dev/stdin'" bash -c 'exec "$@" <>fifo' - "${train[@]}"
    refused "--grad-out and --save are both 'x'" "${train[@]}" --grad-out x --save x h.stream
}

@test "an empty name, a folder and a socket are no input" {
    for tool in "simclr-encode -m resnet20" simclr-project simclr-ntxent simclr-augment simclr-inspect; do
        refused "cannot open '': No such file or directory" $tool ""
        refused "cannot open 'folder': Is a directory" $tool folder
        refused "cannot open 'no?[2Jthing': No such file or directory" $tool $'no\e[2Jthing'
    done
}

@test "a feature that is not finite goes no further" {
    make_stream kind=features column=h:F32:4 pictures=2 poison=3:nan >poisoned
    run -1 --separate-stderr simclr-project --dim 2 -o z.stream poisoned
    [ "$stderr" = "simclr-project: step 0, row 3: z is not finite" ]
    [ ! -e z.stream ] && [ -z "$(find . -name '*.part')" ]
}
