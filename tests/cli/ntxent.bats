#!/usr/bin/env bats
# simclr-ntxent: the log, the gradient stream, and how it behaves among its neighbours.

bats_require_minimum_version 1.5.0
load ../support/runs

setup() {
    root=$PWD
    common_setup
    "$SUPPORT/make_stream" steps=3 signal=1 >z.stream
}

make() {
    "$SUPPORT/make_stream" "$@"
}

# Field NAME of line N (1: the first step) of a log.
field() { # FILE N NAME
    awk -F '\t' -v n="$2" -v name="$3" '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
        NR == n + 1 { print $(column[name]) }' "$1"
}

near() { # VALUE WANTED TOLERANCE
    awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { exit !(a - b <= t && b - a <= t) }'
}

@test "help goes to stdout with status 0 and has the options of the manual" {
    run --separate-stderr simclr-ntxent --help
    [ "$status" -eq 0 ]
    [ -z "$stderr" ]
    options=$(grep -o -- '--[a-z-]*' <<<"$output" | sort -u)
    manual=$(sed -n '/^\.It Fl/s/.*Fl -\([a-z-]*\).*/--\1/p; /^\.It Fl [a-zA-Z] , -/s/.* -\([a-z-]*\).*/--\1/p' \
        "$root/tools/simclr-ntxent.1" | sort -u)
    [ "$options" = "$manual" ]
    simclr-ntxent --version | grep -q OpenBLAS
}

@test "misuse is status 2 with nothing on stdout" {
    for arguments in "--temperature 0" "--temperature -1" "--temperature nan" "--temperature" "--bogus" \
        "a b" "no-such-file" "--input z.stream z.stream" "--threads -1" "--grad-out no/such/folder" \
        "--loss triplet" "--positives class" "--sum-positives in" "--margin 0.1" "--semi-hard" \
        "--loss dcl --sum-positives inside" "--loss nt-logistic --margin 0.2" \
        "--loss margin-triplet --temperature 0.5" "--loss margin-triplet --margin 2.1" \
        "--loss margin-triplet --semi-hard --margin 0"; do
        run --separate-stderr simclr-ntxent $arguments <z.stream
        [ "$status" -eq 2 ]
        [ -z "$output" ]
        [ -n "$stderr" ]
    done
}

@test "the log has its header and one line a step, tab separated" {
    simclr-ntxent z.stream >log
    [ "$(head -n 1 log)" = \
        $'step\tepoch\tloss\tbaseline\tfloor\taccuracy\tentropy\talignment\tuniformity\tstd' ]
    [ "$(cut -f 1 log | tr '\n' ' ')" = "step 0 1 2 " ]
    awk -F '\t' 'NF != 10 { exit 1 }' log
    make start=7 steps=4 epochs=11 | simclr-ntxent >log
    [ "$(cut -f 1,2 log | tail -n 4 | tr '\t\n' '  ')" = "7 7 8 8 9 9 10 10 " ]
}

@test "a file and standard input are the same, and so is every rerun" {
    simclr-ntxent z.stream --grad-out a.stream >a
    simclr-ntxent --grad-out b.stream >b <z.stream
    simclr-ntxent -i z.stream --grad-out c.stream >c
    cmp a b && cmp a c
    cmp a.stream b.stream && cmp a.stream c.stream
}

@test "threads never change a bit" {
    make pictures=300 views=3 column=z:F32:48 steps=2 >many.stream
    for threads in 1 2 3; do
        simclr-ntxent --threads $threads --grad-out g$threads <many.stream >log$threads
        cmp log1 log$threads
        cmp g1 g$threads
    done
}

@test "parts never change a bit of the log" {
    for parts in 1 2 3 4 8 16; do
        make pictures=16 parts=$parts steps=2 | simclr-ntxent --grad-out g >log$parts
        cmp log1 log$parts
        [ "$(zstd -dc g | grep -ao "\"parts\":\"$parts\"" | wc -l)" -eq $((2 * parts)) ]
    done
}

@test "the order of rows never changes a bit of the log, nor does a missing column view" {
    make pictures=40 >a.stream
    make pictures=40 reverse=1 >b.stream
    make pictures=40 view-column=0 >c.stream
    for stream in a b c; do
        simclr-ntxent $stream.stream >$stream
    done
    cmp a b && cmp a c
}

