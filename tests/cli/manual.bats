#!/usr/bin/env bats
# The man pages, held against the tools: the same options, the same letters, the sections there are.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    BIN=${BIN:-$PWD/build/bin}
    PATH=$BIN:$PATH
    ROOT=$PWD
    TOOLS=$(ls tools/simclr-*.c pipelines/simclr-* | sed -n 's|.*/\(simclr-[a-z0-9-]*\)\(\.c\)\{0,1\}$|\1|p')
    cd "$BATS_TEST_TMPDIR" || return 1
}

page() { # TOOL
    ls "$ROOT"/tools/"$1".1 "$ROOT"/pipelines/"$1".1 2>/dev/null
}

# "s seed", or "- seed" for an option without a letter; of --help, and of section OPTIONS.
table() { # TOOL
    "$BIN/$1" --help | sed -nE 's/^  (-(.),|   ) --([a-z0-9-]+).*/\2 \3/p' | sed 's/^ /- /' | sort
}

# The items of section OPTIONS, one option a line.
items() { # PAGE
    sed -n '/^\.Sh OPTIONS/,/^\.Sh EXIT/p' "$1" | sed -E 's/(Ar [^ ]+) , Fl -/\1\n.It Fl -/g'
}

options() { # PAGE
    items "$1" |
        sed -nE 's/^\.It Fl (([a-zA-Z]) , (Fl )?)?-([a-z0-9-]+).*/\2 \4/p' | sed 's/^ /- /' | sort
}

@test "there are tools, and each has a page of its own and one only" {
    [ "$(wc -w <<<"$TOOLS")" -ge 9 ]
    for tool in $TOOLS; do
        echo "$tool"
        [ "$(page "$tool" | wc -l)" = 1 ]
    done
}

@test "the options of each page are those of --help, with the same letters" {
    for tool in $TOOLS; do
        table "$tool" >table
        options "$(page "$tool")" >options
        [ "$(wc -l <table)" -ge 6 ]
        [ -z "$(uniq -d options)" ]
        echo "$tool"
        diff table options
    done
}

@test "a value is asked for in the page where --help asks for one" {
    for tool in $TOOLS; do
        "$BIN/$tool" --help | sed -nE 's/^  (-.,|   ) --([a-z0-9-]+)( [^ ].*)?(  .*)?$/\2\3/p' |
            sed 's/ .*/ value/' | sort >table
        items "$(page "$tool")" |
            sed -nE 's/^\.It Fl (. , (Fl )?)?-([a-z0-9-]+)( .*)?$/\3\4/p' |
            sed 's/ .*/ value/' | sort >options
        echo "$tool"
        diff table options
    done
}

@test "every page has the sections, in order" {
    for tool in $TOOLS; do
        echo "$tool"
        [ "$(sed -nE 's/^\.Sh (NAME|SYNOPSIS|DESCRIPTION|OPTIONS|EXIT STATUS|EXAMPLES|SEE ALSO)$/\1/p' \
            "$(page "$tool")" | tr '\n' ' ')" = \
            "NAME SYNOPSIS DESCRIPTION OPTIONS EXIT STATUS EXAMPLES SEE ALSO " ]
        grep -q "^.Nm $tool" "$(page "$tool")"
    done
}

@test "every --option that a page speaks of is one of its own or of a tool it names" {
    for tool in $TOOLS; do
        for option in $(sed -nE '/^\.Sh OPTIONS/,$d; s/^\.Fl -([a-z0-9-]+).*/\1/p' "$(page "$tool")"); do
            echo "$tool: $option"
            table "$tool" | grep -q " $option\$"
        done
    done
}

@test "help and version are 0 and on standard output, an unknown option 2 and not" {
    for tool in $TOOLS; do
        for option in --help --version -h -V; do
            run --separate-stderr "$BIN/$tool" $option
            echo "$tool $option: $status"
            [ "$status" = 0 ]
            [ -n "$output" ]
            [ -z "$stderr" ]
        done
        run --separate-stderr "$BIN/$tool" --no-such-option
        [ "$status" = 2 ]
        [ -z "$output" ]
        [[ $stderr == "$tool: "* ]]
        run "$BIN/$tool" --help
        [[ $output == *"man $tool"* ]]
    done
}

@test "what simclr-pretrain says it passes on, the stages take" {
    stages=0
    while read -r stage options; do
        for tool in ${stage//,/ }; do
            stages=$((stages + 1))
            for option in $options; do
                echo "$tool $option"
                table "$tool" | grep -q " ${option#--}\$"
            done
        done
    done < <("$BIN/simclr-pretrain" --help | sed -n '/^Passed/,/^$/p' | tail -n +2 |
        sed 's/simclr-encode and -project/simclr-encode,simclr-project/' |
        awk '/^  simclr/ { if (line) print line; line = $0; next } { line = line " " $0 } END { print line }')
    [ "$stages" = 7 ]
}

@test "mandoc finds nothing to warn of" {
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    mandoc -Tlint -Wwarning "$ROOT"/tools/*.1 "$ROOT"/pipelines/*.1 "$ROOT"/formats/*.5
}
