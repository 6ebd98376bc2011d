# Tools whose calls fail, one after another: each run ends with status 0 and the right bytes, or with
# status 1, one message, and nothing half-written. `make inject` builds these tools and runs this.

setup_file() {
    export WORK=$BATS_FILE_TMPDIR
    export SUPPORT=${SUPPORT:-$PWD/build/release/support}
    # 40 grey gradients and noise, as a CIFAR file: a label, then 3072 bytes.
    LC_ALL=C awk 'BEGIN { for (i = 0; i < 40; i++) for (j = -1; j < 3072; j++)
        printf "%c", j < 0 ? i % 10 : (j * (i + 1) + int(j / 32) * 7) % 256 }' >"$WORK/test_batch.bin"
    "$SUPPORT/make_stream" pictures=8 views=2 steps=3 >"$WORK/z"
    "$SUPPORT/make_stream" pictures=8 views=2 steps=3 labels=3 >"$WORK/labelled"
    "$SUPPORT/make_stream" kind=images column=pixels:U8:16,16,3 views=0 steps=3 >"$WORK/pictures"
}

setup() {
    OUT=$BATS_TEST_TMPDIR/out
}

# The N that are tried: each of the first 40, then in growing strides.
next() { echo $(($1 < 40 ? $1 + 1 : $1 + 1 + $1 / 12)); }

