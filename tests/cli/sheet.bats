#!/usr/bin/env bats
# simclr-sheet -- contact sheets: what goes in, how large they come out, and what is refused.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/photos

# A stream of views, or of images, of noise: views [OPTION=VALUE]... (see make_stream).
views() {
    make_stream kind=views column=pixels:U8:16,16,3 views=3 pictures=12 "$@"
}
images() {
    make_stream kind=images column=pixels:U8:16,16,3 views=0 pictures=12 "$@"
}

# Width and height of a PNG file on standard input.
extents() {
    head -c 24 | od -An -tx1 -v | tr -d ' \n' |
        sed -nE 's/^89504e470d0a1a0a0000000d49484452(.{8})(.{8})$/0x\1 0x\2/p' |
        { read -r width height || true; echo "$((width)) $((height))"; }
}

@test "help goes to standard output, and the man page has the same options" {
    run -0 --separate-stderr simclr-sheet --help
    [ -z "$stderr" ]
    grep -oE '^  (-.,|   ) --[a-z-]+' <<<"$output" | sed 's/.*--//' | sort >table
    [ "$(wc -l <table)" -ge 15 ]
    grep '^\.It Fl' "$ROOT/tools/simclr-sheet.1" | grep -oE '(Fl|,) -[a-z-]+' | sed 's/.* -//' | sort >page
    diff table page
    run -0 --separate-stderr simclr-sheet --version
    [ -z "$stderr" ]
    [[ $output == *"libpng: "* ]]
    [[ $output == *"libjpeg"* ]]
}

@test "misuse has status 2, one line, and nothing on standard output" {
    views >in
    for arguments in "--nonsense in" "--rows 0 in" "--rows x in" "--columns 0 in" "--cell 0 in" \
        "--cell 5000 in" "--gap -1 in" "--background 1,2 in" "--background 0,0,256 in" \
        "--format gif in" "--quality 0 in" "--quality 50 in" "--quality 50 -o x.png in" "in in" \
        "none" "-i in in" "-o x in" "-o x.gif in" "-o x.jpg.part in"; do
        run -2 bash -c "simclr-sheet $arguments 2>err"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
    [ -z "$(ls | grep '^x')" ]
    run -2 simclr-sheet -o x.gif in
    [[ $output == *"'x.gif' ends in neither .png nor .jpg"*"hint: say --format"* ]]
    run -2 simclr-sheet x.png <in
    [[ $output == *"'x.png' is read, not written"*"hint: say -o 'x.png'"* ]]
}

@test "a terminal is neither read nor written" {
    command -v script >/dev/null || skip "script is not installed"
    views >in
    run script -qec "simclr-sheet in" /dev/null
    [ "$status" -eq 2 ]
    run script -qec "simclr-sheet >out" /dev/null
    [ "$status" -eq 2 ]
    [ ! -s out ]
}

@test "FILE, --input and standard input are the same, and so are --output and a second run" {
    views >in
    simclr-sheet in >a
    simclr-sheet -i in | cmp - a
    simclr-sheet <in | cmp - a
    cat in | simclr-sheet -o b.png
    cmp a b.png
    simclr-sheet -o c.jpg in
    simclr-sheet -o C.JPEG in
    cmp c.jpg C.JPEG
    simclr-sheet --format jpeg in | cmp - c.jpg
    simclr-sheet --format png -o d.jpg in
    cmp a d.jpg
    [ "$(head -c 3 c.jpg | od -An -tx1 | tr -d ' ')" = ffd8ff ]
    [ "$(echo ./*.part)" = './*.part' ]
}

@test "a picture is a row, a view a column" {
    views >in
    [ "$(simclr-sheet in | extents)" = "304 804" ] # 16 pixels, six times as large
    [ "$(simclr-sheet --rows 3 in | extents)" = "304 304" ]
    [ "$(simclr-sheet --rows 50 in | extents)" = "304 1204" ]
    [ "$(simclr-sheet --columns 2 in | extents)" = "204 804" ]
    [ "$(simclr-sheet --columns 9 in | extents)" = "304 804" ]
    [ "$(simclr-sheet --cell 16 --gap 0 --rows 12 in | extents)" = "48 192" ]
    [ "$(simclr-sheet --cell 40 --gap 1 --rows 12 in | extents)" = "100 397" ]
    [ "$(simclr-sheet --cell 5 --gap 0 --rows 12 in | extents)" = "15 60" ]
}

@test "parts of a step, and reversed rows, make the same sheet" {
    views names=1 labels=3 >whole
    simclr-sheet --rows 12 --names --labels whole >sheet
    for parts in 3 6 12 36 5; do
        views names=1 labels=3 parts=$parts >in
        simclr-sheet --rows 12 --names --labels in | cmp - sheet
    done
    views first=3 pictures=1 >one # the last in reverse order is the first
    views pictures=4 reverse=1 >back
    simclr-sheet --rows 1 back | cmp - <(simclr-sheet one)
}

