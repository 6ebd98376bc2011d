#!/usr/bin/env bats
# simclr-map -- places on a plane, as a table and as drawings of points or pictures.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0

setup() {
    load ../support/sets
    sets_setup
}

# Features of four classes, 120 rows of 6, with names.
rows() {
    features names=1 "$@"
}

# The share of rows whose nearest on the plane has their label, in percent; a table on standard input.
agreement() {
    awk -F'\t' 'NR > 1 { label[NR] = $2; x[NR] = $3; y[NR] = $4 }
        END {
            for (i = 2; i <= NR; i++) {
                best = -1
                for (j = 2; j <= NR; j++) {
                    d = (x[i] - x[j]) ^ 2 + (y[i] - y[j]) ^ 2
                    if (j != i && (best < 0 || d < best)) { best = d; near = j }
                }
                right += label[near] == label[i]
            }
            print int(100 * right / (NR - 1))
        }'
}

extents() { # FILE
    head -c 24 "$1" | od -An -tx1 -v | tr -d ' \n' |
        sed -nE 's/^89504e470d0a1a0a0000000d49484452(.{8})(.{8})$/0x\1 0x\2/p' |
        { read -r width height || true; echo "$((width)) $((height))"; }
}

@test "help and version go to standard output, and the man page has the same options" {
    run -0 --separate-stderr simclr-map --help
    [ -z "$stderr" ]
    same_options simclr-map
    run -0 --separate-stderr simclr-map --version
    [ -z "$stderr" ]
    [[ $output == *"BLAS: "*"libpng: "* ]]
}

@test "misuse has status 2, one line, and nothing on standard output" {
    rows >a
    for arguments in "--nonsense a" "--perplexity 0.5 a" "--perplexity 1001 a" "--theta 2 a" \
        "--iterations -1 a" "--method umap a" "--metric l1 a" "--size 100 --svg x a" "--size 800 a" \
        "--title x a" "--cell 40 --png x a" "--thumbnails a" "--pictures a a" "--background 1,2 --png x a" \
        "--png x --svg x a" "--png x -o x a" "--png - --svg - a" "--pictures - --png x" \
        "--pictures - --png x -" "--pictures none --png x a" "--png none/x a" "--svg none/x a" \
        "-o none/x a" "a a" "none"; do
        run -2 bash -c "simclr-map $arguments 2>err <a"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
    [ ! -e x ]
    [ ! -e x.part ]
}

@test "each row has its name, label and place, in the order of the stream" {
    rows unlabelled=5 >a
    run -0 --separate-stderr simclr-map a
    [ "${lines[0]}" = $'name\tlabel\tx\ty' ]
    [ "${#lines[@]}" -eq 121 ]
    [ "$(tail -n +2 <<<"$output" | cut -f1)" = "$(seq 0 119 | sed s/^/picture-/)" ]
    [ "$(tail -n +2 <<<"$output" | awk -F'\t' 'NF != 4 || $3 !~ /^-?[0-9.e-]+$/' | wc -l)" -eq 0 ]
    [ "$(cut -f2 <<<"$output" | grep -c '^-1$')" -eq 24 ]
    make_stream kind=features column=h:F32:6 views=0 pictures=20 first=7 >bare
    run -0 simclr-map -q bare
    [ "$(tail -n +2 <<<"$output" | cut -f1,2)" = "$(seq 7 26 | sed $'s/$/\t-1/')" ]
}

@test "classes stay together, by either method, metric and kind of repulsion" {
    rows noise=0.4 >a
    for options in "" "--theta 0.5" "--theta 0" "--method pca" "--metric cosine" "--perplexity 5"; do
        # shellcheck disable=SC2086
        simclr-map -q $options a >out
        agreement <out
        [ "$(agreement <out)" -ge 75 ]
    done
    [ "$(agreement < <(simclr-map -q --iterations 1 --perplexity 5 a))" -lt 100 ]
}

