#!/usr/bin/env bats
# simclr-augment -- views of pictures: what goes in, what comes out, and what is refused.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/photos

# A stream of pictures of noise: pictures [OPTION=VALUE]... (see make_stream).
pictures() {
    make_stream kind=images column=pixels:U8:16,16,3 views=0 pictures=12 "$@"
}

# Walk through the documents of a stream on standard input. "walk": step, epoch, part, parts and
# rows of each record. "walk NAME": the column's rows, numbers in decimal and bytes in hexadecimal,
# after their record's number.
walk() {
    zstd -dc | perl -0777 -ne '
        BEGIN { $name = shift @ARGV; binmode STDIN; @ARGV = ("-") }
        for ($at = 0; $at < length; $at += 8 + $n + $size) {
            $n = unpack "Q<", substr $_, $at, 8;
            $text = substr $_, $at + 8, $n;
            $size = 0;
            while ($text =~ /"data_offsets":\[\d+,(\d+)\]/g) { $size = $1 if $1 > $size }
            next unless $size;
            if ($name eq "") {
                $text =~ /"$_":"(\d+)"/ and print "$1 " for qw(step epoch part parts);
                $text =~ /"id":\{"dtype":"I64","shape":\[(\d+)\]/ and print "$1\n";
            }
            elsif ($text =~ /"\Q$name\E":\{"dtype":"(\w+)","shape":\[(\d+)[\d,]*\],"data_offsets":\[(\d+),(\d+)\]/) {
                my $data = substr $_, $at + 8 + $n + $3, $4 - $3;
                my $row = length($data) / $2;
                for $i (0 .. $2 - 1) {
                    my $bytes = substr $data, $i * $row, $row;
                    print $1 eq "I64" ? unpack("q<", $bytes) : unpack("H*", $bytes), "\n";
                }
            }
        }' -- "${1-}"
}

# One line a row of the stream FILE: view, id, pixels.
rows() {
    paste <(walk view <"$1") <(walk id <"$1") <(walk pixels <"$1")
}

header() {
    zstd -dc | head -c 20000 | tr -d '\0' | grep -a -m1 -o '{"__metadata__".*"tensor_stream":"1"}}'
}

@test "help goes to standard output, and the man page has the same options" {
    run -0 --separate-stderr simclr-augment --help
    [ -z "$stderr" ]
    grep -oE '^  (-.,|   ) --[a-z-]+' <<<"$output" | sed 's/.*--//' | sort >table
    [ "$(wc -l <table)" -ge 29 ]
    grep '^\.It Fl' "$ROOT/tools/simclr-augment.1" | grep -oE '(Fl|,) -[a-z-]+' | sed 's/.* -//' | sort >page
    diff table page
    run -0 --separate-stderr simclr-augment --version
    [ -z "$stderr" ]
    [[ $output == *"libpng: 1."*"libjpeg"*": "* ]]
}

@test "misuse has status 2, one line, and nothing on standard output" {
    pictures >in
    for arguments in "--nonsense in" "--size 0 in" "--size x in" "--views 0 in" "--recipe test in" \
        "--part 0 in" "--crop 1.5 in" "--flip -1 in" "--strength 2 in" "--hue 0.6 in" "in in" "none" \
        "--recipe eval --views 2 in" "--recipe eval --flip 0 in" "--central 0.5 in" \
        "--crop-area-min 0.5 --crop-area-max 0.4 in" "--crop-aspect-min 2 in" \
        "--blur-sigma-min 3 in" "--jitter nan in" "-i in in" \
        "--recipe eval --vflip 1 in" "--recipe eval --asymmetric flip in" "--recipe eval --strength 1 in" \
        "--recipe none --central 0.5 in" "--recipe none --strength 1 in" "--recipe none --blur-sigma-min 1 in" \
        "--rotate-degrees 10 in" "--rotate 1 --rotate-degrees 181 in" "--solarise-threshold 9 in" \
        "--solarise 1 --solarise-threshold 257 in" "--cutout-value 1 in" "--cutout-area-min 0.1 in" \
        "--cutout 1 --cutout-area-min 0.4 in" "--noise-sigma-max 0.1 in" "--noise 1 --noise-sigma-min 0.2 in" \
        "--asymmetric blot in" "--asymmetric flip,, in" "--asymmetric '' in" "--asymmetric vflip in" \
        "--asymmetric flip --views 1 in" "--views 2+0 in" "--views 2+ in" "--views +2 in" "--views 1+1+1 in" \
        "--views 999+2 in" "--views 99999999999 in" "--small-size 8 in" "--views 2 --small-area-max 0.2 in" \
        "--views 2+2 --small-area-min 0.2 in" "--views 1+1 --recipe eval in" \
        "--recipe torchvision --crop-covered 0.2 in" "--size 32 --blur-sigma-max 1 in" \
        "--size 32 --asymmetric blur in" "--blur-sigma-max 1 in" "--asymmetric blur in"; do
        run -2 bash -c "simclr-augment $arguments 2>err"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
}

@test "a terminal is refused on both sides" {
    pictures >in
    run script -qec "simclr-augment in" /dev/null
    [ "$status" -eq 2 ]
    run script -qec "simclr-augment >out" /dev/null
    [ "$status" -eq 2 ]
    [ ! -s out ]
}

@test "FILE, --input and standard input are the same, and so are --output and a second run" {
    pictures steps=2 >in
    simclr-augment in >a
    simclr-augment -i in | cmp - a
    simclr-augment <in | cmp - a
    cat in | simclr-augment -o b
    cmp a b
    [ ! -e b.part ]
    zstd -qt a
}

@test "threads never change a byte" {
    pictures steps=3 >in
    photos
    simclr-images p >encoded
    all="--vflip 0.5 --rotate 0.5 --solarise 0.5 --equalise 0.3 --sobel 0.2 --noise 0.5 --cutout 0.5"
    for options in "" "--part 5" "--size 50 --views 3" "--recipe eval --size 40" "--size 40 $all" \
        "--size 40 --recipe torchvision $all --rotate-degrees 30"; do
        for file in in encoded; do
            # shellcheck disable=SC2086
            simclr-augment -t 1 $options "$file" >one
            for threads in 2 3; do
                # shellcheck disable=SC2086
                simclr-augment -t $threads $options "$file" | cmp - one
            done
        done
    done
}

@test "every kind of cut input has status 3, and no file is left" {
    pictures steps=2 >in
    size=$(stat -c %s in)
    for cut in 0 1 7 100 $((size / 3)) $((size / 2)) $((size - 40)) $((size - 1)); do
        head -c "$cut" in >cut
        run -3 simclr-augment cut -o out
        [ ! -e out ]
        [ ! -e out.part ]
    done
    echo words >text
    run -3 simclr-augment text -o out
    [ ! -e out.part ]
}

@test "a reader that leaves ends it by SIGPIPE, and a full disk with status 1" {
    pictures steps=200 >in
    run bash -c 'simclr-augment in | head -c 100 >/dev/null; exit ${PIPESTATUS[0]}'
    [ "$status" -eq 141 ]
    run -1 bash -c "simclr-augment in 2>&1 >/dev/full"
    [ "${#lines[@]}" -eq 1 ]
    [[ $output == *"No space left on device" ]]
}

@test "a step is one record: view 0 of all rows in source order, then view 1" {
    pictures steps=2 labels=3 >in
    simclr-augment --views 3 in >out
    [ "$(walk <out)" = "$(printf '0 0 0 1 36\n1 0 0 1 36')" ]
    [ "$(walk view <out | head -36 | uniq -c | tr -s ' \n' ' ')" = " 12 0 12 1 12 2 " ]
    [ "$(walk id <out | tail -36 | tr '\n' ' ')" = "$(for v in 1 2 3; do seq -s ' ' 12 23; done | tr '\n' ' ')" ]
    walk label <in | tail -12 >labels
    diff <(cat labels labels labels) <(walk label <out | tail -36)
}

@test "--part alternates between the views of the same rows" {
    pictures >in
    simclr-augment in >whole
    simclr-augment --part 5 in >out
    [ "$(walk <out)" = "$(printf '0 0 %d 6 %d\n' 0 5 1 5 2 5 3 5 4 2 5 2)" ]
    [ "$(walk view <out | uniq -c | tr -s ' \n' ' ')" = " 5 0 5 1 5 0 5 1 2 0 2 1 " ]
    [ "$(walk id <out | tail -4 | tr '\n' ' ')" = "10 11 10 11 " ]
    diff <(rows out | sort) <(rows whole | sort)
}

@test "parts at the source give what parts here give" {
    make_cifar 20 1 >a.bin
    for keep in "" --keep-last; do
        # shellcheck disable=SC2086
        simclr-images a.bin --epochs 2 --batch 16 --shuffle $keep >whole
        # shellcheck disable=SC2086
        simclr-images a.bin --epochs 2 --batch 16 --shuffle --part 6 $keep >parted
        simclr-augment --part 6 whole >a
        simclr-augment --part 6 parted >b
        diff <(walk <a) <(walk <b)
        diff <(rows a) <(rows b)
        walk <b | head -1 | grep -x "0 0 0 6 6"
        if [ -z "$keep" ]; then # no step in one part
            simclr-augment parted >c
            diff <(rows a) <(rows c)
        fi
    done
}

@test "a step in several parts is cut further into equal numbers of pieces" {
    make_stream kind=images column=pixels:U8:8,8,3 views=0 pictures=16 parts=2 epochs=1 >in
    simclr-augment --part 3 in >out
    [ "$(walk <out | cut -d' ' -f3-)" = "$(printf '%d 12 %d\n' 0 2 1 2 2 3 3 3 4 3 5 3 6 2 7 2 8 3 9 3 10 3 11 3)" ]
    simclr-augment in >uncut
    [ "$(walk <uncut | cut -d' ' -f3-)" = "$(printf '%d 4 8\n' 0 1 2 3)" ]
    simclr-augment --part 8 in >enough
    diff <(walk <uncut) <(walk <enough)
    diff <(rows out | sort) <(rows uncut | sort)
}

@test "multi-crop: views of two sizes in records of their own" {
    pictures epochs=1 steps=2 >in
    simclr-augment --views 2+6 in >out
    [ "$(walk <out)" = "$(printf '%d 0 %d 2 %d\n' 0 0 24 0 1 72 1 0 24 1 1 72)" ]
    [ "$(walk view <out | head -96 | uniq -c | tr -s ' \n' ' ')" = "$(printf ' 12 %d' 0 1 2 3 4 5 6 7) " ]
    header <out | grep -F '\"views\":8'
    header <out | grep -F '"sizes":"[[16,16],[8,8]]"'
    # The large ones are those that there are without small ones; these show less of the picture.
    simclr-augment in >large
    diff <(rows large) <(rows out | awk '$1 < 2')
    [ "$(rows out | awk '$1 >= 2 { print length($3) }' | sort -u)" -eq $((2 * 8 * 8 * 3)) ]
    simclr-augment --views 2+6 --small-size 8 --small-area-min 0.05 --small-area-max 0.14 in >same
    diff <(rows out) <(rows same)
    # Parts of one view each, which alternate; the views are the same.
    simclr-augment --views 2+1 --part 8 in >parts
    [ "$(walk <parts | head -6)" = "$(printf '0 0 %d 6 %d\n' 0 8 1 8 2 8 3 4 4 4 5 4)" ]
    [ "$(walk view <parts | head -36 | uniq -c | tr -s ' \n' ' ')" = " 8 0 8 1 8 2 4 0 4 1 4 2 " ]
    simclr-augment --views 2+1 in >whole
    diff <(rows parts | sort) <(rows whole | sort)
    for threads in 1 2 3; do
        simclr-augment -t $threads --views 2+6 in | cmp - out
    done
    # A second size that is the same: one record.
    simclr-augment --views 1+2 --small-size 16 in >one
    [ "$(walk <one | head -1)" = "0 0 0 1 36" ]
    header <one | grep -F '\"pixels\":{\"dtype\":\"U8\",\"shape\":[16,16,3]}'
}

@test "multi-crop of photographs: small views larger than large ones, some pictures left out" {
    photos bad
    simclr-images p >in
    simclr-augment -q --size 20 --views 2+3 --small-size 44 in >out
    [ "$(walk <out)" = "$(printf '0 0 0 2 6\n0 0 1 2 9')" ]
    [ "$(walk id <out | tr '\n' ' ')" = "0 2 3 0 2 3 0 2 3 0 2 3 0 2 3 " ]
    rm p/b.jpg
    simclr-images p | simclr-augment --size 20 --views 2+3 --small-size 44 >good
    [ "$(walk pixels <out | sed -n 1p)" = "$(walk pixels <good | sed -n 1p)" ]
    [ "$(walk pixels <out | sed -n 7p)" = "$(walk pixels <good | sed -n 7p)" ]
}

@test "a picture has the same views whatever its place, batch and company" {
    pictures >in
    pictures reverse=1 >back
    simclr-augment in >a
    simclr-augment back >b
    [ "$(walk id <b | head -1)" -eq 11 ]
    diff <(rows a | sort) <(rows b | sort)
    photos
    simclr-images p | simclr-augment --size 40 >all
    simclr-images p --batch 2 | simclr-augment --size 40 >batches
    diff <(rows all | sort) <(rows batches | sort)
}

@test "views and pictures differ, and so do seeds" {
    pictures >in
    simclr-augment in >a
    [ "$(walk pixels <a | sort -u | wc -l)" -eq 24 ]
    simclr-augment --seed 0 in | cmp - a
    simclr-augment --seed 1 in >b
    [ "$(cat <(walk pixels <a) <(walk pixels <b) | sort -u | wc -l)" -eq 48 ]
}

@test "the plan gives the seed and learns the number of views" {
    pictures epochs=1 seed=5 steps=2 >in
    simclr-augment --views 3 in >out
    header <out | grep -F '\"views\":3'
    header <out | grep -F '\"tool\":\"simclr-augment\",\"version\":\"0.1.0\",\"seed\":5,'
    simclr-augment --views 3 --seed 5 in | cmp - out
    simclr-augment --views 3 --seed 6 in >other
    run ! diff <(walk pixels <out) <(walk pixels <other)
}

@test "the epoch is part of the key" {
    pictures steps=2 epochs=2 ids=repeat noise=0 signal=1 >in
    simclr-augment in >out
    [ "$(walk <out | cut -d' ' -f2 | tr '\n' ' ')" = "0 1 " ]
    diff <(walk pixels <in | head -12) <(walk pixels <in | tail -12)
    [ "$(walk pixels <out | sort -u | wc -l)" -eq 48 ]
}

@test "everything switched off leaves the pixels as they are" {
    pictures >in
    simclr-augment --views 1 --crop 0 --flip 0 --jitter 0 --grey 0 --blur 0 in >out
    diff <(walk pixels <in) <(walk pixels <out)
}

@test "each operation can be had alone" {
    pictures >in
    off="--views 1 --crop 0 --flip 0 --jitter 0 --grey 0 --blur 0"
    for operation in "--crop 1" "--flip 1" "--vflip 1" "--rotate 1" "--rotate 1 --rotate-degrees 20" \
        "--jitter 1" "--grey 1" "--blur 1 --size 40" "--solarise 1" "--equalise 1" "--sobel 1" \
        "--noise 1" "--cutout 1" "--jitter 1 --strength 0 --hue 0.5" "--jitter 1 --strength 0 --contrast 1"; do
        for recipe in simclr simclr-v1 torchvision none; do
            # shellcheck disable=SC2086
            simclr-augment $off --recipe $recipe $operation in >out
            run ! diff -q <(walk pixels <in) <(walk pixels <out)
        done
        # shellcheck disable=SC2086
        simclr-augment $off $operation in >out
        # shellcheck disable=SC2086
        simclr-augment --views 1 --recipe none $operation in >none
        diff <(walk pixels <out) <(walk pixels <none)
    done
    simclr-augment $off --flip 1 in >out # the first pixel has become the last of its row
    [ "$(walk pixels <in | cut -c1-6)" = "$(walk pixels <out | cut -c91-96)" ]
    simclr-augment $off --grey 1 in >out
    run ! grep -vE '^((..)\2\2)*$' <(walk pixels <out)
    simclr-augment $off --vflip 1 in >out # the first row has become the last
    [ "$(walk pixels <in | cut -c1-96)" = "$(walk pixels <out | cut -c1441-1536)" ]
    simclr-augment $off --cutout 1 --cutout-area-min 1 --cutout-area-max 1 --cutout-value 1 in >out
    walk pixels <out | grep -q '^ffffff'
    simclr-augment $off --solarise 1 --solarise-threshold 0 in >out # every byte inverted
    diff <(walk pixels <in) <(walk pixels <out | tr 0123456789abcdef fedcba9876543210)
    simclr-augment $off --solarise 1 --solarise-threshold 256 in >out
    diff <(walk pixels <in) <(walk pixels <out)
    simclr-augment $off --noise 1 --noise-sigma-min 0 --noise-sigma-max 0 in >out
    diff <(walk pixels <in) <(walk pixels <out)
}

@test "recipes differ, none is the picture itself, and options override them" {
    pictures >in
    for recipe in simclr simclr-v1 torchvision; do
        simclr-augment --recipe $recipe in >$recipe
    done
    for pair in "simclr simclr-v1" "simclr torchvision" "simclr-v1 torchvision"; do
        run ! diff -q <(walk pixels <"${pair% *}") <(walk pixels <"${pair#* }")
    done
    simclr-augment --recipe simclr in | cmp - <(simclr-augment in)
    simclr-augment --recipe none --views 1 in >none
    diff <(walk pixels <in) <(walk pixels <none)
    # A recipe by its options: what differs is the provenance.
    simclr-augment --recipe none --crop 1 --flip 0.5 --jitter 0.8 --grey 0.2 in >same
    diff <(walk pixels <simclr) <(walk pixels <same)
    simclr-augment --recipe none --size 48 --crop 1 --flip 0.5 --jitter 0.8 --grey 0.2 --blur 0.5 in >same
    simclr-augment --size 48 in >large
    diff <(walk pixels <large) <(walk pixels <same)
    # Version 1 of the colours differs in brightness alone.
    for recipe in simclr simclr-v1; do
        simclr-augment --recipe $recipe --brightness 0 in >$recipe
    done
    diff <(walk pixels <simclr) <(walk pixels <simclr-v1)
}

@test "a step to one size and back: torchvision smoothes, the reference does not" {
    make_stream kind=images column=pixels:U8:64,64,3 views=0 pictures=1 >in
    for recipe in none torchvision; do
        simclr-augment --recipe $recipe --views 1 --size 8 --crop 0 --flip 0 --jitter 0 --grey 0 in |
            walk pixels | fold -w 2 | sed 's/^/0x/' | while read -r byte; do echo $((byte)); done |
            awk '{ n++; s += $1; q += $1 * $1 } END { print int(sqrt(q / n - (s / n) ^ 2)) }' >$recipe
    done
    [ "$(cat none)" -gt $((4 * $(cat torchvision))) ]
}

@test "--asymmetric gives operations to view 0 and leaves the others without them" {
    pictures >in
    simclr-augment --views 3 --solarise 1 --asymmetric solarise in >one
    simclr-augment --views 3 in >without
    simclr-augment --views 3 --solarise 1 in >with
    for file in one with without; do rows $file | sort -n >$file.rows; done
    diff <(grep '^0' one.rows) <(grep '^0' with.rows)
    diff <(grep '^[12]' one.rows) <(grep '^[12]' without.rows)
    # Figure 5: identity in the other branch.
    simclr-augment --recipe none --grey 1 --noise 1 --asymmetric grey,noise in >out
    diff <(walk pixels <in) <(walk pixels <out | tail -12)
    run ! diff -q <(walk pixels <in) <(walk pixels <out | head -12)
    simclr-augment --asymmetric crop,flip,jitter,grey in >out
    diff <(walk pixels <in) <(walk pixels <out | tail -12)
    run -2 simclr-augment --asymmetric flip,blot in
    [[ $output == *"crop, flip, vflip, rotate, jitter, grey, blur, solarise, equalise, sobel, noise, cutout"*"not 'blot'" ]]
}

@test "the test-time recipe makes one view: all of it at 32 pixels, the centre above" {
    pictures >in
    simclr-augment --recipe eval in >out
    diff <(walk pixels <in) <(walk pixels <out)
    [ "$(walk view <out | sort -u)" = 0 ]
    header <out | grep -F '\"view\":{\"dtype\":\"I64\",\"shape\":[]}'
    # The centre of 48 pixels is 42 with a margin of 3: at the same scale a copy of them.
    make_stream kind=images column=pixels:U8:48,48,3 views=0 pictures=1 >large
    simclr-augment --recipe eval --size 42 large >out
    walk pixels <large | fold -w 288 | sed -n '4,45p' | cut -c19-270 | tr -d '\n' >centre
    diff <(cat centre; echo) <(walk pixels <out)
    # At 32 pixels all of it, smaller.
    simclr-augment --recipe eval --size 32 large >out
    simclr-augment --recipe eval --central 1 --size 32 large | cmp - out
    simclr-augment --views 1 --crop 0 --flip 0 --jitter 0 --grey 0 --size 32 large >same
    diff <(walk pixels <out) <(walk pixels <same)
}

@test "the size is that of the pictures, else 224" {
    pictures >in
    simclr-augment in | header | grep -F '\"pixels\":{\"dtype\":\"U8\",\"shape\":[16,16,3]}'
    make_stream kind=images column=pixels:U8:8,9,3 views=0 pictures=2 >oblong
    simclr-augment oblong | header | grep -F '\"pixels\":{\"dtype\":\"U8\",\"shape\":[224,224,3]}'
    photos
    simclr-images p | simclr-augment | header | grep -F '\"pixels\":{\"dtype\":\"U8\",\"shape\":[224,224,3]}'
}

@test "grey pictures become three equal channels" {
    make_stream kind=images column=pixels:U8:16,16,1 views=0 pictures=12 >in
    simclr-augment --views 1 --crop 0 --flip 0 --jitter 0 --blur 0 in >out
    header <out | grep -F '\"pixels\":{\"dtype\":\"U8\",\"shape\":[16,16,3]}'
    diff <(walk pixels <in | sed -E 's/(..)/\1\1\1/g') <(walk pixels <out)
}

@test "columns that it does not know go along, ragged ones too" {
    perl -e 'sub doc { my ($json, $data) = @_; $json .= " " x (-length($json) % 8);
            open my $out, "| zstd -q --content-size --stream-size=" . (8 + length($json . $data)) . " >> in" or die;
            print $out pack("Q<", length $json), $json, $data; close $out }
        my $columns = q({\"depth\":{\"dtype\":\"F32\",\"shape\":[2]},\"id\":{\"dtype\":\"I64\",\"shape\":[]},) .
            q(\"note\":{\"dtype\":\"U8\",\"shape\":[null]},\"pixels\":{\"dtype\":\"U8\",\"shape\":[2,2,1]}});
        doc(qq({"__metadata__":{"columns":"$columns","kind":"images","tensor_stream":"1","mine":"kept"}}), "");
        doc(q({"__metadata__":{"epoch":"0","part":"0","parts":"1","step":"0"},) .
            q("id":{"dtype":"I64","shape":[2],"data_offsets":[0,16]},) .
            q("note.offsets":{"dtype":"I64","shape":[3],"data_offsets":[16,40]},) .
            q("depth":{"dtype":"F32","shape":[2,2],"data_offsets":[40,56]},) .
            q("note":{"dtype":"U8","shape":[5],"data_offsets":[56,61]},) .
            q("pixels":{"dtype":"U8","shape":[2,2,2,1],"data_offsets":[61,69]}}),
            pack("q<2q<3f<4", 7, 9, 0, 2, 5, 1.5, 2.5, 3.5, 4.5) . "ab" . "cde" . "pqrstuvw");
        doc(q({"__metadata__":{"end":"1","records":"1","rows":"2"}}), "")'
    simclr-augment in >out
    [ "$(walk id <out | tr '\n' ' ')" = "7 9 7 9 " ]
    [ "$(walk depth <out | tr '\n' ' ')" = "0000c03f00002040 0000604000009040 0000c03f00002040 0000604000009040 " ]
    [ "$(walk note <out | xxd -r -p)" = "abcdeabcde" ]
    [ "$(walk note.offsets <out | tr '\n' ' ')" = "0 2 5 7 10 " ]
    header <out | grep -F '"mine":"kept"'
}

@test "a picture that cannot be read is named, counted and left out" {
    photos bad
    simclr-images p >in
    simclr-augment --size 20 in >out 2>err
    [ "$(walk id <out | tr '\n' ' ')" = "0 2 3 0 2 3 " ]
    [ "$(wc -l <err)" -eq 2 ]
    grep "^simclr-augment: leaves out picture 'b.jpg': JPEG" err
    grep -x "simclr-augment: left out 1 of 4 pictures" err
    simclr-augment -q --size 20 in 2>err | cmp - out
    [ ! -s err ]
    rm p/b.jpg
    simclr-images p | simclr-augment --size 20 >good
    diff <(walk pixels <out | head -1) <(walk pixels <good | head -1) # the same id, the same view
    run -3 simclr-augment --strict --size 20 in -o strict
    [[ $output == "simclr-augment: cannot read picture 'b.jpg': JPEG"* ]]
    [ ! -e strict ]
    [ ! -e strict.part ]
}

@test "--bad names each picture once, with the reason, and nothing but the count goes to standard error" {
    photos bad
    cp p/b.jpg $'p/b\tad\n\\.jpg'
    simclr-images p --epochs 3 --batch 5 >in
    simclr-augment -q --size 20 in >out
    run -0 bash -c "simclr-augment --size 20 --bad bad in 2>&1 >out2"
    [ "$output" = "simclr-augment: left out 6 of 15 pictures, 2 different ones" ]
    cmp out out2
    [ ! -e bad.part ]
    [ "$(wc -l <bad)" -eq 2 ]
    grep -qx $'b.jpg\tJPEG.*' bad
    grep -qF 'b\tad\n\\.jpg'$'\tJPEG' bad
    # Ids of a second stream are other pictures.
    cat in in | simclr-augment -q --size 20 --bad bad >/dev/null
    [ "$(wc -l <bad)" -eq 4 ]
    # What fails leaves no list, and neither does a reader that goes away.
    run -3 simclr-augment --size 20 --bad none --strict in -o out3
    run -0 bash -c 'simclr-augment -q --size 200 --bad none in | head -c 100 >/dev/null; echo ${PIPESTATUS[0]}'
    [ "$output" = 141 ]
    run -2 bash -c "simclr-augment --bad - in 2>/dev/null"
    run -2 bash -c "simclr-augment --bad none/none in 2>/dev/null"
    [ -z "$output" ]
    [ ! -e none ]
    [ ! -e none.part ]
}

@test "--accept-truncated takes a JPEG that is cut short, as far as it goes" {
    photos
    head -c -5 p/a.jpg >p/b.jpg
    simclr-images p >in
    simclr-augment -q --size 8 --recipe eval in >without
    [ "$(walk id <without | tr '\n' ' ')" = "0 2 3 " ]
    run -0 bash -c "simclr-augment --accept-truncated --size 8 --recipe eval in 2>&1 >with"
    [ -z "$output" ]
    [ "$(walk id <with | tr '\n' ' ')" = "0 1 2 3 " ]
    diff <(walk pixels <with | sed 2d) <(walk pixels <without)
    # The top of the picture is there.
    [ "$(walk pixels <with | sed -n 2p | cut -c1-36)" = "$(walk pixels <with | sed -n 1p | cut -c1-36)" ]
    header <with | grep -F '\"accept-truncated\":true'
}

@test "after ten bad pictures the others are only counted" {
    photos bad
    for i in $(seq 11); do cp p/b.jpg "p/b$i.jpg"; done
    simclr-images p >in
    simclr-augment --size 20 in 2>err >out
    [ "$(grep -c "leaves out picture" err)" -eq 10 ]
    [ "$(wc -l <err)" -eq 12 ]
    grep -x "simclr-augment: leaves out more pictures, which are only counted (--bad FILE names all)" err
    grep -x "simclr-augment: left out 12 of 15 pictures" err
}

@test "pictures of too many pixels are left out" {
    photos
    simclr-images p >in
    run -0 --separate-stderr simclr-augment --max-pixels 10 --size 20 in -o out
    [ "$(grep -c 'more than 10 pixels' <<<"$stderr")" -eq 3 ]
    [ -z "$(walk <out)" ]
    zstd -dc out | grep -aq '"records":"0"'
}

@test "nothing is sent for a step without a picture, but a part must have one" {
    photos bad
    mkdir q
    cp p/b.jpg q/1.jpg
    cp p/b.jpg q/2.jpg
    cp p/a.jpg q/3.jpg
    cp p/d.jpg q/4.jpg
    simclr-images q --batch 2 | simclr-augment -q --size 20 >out
    [ "$(walk <out)" = "1 0 0 1 4" ]
    [ "$(walk id <out | tr '\n' ' ')" = "2 3 2 3 " ]
    simclr-images q --epochs 1 --batch 4 --part 2 >parted
    run -3 simclr-augment -q --size 20 parted -o out2
    [ "$output" = "simclr-augment: step 0, part 0 has no readable picture" ]
    [ ! -e out2 ]
}

@test "other streams are refused with status 3, naming what is missing" {
    make_stream >features
    run -3 simclr-augment features -o out
    [[ $output == *"not images"* ]]
    make_stream kind=images column=h:F32:4 views=0 >columns
    run -3 simclr-augment columns -o out
    [[ $output == *"neither column 'pixels' nor 'bytes'"* ]]
    make_stream kind=images column=pixels:F32:4,4,3 views=0 >floats
    run -3 simclr-augment floats -o out
    make_stream kind=images column=pixels:U8:4,4,2 views=0 >channels
    run -3 simclr-augment channels -o out
    [[ $output == *"[4,4,2]"* ]]
    [ ! -e out ]
    [ ! -e out.part ]
}

@test "a concatenation is answered with a concatenation" {
    pictures >a
    pictures seed=2 steps=2 >b
    simclr-augment a >a.views
    simclr-augment b >b.views
    cat a b | simclr-augment | cmp - <(cat a.views b.views)
    cat a b | head -c -1 >cut
    run -3 simclr-augment cut -o out
}

@test "views that no record can hold are refused before memory is taken" {
    pictures >in
    run -1 bash -c "simclr-augment --size 1024 --views 1000 in 2>&1 >/dev/null"
    [[ $output == *"cannot hold 1000 views of 12 pictures of size 1024 in one record"* ]]
    [[ $output == *"hint: "* ]]
}

@test "in a training run the first signal waits for the neighbours, the second does not" {
    pictures epochs=1 steps=3 >run
    pictures steps=3 >plain
    simclr-augment run >whole
    mkfifo fifo
    half=$(($(stat -c %s run) / 2))

    simclr-augment fifo -o out 3>&- &
    exec 4>fifo
    head -c "$half" run >&4
    sleep 0.3
    kill -TERM $!
    sleep 0.1
    tail -c +$((half + 1)) run >&4
    exec 4>&-
    wait $!
    cmp out whole

    simclr-augment fifo -o out2 3>&- &
    exec 4>fifo
    head -c "$half" run >&4
    sleep 0.3
    kill -TERM $!
    sleep 0.1
    kill -INT $!
    code=0
    wait $! || code=$?
    exec 4>&-
    [ "$code" -eq 130 ]
    [ ! -e out2 ]
    [ ! -e out2.part ]

    simclr-augment fifo -o out3 3>&- &
    exec 4>fifo
    head -c $(($(stat -c %s plain) / 2)) plain >&4
    sleep 0.3
    kill -TERM $!
    code=0
    wait $! || code=$?
    exec 4>&-
    [ "$code" -eq 143 ]
    [ ! -e out3 ]
    [ ! -e out3.part ]
}

@test "the man page is well formed" {
    command -v mandoc >/dev/null || skip "mandoc is not installed"
    run -0 mandoc -Tlint -Wwarning "$ROOT/tools/simclr-augment.1"
    [ -z "$output" ]
}