@test "random embeddings have the loss ln(2N-1), and half the variance of similarities" {
    make pictures=500 column=z:F32:256 | simclr-ntxent >log
    near "$(field log 1 baseline)" 6.90675478 1e-8
    near "$(field log 1 loss)" "$(awk 'BEGIN { print 6.90675478 + 4 / 512 }')" 0.005
    near "$(field log 1 std)" 0.0625 0.0005
}

@test "perfectly aligned views have accuracy 1 and alignment 0" {
    make pictures=20 noise=0 signal=1 | simclr-ntxent --temperature 0.1 >log
    [ "$(field log 1 accuracy)" = 1 ]
    [ "$(field log 1 alignment)" = 0 ]
    awk -v l="$(field log 1 loss)" -v f="$(field log 1 floor)" 'BEGIN { exit !(l > f) }'
}

@test "temperature counts" {
    simclr-ntxent z.stream >a
    simclr-ntxent z.stream --temperature 0.1 >b
    [ "$(field a 1 loss)" != "$(field b 1 loss)" ]
    [ "$(field a 1 alignment)" = "$(field b 1 alignment)" ]
}

@test "gradients have the steps, parts and plan of the input" {
    make steps=4 parts=2 epochs=2 | simclr-ntxent --grad-out g >/dev/null
    simclr-inspect --check g
    simclr-inspect g >said
    grep -q 'gradients' said
    grep -q 'grad.*F32.*16' said
    zstd -dc g | grep -aq '\\"steps_per_epoch\\":2'
    zstd -dc g | grep -aq '"records":"8","rows":"64"'
}

@test "what is appended to a log has no second header" {
    simclr-ntxent z.stream >log
    simclr-ntxent z.stream >>log
    [ "$(wc -l <log)" -eq 7 ]
    [ "$(grep -c step log)" -eq 1 ]
}

@test "streams one after another make one log and as many gradient streams" {
    cat z.stream z.stream | simclr-ntxent --grad-out g >log
    [ "$(wc -l <log)" -eq 7 ]
    [ "$(zstd -dc g | grep -ao '"end":"1"' | wc -l)" -eq 2 ]
    simclr-inspect --check g
}

@test "a stream without steps is a log without lines" {
    make steps=0 | simclr-ntxent --grad-out g >log
    [ "$(wc -l <log)" -eq 1 ]
    simclr-inspect --check g
}

@test "every cut of the input is status 3 and leaves no file" {
    size=$(stat -c %s z.stream)
    for ((cut = 0; cut < size; cut += 97)); do
        run simclr-ntxent --grad-out g < <(head -c "$cut" z.stream)
        [ "$status" -eq 3 ]
        [ ! -e g ]
        [ ! -e g.part ]
    done
    make end=0 >cut.stream
    run simclr-ntxent cut.stream
    [ "$status" -eq 3 ]
}

@test "a gradient stream has no END when the input has none" {
    mkfifo g
    cat g >got &
    run simclr-ntxent --grad-out g < <(make end=0)
    wait $!
    [ "$status" -eq 3 ]
    run simclr-inspect --check got
    [ "$status" -eq 3 ]
}

@test "a row without positives is refused, naming step and picture" {
    run --separate-stderr simclr-ntxent < <(make start=3 lonely=1)
    [ "$status" -eq 3 ]
    [[ $stderr == *"step 3: picture 7 has no second view"* ]]
    run simclr-ntxent < <(make views=0)
    [ "$status" -eq 3 ]
}

@test "a step of one picture is refused" {
    run --separate-stderr simclr-ntxent < <(make pictures=1)
    [ "$status" -eq 3 ]
    [[ $stderr == *"step 0"*"no negatives"* ]]
}

@test "NaN and Inf are status 1, naming the step; no gradient is kept" {
    for value in nan inf -inf; do
        run --separate-stderr simclr-ntxent --grad-out g < <(make start=5 poison=3:$value)
        [ "$status" -eq 1 ]
        [[ $stderr == *"step 5: z of picture 3 holds"* ]]
        [ ! -e g ]
        [ ! -e g.part ]
    done
}

