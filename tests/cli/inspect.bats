#!/usr/bin/env bats
# simclr-inspect, the vectors of the stream format, and the filter of its man page.

setup() {
    BIN=${BIN:-$PWD/build/bin}
    PATH="$BIN:$PATH"
    vectors=formats/vectors
    parts=$vectors/good/parts.stream
}

# The program between the markers of the man page.
program() {
    sed -n "/begin $1/,/end $1/p" formats/simclr-stream.5 | grep -v '^\.\\"' | sed 's/\\e/\\/g'
}

@test "help goes to stdout with status 0 and names every option" {
    run simclr-inspect --help
    [ "$status" -eq 0 ]
    for option in input check digest head quiet verbose help version; do
        [[ $output == *--$option* ]]
        grep -q -- "Fl .*-$option" tools/simclr-inspect.1
    done
    [ -z "$(simclr-inspect --help 2>&1 >/dev/null)" ]
}

@test "misuse is status 2 with nothing on stdout" {
    for arguments in "--no-such" "--head 0" "--head x" "--head" "--check --digest" \
        "--head 1 --digest" "a b" "-i a b" "$BATS_TEST_TMPDIR/missing" "formats"; do
        status=0
        output=$(simclr-inspect $arguments 2>"$BATS_TEST_TMPDIR/err" <"$parts") || status=$?
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [ -s "$BATS_TEST_TMPDIR/err" ]
    done
}

@test "a terminal is refused as input" {
    run script -qec "simclr-inspect" /dev/null </dev/null
    [ "$status" -eq 2 ]
    [[ $output == *terminal* ]]
}