# Is what a run left behind right?  right STATUS
right() {
    local lines
    lines=$(grep -vc 'hint: ' "$BATS_TEST_TMPDIR/stderr")
    ! ls "$BATS_TEST_TMPDIR"/*.part >/dev/null 2>&1 || { echo "left a .part"; return 1; }
    case $1 in
    0)
        [ "$lines" -eq 0 ] || { echo "succeeds with a message"; return 1; }
        cmp "$OUT" "$OUT.want" && cmp "$OUT.stdout" "$OUT.stdout.want"
        ;;
    1)
        [ "$lines" -eq 1 ] || { echo "fails with $lines messages"; return 1; }
        grep -q "^$TOOL: " "$BATS_TEST_TMPDIR/stderr" || { echo "does not give its name"; return 1; }
        cmp -s "$OUT" "$OUT.old" || cmp -s "$OUT" "$OUT.want" || { echo "leaves half a file"; return 1; }
        ;;
    *)
        echo "leaves with status $1"
        return 1
        ;;
    esac
}

# Let the Nth CALL fail, for N from 1 until there is none left.  sweep CALL [onward] -- TOOL ARGUMENT...
# The tool writes $OUT, or stdout, or both.
sweep() {
    local call=$1 onward='' n=1 failures=0 status
    shift
    [ "$1" = onward ] && onward=1 && shift
    shift
    TOOL=$1
    shift
    [ -x "$BIN/$TOOL" ] || skip "no $TOOL"
    "$BIN/$TOOL" "$@" >"$OUT.stdout.want"
    echo old >"$OUT.old"
    if [ -e "$OUT" ]; then mv "$OUT" "$OUT.want"; else cp "$OUT.old" "$OUT.want"; fi
    while :; do
        cp "$OUT.old" "$OUT"
        rm -f "$OUT.mark"
        status=0
        env FAIL_CALL="$call" FAIL_NUMBER="$n" ${onward:+FAIL_ONWARD=1} FAIL_MARK="$OUT.mark" \
            timeout 20 "$BIN/$TOOL" "$@" >"$OUT.stdout" 2>"$BATS_TEST_TMPDIR/stderr" || status=$?
        right "$status" || {
            echo "$TOOL, $call number $n${onward:+ and on}: status $status"
            cat "$BATS_TEST_TMPDIR/stderr"
            return 1
        }
        [ -e "$OUT.mark" ] || break
        failures=$((failures + status))
        n=$(next "$n")
    done
    [ $status -eq 0 ] || { echo "fails without cause"; return 1; }
    [ $n -gt 1 ] || { echo "never called $call"; return 1; }
    FAILURES=$failures
}

# Every way to fail that a tool with this command line may meet.
all() {
    sweep malloc -- "$@"
    [ "$FAILURES" -gt 5 ]
    sweep malloc onward -- "$@"
    sweep write -- "$@"
    [ "$FAILURES" -gt 0 ]
    sweep short_write -- "$@"
    [ "$FAILURES" -eq 0 ]
    sweep fsync -- "$@"
    [ "$FAILURES" -gt 0 ]
    sweep rename -- "$@"
    [ "$FAILURES" -gt 0 ]
    sweep read -- "$@"
    [ "$FAILURES" -gt 0 ]
    sweep short_read -- "$@"
    [ "$FAILURES" -eq 0 ]
}

@test "simclr-images lives through every failing call" {
    all simclr-images --batch 16 -o "$OUT" "$WORK/test_batch.bin"
}

@test "simclr-images lives through every failing call with archives, lists and streams" {
    local archive=$WORK/archive
    cp tests/golden/jpeg_grey.jpg "$WORK/0.jpg"
    echo '{"label": "fox"}' >"$WORK/0.json"
    tar -C "$WORK" -cf "$archive.tar" 0.jpg 0.json
    gzip -c "$archive.tar" >"$archive.gz"
    zstd -qc "$archive.tar" >"$archive.zst"
    printf '%s\tfox\n' 0.jpg >"$WORK/list"
    "$BIN/simclr-images" "$archive.tar" >"$WORK/encoded"
    all simclr-images --epochs 1 --batch 4 -o "$OUT" "$archive.tar" "$archive.gz" "$archive.zst" "$WORK/encoded"
    all simclr-images -o "$OUT" "$archive.zst" "$WORK/encoded"
    sweep malloc -- simclr-images -o "$OUT" "$WORK/list" "$archive.gz"
    [ "$FAILURES" -gt 5 ]
}

@test "simclr-images takes no lack of memory for a picture that cannot be read" {
    mkdir -p "$WORK/p"
    cp tests/golden/jpeg_colour.jpg tests/golden/jpeg_progressive.jpg "$WORK/p"
    sweep malloc -- simclr-images --strict --batch 1 --bad "$WORK/bad" -o "$OUT" "$WORK/p"
    [ "$FAILURES" -gt 5 ]
    sweep malloc -- simclr-images --strict --fraction 1 -o "$OUT" "$WORK/p"
    [ "$FAILURES" -gt 5 ]
}

@test "simclr-augment lives through every failing call" {
    all simclr-augment --size 8 --threads 2 -o "$OUT" "$WORK/pictures"
}

@test "simclr-augment takes no lack of memory for a picture that cannot be read" {
    "$BIN/simclr-images" tests/golden/jpeg_colour.jpg tests/golden/jpeg_progressive.jpg >"$WORK/encoded"
    sweep malloc -- simclr-augment --size 8 --threads 2 --strict -o "$OUT" "$WORK/encoded"
    [ "$FAILURES" -gt 5 ]
}

@test "simclr-sheet lives through every failing call" {
    "$BIN/simclr-images" tests/golden/jpeg_colour.jpg tests/golden/jpeg_progressive.jpg >"$WORK/encoded"
    all simclr-sheet --names --labels --format png -o "$OUT" "$WORK/encoded"
    sweep malloc -- simclr-sheet --format jpeg --cell 9 --rows 4 -o "$OUT" "$WORK/pictures"
    [ "$FAILURES" -gt 5 ]
    sweep write -- simclr-sheet --format jpeg -o "$OUT" "$WORK/pictures"
    [ "$FAILURES" -gt 0 ]
}

@test "simclr-ntxent lives through every failing call" {
    all simclr-ntxent --threads 2 --checkpoint-every 2 --grad-out "$OUT" "$WORK/z"
    sweep malloc -- simclr-ntxent --positives label --loss margin-triplet --grad-out "$OUT" "$WORK/labelled"
    [ "$FAILURES" -gt 5 ]
}

@test "simclr-inspect lives through memory and reads that fail" {
    sweep malloc -- simclr-inspect "$WORK/z"
    [ "$FAILURES" -gt 5 ]
    sweep malloc onward -- simclr-inspect "$WORK/z"
    sweep read -- simclr-inspect "$WORK/z"
    [ "$FAILURES" -gt 0 ]
    sweep short_read -- simclr-inspect "$WORK/z"
    [ "$FAILURES" -eq 0 ]
}

# Labelled features of four classes with names, and a few that are alike.
features() {
    "$SUPPORT/make_stream" kind=features column=h:F32:6 views=0 labels=4 class=1 names=1 pictures=20 steps=2 "$@"
}

@test "simclr-images lists names through every failing call" {
    mkdir -p "$WORK/p/a"
    cp tests/golden/jpeg_colour.jpg "$WORK/p"
    cp tests/golden/jpeg_grey.jpg "$WORK/p/a"
    sweep malloc -- simclr-images --list -o "$OUT" "$WORK/p"
    [ "$FAILURES" -gt 5 ]
    sweep write -- simclr-images --list -o "$OUT" "$WORK/p"
    [ "$FAILURES" -gt 0 ]
    "$BIN/simclr-images" --list "$WORK/p/a" >"$WORK/p/a/list"
    sweep malloc -- simclr-images -o "$OUT" "$WORK/p/a/list"
    [ "$FAILURES" -gt 5 ]
}

@test "simclr-select lives through every failing call" {
    features >"$WORK/features"
    printf 'picture-3\0picture-30\0' >"$WORK/names"
    all simclr-select --names "$WORK/names" --columns h,name -o "$OUT" "$WORK/features"
}

@test "simclr-convert lives through every failing call, in every format" {
    features >"$WORK/features"
    for format in csv jsonl npz; do
        all simclr-convert --to $format -o "$OUT" "$WORK/features"
        "$BIN/simclr-convert" --to $format "$WORK/features" >"$WORK/a.$format"
        all simclr-convert --to stream -o "$OUT" "$WORK/a.$format"
    done
    all simclr-convert --to npy --column h -o "$OUT" "$WORK/features"
    "$BIN/simclr-convert" -o "$WORK/a.npy" "$WORK/features"
    all simclr-convert --to stream -o "$OUT" "$WORK/a.npy"
}

@test "simclr-knn lives through every failing call" {
    features >"$WORK/features"
    all simclr-knn --threads 2 --neighbors 5 --train "$WORK/features" --test "$WORK/features" -o "$OUT"
    all simclr-knn --threads 2 --neighbors 2 -o "$OUT" "$WORK/features"
    all simclr-knn --threads 2 --neighbors 2 --query "$WORK/features" -o "$OUT" "$WORK/features"
    all simclr-knn --threads 2 --duplicates 0.9 -o "$OUT" "$WORK/features"
    sweep malloc -- simclr-knn --threads 2 --outliers 3 -o "$OUT" "$WORK/features"
    [ "$FAILURES" -gt 5 ]
}

@test "simclr-linprobe lives through every failing call" {
    features >"$WORK/features"
    features seed=2 >"$WORK/others"
    all simclr-linprobe --threads 2 --train "$WORK/features" --test "$WORK/others" -o "$OUT"
}

@test "simclr-map lives through every failing call" {
    "$SUPPORT/make_stream" kind=features column=h:F32:4 views=0 pictures=12 steps=2 labels=2 names=1 >"$WORK/h"
    all simclr-map --threads 2 --perplexity 3 --iterations 5 --theta 0.5 --svg "$OUT" "$WORK/h"
    sweep malloc -- simclr-map --method pca --pictures "$WORK/pictures" --png "$OUT" "$WORK/h"
    [ "$FAILURES" -gt 5 ]
    sweep malloc -- simclr-map --method pca --thumbnails --svg "$OUT" "$WORK/pictures"
    [ "$FAILURES" -gt 5 ]
}