@test "embeddings of nothing but zeros are at the baseline" {
    make noise=0 >zero.stream
    simclr-ntxent zero.stream --grad-out g >log
    [ "$(field log 1 loss)" = "$(field log 1 baseline)" ]
    simclr-inspect --check g
}

@test "a loss that stays at the baseline is pointed out once" {
    make noise=0 steps=40 epochs=2 >flat.stream
    run --separate-stderr simclr-ntxent flat.stream
    [ "$status" -eq 0 ]
    [ "$(grep -c 'not learning' <<<"$stderr")" -eq 1 ]
    [[ $stderr == *hint* ]]
    [ "$(simclr-ntxent -q flat.stream 2>&1 >/dev/null)" = "" ]
    [ "$(make noise=0 steps=40 | simclr-ntxent 2>&1 >/dev/null)" = "" ]
    [ "$(make noise=0.1 signal=1 steps=40 epochs=2 | simclr-ntxent 2>&1 >/dev/null)" = "" ]
}

@test "other columns may be there, these must" {
    make labels=3 names=1 | simclr-ntxent >a
    make | simclr-ntxent >b
    cmp a b
    run simclr-ntxent < <(make column=h:F32:8 kind=features)
    [ "$status" -eq 3 ]
    [[ $output == *"'z'"* ]]
    run simclr-ntxent < <(make column=z:U8:8)
    [ "$status" -eq 3 ]
}

@test "a reader that leaves early is status 141" {
    make steps=2000 epochs=1 >long.stream
    simclr-ntxent long.stream | head -c 100 >/dev/null
    [ "${PIPESTATUS[0]}" -eq 141 ]
    mkfifo g
    head -c 100 g >/dev/null &
    simclr-ntxent long.stream --grad-out g >/dev/null || status=$?
    [ "$status" -eq 141 ]
    simclr-ntxent long.stream --grad-out h | head -c 100 >/dev/null
    [ "${PIPESTATUS[0]}" -eq 141 ]
    [ ! -e h ]
    [ ! -e h.part ]
}

@test "a full disk is status 1" {
    run simclr-ntxent z.stream --grad-out g >/dev/full
    simclr-ntxent z.stream >/dev/full 2>said || status=$?
    [ "$status" -eq 1 ]
    grep -q 'standard output' said
    run simclr-ntxent z.stream --grad-out /dev/full
    [ "$status" -eq 1 ]
}

@test "a terminal gives no input and takes no gradients, but the log" {
    run script -qec "simclr-ntxent" /dev/null
    [ "$status" -eq 2 ]
    run script -qec "simclr-ntxent z.stream --grad-out /dev/tty" /dev/null
    [ "$status" -eq 2 ]
    run script -qec "simclr-ntxent z.stream" /dev/null
    [ "$status" -eq 0 ]
    [[ $output == *uniformity* ]]
}

@test "nobody who reads the gradients, and a writer that has left: status 141 within seconds" {
    mkfifo g
    run timeout 5 simclr-ntxent --grad-out g < <(cat z.stream)
    [ "$status" -eq 141 ]
}

# A stage in the middle of a run: its input stays open on descriptor 7 after one step of two.
middle_of_a_run() {
    mkfifo z g
    make epochs=1 end=0 "$@" >half.stream
    cat g >got &
    reader=$!
    simclr-ntxent --grad-out g <z >log 2>said 3>&- &
    stage=$!
    exec 7>z
    cat half.stream >&7
    until [ "$(wc -l <log)" -eq 2 ]; do sleep 0.01; done
}

@test "a first signal is ignored until the neighbours close; then the status is 75, without a word" {
    middle_of_a_run
    kill -TERM $stage
    sleep 0.2
    kill -0 $stage
    exec 7>&-
    wait $stage || status=$?
    [ "$status" -eq 75 ]
    [ ! -s said ]
    wait $reader
    run simclr-inspect --check got
    [ "$status" -eq 3 ]
}

@test "a run that finishes after a signal has finished" {
    middle_of_a_run
    kill -TERM $stage
    sleep 0.1
    make epochs=1 | tail -c +$(($(stat -c %s half.stream) + 1)) >&7
    exec 7>&-
    wait $stage
    wait $reader
    simclr-inspect --check got
}

