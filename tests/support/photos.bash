# photos.bash -- what the tests of tools that decode pictures share.
# SPDX-License-Identifier: MIT

setup() {
    BIN=${BIN:-$PWD/build/bin}
    case $BIN in /*) ;; *) BIN=$PWD/$BIN ;; esac
    SUPPORT=${SUPPORT:-$PWD/build/release/support}
    case $SUPPORT in /*) ;; *) SUPPORT=$PWD/$SUPPORT ;; esac
    PATH="$BIN:$SUPPORT:$PATH"
    ROOT=$PWD
    cd "$BATS_TEST_TMPDIR"
}

# Folder p: three pictures, and one that begins like a JPEG file and is none.
photos() {
    mkdir -p p
    cp "$ROOT"/tests/golden/jpeg_colour.jpg p/a.jpg
    cp "$ROOT"/tests/golden/jpeg_grey.jpg p/c.jpg
    cp "$ROOT"/tests/golden/jpeg_progressive.jpg p/d.jpg
    if [ "${1-}" = bad ]; then head -c 300 p/d.jpg >p/b.jpg; fi
}