@test "every good vector is taken" {
    [ "$(ls $vectors/good | wc -l)" -ge 20 ]
    for file in $vectors/good/*; do
        simclr-inspect --check "$file" || { echo "$file"; false; }
    done
}

@test "every bad and every unsupported vector is status 3 with one line, and at most a hint" {
    [ "$(ls $vectors/bad | wc -l)" -ge 100 ]
    for file in $vectors/bad/* $vectors/unsupported/*; do
        run simclr-inspect --check "$file"
        [ "$status" -eq 3 ] || { echo "$file: $status"; false; }
        [ "$(grep -vc ": hint: " <<<"$output")" -eq 1 ] || { echo "$file: $output"; false; }
    done
}

@test "what is wrong is said" {
    run simclr-inspect $vectors/unsupported/version-2.stream
    [[ $output == *"version '2'"*"version 1"* ]]
    run simclr-inspect --check $vectors/bad/end-counts-rows.stream
    [[ $output == *"record 2"*"3 rows"* ]]
    run simclr-inspect --check $vectors/bad/no-end.stream
    [[ $output == *"without an end record"* ]]
    run simclr-inspect --check $vectors/bad/weights-cut.safetensors
    [[ $output == *weights-cut*count* ]]
}

@test "a claim of 2 GiB costs nothing" {
    run bash -c "ulimit -v 400000; simclr-inspect --check $vectors/bad/frame-claims-2-GiB.stream"
    if [[ $output == *AddressSanitizer* ]]; then skip "no limit on memory under a sanitizer"; fi
    [ "$status" -eq 3 ]
}

@test "FILE, --input and standard input print the same" {
    simclr-inspect $parts >"$BATS_TEST_TMPDIR/a"
    simclr-inspect -i $parts >"$BATS_TEST_TMPDIR/b"
    simclr-inspect <$parts >"$BATS_TEST_TMPDIR/c"
    cat $parts | simclr-inspect >"$BATS_TEST_TMPDIR/d"
    for other in b c d; do cmp "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/$other"; done
    grep -q "^kind	features$" "$BATS_TEST_TMPDIR/a"
    grep -q "^column	h	F32	\[2\]$" "$BATS_TEST_TMPDIR/a"
    grep -q '^plan	{"batch":2,' "$BATS_TEST_TMPDIR/a"
    grep -q "^end	records 6	rows 12	steps 0 to 2$" "$BATS_TEST_TMPDIR/a"
}

@test "each stream of a concatenation is shown" {
    [ "$(simclr-inspect $vectors/good/concatenation.stream | grep -c ^kind)" -eq 3 ]
    [ "$(cat $parts $parts | simclr-inspect | grep -c '^end	records 6')" -eq 2 ]
}

@test "extents that each record has its own of are question marks, those of a record are numbers" {
    run simclr-inspect --head 3 $vectors/good/varying.stream
    [ "$status" -eq 0 ]
    [[ $output == *"column	pixels	U8	[?,3]"* ]]
    [[ $output == *"tensor	pixels	U8	[2,1,3]"* ]]
    [[ $output == *"tensor	pixels	U8	[2,4,3]"* ]]
    [[ $output == *"tensor	pixels	U8	[1,2,3]"* ]]
}

@test "provenance is one line a tool" {
    run simclr-inspect $vectors/good/unknown-keys.stream
    [ "$status" -eq 0 ]
    [[ $output == *'run	{"tool":"x","host":{"a":[1.0]}}'* ]]
    [[ $output == *"colour	blue"* ]]
}

@test "the first N records are shown with their values, and the rest is not read" {
    run simclr-inspect --head 2 $parts
    [ "$status" -eq 0 ]
    [ "$(grep -c ^record <<<"$output")" -eq 2 ]
    [[ $output == *"tensor	h	F32	[2,2]	min 0	mean 0.75	max 1.5"* ]]
    [[ $output != *"end	records"* ]]
    head -c $(($(stat -c %s $parts) - 40)) $parts >"$BATS_TEST_TMPDIR/cut"
    simclr-inspect --head 1 "$BATS_TEST_TMPDIR/cut"
}

@test "a digest depends on tensors, and on nothing else" {
    digest() { simclr-inspect --digest "$@" | cut -d' ' -f1; }
    minimal=$(digest $vectors/good/minimal.stream)
    [ ${#minimal} -eq 64 ]
    for same in unknown-keys tensors-in-another-order window-8-MiB header-with-blanks; do
        [ "$(digest $vectors/good/$same.stream)" = "$minimal" ]
    done
    [ "$(digest $parts)" != "$minimal" ]
    [ "$(digest <$vectors/good/minimal.stream)" = "$minimal" ]
    run simclr-inspect --digest $vectors/good/weights.safetensors
    [[ $output == *"  $vectors/good/weights.safetensors" ]]
}

@test "the digest is the one that the man page describes" {
    # tensor "w", U8 [3], "abc"
    want=$(printf 'w\0U8\0\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0abc' | sha256sum | cut -d' ' -f1)
    run simclr-inspect --digest $vectors/good/weights-without-metadata.safetensors
    [ "${output%% *}" = "$want" ]
}

@test "a file of weights lists its tensors" {
    run simclr-inspect $vectors/good/weights.safetensors
    [ "$status" -eq 0 ]
    [[ $output == *"model	none"* ]]
    [[ $output == *"tensor	matrix	BF16	[2,2]"* ]]
    [[ $output == *"tensor	scalar	F32	[]"* ]]
    [[ $output == *"end	tensors 4	bytes 20" ]]
    run simclr-inspect --head 4 $vectors/good/weights.safetensors
    [[ $output == *"tensor	count	I64	[1]	min 7	mean 7	max 7"* ]]
}

@test "every prefix of a stream is status 3" {
    file=$vectors/good/minimal.stream
    size=$(stat -c %s $file)
    for ((n = 0; n < size; n += 13)); do
        status=0
        head -c $n $file | simclr-inspect --check 2>/dev/null || status=$?
        [ "$status" -eq 3 ]
    done
}

@test "an early reader is status 141, a full disk 1, a directory 2" {
    run bash -c "set -o pipefail; cat $(yes $parts | head -2000 | tr '\n' ' ') | simclr-inspect --head 99999 | head -c 100 >/dev/null; echo \${PIPESTATUS[1]}"
    [ "$output" -eq 141 ]
    run bash -c "simclr-inspect $parts >/dev/full"
    [ "$status" -eq 1 ]
    [[ $output == *"No space left"* ]]
}

@test "zstd can check and unpack a stream" {
    command -v zstd || skip "no zstd"
    zstd -tq $vectors/good/compressed.stream
    [ "$(zstd -dcq $vectors/good/compressed.stream | wc -c)" -gt 65536 ]
}

@test "the filter of the man page compiles, and does what it says" {
    command -v cc || skip "no compiler"
    program unit.c >"$BATS_TEST_TMPDIR/unit.c"
    cc -Wall -Wextra -Werror -o "$BATS_TEST_TMPDIR/unit" "$BATS_TEST_TMPDIR/unit.c" -lzstd -ljansson -lm
    "$BATS_TEST_TMPDIR/unit" <$parts >"$BATS_TEST_TMPDIR/out"
    run simclr-inspect --head 1 "$BATS_TEST_TMPDIR/out"
    # rows 0 0.5 and 1 1.5 become 0 1 and 0.5547 0.83205
    [[ $output == *"tensor	h	F32	[2,2]	min 0	mean 0.596688	max 1"* ]]
    simclr-inspect "$BATS_TEST_TMPDIR/out" | tail -1 | grep -q "^end	records 6"
    "$BATS_TEST_TMPDIR/unit" <$vectors/good/concatenation.stream | simclr-inspect --check
    for file in no-end cut-in-record frame-checksum text record-first; do
        run "$BATS_TEST_TMPDIR/unit" <$vectors/bad/$file.stream
        [ "$status" -eq 3 ]
    done
    run "$BATS_TEST_TMPDIR/unit" <$vectors/unsupported/version-2.stream
    [ "$status" -eq 3 ]
}

@test "the man pages are clean" {
    command -v mandoc || skip "no mandoc"
    mandoc -Tlint -Wwarning tools/simclr-inspect.1 formats/simclr-stream.5
}