@test "a second signal ends at once" {
    middle_of_a_run
    kill -TERM $stage
    sleep 0.1
    kill -TERM $stage
    wait $stage || status=$?
    exec 7>&-
    [ "$status" -eq 143 ]
}

@test "each line is there before its gradient is" {
    mkfifo g
    make pictures=512 column=z:F32:128 >large.stream
    simclr-ntxent large.stream --grad-out g >log 3>&- &
    exec 8<g
    head -c 1000 <&8 >/dev/null # the gradient itself, 512 KiB, fits no pipe
    until [ "$(wc -l <log)" -eq 2 ]; do sleep 0.01; done
    exec 8<&-
    wait $! || status=$?
    [ "$status" -eq 141 ]
}

@test "a step of 16384 rows stays below 100 MB" {
    [[ $BIN == */build/bin ]] || skip "measured in the release build only"
    mkfifo g
    make pictures=8192 column=z:F32:128 >large.stream
    simclr-ntxent large.stream --grad-out g >log 3>&- &
    stage=$!
    exec 8<g
    until [ "$(wc -l <log)" -eq 2 ]; do sleep 0.05; done
    peak=$(awk '/VmHWM/ { print $2 }' /proc/$stage/status)
    cat <&8 | zstd -t
    exec 8<&-
    wait $stage
    echo "peak $peak KiB"
    [ "$peak" -lt 100000 ]
}

@test "--checkpoint-every syncs a log that is a file before the gradient of such a step leaves" {
    strace -o /dev/null true 2>/dev/null || skip "no strace"
    make steps=5 >five.stream
    # l: a line or the header of the log; s: it is synced; g: gradients
    calls() { # OPTION...
        strace -e trace=write,fsync -o trace simclr-ntxent five.stream --grad-out g "$@" >log
        sed -n 's/^write(1,.*/l/p; s/^fsync(1).*/s/p; s/^write([3-9],.*/g/p' trace | uniq | tr -d '\n'
    }
    [ "$(calls)" = lglglglglglg ]
    [ "$(calls --checkpoint-every 2)" = lglglsglglsglgsg ]
    [ "$(calls --checkpoint-every 5)" = lglglglglglsgsg ]
    mkfifo pipe
    cat pipe >log &
    simclr-ntxent five.stream --grad-out g --checkpoint-every 2 >pipe
    wait $!
    [ "$(wc -l <log)" = 6 ]
}

# Send the records of a stream one after another, so many seconds apart.
pace() { # SECONDS FILE
    perl -0777 -ne 'BEGIN { $| = 1; $pause = shift @ARGV }
        for (split /(?=\x28\xb5\x2f\xfd)/) { print; select undef, undef, undef, $pause }' -- "$@"
}

@test "--forecast tells once what a step, an epoch and the run take, by the steps after the first" {
    make steps=12 epochs=3 >run.stream
    pace 0.3 run.stream | simclr-ntxent --forecast f >log
    cat f
    grep -qE '^about 0\.(3[0-9]|4[0-5]) s a step, 4 steps an epoch: 1\.[2-8] s an epoch, (3\.[6-9]|4\.[0-9]|5\.[0-3]) s in all$' f
    [ "$(wc -l <f)" = 1 ]
    simclr-ntxent run.stream --forecast /dev/fd/6 >plain 6>g
    cmp log plain
    grep -qE '^about [0-9.]+ ms a step, 4 steps an epoch: [0-9.]+ m?s an epoch, [0-9.]+ m?s in all$' g
    [ "$(wc -l <g)" = 1 ]
}

@test "--forecast of a run that goes on says what is left of it" {
    make start=6 steps=6 epochs=1 >run.stream
    pace 0.2 run.stream | simclr-ntxent --forecast f >log
    cat f
    grep -qE '^about 0\.[23][0-9] s a step, 12 steps an epoch: [2-4]\.[0-9] s an epoch, [2-4]\.[0-9] s in all, 0\.[3-9][0-9] s to go$' f
}

@test "--forecast tells nothing of a run that is over soon, and of what is no run" {
    for stream in "steps=2 epochs=1" "steps=9"; do
        make $stream | simclr-ntxent --forecast f >log
        [ -z "$(ls f* 2>/dev/null)" ]
    done
}

