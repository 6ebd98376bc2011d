# sets.bash -- what the tests of simclr-linprobe and simclr-knn share.
# SPDX-License-Identifier: MIT

sets_setup() {
    BIN=${BIN:-$PWD/build/bin}
    case $BIN in /*) ;; *) BIN=$PWD/$BIN ;; esac
    SUPPORT=${SUPPORT:-$PWD/build/release/support}
    PATH="$BIN:$SUPPORT:$PATH"
    ROOT=$PWD
    cd "$BATS_TEST_TMPDIR" || return 1
}

# Labelled features of four classes that a classifier can tell apart, if not always: 120 rows of 6.
# Further arguments as make_stream has them.
features() {
    make_stream kind=features column=h:F32:6 views=0 labels=4 class=1 pictures=40 steps=3 "$@"
}

# The fifth of `train` that --hold-out 0.2 sets aside, told by the predictions, as stream `held`, and the
# others as `rest`.
hold_out_by_hand() {
    simclr-linprobe --train train --hold-out 0.2 --predictions held.names >/dev/null
    simclr-convert train --to jsonl | awk -F '\t' 'NR == FNR { held[$1]; next }
        { match($0, /"id":[0-9]+/); print > (substr($0, RSTART + 5, RLENGTH - 5) in held ? "held.jsonl" : "rest.jsonl") }' \
        held.names -
    simclr-convert held.jsonl >held
    simclr-convert rest.jsonl >rest
}

# The option table of a tool, and the options of its man page.
same_options() { # TOOL
    "$1" --help | grep -oE '^  (-.,|   ) --[a-z0-9-]+' | sed 's/.*--//' | sort >table
    [ "$(wc -l <table)" -ge 12 ]
    sed -nE 's/^\.It Fl (. , Fl )?-([a-z0-9-]*).*/\2/p' "$ROOT/tools/$1.1" | sort >page
    diff table page
}

# The value of a column of a table of results on standard input.
cell() { # NAME
    awk -F'\t' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) c = i }
        NR == 2 { print $c }'
}