@test "a file, standard input, --input and a FIFO are the same; so are 1, 2 and 3 threads, and records" {
    rows pictures=200 >a
    rows pictures=600 steps=1 >whole
    for options in "" "--theta 0.4" "--method pca"; do
        # shellcheck disable=SC2086
        {
            simclr-map $options --png w.png --svg w.svg a >want
            simclr-map $options <a | cmp - want
            simclr-map $options -i a -o out --png b.png --svg b.svg
            cmp out want
            cmp b.png w.png
            cmp b.svg w.svg
            simclr-map $options <(cat a) | cmp - want
            simclr-map $options whole | cmp - want
            for n in 1 2 3; do simclr-map $options -t $n a | cmp - want; done
        }
    done
    [ "$(echo ./*.part)" = './*.part' ]
}

@test "more than 3000 rows go by Barnes-Hut, unless --theta says otherwise" {
    make_stream kind=features column=h:F32:4 views=0 pictures=3100 >a
    simclr-map --iterations 3 a >default
    simclr-map --iterations 3 --theta 0.5 a | cmp - default
    run ! cmp <(simclr-map --iterations 3 --theta 0 a) default
    make_stream kind=features column=h:F32:4 views=0 pictures=300 >b
    simclr-map --iterations 3 b | cmp - <(simclr-map --iterations 3 --theta 0 b)
}

@test "the table is left out where a drawing goes to standard output, and where a terminal would get it" {
    rows >a
    simclr-map --svg w.svg --png w.png a >want
    simclr-map --svg - a | cmp - w.svg
    simclr-map --png - a | cmp - w.png
    simclr-map --png - -o t a | cmp - w.png
    cmp t want
    command -v script >/dev/null || skip "script is not installed"
    run script -qec "simclr-map -q --svg x.svg a" /dev/null
    [ "$status" -eq 0 ]
    [ -z "$output" ]
    cmp x.svg w.svg
    run script -qec "simclr-map -q --svg x.svg -o - a" /dev/null
    [ "$(tr -d '\r' <<<"$output")" = "$(cat want)" ]
    run script -qec "simclr-map -q a" /dev/null
    [ "${#lines[@]}" -eq 121 ]
    run script -qec "simclr-map -q --png - a" /dev/null
    [ "$status" -eq 2 ]
}

@test "the SVG has a point and a title for each row, and a legend" {
    rows >a
    simclr-map --svg a.svg --title 'R&D <1>' a >table
    [ "$(grep -c '<use ' a.svg)" -eq 124 ]
    [ "$(grep -c '<title>picture-' a.svg)" -eq 120 ]
    grep -q '<text.*>R&amp;D &lt;1&gt;</text>' a.svg
    grep -q 't-SNE of 120 rows, perplexity 30' a.svg
    run ! grep -qE '<script|http:|https:' <(sed 's|http://www.w3.org/2000/svg||' a.svg)
    if command -v xmllint >/dev/null; then xmllint --noout a.svg; fi
    simclr-map --method pca --svg b.svg a >table
    grep -qE 'PCA of 120 rows: [0-9.]+ % of the variance across, [0-9.]+ % up' b.svg
    make_stream kind=features column=h:F32:6 views=0 pictures=20 >bare
    simclr-map -q --svg c.svg bare >table
    [ "$(grep -c '<use ' c.svg)" -eq 20 ]
}

@test "a PNG is as wide as --size says, and has the paper of --background" {
    rows >a
    simclr-map --png a.png a >table
    [[ "$(extents a.png)" == "720 "* ]]
    simclr-map --size 300 --background 0,0,40 --png b.png --svg b.svg a >table
    [[ "$(extents b.png)" == "300 "* ]]
    grep -q '<rect width="300".*fill="#000028"' b.svg
    run ! grep -q prefers-color-scheme b.svg
}

@test "names that no table and no SVG can hold are written so that both can" {
    mkdir -p "p/a&b" p/c
    cp "$ROOT/tests/golden/jpeg_colour.jpg" "p/a&b/x<1>.jpg"
    cp "$ROOT/tests/golden/jpeg_grey.jpg" $'p/c/t\tn\n.jpg'
    simclr-images p | simclr-augment --recipe eval --size 8 | simclr-map -q --method pca --svg x.svg >table
    [ "$(wc -l <table)" -eq 3 ]
    grep -qF 'c/t\tn\n.jpg' table
    grep -q '<title>a&amp;b/x&lt;1&gt;.jpg' x.svg
    grep -q '<title>c/t?n?.jpg' x.svg
    grep -q '>a&amp;b</text>' x.svg
}