@test "a picture that comes again in another step has another row" {
    views steps=2 epochs=2 ids=repeat pictures=2 >in
    [ "$(simclr-sheet in | extents)" = "304 404" ]
    views pictures=2 >one
    cat one one | simclr-sheet >twice
    [ "$(extents <twice)" = "304 404" ]
    simclr-sheet in | cmp - twice
}

@test "images stand side by side" {
    images >in
    [ "$(simclr-sheet in | extents)" = "804 204" ]
    [ "$(simclr-sheet --columns 5 in | extents)" = "504 304" ]
    [ "$(simclr-sheet --columns 5 --rows 2 in | extents)" = "504 204" ]
    images pictures=3 >few
    [ "$(simclr-sheet few | extents)" = "304 104" ]
    images steps=2 epochs=2 ids=repeat pictures=2 >run
    [ "$(simclr-sheet run | extents)" = "404 104" ]
    make_stream kind=images column=pixels:U8:10,20,1 views=0 pictures=3 >grey
    [ "$(simclr-sheet --gap 0 grey | extents)" = "300 50" ]
}

@test "views of pictures that have only one stand side by side, too" {
    images >in
    views views=1 >out
    simclr-sheet out | cmp - <(simclr-sheet in)
    simclr-sheet --columns 5 --rows 2 out | cmp - <(simclr-sheet --columns 5 --rows 2 in)
    views views=1 pictures=4 epochs=1 steps=3 >run
    simclr-sheet run | cmp - <(simclr-sheet in)
    [ "$(simclr-sheet --rows 4 --columns 1 out | extents)" = "104 404" ]
    views >more # the first of three
    [ "$(simclr-sheet --rows 4 --columns 1 more | extents)" = "104 404" ]
    views parts=6 >parts # view 0 of six pictures comes first
    [ "$(simclr-sheet --rows 2 parts | extents)" = "304 204" ]
    simclr-sheet --rows 2 parts | cmp - <(simclr-sheet --rows 2 more)
}

@test "views of two sizes are on one scale, and small ones in narrow columns" {
    views views=4 small=8 parts=8 >in
    [ "$(simclr-sheet --rows 12 in | extents)" = "308 1204" ]
    simclr-sheet --rows 12 --gap 0 in >mixed
    [ "$(extents <mixed)" = "288 1152" ]
    photos
    simclr-images p | simclr-augment --size 20 --views 2+3 --small-size 12 >crops
    [ "$(simclr-sheet --gap 0 --cell 20 crops | extents)" = "76 60" ]
}

@test "names and labels stand underneath" {
    views names=1 labels=3 >in
    [ "$(simclr-sheet --names in | extents)" = "304 924" ] # 8 lines of 12 + 3 pixels more
    [ "$(simclr-sheet --names --labels in | extents)" = "304 924" ]
    images names=1 labels=3 >pictures
    [ "$(simclr-sheet --names pictures | extents)" = "804 234" ]
    [ "$(simclr-sheet --names --labels pictures | extents)" = "804 258" ]
    for options in --names --labels "--names --labels"; do
        # shellcheck disable=SC2086
        simclr-sheet $options in | sha256sum
    done | sort -u >sums
    [ "$(wc -l <sums)" -eq 3 ]
    views labels=3 >nameless # ids
    [ "$(simclr-sheet --names nameless | extents)" = "304 924" ]
    run ! cmp <(simclr-sheet --names nameless) <(simclr-sheet --names in)
    views labels=3 unlabelled=1 >unknown
    run ! cmp <(simclr-sheet --labels unknown) <(simclr-sheet --labels in)
    views >bare
    run -3 simclr-sheet --labels bare -o out.png
    [[ $output == *label* ]]
}

@test "classes have their names" {
    mkdir -p c/dog c/cat d/0 d/1
    cp "$ROOT"/tests/golden/jpeg_colour.jpg c/cat/1.jpg
    cp "$ROOT"/tests/golden/jpeg_colour.jpg c/dog/1.jpg
    cp c/cat/1.jpg d/0
    cp c/cat/1.jpg d/1
    run ! cmp <(simclr-images c | simclr-sheet --labels) <(simclr-images d | simclr-sheet --labels)
    cmp <(simclr-images c | simclr-sheet) <(simclr-images d | simclr-sheet)
}

@test "encoded pictures are decoded; one that cannot be is a crossed box, and named" {
    photos bad
    simclr-images p >in
    run -0 --separate-stderr simclr-sheet -o a.png in
    [ -z "$output" ]
    [ "${#stderr_lines[@]}" -eq 1 ]
    [[ $stderr == "simclr-sheet: cannot show picture 'b.jpg': JPEG is cut short"* ]]
    [ "$(extents <a.png)" = "608 99" ] # 21 x 13 pixels, seven times as large
    run -0 --separate-stderr simclr-sheet -q -o b.png in
    [ -z "$stderr" ]
    cmp a.png b.png
    rm p/[acd].jpg
    simclr-images p | simclr-sheet -q >none
    [ "$(extents <none)" = "168 168" ]
    photos
    simclr-images p | simclr-sheet -q --cell 9 --gap 0 >small
    [ "$(extents <small)" = "36 6" ]
}