@test "--forecast that cannot be written is refused before anything is, or ends the run with status 1" {
    make steps=12 epochs=3 >run.stream
    run -2 --separate-stderr simclr-ntxent run.stream --forecast no/such/folder
    [ -z "$output" ]
    run -1 simclr-ntxent run.stream --forecast /dev/full
    [[ $output == *"/dev/full"*"No space"* ]]
    head -c -20 run.stream | run -3 simclr-ntxent --forecast f
    simclr-ntxent --forecast f <<<nonsense || status=$?
    [ "$status" = 3 ]
    [ -z "$(ls f.part 2>/dev/null)" ]
}

# ---- other losses, and positives by label --------------------------------------------------------

# Every loss, and the options that make it another one.
losses() {
    cat <<EOT
--loss ntxent
--loss dcl
--loss nt-logistic
--loss nt-logistic --semi-hard
--loss margin-triplet
--loss margin-triplet --semi-hard --margin 1.6
EOT
    echo "--positives label"
    echo "--positives label --sum-positives inside"
    echo "--positives label --loss dcl --temperature 0.1"
    echo "--positives label --loss nt-logistic"
    echo "--positives label --loss margin-triplet --margin 0.2"
    echo "--positives label --loss margin-triplet --semi-hard"
}

@test "every loss has a line a step of its own, and a gradient; parts, threads and order change no bit" {
    make pictures=120 labels=5 unlabelled=6 steps=2 >whole.stream
    make pictures=120 labels=5 unlabelled=6 steps=2 parts=4 >parts.stream
    make pictures=120 labels=5 steps=2 >known.stream
    make pictures=120 labels=5 steps=2 reverse=1 >reverse.stream
    losses >all
    while read -r options; do
        echo "$options"
        simclr-ntxent $options whole.stream --grad-out g --threads 1 >log
        simclr-ntxent $options whole.stream --grad-out h --threads 3 >again
        cmp log again && cmp g h
        simclr-ntxent $options --grad-out h <parts.stream >again
        cmp log again
        [ "$(zstd -dc h | grep -ao '"parts":"4"' | wc -l)" = 8 ]
        simclr-ntxent $options known.stream >known
        simclr-ntxent $options reverse.stream >again
        cmp known again
        awk -F '\t' 'NF != 10 || NR > 1 && !($3 > 0 && $5 <= $3 && $6 >= 0 && $6 <= 1) { exit 1 }' log
        simclr-inspect --check g
        awk 'NR > 1 { print $3 }' log >>losses
    done <all
    [ "$(sort losses | uniq -d)" = "" ]
    [ "$(wc -l <losses)" = 24 ]
}

@test "with labels that are ids, and with labels that nobody knows, the loss is NT-Xent" {
    make pictures=40 steps=1 signal=1 labels=1000 >ids.stream # id % 1000 is the id
    make pictures=40 steps=1 signal=1 labels=3 unlabelled=1 >unknown.stream
    simclr-ntxent ids.stream >log
    for stream in ids unknown; do
        simclr-ntxent -q --positives label $stream.stream >by
        for name in loss baseline floor accuracy entropy uniformity alignment std; do
            near "$(field by 1 $name)" "$(field log 1 $name)" 2e-6
        done
    done
    run --separate-stderr simclr-ntxent --positives label unknown.stream
    [ "$status" = 0 ]
    [[ $stderr == *"step 0: no label is known"* ]]
}

@test "labels make rows of a class positives: 8 pictures of 2 classes, by hand" {
    # all rows the same: the sums count rows; 16 rows, 7 positives, 8 negatives
    make pictures=8 labels=2 noise=0 signal=0 class=0 >flat.stream
    simclr-ntxent --positives label flat.stream >log
    near "$(field log 1 loss)" "$(awk 'BEGIN { print log(15) }')" 1e-5
    near "$(field log 1 baseline)" "$(awk 'BEGIN { print log(15) }')" 1e-5
    near "$(field log 1 floor)" "$(awk 'BEGIN { print log(7 + 8 * exp(-4)) }')" 1e-5
    simclr-ntxent --positives label --loss dcl flat.stream >log
    near "$(field log 1 loss)" "$(awk 'BEGIN { print log(8) }')" 1e-5
    simclr-ntxent --positives label --loss margin-triplet --margin 0.3 flat.stream >log
    near "$(field log 1 loss)" 0.3 1e-6
    [ "$(field log 1 entropy)" = nan ]
    make pictures=8 labels=2 noise=0 class=1 >perfect.stream
    simclr-ntxent --positives label perfect.stream >log
    [ "$(field log 1 accuracy)" = 1 ]
    near "$(field log 1 alignment)" 0 1e-12
}