@test "thumbnails come from the stream itself, or from another by id" {
    make_stream kind=images column=pixels:U8:20,30,3 views=0 pictures=40 labels=3 names=1 >pictures
    simclr-map -q --thumbnails --png a.png --svg a.svg pictures >table
    [[ "$(extents a.png)" == "1440 "* ]]
    [ "$(grep -c '<image ' a.svg)" -gt 20 ]
    make_stream kind=features column=h:F32:5 views=0 pictures=40 labels=3 names=1 >h
    simclr-map -q --pictures pictures --svg b.svg --png b.png h >table
    simclr-map -q --pictures <(cat pictures) --svg c.svg h | cmp - table
    cmp b.svg c.svg
    simclr-map -q --pictures - --svg c.svg h <pictures | cmp - table
    cmp b.svg c.svg
    make_stream kind=images column=pixels:U8:20,30,3 views=0 pictures=40 reverse=1 >reverse
    simclr-map -q --pictures reverse --svg c.svg h >table
    [ "$(grep -c '<image ' c.svg)" = "$(grep -c '<image ' b.svg)" ]
    [ "$(simclr-map -q --cell 300 --pictures pictures --svg - h | grep -c '<image ')" -lt 17 ]
}

@test "pictures that are no files, or missing, are points, and named" {
    load ../support/photos
    mkdir -p p
    cp "$ROOT"/tests/golden/jpeg_colour.jpg p/a.jpg
    cp "$ROOT"/tests/golden/jpeg_grey.jpg p/b.jpg
    head -c 300 "$ROOT"/tests/golden/jpeg_progressive.jpg >p/c.jpg
    make_stream kind=features column=h:F32:5 views=0 pictures=4 >h
    simclr-images p >pictures
    run -0 --separate-stderr simclr-map --pictures pictures --svg a.svg h
    [[ $stderr == *"cannot show picture 2: JPEG is cut short"* ]]
    [[ $stderr == *"'pictures' lacks 2 of the 4 pictures to be shown: they are points"* ]]
    [ "$(grep -c '<image ' a.svg)" -eq 2 ]
    run -0 --separate-stderr simclr-map -q --pictures pictures --svg a.svg h
    [ -z "$stderr" ]
    make_stream kind=features column=h:F32:5 views=0 pictures=4 first=100 >h
    run -3 --separate-stderr simclr-map -q --pictures pictures --svg b.svg h
    [ "$stderr" = "simclr-map: 'pictures' has none of the 4 pictures to be shown" ]
    [ ! -e b.svg ]
}

@test "pictures of another collection are refused with status 3" {
    make_stream kind=features column=h:F32:5 views=0 pictures=4 names=1 >h
    make_stream kind=images column=pixels:U8:4,4,3 views=0 pictures=4 names=1 first=1 >other
    sed 's/picture-2/picture-x/' <(simclr-convert h --to csv) >renamed.csv
    simclr-convert renamed.csv -o renamed
    run -3 --separate-stderr simclr-map -q --pictures other --svg a.svg renamed
    [[ $stderr == *"id 2 is 'picture-2' in 'other', but 'picture-x' among the features"*"hint: "* ]]
    run -3 --separate-stderr simclr-map -q --pictures h --svg a.svg h
    [[ $stderr == *"has no column 'pixels'"* ]]
    run -3 --separate-stderr simclr-map -q --thumbnails --svg a.svg h
    [[ $stderr == *"has no column 'pixels'"*"hint: say --pictures FILE"* ]]
    [ ! -e a.svg ]
    [ ! -e a.svg.part ]
}