@test "it reads no more than it shows, and lets a stream end that is about to" {
    views steps=300 >in
    simclr-sheet in >sheet
    run bash -c 'cat in | simclr-sheet | cmp - sheet; exit $((PIPESTATUS[0] * 10 + PIPESTATUS[1] + PIPESTATUS[2]))'
    [ "$status" -eq $((1410 % 256)) ]
    views >one # more pictures than rows, in the only record
    for _ in 1 2 3 4 5; do
        run bash -c '{ head -c -30 one; sleep 0.05; tail -c 30 one; } | simclr-sheet | cmp - sheet; exit $((PIPESTATUS[0] * 10 + PIPESTATUS[1] + PIPESTATUS[2]))'
        [ "$status" -eq 0 ]
    done
    # With a plan it does not wait for the end of the step.
    views epochs=1 parts=12 >run
    simclr-sheet --rows 3 run >three
    head -c $(($(stat -c %s run) / 2)) run | simclr-sheet --rows 3 | cmp - three
}

@test "cut input has status 3 and leaves no file, unless the sheet was full" {
    views steps=2 >in
    size=$(stat -c %s in)
    for cut in 0 1 7 100 $((size / 3)) $((size / 2)) $((size - 40)) $((size - 1)); do
        head -c "$cut" in >cut
        run -3 simclr-sheet --rows 25 cut -o out.png
        [ ! -e out.png ]
        [ ! -e out.png.part ]
    done
    head -c -1 in | simclr-sheet --rows 24 | cmp - <(simclr-sheet --rows 24 in)
    echo words >text
    run -3 simclr-sheet text -o out.png
    [ ! -e out.png.part ]
}

@test "every prefix and every damaged byte is refused" {
    make_stream kind=views column=pixels:U8:4,4,3 views=2 pictures=2 steps=2 names=1 labels=2 >in
    mangle prefix in 19 simclr-sheet --rows 5 --names --labels cut
    mangle damage in 19 simclr-sheet --rows 5 --names --labels cut
}

@test "a reader that leaves ends it by SIGPIPE, and a full disk with status 1" {
    make_stream kind=views column=pixels:U8:96,96,3 pictures=12 >in
    for format in png jpeg; do
        run bash -c "simclr-sheet --format $format in | head -c 100 >/dev/null; exit \${PIPESTATUS[0]}"
        [ "$status" -eq 141 ]
        run -1 bash -c "simclr-sheet --format $format in 2>&1 >/dev/full"
        [ "${#lines[@]}" -eq 1 ]
        [[ $output == *"No space left on device" ]]
    done
}

@test "other streams are refused with status 3, naming what is wrong" {
    make_stream kind=features column=h:F32:4 >features
    run -3 simclr-sheet features -o out.png
    [[ $output == "simclr-sheet: 'features' has features, not images or views" ]]
    views view-column=0 >viewless
    run -3 simclr-sheet viewless -o out.png
    [[ $output == *"'view'"* ]]
    make_stream kind=images column=h:F32:4 views=0 >columns
    run -3 simclr-sheet columns -o out.png
    [[ $output == *"'pixels'"* ]]
    make_stream kind=views column=pixels:U8:4,4,2 >channels
    run -3 simclr-sheet channels -o out.png
    [[ $output == *"[4,4,2]"* ]]
    views >a
    images >b
    run -3 bash -c "cat a b | simclr-sheet --rows 50 -o out.png"
    run -3 simclr-sheet "$ROOT/formats/vectors/good/no-records.stream" -o out.png
    photos bad
    rm p/[acd].jpg
    simclr-images p | simclr-augment -q --size 20 >nothing
    run -3 simclr-sheet nothing -o out.png
    [[ $output == *"no pictures" ]]
    [ ! -e out.png ]
    [ ! -e out.png.part ]
}

@test "a sheet that would be too large is refused" {
    views >in
    run -1 bash -c "simclr-sheet --cell 4096 in -o out.png"
    [[ $output == *"12304 x 32804 pixels is more than 100 million"*"hint: "* ]]
    run -1 simclr-sheet --format jpeg --cell 4096 --columns 1 --rows 17 in -o out.jpg
    [ ! -e out.png ]
    [ ! -e out.png.part ]
    [ ! -e out.jpg.part ]
}

@test "the paper has the colour that was asked for" {
    views >in
    simclr-sheet in >default
    simclr-sheet --background 208,208,208 in | cmp - default
    for colour in 0,0,0 255,255,255 10,20,30; do
        run ! cmp default <(simclr-sheet --background $colour in)
    done
}

@test "the man page is well formed" {
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    run -0 mandoc -Tlint -Wwarning "$ROOT/tools/simclr-sheet.1"
    [ -z "$output" ]
}
