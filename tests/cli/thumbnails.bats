#!/usr/bin/env bats
# simclr-thumbnails -- the pictures of a stream as text.
# SPDX-License-Identifier: MIT

bats_require_minimum_version 1.5.0
load ../support/photos

views() {
    make_stream kind=views column=pixels:U8:16,16,3 views=2 pictures=5 "$@"
}

@test "help goes to standard output" {
    run -0 --separate-stderr simclr-thumbnails --help
    [ -z "$stderr" ] && [[ $output == *--side* ]]
}

@test "misuse has status 2, one line, and nothing on standard output" {
    views >in
    for arguments in "--side 0 in" "--side 2000 in" "--format gif in" "--quality 0 in" "in in" "none" \
        "-i in in" "--bogus in"; do
        run -2 bash -c "simclr-thumbnails $arguments 2>err"
        [ -z "$output" ]
        [ "$(grep -vc hint: err)" -eq 1 ]
    done
}

@test "a line each, with id, view, label, class, name and extents; again the same" {
    views >in
    simclr-thumbnails in >a
    simclr-thumbnails <in >b
    simclr-thumbnails in -o c
    cmp a b && cmp a c
    [ "$(head -n 1 a | tr '\t' ' ')" = "id view label class name width height uri" ]
    [ "$(wc -l <a)" = 11 ]
    [ "$(awk -F '\t' 'NF != 8' a | wc -l)" = 0 ]
    [ "$(tail -n +2 a | cut -f 2 | sort | uniq -c | tr -s ' \n' ' ')" = " 5 0 5 1 " ]
    [ "$(tail -n +2 a | cut -f 6,7 | sort -u)" = "16$(printf '\t')16" ]
}

@test "small pictures keep every pixel: what other eyes read is what went in" {
    make_cifar 12 1 >pictures.bin
    simclr-images pictures.bin | simclr-augment --recipe none --size 32 >in
    mkdir back
    simclr-thumbnails in | tail -n +2 | cut -f 1,8 | while read -r id uri; do
        [[ $uri == data:image/png\;base64,* ]]
        base64 -d <<<"${uri#*,}" >"back/$(printf %02d "$id").png"
    done
    simclr-convert --column pixels --to npy in >a.npy
    simclr-images back --strict | simclr-augment --recipe none --size 32 |
        simclr-convert --column pixels --to npy >b.npy
    cmp a.npy b.npy
}

@test "large ones are made smaller, as JPEG, and another tool reads them" {
    photos
    simclr-images p | simclr-augment --recipe eval --size 96 >in
    simclr-thumbnails --side 48 in >a
    [ "$(tail -n +2 a | cut -f 6,7 | sort -u)" = "48$(printf '\t')48" ]
    [ "$(tail -n +2 a | cut -f 5 | tr '\n' ' ')" = "a.jpg c.jpg d.jpg " ]
    mkdir back
    sed -n 2p a | cut -f 8 | sed 's/.*base64,//' | base64 -d >back/a.jpg
    simclr-images back --strict | simclr-augment --recipe none --size 48 --strict | simclr-inspect --check
    simclr-thumbnails --side 48 --format png in | sed -n 2p | cut -f 8 | sed 's/.*base64,//' | base64 -d >back/a.png
    simclr-images back --strict | simclr-augment --recipe none --size 48 --strict | simclr-inspect --check
}

@test "names can be anything: tabs, line ends and what is no UTF-8 do not break the table" {
    photos
    mkdir q
    cp p/a.jpg q/$'a\tb\nc\xff<&".jpg'
    simclr-images q | simclr-augment --recipe eval --size 32 | simclr-thumbnails >a
    [ "$(wc -l <a)" = 2 ]
    [ "$(sed -n 2p a | cut -f 5)" = 'a?b?c?<&".jpg' ]
}

@test "pictures as files are refused with a hint, and so are features" {
    photos
    run -3 --separate-stderr bash -c "simclr-images p | simclr-thumbnails"
    [[ $stderr == *"hint: simclr-augment"* ]]
    make_stream kind=features column=h:F32:6 views=0 pictures=3 >f
    run -3 --separate-stderr simclr-thumbnails f
    [ -z "$output" ]
    echo text >t
    run -3 --separate-stderr simclr-thumbnails t
    [ -z "$output" ]
}

@test "a cut stream is refused, and the file is not left" {
    views >in
    head -c $(($(wc -c <in) - 10)) in >cut
    run -3 simclr-thumbnails cut -o never
    [ ! -e never ] && [ ! -e never.part ]
}

@test "a full disk is status 1, an early reader 141" {
    views pictures=2000 >in
    run -1 bash -c "simclr-thumbnails in >/dev/full"
    run -141 bash -c "simclr-thumbnails in | head -n 1 >/dev/null; exit \${PIPESTATUS[0]}"
}