@test "few rows, equal rows and rows on a line have places" {
    for n in 1 2 3 4 7; do
        make_stream kind=features column=h:F32:3 views=0 pictures=$n >a
        run -0 --separate-stderr simclr-map --png a.png --svg a.svg a
        [ "${#lines[@]}" -eq $((n + 1)) ]
        [[ ${output,,} != *nan* ]]
        [[ $stderr == *"$n rows are too few for a perplexity of 30"* || $n = 1 ]]
    done
    make_stream kind=features column=h:F32:3 views=0 pictures=50 noise=0 >equal
    run -0 --separate-stderr simclr-map --png a.png equal
    [ "$(tail -n +2 <<<"$output" | cut -f3,4 | sort -u)" = $'0\t0' ]
    [ "$stderr" = "simclr-map: all 50 rows of 'equal' are equal: they are one point" ]
    make_stream kind=features column=h:F32:1 views=0 pictures=50 >line
    run -0 simclr-map -q line
    [ "$(tail -n +2 <<<"$output" | cut -f4 | sort -u | wc -l)" -gt 25 ]
    run ! cmp <(simclr-map -q line) <(simclr-map -q --seed 1 line)
    run -0 simclr-map -q --method pca line
    [ "$(tail -n +2 <<<"$output" | cut -f4 | sort -u)" = 0 ]
    features noise=0 steps=1 >copies # of four rows
    run -0 simclr-map -q copies
    [ "$(tail -n +2 <<<"$output" | cut -f2 | sort -u | wc -l)" -eq 4 ]
}

@test "wide rows, bytes, and streams one after another are taken" {
    make_stream kind=features column=h:F32:100000 views=0 pictures=20 >wide
    run -0 simclr-map -q wide
    [ "${#lines[@]}" -eq 21 ]
    make_stream kind=images column=pixels:U8:4,4,3 views=0 pictures=30 >bytes
    run -0 simclr-map -q bytes
    [ "${#lines[@]}" -eq 31 ]
    rows >a
    run -0 simclr-map <(cat a a)
    [ "${#lines[@]}" -eq 241 ]
    run -3 --separate-stderr simclr-map --column z a
    [ "$stderr" = "simclr-map: 'a' has no column 'z'" ]
}

@test "a feature that is not finite has status 1 and is named" {
    rows poison=3:nan >bad
    run -1 --separate-stderr simclr-map --png x.png bad
    [ "$stderr" = "simclr-map: 'bad' has a feature that is not a number (step 0, row 3)" ]
    [ -z "$output" ]
    rows poison=3:-inf >bad
    run -1 --separate-stderr simclr-map bad
    [[ $stderr == *"infinite (step 0, row 3)" ]]
    [ ! -e x.png ]
}

@test "cut and damaged input has status 3 and leaves nothing" {
    make_stream kind=features column=h:F32:2 views=0 labels=2 names=1 pictures=4 >good
    mangle prefix good 9 simclr-map -q --iterations 5 --svg whole.svg cut
    mangle damage good 9 simclr-map -q --iterations 5 cut
    for size in 0 10 300 $(($(wc -c <good) - 1)); do
        head -c "$size" good >cut
        run -3 --separate-stderr simclr-map --svg x.svg --png x.png cut
        [ -z "$output" ]
        [ ! -e x.svg ]
        [ ! -e x.png ]
    done
    make_stream kind=images column=pixels:U8:2,2,3 views=0 pictures=2 steps=2 >pictures
    for size in 0 10 300 $(($(wc -c <pictures) - 200)); do
        run -3 simclr-map -q --pictures <(head -c "$size" pictures) --svg x.svg good
        [ ! -e x.svg ]
    done
    [ "$(echo ./*.part)" = './*.part' ]
    run -3 simclr-map "$ROOT/formats/vectors/good/no-records.stream"
    [[ $output == *"has no rows"* ]]
}

@test "a reader that leaves ends it by SIGPIPE, and a full disk with status 1" {
    rows pictures=600 >a
    for out in "" "--svg -" "--png -"; do
        run bash -c "(sleep 0.3; simclr-map -q --iterations 5 $out a; echo \$? >status) | true; sleep 1; exit \$(cat status)"
        [ "$status" -eq 141 ]
        run -1 bash -c "simclr-map -q --iterations 5 $out a 2>&1 >/dev/full"
        [ "${#lines[@]}" -eq 1 ]
        [[ $output == *"No space left on device" ]]
    done
}

@test "a terminal is no input" {
    command -v script >/dev/null || skip "script is not installed"
    run script -qec "simclr-map" /dev/null
    [ "$status" -eq 2 ]
    [[ $output == *terminal* ]]
}

@test "the man page is well formed" {
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    run -0 mandoc -Tlint -Wwarning "$ROOT/tools/simclr-map.1"
    [ -z "$output" ]
}