@test "with labels one view is enough, and a row without a positive is no anchor" {
    make pictures=30 views=0 labels=4 class=1 >one.stream
    simclr-ntxent --positives label one.stream --grad-out g >log
    awk -F '\t' 'NR > 1 { exit !($6 > 0.25 && $6 <= 1 && $3 > $5) }' log
    simclr-inspect --check g
    make pictures=30 views=0 labels=29 >pair.stream # ids 0 and 29 have label 0
    simclr-ntxent --positives label pair.stream >log
    near "$(field log 1 baseline)" "$(awk 'BEGIN { print log(29) }')" 1e-5
    run -3 --separate-stderr simclr-ntxent --positives label < <(make pictures=30 views=0 labels=30)
    [[ $stderr == *"step 0"*"no positives"* ]]
}

@test "a step of one class goes on, without a number that is not finite" {
    losses | grep label >all
    make pictures=10 labels=1 >class.stream
    while read -r options; do
        simclr-ntxent $options class.stream --grad-out g >log
        [[ $(field log 1 loss) != *n* && $(field log 1 floor) != *n* ]]
        simclr-inspect --check g
    done <all
}

@test "labels are asked for only by --positives label, and must be there then" {
    run -3 --separate-stderr simclr-ntxent --positives label z.stream
    [[ $stderr == *"no column 'label'"* ]]
    [ -z "$output" ]
}

@test "NaN is status 1 with every loss, naming the step, and no gradient is kept" {
    losses >all
    make start=5 pictures=20 labels=2 poison=3:nan >bad.stream
    while read -r options; do
        run -1 --separate-stderr simclr-ntxent $options --grad-out g bad.stream
        [[ $stderr == *"step 5: z of picture 3 holds NaN"* ]]
        [ ! -e g ]
        [ ! -e g.part ]
    done <all
}

@test "a picture with two labels is refused" {
    make pictures=8 labels=2 unlabelled=3 >two.stream # every third row, not picture
    run -3 --separate-stderr simclr-ntxent --positives label --grad-out g two.stream
    [[ $stderr == *"step 0: picture 0 has labels -1 and 0"* ]]
    [ ! -e g ]
    simclr-ntxent two.stream >log
}

@test "the gradient stream names what made it, and only that" {
    make labels=2 | simclr-ntxent --positives label --loss margin-triplet --margin 0.3 --grad-out g >/dev/null
    simclr-inspect g >said
    grep -qF '"loss":"margin-triplet","positives":"label","margin":0.3' said
    run grep -q '"temperature"' said
    [ "$status" = 1 ]
}

@test "a loss that stays at its baseline is pointed out, but not with mined negatives" {
    make noise=0 steps=40 epochs=2 labels=4 >flat.stream
    for options in "--loss dcl" "--loss nt-logistic" "--loss margin-triplet" "--positives label"; do
        simclr-ntxent $options flat.stream 2>&1 >/dev/null | grep -q "not learning"
    done
    [ "$(simclr-ntxent --loss margin-triplet --semi-hard flat.stream 2>&1 >/dev/null)" = "" ]
    [ "$(make noise=0.1 signal=1 steps=40 epochs=2 | simclr-ntxent --loss dcl 2>&1 >/dev/null)" = "" ]
}

@test "a step of 16384 rows by labels stays below 110 MB" {
    [[ $BIN == */build/bin ]] || skip "measured in the release build only"
    mkfifo g
    make pictures=8192 column=z:F32:128 labels=10 >large.stream
    simclr-ntxent --positives label large.stream --grad-out g >log 3>&- &
    stage=$!
    exec 8<g
    until [ "$(wc -l <log)" -eq 2 ]; do sleep 0.05; done
    peak=$(awk '/VmHWM/ { print $2 }' /proc/$stage/status)
    cat <&8 | zstd -t
    exec 8<&-
    wait $stage
    echo "peak $peak KiB"
    [ "$peak" -lt 110000 ]
}
